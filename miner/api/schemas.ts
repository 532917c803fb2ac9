/** What requests look like, for checks and for the OpenAPI description alike. */
import { type Static, Type } from '@sinclair/typebox';
import { hasRealDay } from '../shares/statement.js';
import type { CreditState } from '../store/credits.js';
import { ApiError } from './errors.js';

export const closed = { additionalProperties: false } as const;

export const Id = Type.String({ pattern: '^[1-9]\\d{0,14}$', description: 'a number' });
export const IdParams = Type.Object({ id: Id });
export type IdParams = Static<typeof IdParams>;

/** Of people and devices: one line, without control characters. */
export const Name = Type.String({
  pattern:
    '^[^\\s\\u0000-\\u001f\\u007f\\u2028\\u2029]([^\\u0000-\\u001f\\u007f\\u2028\\u2029]{0,98}[^\\s\\u0000-\\u001f\\u007f\\u2028\\u2029])?$',
  maxLength: 100,
  description: 'one line of 1 to 100 characters, without spaces at its ends',
});
export const Port = Type.Integer({ minimum: 1, maximum: 65_535 });
export const Limit = Type.String({ pattern: '^(?:[1-9]\\d{0,2}|1000)$', description: '1–1000' });
export const Whole = Type.String({ pattern: '^\\d{1,15}$', description: 'a whole number' });
export const YesNo = Type.Unsafe<string>({ type: 'string', enum: ['true', 'false', '1', '0'] });
/** Seconds or milliseconds since 1970, or an ISO time. */
export const Time = Type.String({
  maxLength: 40,
  pattern: '^[0-9A-Za-z:.+ -]+$',
  description: 'seconds (or milliseconds) since 1970, or an ISO time such as 2026-01-31 or 2026-01-31T12:00:00Z',
});

export function isYes(text: string | undefined): boolean {
  return text === 'true' || text === '1';
}

/** Numbers from here on are milliseconds: as seconds they lie after the year 5000. */
const MILLISECONDS_FROM = 1e11;
const TIME_MAX_MS = 8.64e15;

/** Milliseconds since 1970. Throws ApiError. `name`: for the message. */
export function timeOf(text: string | number, name: string): number {
  const number = /^\d{1,16}$/.test(String(text)) ? Number(text) : undefined;
  const ms =
    number === undefined
      ? Date.parse(String(text).replace(/ (?=\d\d:\d\d$)/, '+'))
      : number < MILLISECONDS_FROM
        ? number * 1000
        : number;
  const isDay = number !== undefined || hasRealDay(String(text));
  if (Number.isFinite(ms) && ms >= 0 && ms <= TIME_MAX_MS && isDay) return ms;
  throw new ApiError('bad_request', `${name} must be seconds since 1970, or an ISO time such as 2026-01-31T12:00:00Z`);
}

export const ErrorAnswer = Type.Object({
  error: Type.Object({ code: Type.String(), message: Type.String() }, { additionalProperties: Type.String() }),
});

const Login = Type.Object(
  { user: Type.String({ minLength: 1, maxLength: 64 }), password: Type.String({ maxLength: 128 }) },
  { ...closed, description: 'for a device that asks for one; never answered' },
);
const MinerType = Type.String({
  minLength: 1,
  maxLength: 40,
  description: 'one of /api/miner-types, or auto: asked what it is',
});
const IpAddress = Type.String({ maxLength: 40, description: 'IPv4, in a private network' });
const MacAddress = Type.String({
  pattern: '^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$',
  description: 'such as aa:bb:cc:00:11:22',
});

export const NewMinerBody = Type.Object(
  {
    name: Name,
    miner_type: Type.Optional(MinerType),
    ip_address: IpAddress,
    api_port: Type.Optional(Type.Union([Port, Type.Null()])),
    mac_address: Type.Optional(Type.Union([MacAddress, Type.Null()])),
    enabled: Type.Optional(Type.Boolean()),
    login: Type.Optional(Type.Union([Login, Type.Null()])),
  },
  {
    ...closed,
    examples: [{ name: 'My Avalon Nano', miner_type: 'avalon', ip_address: '192.168.1.100', api_port: 4028 }],
  },
);
export type NewMinerBody = Static<typeof NewMinerBody>;

export const MinerChangeBody = Type.Partial(NewMinerBody, {
  ...closed,
  minProperties: 1,
  examples: [{ name: 'Garage', enabled: false }],
});
export type MinerChangeBody = Static<typeof MinerChangeBody>;

export const MinersQuery = Type.Object({ enabled_only: Type.Optional(YesNo) }, closed);
export type MinersQuery = Static<typeof MinersQuery>;

export const LinkQuery = Type.Object(
  {
    wallet_id: Id,
    config_id: Type.Optional(Type.String({ ...Id, description: 'of one of its configs alone' })),
  },
  closed,
);
export type LinkQuery = Static<typeof LinkQuery>;

export const ScanQuery = Type.Object(
  {
    network: Type.Optional(
      Type.String({
        maxLength: 400,
        description: '192.168.0.0/24, several with commas; default: as configured, or the LAN',
      }),
    ),
  },
  closed,
);
export type ScanQuery = Static<typeof ScanQuery>;

export const HistoryQuery = Type.Object(
  {
    miner_id: Type.Optional(Type.String({ ...Id, description: 'default: the whole fleet' })),
    from: Type.Optional(Type.String({ ...Time, description: `${Time.description}; default: a day before to` })),
    to: Type.Optional(Type.String({ ...Time, description: `${Time.description}; default: now` })),
    points: Type.Optional(
      Type.String({ pattern: '^[1-9]\\d{0,3}$', description: 'so many at most: a number up to 2000; default 300' }),
    ),
  },
  closed,
);
export type HistoryQuery = Static<typeof HistoryQuery>;

export const NewWalletBody = Type.Object(
  {
    name: Type.Optional(Name),
    address: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9:_-]{3,127}$',
      description: "a payout address, or an account's name where the pool has accounts",
    }),
    pool: Type.String({ pattern: '^[a-z0-9][a-z0-9_-]{0,63}$', description: 'an id of /api/pools' }),
    currency: Type.Optional(
      Type.String({ pattern: '^[A-Z0-9]{2,10}$', description: "capital letters, such as BTC; default: the pool's" }),
    ),
  },
  {
    ...closed,
    examples: [{ name: 'Savings', address: 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', pool: 'ckpool_btc' }],
  },
);
export type NewWalletBody = Static<typeof NewWalletBody>;
export const WalletChangeBody = Type.Object({ name: Name }, closed);
export type WalletChangeBody = Static<typeof WalletChangeBody>;

/** Of a worker as a miner sends it: visible characters, dots among them. */
const Worker = Type.String({ pattern: '^[\\x21-\\x7e]{1,128}$', description: '1 to 128 letters, digits and signs' });

export const SharesQuery = Type.Object(
  {
    limit: Type.Optional(Limit),
    before: Type.Optional(Type.String({ ...Whole, description: 'an id: only older ones' })),
  },
  closed,
);
export type SharesQuery = Static<typeof SharesQuery>;

export const NewShareBody = Type.Object(
  {
    pool_name: Name,
    difficulty: Type.Number({ exclusiveMinimum: 0, maximum: 1e21 }),
    worker_name: Worker,
    accepted: Type.Optional(Type.Boolean()),
    miner_id: Type.Optional(Type.Integer({ minimum: 1, maximum: 1e15 })),
    count: Type.Optional(Type.Integer({ minimum: 1, maximum: 1e9 })),
    timestamp: Type.Optional(Type.Union([Time, Type.Integer({ minimum: 0, maximum: 1e15 })])),
  },
  {
    ...closed,
    examples: [
      { pool_name: 'Solo CKPool', difficulty: 1_234_567_890.12, worker_name: 'avalon_nano_01', accepted: true },
    ],
  },
);
export type NewShareBody = Static<typeof NewShareBody>;

const User = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$',
  description: 'as the sites name it, such as 1-andy',
});

export const CreditsQuery = Type.Object(
  {
    user: Type.Optional(User),
    state: Type.Optional(Type.Unsafe<CreditState>({ type: 'string', enum: ['owed', 'paid', 'refused'] })),
    limit: Type.Optional(Limit),
  },
  closed,
);
export type CreditsQuery = Static<typeof CreditsQuery>;
export const RejectBody = Type.Object(
  {
    reason: Type.String({
      minLength: 1,
      maxLength: 200,
      pattern: '^[^\\u0000-\\u001f\\u007f]*$',
      description: 'one line',
    }),
  },
  closed,
);
export type RejectBody = Static<typeof RejectBody>;
export const WorkerParams = Type.Object({ worker: Worker });
export type WorkerParams = Static<typeof WorkerParams>;
export const WorkerUserBody = Type.Object({ user: User }, { ...closed, examples: [{ user: '1-andy' }] });
export type WorkerUserBody = Static<typeof WorkerUserBody>;
export const StatementQuery = Type.Object(
  {
    user: Type.Optional(User),
    miner: Type.Optional(Worker),
    from: Type.Optional(Time),
    to: Type.Optional(Time),
    group: Type.Optional(Type.Literal('day')),
  },
  closed,
);
export type StatementQuery = Static<typeof StatementQuery>;
