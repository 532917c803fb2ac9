/**
 * Who asks, and what they may do. Whoever sits at this machine may do everything, without a token: but a web page that is
 * open in their browser may do nothing, and what a proxy passes on is not from this machine.
 */

import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { FastifyRequest } from 'fastify';
import { TOKEN_PREFIX, type Token } from '../../common/runtime/tokens.js';
import { ApiError } from './errors.js';
import type { Scope, Tokens } from './tokens.js';

export type Caller = { readonly kind: 'local' } | { readonly kind: 'token'; readonly token: Token<Scope> };

export type AccessOptions = {
  readonly tokens: Tokens;
  readonly token_always: boolean;
};

/** Any of these, and somebody has passed the request on. */
const FORWARDED = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-server',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'fastly-client-ip',
  'forwarded-for',
] as const;

type Asking = Pick<FastifyRequest, 'headers' | 'method'> & {
  readonly raw: { readonly httpVersion: string; readonly socket: { readonly remoteAddress?: string | undefined } };
};

/** Undefined where nobody can be made out. */
export function callerOf(request: Asking, { tokens, token_always }: AccessOptions): Caller | undefined {
  const { authorization } = request.headers;
  // Who shows a token is measured by it, from this machine too.
  if (authorization !== undefined) {
    const bearer = /^Bearer ([\w.~+/=-]{1,200})$/i.exec(authorization)?.[1];
    const token = bearer?.startsWith(TOKEN_PREFIX) ? tokens.find(bearer) : undefined;
    return token && { kind: 'token', token };
  }
  return !token_always && isFromHere(request) ? { kind: 'local' } : undefined;
}

function isFromHere({ headers, raw }: Asking): boolean {
  // A proxy that adds no header asks in HTTP/1.0, as nginx does unless it is told otherwise; no browser and no curl does.
  if (raw.httpVersion === '1.0' || FORWARDED.some((name) => headers[name] !== undefined)) return false;
  const { remoteAddress = '' } = raw.socket;
  return /^(::ffff:)?127\.|^::1$/.test(remoteAddress);
}

/** Throws ApiError unless the caller may do this. */
export function checkScope(caller: Caller | undefined, method: string): void {
  if (caller === undefined)
    throw new ApiError('unauthorized', 'a token is needed (Authorization: Bearer): axle miner token add makes one');
  const scope: Scope = method === 'GET' || method === 'HEAD' ? 'read' : 'write';
  if (caller.kind === 'token' && !caller.token.scopes.includes(scope))
    throw new ApiError('forbidden', `this token lacks the scope ${scope}`);
}

/**
 * A name that leads here but is not ours may be a page's own that had its address changed to this machine's, to get at what
 * is open to this machine only. An address is nobody's name. Throws ApiError.
 */
export function checkHost({ headers }: Asking, names: readonly string[]): void {
  const name = nameOf(headers.host ?? '');
  if (isIP(name) !== 0 || isOwnName(name, names)) return;
  throw new ApiError(
    'unknown_host',
    'this is no name of the miner agent: use its address, or add the name to api.names',
  );
}

/** Without the port and without the brackets of an IPv6 address, in lower case. */
function nameOf(host: string): string {
  const [, bracketed, plain = ''] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::\d{1,5})?$/i.exec(host) ?? [];
  return (bracketed ?? plain).toLowerCase();
}

function isOwnName(name: string, names: readonly string[]): boolean {
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  const own = hostname().toLowerCase();
  return name === own || name === `${own}.local` || names.some((each) => each.toLowerCase() === name);
}

/**
 * A browser says where a request comes from. Only the agent's own page may ask, and whoever types the address or follows a
 * link may look at a page of it. Throws ApiError.
 */
export function checkSite({ headers, method }: Asking, isApi: boolean): void {
  const { origin, host = '', 'sec-fetch-site': site, 'sec-fetch-mode': mode } = headers;
  const isLook = !isApi && (method === 'GET' || method === 'HEAD') && mode === 'navigate';
  const isOtherSite = site !== undefined && site !== 'same-origin' && site !== 'none' && !isLook;
  const isOtherOrigin = origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`;
  if (isOtherSite || isOtherOrigin) throw new ApiError('cross_site', "another site's page may not ask the miner agent");
}
