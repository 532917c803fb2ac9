/** The `credit:` section of miner.yaml: what mining is worth, to whom, and where it is sent. */
import { type Static, Type } from '@sinclair/typebox';
import { oneOf, Path, strict, text } from '../../common/runtime/config-types.js';
import { CURRENCIES } from '../wallets/addresses.js';
import { POOL_APIS } from '../wallets/pools.js';

/** In quotes, because a number in YAML goes through a float. */
const Decimal = text(
  '^(?!0+(?:\\.0+)?$)\\d{1,18}(?:\\.\\d{1,18})?$',
  'must be a number above 0 in quotes, such as "0.000001"',
);
const User = text('^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$', 'must be a user as the sites name it, such as 1-andy');
const Url = text('^https?://[^\\s/@]+(/[^\\s]*)?$', 'must be an address such as https://example.org');
const Name = Type.String({ minLength: 1, maxLength: 128 });

const Rate = strict(
  {
    /** Credits for each 1 of difficulty. */
    per_difficulty: Type.Optional(Decimal),
    /** What a pool would pay for the work: its part of a block's reward. */
    pps: Type.Optional(
      strict({
        /** Of the coin's network; changes every two weeks with Bitcoin. */
        network_difficulty: Decimal,
        /** Asked every hour for the difficulty of the moment, which must be near `network_difficulty`; work waits for it. */
        difficulty_url: Type.Optional(Url),
        /** In coins. */
        block_reward: Decimal,
        /** 0.01 is one per cent. */
        fee: Type.Number({ minimum: 0, maximum: 1, default: 0, must: 'must be 0–1, such as 0.01' }),
        /** Credits for one coin. */
        per_coin: Decimal,
      }),
    ),
  },
  { minProperties: 1, maxProperties: 1, must: 'must be either per_difficulty or pps' },
);
export type RateConfig = Static<typeof Rate>;

/** The first rule whose every field fits gives the user. `*` stands for any text; `$1` in `user` for the first of them. */
const Rule = strict({
  worker: Type.Optional(Name),
  /** As the miner logs in at its pool, address and worker. */
  pool_user: Type.Optional(Name),
  pool_url: Type.Optional(Name),
  /** A miner's MAC, or what else the sites know it by. */
  miner: Type.Optional(Name),
  user: text('^[A-Za-z0-9$][A-Za-z0-9._$-]{0,120}$', 'must be a user such as 1-andy, or $1 for what a * stood for'),
});
export type UserRule = Static<typeof Rule>;

/** Without it, shares are counted and nothing is sent. */
export const Credit = strict({
  /** One site's sidecar and no other: each of them would pay. */
  sidecar: strict(
    {
      socket: Type.Optional(Path),
      url: Type.Optional(Url),
    },
    { minProperties: 1, maxProperties: 1, must: 'must be either socket or url' },
  ),
  /** Holds a token that may do miner-credits: `axle token add miner --scope miner-credits`. */
  token_file: Type.Optional(Path),
  rate: Rate,
  period_s: Type.Integer({ minimum: 10, maximum: 86_400, default: 600 }),
  users: strict(
    {
      /** Workers, or miners' MACs, and whose they are. What a person has said through the API comes first. */
      table: Type.Record(Type.String(), User, { default: {} }),
      rules: Type.Array(Rule, { default: [], maxItems: 1_000 }),
    },
    { default: {} },
  ),
  /** Shares mined, divided by what the reported hashrate allows: beyond these, and beyond luck, a period is held. */
  plausible: strict(
    {
      min: Type.Number({ minimum: 0, maximum: 1, default: 0.5 }),
      max: Type.Number({ minimum: 1, maximum: 100, default: 1.5 }),
    },
    { default: {} },
  ),
  /** Asks the pools what they see of an address, where they tell. Off unless the section is there. */
  pool_check: Type.Optional(
    strict({
      interval_s: Type.Integer({ minimum: 60, maximum: 86_400, default: 300 }),
      timeout_s: Type.Integer({ minimum: 1, maximum: 60, default: 10 }),
      /** Held where the pool has seen less than this part of what was counted. */
      min: Type.Number({ minimum: 0, maximum: 1, default: 0.5 }),
    }),
  ),
  /** How long shares are listed. */
  shares_d: Type.Integer({ minimum: 1, maximum: 3_660, default: 32 }),
});
export type CreditConfig = Static<typeof Credit>;

/** The `pools:` section of miner.yaml: pools of one's own, before those that are known. */
export const OwnPools = Type.Array(
  strict({
    id: text('^[a-z0-9][a-z0-9_]{0,62}$', 'must be a-z, 0-9 and _'),
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 80 })),
    /** And all below them. */
    hosts: Type.Array(text('^[a-z0-9][a-z0-9.:-]*$', 'must be a host in lower case'), { minItems: 1 }),
    /** Miners log in by an address of it; without it, by an account's name. */
    currency: Type.Optional(oneOf(CURRENCIES)),
    api: Type.Optional(oneOf(POOL_APIS)),
    api_url: Type.Optional(Url),
  }),
  { default: [], maxItems: 100 },
);
export type OwnPoolsConfig = Static<typeof OwnPools>;
