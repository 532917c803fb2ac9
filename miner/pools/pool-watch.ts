/** Miners that cannot be asked themselves, such as a NerdMiner: workers of the wallets, as their pools see them. */
import type { MinerReading } from '../adapters/reading.js';
import type { Latest } from '../fleet/fleet.js';
import type { Entry } from '../polling/ledger.js';
import type { OtherReader } from '../polling/reader.js';
import type { StateLimits } from '../polling/schedule.js';
import { starsOf } from '../shares/users.js';
import { isSeenByPool, type MinerRow } from '../store/miners.js';
import type { PoolMinerRow } from '../store/pool-miners.js';
import type { FleetStore } from '../store/store.js';
import { splitPoolUser } from '../wallets/pool-user.js';
import { type Pool, poolOf } from '../wallets/pools.js';
import { Claims, type PoolAndUser } from './claims.js';
import type { PoolMinersConfig } from './config.js';
import { Estimates } from './estimates.js';
import { PoolClient, type SeenView } from './pool-client.js';
import { type PoolWorkerView, readingOf } from './view.js';

export interface PoolWatchOptions {
  readonly store: FleetStore;
  /** Without it nothing is asked. */
  readonly config: PoolMinersConfig | undefined;
  readonly pools: readonly Pool[];
  /** Writes readings that devices have given so far. */
  readonly flush: () => void;
  readonly write: (entries: readonly Entry[]) => void;
  /** A name that nobody has yet. */
  readonly freeName: () => string;
  readonly onFound: (miner: MinerRow, pool: string, worker: string) => void;
  /** A device here has become it, or was it all the time. */
  readonly onClaimed: (miner: MinerRow) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A payout address where it is asked for. */
interface Source {
  readonly pool: Pool;
  readonly address: string;
  readonly pool_url: string;
}

interface Known extends Latest {
  readonly failures: number;
  /** Of its last share, milliseconds since 1970. */
  readonly share_at?: number;
}

const ADAPTER = { key: 'pool', family: 'nerdminer' } as const;
/** Devices that are here are read first. */
const FIRST_MS = 30_000;
/** A pool's figures lag behind, and a device goes to another pool and back: for so long its worker stays its own. */
const CLAIM_MS = 86_400_000;
const ASKED_MAX = 50;
const ROUND_MS_MAX = 120_000;
const MINERS_MAX = 1_000;

export class PoolWatch implements OtherReader {
  readonly limits: StateLimits;
  readonly #options: PoolWatchOptions;
  readonly #client: PoolClient | undefined;
  readonly #known = new Map<number, Known>();
  /** When each answer that was taken came. */
  readonly #taken = new Map<string, number>();
  readonly #estimates: Estimates;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: PoolWatchOptions) {
    this.#options = options;
    const { config, now, store } = options;
    this.#estimates = new Estimates(store);
    const { stale_after_s = 1_800, offline_after_s = 7_200 } = config ?? {};
    this.limits = { stale_after_ms: stale_after_s * 1_000, offline_after_ms: offline_after_s * 1_000 };
    if (config !== undefined)
      this.#client = new PoolClient({
        // A little less than from one round to the next, so that each asks.
        interval_ms: config.interval_s * 900,
        timeout_ms: config.timeout_s * 1_000,
        now,
      });
  }

  /** Rounds from now on. `onRound`: after each of them. */
  start(onRound: () => void): void {
    const { config } = this.#options;
    if (config === undefined || this.#stop.signal.aborted) return;
    const run = (): void => {
      this.#running = this.round()
        .then(onRound)
        .finally(() => {
          if (!this.#stop.signal.aborted) this.#timer = setTimeout(run, config.interval_s * 1_000);
        });
    };
    this.#timer = setTimeout(run, Math.min(FIRST_MS, config.interval_s * 1_000));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** Asks the pools of every wallet, and takes what they say. Never rejects. */
  async round(): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    const { now } = this.#options;
    const sources = this.#sources();
    const due = sources
      .filter(({ pool, address }) => client.isDue(pool, address))
      .toSorted((one, other) => seenAt(client, one) - seenAt(client, other));
    const ends_at = now() + ROUND_MS_MAX;
    for (const { pool, address } of due.slice(0, ASKED_MAX)) {
      if (this.#stop.signal.aborted) return;
      if (now() > ends_at) break;
      await client.ask(pool, address, this.#stop.signal);
    }
    if (!this.#stop.signal.aborted) this.#take(client, sources);
  }

  /**
   * A device here is seen with these. Miners that are the same are forgotten: it counts itself from now. True where there was
   * one. Within the transaction that stores the device's reading.
   */
  claim(pools: readonly PoolAndUser[]): boolean {
    const { store } = this.#options;
    const known = store.poolMiners.list();
    if (known.length === 0) return false;
    const claims = new Claims(pools, this.#options.pools);
    const mine = known.filter((one) => {
      const pool = this.#poolWith(one.pool);
      return pool !== undefined && claims.has(pool, one.address, one.worker);
    });
    for (const { miner_id } of mine) this.#forget(miner_id);
    return mine.length > 0;
  }

  latest(miner_id: number): Latest | undefined {
    return this.#known.get(miner_id);
  }

  age_ms(miner_id: number): number | undefined {
    const share_at = this.#known.get(miner_id)?.share_at;
    return share_at === undefined ? undefined : Math.max(0, this.#options.now() - share_at);
  }

  last(miner_id: number): { readonly reading: MinerReading; readonly at: number } | undefined {
    const row = this.#options.store.miners.get(miner_id);
    if (row === undefined || row.enabled === 0 || !isSeenByPool(row)) return undefined;
    const { reading, at, error } = this.#known.get(miner_id) ?? {};
    if (reading === undefined || at === undefined || error !== undefined)
      throw new Error(error ?? 'its pool has not been asked yet');
    return { reading, at };
  }

  /** Name of the pool. */
  seenBy(miner_id: number): string | undefined {
    const row = this.#options.store.poolMiners.get(miner_id);
    return row && (this.#poolWith(row.pool)?.name ?? row.pool);
  }

  #take(client: PoolClient, sources: readonly Source[]): void {
    const { store, write, flush } = this.#options;
    // What a device here has said a moment ago counts as well.
    flush();
    const claims = this.#claims();
    const rows = new Map(store.poolMiners.list().map((row) => [keyOf(row), row]));
    const asked = new Set<number>();
    const entries: Entry[] = [];
    for (const source of sources) {
      const { pool, address } = source;
      const seen = client.seen(pool, address);
      const own = [...rows.values()].filter((row) => row.pool === pool.id && row.address === address);
      for (const { miner_id } of own) asked.add(miner_id);
      const isNew = seen !== undefined && this.#taken.get(placeOf(source)) !== seen.at;
      const failure = client.failureOf(pool);
      const views = new Map(seen?.view.workers.map((view) => [view.worker, view]));
      for (const row of own) {
        if (claims.has(pool, address, row.worker)) this.#forget(row.miner_id);
        else if (!this.#isWanted(row.worker)) this.#fail(row.miner_id, NOT_NAMED);
        else if (isNew) entries.push(...this.#see(source, row, views.get(row.worker), seen));
        else if (failure !== undefined) this.#fail(row.miner_id, failure);
      }
      if (!isNew) continue;
      this.#taken.set(placeOf(source), seen.at);
      for (const view of seen.view.workers) {
        const isKnown = rows.has(keyOf({ pool: pool.id, address, worker: view.worker }));
        if (isKnown || !this.#isWanted(view.worker) || claims.has(pool, address, view.worker)) continue;
        if (this.#isAlive(view, seen)) entries.push(...this.#add(source, view, seen));
      }
    }
    for (const { miner_id } of rows.values()) if (!asked.has(miner_id)) this.#fail(miner_id, NO_WALLET);
    if (entries.length > 0) write(entries);
  }

  /** Of one that is known: a reading where it works. */
  #see(source: Source, { miner_id }: PoolMinerRow, view: PoolWorkerView | undefined, seen: SeenView): Entry[] {
    const row = this.#options.store.miners.get(miner_id);
    const isOn = row?.enabled === 1 && view !== undefined && this.#isAlive(view, seen);
    // Of the time until it is back, nothing is known.
    if (!isOn) this.#estimates.forget(miner_id);
    if (row === undefined || row.enabled === 0) return [];
    if (view === undefined) {
      this.#fail(miner_id, `${source.pool.name} does not list it any more`);
      return [];
    }
    if (!this.#isAlive(view, seen)) {
      this.#fail(miner_id, `${source.pool.name} has seen no share of it lately`);
      return [];
    }
    const reading = this.#reading(miner_id, source, view, seen);
    this.#known.set(miner_id, { reading, at: seen.at, failures: 0, share_at: shareAt(view, seen) });
    return [{ row, adapter: ADAPTER, reading, at: seen.at }];
  }

  /** It is counted from the next answer on: this one may lag behind what a device that was just here has counted. */
  #add(source: Source, view: PoolWorkerView, seen: SeenView): Entry[] {
    const { store, freeName, onFound } = this.#options;
    const { pool, address } = source;
    const { worker } = view;
    const row = store.transaction(() => {
      if (store.poolMiners.count() >= MINERS_MAX) return undefined;
      const added = store.miners.add({
        name: freeName(),
        miner_type: ADAPTER.family,
        adapter: ADAPTER.key,
        ip_address: '',
        auto_discovered: 1,
        created_at: seen.at,
      });
      store.poolMiners.add({ miner_id: added.id, pool: pool.id, address, worker });
      return added;
    });
    if (row === undefined) return [];
    onFound(row, pool.name, worker);
    const { difficulty_accepted: _, ...uncounted } = view;
    const reading = readingOf({ workers: [uncounted] }, worker, this.#userOf(source, worker)) as MinerReading;
    this.#known.set(row.id, { reading, at: seen.at, failures: 0, share_at: shareAt(view, seen) });
    return [{ row, adapter: ADAPTER, reading, at: seen.at }];
  }

  #reading(miner_id: number, source: Source, view: PoolWorkerView, seen: SeenView): MinerReading {
    const reading = readingOf({ workers: [view] }, view.worker, this.#userOf(source, view.worker)) as MinerReading;
    if (view.difficulty_accepted !== undefined) return reading;
    const difficulty_accepted = this.#estimates.take(miner_id, view, seen.at);
    return { ...reading, difficulty_accepted, is_difficulty_estimated: true };
  }

  #userOf({ pool_url, address }: Source, worker: string): PoolAndUser {
    return { pool_url, pool_user: worker === '' ? address : `${address}.${worker}` };
  }

  #isAlive(view: PoolWorkerView, seen: SeenView): boolean {
    if (view.last_share_at === undefined) return (view.hashrate_hps ?? 0) > 0;
    return seen.at - view.last_share_at * 1_000 < this.limits.offline_after_ms;
  }

  #isWanted(worker: string): boolean {
    return this.#options.config?.workers.some((pattern) => starsOf(pattern, worker) !== undefined) ?? false;
  }

  #fail(miner_id: number, error: string): void {
    const known = this.#known.get(miner_id) ?? { failures: 0 };
    this.#known.set(miner_id, { ...known, error, failures: known.failures + 1 });
  }

  #forget(miner_id: number): void {
    const { store, onClaimed } = this.#options;
    const row = store.miners.get(miner_id);
    store.miners.remove(miner_id);
    this.#known.delete(miner_id);
    this.#estimates.forget(miner_id);
    if (row !== undefined) onClaimed(row);
  }

  /** Of all devices here, those that are switched off and the disabled among them. */
  #claims(): Claims {
    const { store, pools, now } = this.#options;
    const since = now() - CLAIM_MS;
    const others = new Set(store.poolMiners.list().map(({ miner_id }) => miner_id));
    const configs = store.configs
      .list()
      .filter(({ miner_id, active, seen_at }) => !others.has(miner_id) && (active === 1 || seen_at > since));
    return new Claims(configs, pools, store.counters.hasNameless(since));
  }

  /** Each address once for each API, whatever its wallets and pools are called. */
  #sources(): Source[] {
    const { store, pools } = this.#options;
    const sources = new Map<string, Source>();
    for (const wallet of store.wallets.list()) {
      const pool = this.#poolWith(wallet.pool);
      if (pool?.api === undefined || pool.api_url === undefined) continue;
      const pool_url = pool.hosts.map((host) => `stratum+tcp://${host}`).find((url) => poolOf(url, pools) === pool);
      if (pool_url === undefined) continue;
      const address = splitPoolUser(wallet.address, pool).account;
      const key = `${pool.api_url} ${address}`;
      if (!sources.has(key)) sources.set(key, { pool, address, pool_url });
    }
    return [...sources.values()];
  }

  #poolWith(id: string): Pool | undefined {
    return this.#options.pools.find((pool) => pool.id === id);
  }
}

const NOT_NAMED = 'not asked for: pool_miners.workers in miner.yaml does not name it';
const NO_WALLET = 'not asked for: no wallet has its address at its pool any more';

function keyOf({ pool, address, worker }: Omit<PoolMinerRow, 'miner_id'>): string {
  return JSON.stringify([pool, address, worker]);
}

function placeOf({ pool, address }: Source): string {
  return `${pool.id} ${address}`;
}

function seenAt(client: PoolClient, { pool, address }: Source): number {
  return client.seen(pool, address)?.at ?? Number.NEGATIVE_INFINITY;
}

/** A pool's clock that is ahead keeps nothing young. */
function shareAt({ last_share_at }: PoolWorkerView, { at }: SeenView): number {
  return last_share_at === undefined ? at : Math.min(at, last_share_at * 1_000);
}
