/** The section `api:` of miner.yaml. Every field of a parsed one is filled in, except those marked optional. */
import { type Static, Type } from '@sinclair/typebox';
import { isLoopback } from '../../common/runtime/config-checks.js';
import type { Problem } from '../../common/runtime/config-problems.js';
import { readTokens } from '../../common/runtime/tokens.js';
import { MINER_TOKENS } from './tokens.js';

const closed = { additionalProperties: false } as const;

export const ApiSection = Type.Object(
  {
    /** This machine only; for another one, tokens must have been made. */
    host: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9.:_-]*$|^::1?$',
      must: 'must be a host name or address',
      default: '127.0.0.1',
    }),
    port: Type.Integer({ minimum: 0, maximum: 65535, default: 8000 }),
    /** Default <state>/tokens.json; made by `axle miner token add`. */
    tokens: Type.Optional(Type.String({ pattern: '^/[^\\u0000-\\u001f]*$', must: 'must be an absolute path' })),
    /** Also for requests from this machine: for one whose accounts are not all trusted, or with a proxy that hides who asks. */
    token_always: Type.Boolean({ default: false }),
    /** Names under which browsers may reach it, beside addresses, localhost and this machine's own name. */
    names: Type.Array(
      Type.String({
        pattern: '^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$',
        must: 'must be a host name, such as miners.lan',
      }),
      { default: [] },
    ),
    limits: Type.Object(
      {
        body_bytes: Type.Integer({ minimum: 256, maximum: 1024 * 1024, default: 64 * 1024 }),
        request_timeout_s: Type.Integer({ minimum: 1, maximum: 300, default: 20 }),
        /** Requests of one token, or from one address. */
        per_minute: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 1200 }),
        event_streams: Type.Integer({ minimum: 1, maximum: 10_000, default: 100 }),
        /** Scans at once. */
        scans: Type.Integer({ minimum: 1, maximum: 16, default: 2 }),
      },
      { ...closed, default: {} },
    ),
  },
  { ...closed, default: {} },
);

export type ApiConfig = Static<typeof ApiSection> & {
  /** Filled in by the config's reader. */
  readonly tokens: string;
};

/** What the schema cannot say: whoever else may reach it must show a token, and so there must be one. Looks at the disk. */
export function apiProblems(section: { readonly host?: unknown; readonly tokens?: unknown }): Problem[] {
  const { host, tokens } = section;
  if (typeof host !== 'string' || isLoopback(host)) return [];
  const address = ['api', 'host'];
  const remedy = 'axle miner token add NAME --config FILE makes one';
  if (typeof tokens !== 'string') return [{ address, message: `needs api.tokens: ${remedy} (got "${host}")` }];
  try {
    if (readTokens(tokens, MINER_TOKENS).length > 0) return [];
  } catch (error) {
    return [{ address: ['api', 'tokens'], message: (error as Error).message }];
  }
  return [
    { address, message: `must be of this machine, as there is no token in ${tokens} yet: ${remedy} (got "${host}")` },
  ];
}
