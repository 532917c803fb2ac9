/** Who asks, and what they may do. */
import type { FastifyRequest } from 'fastify';
import { TOKEN_PREFIX } from '../../common/runtime/tokens.js';
import { ApiError } from '../errors.js';
import type { Scope, Token, Tokens } from './tokens.js';

export type Caller =
  | { readonly kind: 'service'; readonly token: Token }
  | { readonly kind: 'user'; readonly user: string; readonly isByCookie: boolean }
  /** Identity is off: whoever asks is taken for the user they name. */
  | { readonly kind: 'anyone' };

export type Credentials = {
  readonly tokens: Tokens;
  readonly userOf: ((jwt: string) => string | undefined) | undefined;
  readonly isIdentityOff: boolean;
};

const COOKIE = /(?:^|;\s*)jwt=([\w.-]+)/;

/** Undefined where nobody can be made out. */
export function callerOf(
  { headers }: FastifyRequest,
  { tokens, userOf, isIdentityOff }: Credentials,
): Caller | undefined {
  const { authorization, cookie } = headers;
  if (authorization !== undefined) {
    const bearer = /^Bearer ([\w.~+/=-]+)$/i.exec(authorization)?.[1];
    if (bearer === undefined) return undefined;
    if (bearer.startsWith(TOKEN_PREFIX)) {
      const token = tokens.find(bearer);
      return token && { kind: 'service', token };
    }
    const user = userOf?.(bearer);
    return user === undefined ? undefined : { kind: 'user', user, isByCookie: false };
  }
  const jwt = cookie === undefined ? undefined : COOKIE.exec(cookie)?.[1];
  const user = jwt === undefined ? undefined : userOf?.(jwt);
  if (user !== undefined) return { kind: 'user', user, isByCookie: true };
  return isIdentityOff ? { kind: 'anyone' } : undefined;
}

/** Throws ApiError unless the caller may do this, to this user's documents where one is named. */
export function allow(caller: Caller | undefined, scope: Scope, user: string | undefined): Caller {
  if (caller === undefined) throw new ApiError('unauthorized', 'a service token or a signed-in user is needed');
  if (caller.kind === 'service' && !caller.token.scopes.includes(scope))
    throw new ApiError('forbidden', `this token lacks the scope ${scope}`);
  if (caller.kind === 'user' && caller.user !== user)
    throw new ApiError('forbidden', 'a user has access to nothing but what is their own');
  if (caller.kind === 'anyone' && user === undefined) throw new ApiError('unauthorized', 'a service token is needed');
  return caller;
}

/** As the answers' table names it. */
export function askerOf(caller: Caller, user: string): string {
  return caller.kind === 'service' ? `token:${caller.token.name}` : `user:${user}`;
}

/**
 * A browser sends its cookie with requests that another site's page makes: those are taken only from the pages that
 * are named. Throws ApiError.
 */
export function checkOrigin(request: FastifyRequest, caller: Caller, origins: readonly string[]): void {
  const { origin, host } = request.headers;
  if (caller.kind === 'service' || (caller.kind === 'user' && !caller.isByCookie) || origin === undefined) return;
  if (origins.includes(origin) || origin === `http://${host}` || origin === `https://${host}`) return;
  throw new ApiError('forbidden', 'this page may not write here: see cors in the configuration');
}
