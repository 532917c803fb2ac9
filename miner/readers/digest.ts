/** Digest access authentication (RFC 7616) with MD5 and qop "auth" or none: what Antminers ask for. */
import { createHash, randomBytes } from 'node:crypto';
import type { Login } from './device.js';

/** The `Authorization` for a `WWW-Authenticate: Digest …`; absent if it asks for something else. */
export function digestAnswer(
  challenge: string,
  login: Login,
  method: string,
  path: string,
  nonceOfClient: () => string = () => randomBytes(8).toString('hex'),
): string | undefined {
  if (!/^\s*digest\b/i.test(challenge)) return undefined;
  const asked = parametersOf(challenge);
  const { realm, nonce, opaque } = asked;
  const algorithm = asked.algorithm ?? 'MD5';
  if (realm === undefined || nonce === undefined || algorithm.toUpperCase() !== 'MD5') return undefined;
  const qop = asked.qop
    ?.split(',')
    .map((each) => each.trim())
    .includes('auth')
    ? 'auth'
    : undefined;
  if (asked.qop !== undefined && qop === undefined) return undefined;

  const count = '00000001';
  const cnonce = nonceOfClient();
  const secret = md5(`${login.user}:${realm}:${login.password}`);
  const request = md5(`${method}:${path}`);
  const response =
    qop === undefined
      ? md5(`${secret}:${nonce}:${request}`)
      : md5(`${secret}:${nonce}:${count}:${cnonce}:${qop}:${request}`);
  const parts = [
    `username="${login.user}"`,
    `realm="${realm}"`,
    `nonce="${nonce}"`,
    `uri="${path}"`,
    `response="${response}"`,
    ...(asked.algorithm === undefined ? [] : [`algorithm=${asked.algorithm}`]),
    ...(opaque === undefined ? [] : [`opaque="${opaque}"`]),
    ...(qop === undefined ? [] : [`qop=${qop}`, `nc=${count}`, `cnonce="${cnonce}"`]),
  ];
  return `Digest ${parts.join(', ')}`;
}

export function realmOf(challenge: string | undefined): string | undefined {
  return challenge === undefined ? undefined : parametersOf(challenge).realm;
}

interface Parameters {
  readonly realm?: string;
  readonly nonce?: string;
  readonly opaque?: string;
  readonly qop?: string;
  readonly algorithm?: string;
}

function parametersOf(challenge: string): Parameters {
  const pairs = challenge.matchAll(/(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))/g);
  return Object.fromEntries(
    [...pairs].map(([, name = '', quoted, bare]) => [name.toLowerCase(), quoted ?? bare ?? '']),
  );
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}
