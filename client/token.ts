/** The auth server's token as the page has it: read, never judged. */

type Claims = { readonly sub?: unknown; readonly username?: unknown; readonly exp?: unknown };

/**
 * Whether it may be shown to a server on this user's behalf. One that is out of date, or somebody else's from before, is
 * worse than none: a cookie might do.
 */
export function isTokenOf(user: string, token: string, now: number): boolean {
  const { sub, username, exp } = claimsOf(token);
  return `${String(sub)}-${String(username)}` === user && typeof exp === 'number' && exp * 1000 > now;
}

function claimsOf(token: string): Claims {
  try {
    const [, middle = ''] = token.split('.');
    const bytes = Uint8Array.from(atob(middle.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
