/** The section `api:` of miner.yaml. Every field of a parsed one is filled in, except those marked optional. */
import path from 'node:path';
import { type Static, Type } from '@sinclair/typebox';
import { isLoopback } from '../../common/runtime/config-checks.js';
import type { Problem } from '../../common/runtime/config-problems.js';
import { Path, strict, text } from '../../common/runtime/config-types.js';
import { readTokens } from '../../common/runtime/tokens.js';
import { MINER_TOKENS } from './tokens.js';

const LABEL = '[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?';

export const ApiSection = strict(
  {
    /** This machine only; for others too, such as 0.0.0.0, there must be a token. */
    host: text('^([A-Za-z0-9][A-Za-z0-9.:_-]*|::[0-9A-Fa-f:.]*)$', 'must be an address of this machine', {
      default: '127.0.0.1',
    }),
    /** 0: any that is free. */
    port: Type.Integer({ minimum: 0, maximum: 65_535, default: 8000 }),
    /** Default <state>/tokens.json; made by `axle miner token add`. */
    tokens: Type.Optional(Path),
    /** Also of requests from this machine: where not all of its accounts are trusted, or a proxy hides who asks. */
    token_always: Type.Boolean({ default: false }),
    /** Names under which browsers may reach it, beside addresses, localhost and this machine's own name. */
    names: Type.Array(text(`^${LABEL}(\\.${LABEL})*$`, 'must be a host name, such as miners.lan'), { default: [] }),
    limits: strict(
      {
        body_bytes: Type.Integer({ minimum: 256, maximum: 1024 * 1024, default: 64 * 1024 }),
        request_timeout_s: Type.Integer({ minimum: 1, maximum: 300, default: 20 }),
        /** Requests of one token, or from one address. */
        per_minute: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 1200 }),
        event_streams: Type.Integer({ minimum: 1, maximum: 10_000, default: 100 }),
        /** Scans at once. */
        scans: Type.Integer({ minimum: 1, maximum: 16, default: 2 }),
      },
      { default: {} },
    ),
  },
  { default: {} },
);

export type ApiConfig = Static<typeof ApiSection>;

export function tokensFileOf({
  state,
  api,
}: {
  readonly state: string;
  readonly api: Pick<ApiConfig, 'tokens'>;
}): string {
  return api.tokens ?? path.join(state, 'tokens.json');
}

/** What the schema cannot say: whoever else may reach it must show a token, so that there must be one. Looks at the disk. */
export function apiProblems({ state, api }: Readonly<Record<string, unknown>>): Problem[] {
  const { host, tokens = path.join(String(state), 'tokens.json') } = (api ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof host !== 'string' || typeof tokens !== 'string' || isLoopback(host)) return [];
  try {
    if (readTokens(tokens, MINER_TOKENS).length > 0) return [];
  } catch (error) {
    return [{ address: ['api', 'tokens'], message: (error as Error).message }];
  }
  const remedy = `there is no token in ${tokens} yet, axle miner token add NAME --config FILE makes one`;
  return [{ address: ['api', 'host'], message: `must be of this machine alone (${remedy}; got "${host}")` }];
}
