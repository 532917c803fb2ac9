/** What miner.yaml may hold: the check, the defaults and the types come from here. Sections stand with what they are for. */
import { type Static, Type } from '@sinclair/typebox';
import { LogLevel, oneOf, Path, strict, text } from '../../common/runtime/config-types.js';
import { FAMILIES } from '../adapters/reading.js';
import { ApiSection } from '../api/config.js';
import { PoolMinersSection } from '../pools/config.js';
import { Relay } from '../relay/config.js';
import { Credit, OwnPools } from '../shares/config.js';

const Port = (value: number) => Type.Integer({ minimum: 1, maximum: 65_535, default: value });

const Network = text(
  '^\\d{1,3}(\\.\\d{1,3}){3}(/\\d{1,2})?$',
  'must be an IPv4 network, such as 192.168.1.0/24, or one address',
);

const Login = strict({
  /** Tried for devices of this family. */
  family: oneOf(FAMILIES),
  user: Type.String({ minLength: 1, must: 'must be a name' }),
  password: Type.String({ must: 'must be text: put it in quotes' }),
});

export const MinerSchema = strict({
  /** Made where it is missing. */
  state: { ...Path, default: '/var/lib/axle/miner' },
  log_level: LogLevel,
  log_file: Type.Optional(Path),
  /** Where miners are looked for; default: the networks that this machine is in. */
  networks: Type.Optional(Type.Array(Network, { minItems: 1, must: 'must be a list of networks, or left out' })),
  /** 0: only when asked. */
  scan_interval_s: Type.Integer({ minimum: 0, maximum: 30 * 86_400, default: 3_600 }),
  poll_interval_s: Type.Integer({ minimum: 5, maximum: 3_600, default: 30 }),
  /** Without a good reading for so long; default three rounds. */
  stale_after_s: Type.Optional(Type.Integer({ minimum: 5, maximum: 86_400 })),
  /** Default 300, or ten rounds where that is longer. */
  offline_after_s: Type.Optional(Type.Integer({ minimum: 5, maximum: 7 * 86_400 })),
  /** Where devices listen. */
  ports: strict({ rpc: Port(4_028), http: Port(80), whatsminer: Port(4_433) }, { default: {} }),
  logins: Type.Array(Login, { default: [] }),
  /** How long readings are kept: each of them, means over ten minutes, and over an hour. */
  retention: strict(
    {
      raw_h: Type.Integer({ minimum: 2, maximum: 31 * 24, default: 26 }),
      ten_minutes_d: Type.Integer({ minimum: 1, maximum: 3_660, default: 32 }),
      hour_d: Type.Integer({ minimum: 1, maximum: 36_600, default: 1_100 }),
      /** Paid credits one by one: then those of a worker and day are one. */
      credits_d: Type.Integer({ minimum: 32, maximum: 36_600, default: 100 }),
    },
    { default: {} },
  ),
  pools: OwnPools,
  pool_miners: Type.Optional(PoolMinersSection),
  credit: Type.Optional(Credit),
  api: ApiSection,
  /** Where the fleet is published, for those who cannot reach this network. */
  relay: Type.Optional(Relay),
});

export type MinerConfig = Static<typeof MinerSchema>;

/** What a reload may change while the agent runs: each is read anew with every use. */
export const LIVE: ReadonlySet<string> = new Set([
  'log_level',
  'networks',
  'scan_interval_s',
  'poll_interval_s',
  'stale_after_s',
  'offline_after_s',
  'ports.rpc',
  'ports.http',
  'ports.whatsminer',
  'logins',
  'retention.raw_h',
  'retention.ten_minutes_d',
  'retention.hour_d',
  'retention.credits_d',
]);
