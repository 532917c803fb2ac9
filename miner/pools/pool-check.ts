/** What miners count, against what their pool has seen of them: the only witness besides the miners themselves. */
import type { FleetStore } from '../store/store.js';
import type { WorkGroup, WorkRow } from '../store/works.js';
import { splitPoolUser } from '../wallets/pool-user.js';
import { type Pool, poolOf } from '../wallets/pools.js';
import { isSameName } from './claims.js';
import type { PoolClient } from './pool-client.js';
import type { PoolWorkerView } from './view.js';

export interface PoolCheckOptions {
  readonly client: PoolClient;
  readonly pools: readonly Pool[];
  /** Held where the pool has seen less than this part. */
  readonly min: number;
  readonly now: () => number;
}

/** Work of one name at a pool: several miners may use one. */
interface Worked {
  readonly pool: Pool;
  readonly address: string;
  readonly worker: string;
  readonly difficulty: number;
  readonly shares: number;
  readonly from_at: number;
  readonly to_at: number;
}

const WINDOW_MS = 3_600_000;
/** Pools show a worker's hashrate over minutes to an hour, and few shares prove nothing. */
const SPAN_MS_MIN = 1_200_000;
const SHARES_MIN = 30;
/** Pools show it rounded, and as it was some minutes ago. */
const BEST_PART = 2;
const HASHES_PER_DIFFICULTY = 2 ** 32;
/** A round does not take longer, whatever the pools do. */
const ROUND_MS_MAX = 30_000;
const ASKED_MAX = 50;

export class PoolCheck {
  readonly #store: FleetStore;
  readonly #options: PoolCheckOptions;
  #worked: ReadonlyMap<string, Worked> = new Map();
  /** By the names that the pools have: to them, names that they have cut to the same one are one. */
  #together: ReadonlyMap<string, Worked> = new Map();

  constructor(store: FleetStore, options: PoolCheckOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Asks the pools of whatever waits to be credited, where their answers are old. */
  async refresh(signal?: AbortSignal): Promise<void> {
    const { now } = this.#options;
    this.#worked = this.#workedSince(now() - WINDOW_MS);
    await this.#ask(signal);
    const together = new Map<string, Worked>();
    for (const one of this.#worked.values()) {
      const known = this.#seenAs(one);
      if (known !== undefined) addTo(together, keyOf(one, known.worker), one);
    }
    this.#together = together;
  }

  async #ask(signal?: AbortSignal): Promise<void> {
    const { client, now } = this.#options;
    const ends_at = now() + ROUND_MS_MAX;
    const due = new Map<string, Worked>();
    for (const one of this.#worked.values())
      if (client.isDue(one.pool, one.address)) due.set(`${one.pool.id} ${one.address}`, one);
    for (const { pool, address } of [...due.values()].slice(0, ASKED_MAX)) {
      if (signal?.aborted || now() > ends_at) return;
      await client.ask(pool, address, signal);
    }
  }

  /** In words why a period must be looked at. A pool that does not answer raises no doubt. */
  doubtOf(group: WorkGroup): string | undefined {
    for (const work of group) {
      const found = this.#find(work);
      const doubt = found === undefined ? undefined : this.#doubt(found, work);
      if (doubt !== undefined) return doubt;
    }
    return undefined;
  }

  #doubt(own: Worked, work: WorkRow): string | undefined {
    const { pool, address, worker } = own;
    const seen = this.#options.client.seen(pool, address);
    if (seen === undefined || Math.abs(seen.at - work.to_at) > WINDOW_MS) return undefined;
    const known = this.#seenAs(own);
    const worked = known && this.#together.get(keyOf(own, known.worker));
    const { difficulty, shares, from_at, to_at } = worked ?? own;
    const span_ms = to_at - from_at;
    if (span_ms < SPAN_MS_MIN) return undefined;
    const name = worker === '' ? 'this address' : `the worker ${worker}`;
    // What was assigned is the least that an accepted share has: one is enough.
    const { best_share } = known ?? {};
    if (best_share !== undefined && own.shares > 0 && own.difficulty / own.shares > BEST_PART * best_share)
      return `${pool.name} has seen no share of ${name} as hard as those that it counts`;
    if (shares < SHARES_MIN) return undefined;
    const counted_hps = (difficulty * HASHES_PER_DIFFICULTY) / (span_ms / 1_000);
    if (known !== undefined && known.hashrate_hps === undefined) return undefined;
    const pool_hps = known?.hashrate_hps ?? 0;
    if (pool_hps >= counted_hps * this.#options.min) return undefined;
    if (known === undefined) return `${pool.name} knows nothing of ${name}, which counts ${shares} shares`;
    return `${pool.name} has seen ${percent(pool_hps / counted_hps)} of what ${name} counts (at least ${percent(this.#options.min)})`;
  }

  #workedSince(at: number): Map<string, Worked> {
    const all = new Map<string, Worked>();
    for (const work of this.#store.works.since(at)) {
      const name = this.#nameOf(work);
      if (name === undefined) continue;
      const { difficulty, shares, from_at, to_at } = work;
      addTo(all, keyOf(name, name.worker), { ...name, difficulty: Number(difficulty), shares, from_at, to_at });
    }
    return all;
  }

  #find(work: WorkRow): Worked | undefined {
    const name = this.#nameOf(work);
    return name === undefined ? undefined : this.#worked.get(keyOf(name, name.worker));
  }

  /** Undefined where the pool cannot be asked. */
  #nameOf({ pool_url, pool_user }: WorkRow) {
    const pool = poolOf(pool_url, this.#options.pools);
    if (pool?.api === undefined || pool.api_url === undefined) return undefined;
    const user = splitPoolUser(pool_user, pool);
    if (!user.isAddress) return undefined;
    return { pool, address: user.account, worker: user.worker ?? '' };
  }

  /** What the pool has made of a worker's name. */
  #seenAs({ pool, address, worker }: Worked): PoolWorkerView | undefined {
    const workers = this.#options.client.seen(pool, address)?.view.workers ?? [];
    return workers.find((one) => one.worker === worker) ?? workers.find((one) => isSameName(worker, one.worker));
  }
}

function keyOf({ pool, address }: Pick<Worked, 'pool' | 'address'>, worker: string): string {
  return JSON.stringify([pool.id, address, worker]);
}

function addTo(all: Map<string, Worked>, key: string, one: Worked): void {
  const before = all.get(key);
  if (before === undefined) all.set(key, one);
  else
    all.set(key, {
      ...before,
      difficulty: before.difficulty + one.difficulty,
      shares: before.shares + one.shares,
      from_at: Math.min(before.from_at, one.from_at),
      to_at: Math.max(before.to_at, one.to_at),
    });
}

function percent(part: number): string {
  return `${(part * 100).toFixed(part < 0.1 ? 1 : 0)} %`;
}
