/** The counters of a reading, by the pool and user that they are for. */
import type { Family, MinerReading, PoolReading } from '../adapters/reading.js';
import type { Count } from './counting.js';
import { groupedBy } from './grouped-by.js';

export interface PoolCount extends Count {
  readonly pool_url: string;
  readonly pool_user: string;
}

export interface Counts {
  /** One counter for all pools: it is told under the pool that the miner works for. */
  readonly isWhole: boolean;
  /** Counters of places in its list: they go on, whichever pool is put there. `entries` tells the places. */
  readonly isByPlace?: true;
  readonly counts: readonly PoolCount[];
}

/** They count for all their pools together, but for those that work for several at once. */
const WHOLE_FAMILIES: readonly Family[] = ['axeos', 'nerdminer'];

function isWholeOf({ family, pools }: MinerReading): boolean {
  const counting = pools.filter((pool) => pool.shares_accepted !== undefined);
  return WHOLE_FAMILIES.includes(family) && counting.length < 2;
}

/** For so long, a list of pools that is missing, or silent, is waited for. */
const MISSING_MS = 3_600_000;

/**
 * Entries of the same pool and user are added up: some miners list one pool several times. `before`: of the readings before.
 * Pure.
 */
export function countsOf(
  reading: MinerReading,
  at: number,
  before: readonly Pick<Count, 'at' | 'entries'>[] = [],
): Counts {
  const groups = groupedBy(reading.pools, ({ url = '', user = '' }) => JSON.stringify([url, user]));
  const isByPlace = WHOLE_FAMILIES.includes(reading.family);
  const placesOf = (pools: readonly PoolReading[]) => pools.map((pool) => reading.pools.indexOf(pool) + 1);
  const counts = groups.map((pools) => {
    const count = countOf(pools, reading, at);
    return isByPlace ? { ...count, entries: placesOf(pools).reduce((sum, place) => sum + place) } : count;
  });
  const isCounted = ({ accepted, difficulty_accepted }: Count) => accepted !== null || difficulty_accepted !== null;
  if (!isWholeOf(reading) && counts.some(isCounted))
    return { isWhole: false, ...(isByPlace && { isByPlace }), counts: counts.filter(isCounted) };
  const isMissing = before.some((one) => at - one.at < MISSING_MS && (one.entries > 0 || reading.pools.length === 0));
  // Half an answer: the counters of the whole miner are not those of its pools.
  if (isMissing && !isWholeOf(reading)) return { isWhole: false, counts: [] };
  const active = reading.pools.find((pool) => pool.active) ?? reading.pools[0];
  const whole: PoolCount = {
    pool_url: active?.url ?? '',
    pool_user: active?.user ?? '',
    at,
    uptime_s: reading.uptime_s ?? null,
    accepted: reading.shares_accepted ?? active?.shares_accepted ?? null,
    rejected: reading.shares_rejected ?? active?.shares_rejected ?? null,
    difficulty_accepted: reading.difficulty_accepted ?? active?.difficulty_accepted ?? null,
    difficulty: active?.difficulty ?? null,
    ...(reading.is_difficulty_estimated === true && { is_estimate: true }),
    entries: 0,
  };
  return { isWhole: true, counts: isCounted(whole) ? [whole] : [] };
}

function countOf(pools: readonly PoolReading[], reading: MinerReading, at: number): PoolCount {
  const difficulties = pools.flatMap(({ difficulty }) => (difficulty === undefined ? [] : [difficulty]));
  return {
    pool_url: pools[0]?.url ?? '',
    pool_user: pools[0]?.user ?? '',
    at,
    uptime_s: reading.uptime_s ?? null,
    accepted: total(pools.map((pool) => pool.shares_accepted)),
    rejected: total(pools.map((pool) => pool.shares_rejected)),
    difficulty_accepted: total(pools.map((pool) => pool.difficulty_accepted)),
    difficulty: difficulties.length === 0 ? null : Math.min(...difficulties),
    entries: pools.length,
  };
}

/** Null unless all of them are known: an entry that is silent once would look like a fall, and then like work. */
function total(values: readonly (number | undefined)[]): number | null {
  return values.includes(undefined) ? null : values.reduce((sum: number, value) => sum + (value as number), 0);
}
