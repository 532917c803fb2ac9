/** What every route works with. */
import type { Log } from '../../common/runtime/log.js';
import type { Agent } from '../agent.js';
import type { FleetMember } from '../fleet/fleet.js';
import type { MinerRow } from '../store/miners.js';
import type { Retention } from '../store/resolutions.js';
import { Matcher } from '../wallets/matching.js';
import type { Pool } from '../wallets/pools.js';
import type { ApiConfig } from './config.js';
import { ApiError } from './errors.js';
import type { Streams } from './streams.js';

export interface Context {
  readonly agent: Agent;
  readonly config: ApiConfig;
  readonly log: Log;
  readonly streams: Streams;
  /** Of the configuration: what is scanned unless something else is asked for, and may be although it is not private. */
  readonly networks: readonly string[];
  /** How long readings are kept. */
  readonly retention: Retention;
  /** Those that wallets may be at. */
  readonly pools: readonly Pool[];
  /** What /api/fleet says of the relay. */
  readonly relay?: () => unknown;
}

/** Links miners to wallets, also where nothing is credited. */
export function matcherOf({ agent, pools }: Context): Pick<Matcher, 'match' | 'matchAll'> {
  return agent.money?.matcher ?? new Matcher(agent.store, pools);
}

/** Throws ApiError where there is no such miner. */
export function minerOf({ agent }: Context, id: string): MinerRow {
  const row = agent.store.miners.get(Number(id));
  if (row === undefined) throw new ApiError('not_found', `there is no miner ${id}`);
  return row;
}

export function memberOf({ agent }: Context, id: number): FleetMember | undefined {
  return agent.fleet().miners.find((member) => member.id === id);
}
