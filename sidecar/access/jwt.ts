/** Users by the auth server's JWT: HS256 and nothing else, by a secret that both share. */
import { createVerifier } from 'fast-jwt';

/** Seconds by which clocks may differ. */
const SKEW_MS = 5_000;
const TOKEN_LENGTH_MAX = 4_096;

/** Returns the user (`1-andy`) whose token is good; undefined for every other token. */
export function userVerifier(secret: string, issuer: string | undefined): (token: string) => string | undefined {
  const verify = createVerifier({
    key: secret,
    algorithms: ['HS256'],
    requiredClaims: ['iss', 'iat', 'exp', 'sub', 'username'],
    clockTolerance: SKEW_MS,
    cache: false,
    ...(issuer !== undefined && { allowedIss: issuer }),
  });
  return (token) => {
    if (token.length > TOKEN_LENGTH_MAX) return undefined;
    try {
      return userOf(verify(token) as Readonly<Record<string, unknown>>);
    } catch {
      return undefined;
    }
  };
}

/** An id never holds a dash: `1` with `x-y` and `1-x` with `y` must not be one user. */
function userOf({ sub, username, iat }: Readonly<Record<string, unknown>>): string | undefined {
  const id = typeof sub === 'number' ? String(sub) : sub;
  if (typeof id !== 'string' || !/^\d{1,18}$/.test(id) || typeof username !== 'string') return undefined;
  if (!/^[A-Za-z0-9._-]{1,100}$/.test(username) || typeof iat !== 'number') return undefined;
  return `${id}-${username}`;
}
