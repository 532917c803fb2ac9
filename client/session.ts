/** Who is looking at the page, by the keys that the sites' sign-in has always left in localStorage. */

export type Get = (key: string) => string | null;

export type Session = {
  /** Null: nobody is signed in, or the session is over. */
  readonly username: string | null;
  /** `1`; `guest` where there is none. */
  readonly userId: string;
  /** `1-andy`, the name of the balance's file; `guest` where there is none. */
  readonly user: string;
};

export const GUEST = 'guest';

const NOBODY: Session = { username: null, userId: GUEST, user: GUEST };
const USER = /^\d{1,18}-[A-Za-z0-9._-]{1,100}$/;
/** What a file synchroniser makes of the name of a user, in both spellings: it has been taken for a user before. */
const CONFLICT = /[._]sync-conflict-/;

export function sessionOf(get: Get, now: number): Session {
  const shared = objectIn(get('directsponsor_session'));
  if (shared === undefined)
    return sessionFrom(get('user_id') ?? undefined, get('username') ?? undefined, get('combined_user_id') ?? undefined);
  const { expires } = shared;
  if (typeof expires === 'number' && now > expires) return NOBODY;
  return sessionFrom(wordOf(shared.user_id), wordOf(shared.username), wordOf(shared.combined_user_id));
}

/** A name is taken exactly as it is or not at all: one that has been tidied up is another user. */
export function isUser(user: string): boolean {
  return USER.test(user) && !CONFLICT.test(user);
}

function sessionFrom(userId = '', username = '', combined = ''): Session {
  const user = combined || (userId && username ? `${userId}-${username}` : '');
  if (!isUser(user)) return NOBODY;
  return {
    username: username || user.slice(user.indexOf('-') + 1),
    userId: userId || (user.split('-')[0] ?? ''),
    user,
  };
}

function wordOf(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

function objectIn(text: string | null): Readonly<Record<string, unknown>> | undefined {
  if (text === null) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
