/** Where the fleet is published: the section `relay` of miner.yaml, and the environment variables of sync_to_gist.py. */
import fs from 'node:fs';
import { type Static, Type } from '@sinclair/typebox';
import { isLoopback } from '../../common/runtime/config-checks.js';
import type { Problem } from '../../common/runtime/config-problems.js';
import { Path, strict, text } from '../../common/runtime/config-types.js';
import { API_URL } from './gist.js';

const INTERVAL = { minimum: 10, maximum: 86_400 };
const INTERVAL_S = 60;
const GIST_ID = '^[0-9A-Za-z]{1,64}$';

export const Relay = strict({
  /** Without it: GIST_TOKEN and GIST_ID of the environment, where both are set. */
  gist: Type.Optional(
    strict({
      /** Default: GIST_ID. */
      id: Type.Optional(text(GIST_ID, 'must be the id of a Gist: the letters and digits at the end of its address')),
      /** Default: GIST_TOKEN. Read anew each time, so that a token can be changed. */
      token_file: Type.Optional(Path),
      /** Default: SYNC_INTERVAL, or 60. */
      interval_s: Type.Optional(Type.Integer(INTERVAL)),
      /** A fleet that is as it was is written again after so long; default: each time. */
      refresh_s: Type.Optional(Type.Integer(INTERVAL)),
      /** Of GitHub Enterprise: https://HOST/api/v3. */
      api_url: Type.Optional(text('^https?://[^\\s?#@]+$', 'must be an address such as https://HOST/api/v3')),
    }),
  ),
  /** A file among those that a spoke on this machine keeps in step. */
  hub: Type.Optional(
    strict({
      /** Of that spoke. */
      userdata: Path,
      /** Of this fleet: it is userdata/fleet/NAME.txt. */
      name: text('^[a-z0-9][a-z0-9-]{0,62}$', 'must be a name of a-z, 0-9 and -, at most 63 characters'),
      interval_s: Type.Integer({ ...INTERVAL, default: INTERVAL_S }),
      refresh_s: Type.Optional(Type.Integer(INTERVAL)),
    }),
  ),
  /** Also the miners' addresses in the local network. */
  addresses: Type.Boolean({ default: false }),
});

export type RelayConfig = Static<typeof Relay>;

export interface GistSettings {
  readonly id: string;
  /** Throws `RelayError`. Its result is never shown. */
  readonly token: () => string;
  readonly interval_s: number;
  readonly refresh_s: number;
  readonly api_url: string;
}

export type Env = Readonly<Record<string, string | undefined>>;

/** Something is missing or wrong; the message says what to do. */
export class RelayError extends Error {
  override readonly name = 'RelayError';
}

/** Undefined where neither the config nor the environment asks for it. Throws `RelayError`. */
export function gistSettings(config: RelayConfig['gist'], env: Env): GistSettings | undefined {
  const given = (name: string): string | undefined => env[name]?.trim() || undefined;
  const id = config?.id ?? given('GIST_ID');
  if (config === undefined && (id === undefined || given('GIST_TOKEN') === undefined)) return undefined;
  if (id === undefined)
    throw new RelayError(
      'GIST_ID is not set: set it, or relay.gist.id, to the letters and digits at the end of the address of the Gist',
    );
  if (!new RegExp(GIST_ID).test(id))
    throw new RelayError(
      `GIST_ID is no id of a Gist (got ${JSON.stringify(id)}): it is the letters and digits at the end of its address`,
    );
  const interval_s = config?.interval_s ?? numberIn('SYNC_INTERVAL', given('SYNC_INTERVAL'), INTERVAL) ?? INTERVAL_S;
  const { token_file } = config ?? {};
  const token = (): string =>
    token_file === undefined ? tokenIn('GIST_TOKEN', given('GIST_TOKEN')) : tokenOf(token_file);
  // At the start, so that it is seen at once.
  token();
  const api_url = config?.api_url ?? API_URL;
  if (!isSafe(api_url)) throw new RelayError(`relay.gist.api_url ${mustBeSafe(api_url)}`);
  return { id, token, interval_s, refresh_s: config?.refresh_s ?? interval_s, api_url };
}

/** What the schema cannot say. */
export function relayProblems({ relay }: Readonly<Record<string, unknown>>): Problem[] {
  const api_url = (relay as { gist?: { api_url?: unknown } | null } | null | undefined)?.gist?.api_url;
  if (typeof api_url !== 'string' || !api_url.startsWith('http:') || isSafe(api_url)) return [];
  return [{ address: ['relay', 'gist', 'api_url'], message: mustBeSafe(api_url) }];
}

function mustBeSafe(url: string): string {
  return `must begin with https://, because the token goes there (got ${url})`;
}

/** Undefined where nothing is given. Throws `RelayError`. */
export function numberIn(
  name: string,
  text: string | undefined,
  { minimum, maximum }: { minimum: number; maximum: number },
  what = 'seconds',
): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= minimum && value <= maximum))
    throw new RelayError(`${name} must be ${what}, ${minimum}–${maximum} (got ${JSON.stringify(text)})`);
  return value;
}

/** Whether what is sent there can be read by nobody else. */
export function isSafe(url: string): boolean {
  try {
    const { protocol, hostname } = new URL(url);
    return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname.replace(/^\[(.*)\]$/, '$1')));
  } catch {
    return false;
  }
}

function tokenOf(file: string): string {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new RelayError(`relay.gist.token_file cannot be read: ${(error as Error).message}`);
  }
  return tokenIn(file, text);
}

/** fetch names a header that it cannot send in its error: such a token must not get that far. */
export function tokenIn(where: string, text: string | undefined): string {
  if (text === undefined || text === '')
    throw new RelayError(
      `${where} is not set: make a token with the gist scope (https://github.com/settings/tokens/new), and set GIST_TOKEN or relay.gist.token_file`,
    );
  if (!/^[\x21-\x7e]+$/.test(text))
    throw new RelayError(`${where} holds no token: it must be one word, such as GitHub shows it once`);
  return text;
}
