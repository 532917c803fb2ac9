/** The books of every miner's shares: what each reading adds to works, and where it ends a period. */
import Big from 'big.js';
import type { MinerReading } from '../adapters/reading.js';
import type { ConfigRow } from '../store/configs.js';
import type { CounterRow } from '../store/counters.js';
import type { MinerRow } from '../store/miners.js';
import type { FleetStore } from '../store/store.js';
import type { WorkGroup } from '../store/works.js';
import { splitPoolUser } from '../wallets/pool-user.js';
import { hostOf, POOLS, type Pool, poolOf } from '../wallets/pools.js';
import { type Step, type StepKind, stepBetween } from './counting.js';
import { countsOf, type PoolCount } from './counts.js';
import { groupedBy } from './grouped-by.js';
import { type Band, doubtOf } from './plausible.js';
import { wordOf } from './words.js';

export interface AccountsOptions {
  /** Default true. Without it, shares are listed, and no works are written. */
  readonly isCredited?: boolean;
  /** How long works are gathered before they become a credit. */
  readonly period_ms: number;
  readonly plausible: Band;
  /** Those of the config before the known ones. */
  readonly pools?: readonly Pool[];
  /** Milliseconds, never set back: by it, jumps of our clock are seen. */
  readonly clock?: () => number;
  /** Told of a period that does not fit. */
  readonly onHeld?: (group: WorkGroup, reason: string) => void;
  /** Told of what a counter's fall has hidden. */
  readonly onLost?: (miner: MinerRow, pool: Pick<PoolCount, 'pool_url' | 'pool_user'>) => void;
}

/** Since the reading before, for the table of readings; absent where that cannot be known. */
export interface TakenShares {
  readonly shares?: number;
  readonly rejected?: number;
  readonly difficulty?: number;
}

interface KnownStep {
  readonly step: Step;
  readonly from_at: number;
}

/** Counters kept of one miner, and works that it has open: one that names its pools anew each time must not fill the tables. */
const COUNTERS_MAX = 200;

const KNOWN: readonly StepKind[] = ['counted', 'restarted', 'reset', 'wrapped'];

export class Accounts {
  readonly #store: FleetStore;
  readonly #options: AccountsOptions;
  readonly #pools: readonly Pool[];
  /** What each miner that counts its hashes had computed at its last reading: since the agent runs. */
  readonly #computed = new Map<number, { readonly at: number; readonly hashes: number }>();
  /** When each miner was read last, by both clocks: since the agent runs. */
  readonly #read = new Map<number, { readonly at: number; readonly clock_ms: number }>();

  constructor(store: FleetStore, options: AccountsOptions) {
    this.#store = store;
    this.#options = options;
    this.#pools = options.pools ?? POOLS;
  }

  /**
   * A good reading, of `at` (milliseconds since 1970): in order of time for each miner, and inside the transaction that
   * stores it, so that nothing is counted twice or lost when the agent ends at any moment.
   */
  take(miner: MinerRow, reading: MinerReading, at: number): TakenShares {
    const { counters } = this.#store;
    const rows = counters.of(miner.id);
    const counted = countsOf(reading, at, rows);
    const hashrate_hps = reading.hashrate_hps ?? reading.hashrate_avg_hps ?? reading.hashrate_nominal_hps;
    const steps: (KnownStep & { readonly count: PoolCount })[] = [];
    // What was mined meanwhile is of the time behind the jump.
    const behind_at = this.#jumpTo(miner.id, at);
    if (behind_at !== undefined) this.close(miner.id);
    for (const count of counted.counts) {
      const before = rows.find(
        ({ pool_url, pool_user }) => pool_url === count.pool_url && pool_user === count.pool_user,
      );
      const step = stepBetween(before, count, hashrate_hps);
      if (step.kind === 'older') continue;
      counters.put({ miner_id: miner.id, ...count });
      steps.push({ step, count, from_at: Math.max(before?.at ?? at, behind_at ?? 0) });
      if (step.kind === 'lost') this.#options.onLost?.(miner, count);
    }
    // A counter of the whole miner goes on under the next pool's name, or beside those of its pools: under the old one it
    // must not be counted again.
    const isOver = (row: CounterRow) => counted.isWhole || counted.isByPlace === true || row.entries === 0;
    if (counted.counts.length > 0)
      for (const row of rows) if (isOver(row) && !isAmong(row, counted.counts)) counters.drop(row);
    if (rows.length + counted.counts.length > COUNTERS_MAX) counters.dropOldest(miner.id, COUNTERS_MAX);
    const known = steps.filter(({ step }) => KNOWN.includes(step.kind));
    const computed = this.#computedSince(miner.id, known, reading.total_hashes, at);
    if (known.length === 0) return {};
    const { isCredited = true } = this.#options;
    if (isCredited) this.#keepPace(miner, known, { hashrate_hps: paceOf(reading, known), computed }, at);
    const configs = this.#store.configs.list(miner.id);
    for (const { step, count, from_at } of known) {
      if (isCredited) this.#work(miner, count, step, from_at, at);
      this.#submit(miner, count, step, configs, at);
    }
    this.#closeDue(miner.id, at);
    const isTold = (key: 'accepted' | 'rejected') => known.some(({ count }) => count[key] !== null);
    return {
      ...(isTold('accepted') && { shares: sum(known.map(({ step }) => step.accepted)) }),
      ...(isTold('rejected') && { rejected: sum(known.map(({ step }) => step.rejected)) }),
      difficulty: sum(known.map(({ step }) => Number(step.difficulty))),
    };
  }

  /** Ends the periods of miners that are no longer read. Returns how many miners. */
  closeStale(now: number): number {
    return this.#store.transaction(() => {
      const miners = this.#store.works.openBefore(now - 2 * this.#options.period_ms);
      for (const id of miners) this.close(id);
      return miners.length;
    });
  }

  /** Ends the period of a miner now: what it has mined is ready to be credited, or held. */
  close(miner_id: number): void {
    const { works, counters } = this.#store;
    const open = works.open(miner_id);
    const pace = counters.pace(miner_id);
    counters.dropPace(miner_id);
    if (open.length === 0) return;
    const reason = pace === undefined ? undefined : doubtOf(pace, this.#options.plausible);
    for (const group of groupedBy(open, ({ worker_key, worker }) => JSON.stringify([worker_key, worker])))
      this.#closeGroup(group, reason);
  }

  /** One period for all works of a worker, behind its last one: no second of it is ever credited twice. */
  #closeGroup(group: WorkGroup, reason: string | undefined): void {
    const { works } = this.#store;
    const [{ worker_key, worker }] = group;
    const end_s = secondsOf(Math.max(...group.map((one) => one.to_at)));
    const begin_s = secondsOf(Math.min(...group.map((one) => one.from_at)));
    const from_s = Math.max(works.freeFrom(worker_key, worker, end_s), begin_s);
    const to_s = Math.max(from_s + 1, end_s);
    works.putEnd(worker_key, worker, to_s);
    if (reason !== undefined) this.#options.onHeld?.(group, reason);
    for (const { id } of group)
      works.close(id, {
        state: reason === undefined ? 'unassigned' : 'held',
        reason: reason ?? null,
        from_at: from_s * 1_000,
        to_at: to_s * 1_000,
      });
  }

  #closeDue(miner_id: number, at: number): void {
    const pace = this.#store.counters.pace(miner_id);
    if (pace === undefined) return;
    const { period_ms } = this.#options;
    // In step with the clock, so that a day's end is a period's end. A clock that has jumped ends the period as well.
    const isDue = Math.floor(at / period_ms) !== Math.floor(pace.from_at / period_ms);
    if (isDue) this.close(miner_id);
  }

  /** When the time began that has really passed since its last reading, where our clock has jumped ahead meanwhile. */
  #jumpTo(miner_id: number, at: number): number | undefined {
    const clock_ms = this.#options.clock?.();
    if (clock_ms === undefined) return undefined;
    const before = this.#read.get(miner_id);
    this.#read.set(miner_id, { at, clock_ms });
    if (before === undefined) return undefined;
    const began_at = at - (clock_ms - before.clock_ms);
    return began_at - before.at > this.#options.period_ms ? Math.floor(began_at) : undefined;
  }

  /** The hashes that the miner itself has counted since the reading before; undefined where something began anew. */
  #computedSince(miner_id: number, known: readonly KnownStep[], hashes: number | undefined, at: number) {
    const before = this.#computed.get(miner_id);
    if (hashes === undefined) this.#computed.delete(miner_id);
    else this.#computed.set(miner_id, { at, hashes });
    if (before === undefined || hashes === undefined || hashes <= before.hashes) return undefined;
    const isWhole = known.every(({ step, from_at }) => step.kind === 'counted' && from_at === before.at);
    return isWhole ? hashes - before.hashes : undefined;
  }

  #keepPace(
    miner: MinerRow,
    known: readonly KnownStep[],
    said: { readonly hashrate_hps: number | undefined; readonly computed: number | undefined },
    at: number,
  ): void {
    const { counters } = this.#store;
    const pace = counters.pace(miner.id);
    const { hashes, shares, difficulty } = pace ?? { hashes: 0, shares: 0, difficulty: 0 };
    const from_at = pace?.from_at ?? Math.min(at, ...known.map((one) => one.from_at));
    // While it says nothing of its hashrate, it is as it was in this period so far: else it need only be silent.
    const before_s = pace === undefined ? 0 : (pace.at - pace.from_at) / 1_000;
    const rate_hps = said.hashrate_hps ?? (before_s > 0 ? hashes / before_s : 0);
    counters.putPace({
      miner_id: miner.id,
      from_at,
      at,
      hashes: hashes + (said.computed ?? rate_hps * Math.max(0, ...known.map(({ step }) => step.seconds))),
      shares: shares + sum(known.map(({ step }) => step.accepted)),
      difficulty: difficulty + sum(known.map(({ step }) => Number(step.difficulty))),
    });
  }

  #work(miner: MinerRow, count: PoolCount, step: Step, from_at: number, at: number): void {
    if (Number(step.difficulty) <= 0) return;
    const { works } = this.#store;
    const { pool_url, pool_user } = count;
    const all = works.open(miner.id);
    const open = all.find((one) => one.pool_url === pool_url && one.pool_user === pool_user);
    if (open === undefined && all.length >= COUNTERS_MAX) return;
    const is_estimate = step.is_estimate || open?.is_estimate === 1 ? 1 : 0;
    if (open !== undefined) {
      const difficulty = new Big(open.difficulty).plus(step.difficulty).toFixed();
      const shares = open.shares + step.accepted;
      works.extend(open.id, { to_at: Math.max(open.to_at, at), difficulty, shares, is_estimate });
      return;
    }
    works.add({
      miner_id: miner.id,
      worker_key: wordOf(miner.worker_key),
      worker: wordOf(this.#workerOf(count) ?? miner.worker_key),
      pool_url,
      pool_user,
      from_at: Math.min(from_at, at),
      to_at: at,
      difficulty: step.difficulty,
      shares: step.accepted,
      is_estimate,
    });
  }

  #submit(miner: MinerRow, count: PoolCount, step: Step, configs: readonly ConfigRow[], at: number): void {
    const { pool_url, pool_user } = count;
    // A pool that counts difficulty (ckpool) does not say of how many shares.
    const isAccepted = step.accepted > 0 || (!step.is_estimate && Number(step.difficulty) > 0);
    if (!isAccepted && step.rejected === 0) return;
    const config = configs.find((one) => one.pool_url === pool_url && one.pool_user === pool_user);
    const row = {
      at,
      wallet_id: config?.wallet_id ?? null,
      miner_id: miner.id,
      pool_name: poolOf(pool_url, this.#pools)?.name ?? hostOf(pool_url) ?? '',
      worker_name: this.#workerOf(count) ?? '',
    };
    if (isAccepted)
      this.#store.submissions.count({ ...row, difficulty: step.difficulty, count: step.accepted, accepted: 1 });
    if (step.rejected > 0)
      this.#store.submissions.count({ ...row, difficulty: '0', count: step.rejected, accepted: 0 });
  }

  #workerOf({ pool_url, pool_user }: PoolCount): string | undefined {
    return splitPoolUser(pool_user, poolOf(pool_url, this.#pools)).worker;
  }
}

/** By which its shares are measured; 0 where it found some means that it was measured in another minute. */
function paceOf(reading: MinerReading, known: readonly { readonly step: Step }[]): number | undefined {
  const { hashrate_hps: now, hashrate_avg_hps: mean, hashrate_nominal_hps: nominal } = reading;
  const hasMined = known.some(({ step }) => Number(step.difficulty) > 0);
  return (hasMined && now === 0 ? mean || nominal : now) ?? now ?? mean ?? nominal;
}

function isAmong(row: CounterRow, counts: readonly PoolCount[]): boolean {
  return counts.some(({ pool_url, pool_user }) => pool_url === row.pool_url && pool_user === row.pool_user);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function secondsOf(at: number): number {
  return Math.floor(at / 1_000);
}
