/** Writes good readings into the store, many in one transaction. */
import type { Adapter } from '../adapters/adapter.js';
import { highest, type MinerReading } from '../adapters/reading.js';
import type { Accounts } from '../shares/accounts.js';
import { isSeenByPool, type MinerChange, type MinerRow } from '../store/miners.js';
import type { FleetStore } from '../store/store.js';
import type { Matcher } from '../wallets/matching.js';
import type { DeviceResult } from './device-reader.js';

export interface Entry extends Omit<DeviceResult, 'adapter'> {
  readonly adapter: Pick<Adapter, 'key' | 'family'>;
  readonly row: MinerRow;
  /** As it says itself, or as the kernel knows its neighbour. */
  readonly mac?: string;
}

export interface Written {
  /** Devices of which the store now says something else than before, or which are gone. */
  readonly changed: readonly number[];
  /** What could not be written for one device alone. */
  readonly failed: readonly { readonly row: MinerRow; readonly error: Error }[];
}

/** Pools that have not changed are noted again so often. */
const POOLS_SEEN_MS = 3_600_000;

/** Where shares are counted and miners matched to wallets: a part of `Money`. */
export interface ShareBooks {
  readonly accounts: Pick<Accounts, 'take'>;
  readonly matcher: Pick<Matcher, 'match' | 'matchAll'>;
}

interface PoolAndUser {
  readonly pool_url: string;
  readonly pool_user: string;
}

/** A device is seen with these, after others. True: what it mined there may have been counted already, by its pool's words. */
export type Claim = (pools: readonly PoolAndUser[]) => boolean;

export class Ledger {
  readonly #store: FleetStore;
  readonly #money: ShareBooks | undefined;
  readonly #claim: Claim;
  /** What was noted of a miner's pools last, and when. */
  readonly #pools = new Map<number, { readonly text: string; readonly at: number }>();

  constructor(store: FleetStore, money: ShareBooks | undefined, claim: Claim = () => false) {
    this.#store = store;
    this.#money = money;
    this.#claim = claim;
  }

  /** All of them, but for those that something is wrong with. Throws where the store cannot be written at all. */
  write(entries: readonly Entry[]): Written {
    const changed: number[] = [];
    const failed: { row: MinerRow; error: Error }[] = [];
    this.#store.transaction(() => {
      for (const entry of entries) {
        try {
          // Within the transaction: only this one's changes are undone if it fails.
          this.#store.db.transaction(() => changed.push(...this.#take(entry)))();
        } catch (error) {
          if (isOfTheDisk(error)) throw error;
          this.#pools.delete(entry.row.id);
          failed.push({ row: entry.row, error: error as Error });
        }
      }
    });
    return { changed, failed };
  }

  forget(miner_id: number): void {
    this.#pools.delete(miner_id);
  }

  #take(entry: Entry): number[] {
    const { row, at } = entry;
    const reading = bounded(entry.reading);
    // Removed while it was being read.
    if (this.#store.miners.get(row.id) === undefined) return [row.id];
    const twin = this.#unite(entry);
    if (twin !== undefined) return [row.id, twin];
    const changed = this.#describe(entry);
    this.#store.miners.seen(row.id, at);
    this.#observe(row, reading, at);
    const taken = this.#money?.accounts.take(row, reading, at) ?? {};
    this.#store.readings.add({
      miner_id: row.id,
      at_s: Math.floor(at / 1_000),
      hashrate_hps: reading.hashrate_hps ?? null,
      temperature_c: reading.temperature_c ?? null,
      power_w: reading.power_w ?? null,
      fan_rpm: highest(reading.fans.map(({ rpm }) => rpm)) ?? null,
      shares: taken.shares ?? null,
      rejected: taken.rejected ?? null,
      difficulty: taken.difficulty ?? null,
    });
    return changed;
  }

  /** A MAC that another entry has already: both are one device, the one that is known longer. Returns that one. */
  #unite({ row, mac }: Entry): number | undefined {
    const twin = row.mac_address === null && mac !== undefined ? this.#store.miners.withMac(mac) : undefined;
    // Itself: the row of an entry is as it was when it was read, and the one before it may have told the MAC.
    if (twin === undefined || twin.id === row.id) return undefined;
    this.#store.miners.unite(row.id, twin.id);
    const { ip_address, api_port, login, auto_discovered } = row;
    this.#store.miners.change(twin.id, {
      ip_address,
      api_port,
      ...(login === null ? {} : { login }),
      // Who adds it by hand wants it read; a scan does not know that somebody wants it left alone.
      ...(auto_discovered === 1 ? {} : { enabled: 1 }),
    });
    return twin.id;
  }

  /** What it is, where that was not known or has changed. */
  #describe({ row, adapter, reading, mac }: Entry): number[] {
    const change: { -readonly [K in keyof MinerChange]: MinerChange[K] } = {};
    if (row.mac_address === null && mac !== undefined) change.mac_address = mac;
    if (row.adapter !== adapter.key) Object.assign(change, { adapter: adapter.key, miner_type: adapter.family });
    if (reading.model !== undefined && reading.model !== row.model) change.model = reading.model;
    if (reading.firmware !== undefined && reading.firmware !== row.firmware) change.firmware = reading.firmware;
    if (Object.keys(change).length === 0) return [];
    this.#store.miners.change(row.id, change);
    return [row.id];
  }

  #observe(row: MinerRow, reading: MinerReading, at: number): void {
    const { id: miner_id } = row;
    const pools = poolsOf(reading);
    // An answer about its pools that was lost says nothing about them.
    if (pools.length === 0) return;
    const text = JSON.stringify(pools);
    const before = this.#pools.get(miner_id);
    if (before?.text === text && Math.abs(at - before.at) < POOLS_SEEN_MS) return;
    this.#store.configs.observe(miner_id, pools, at);
    // Then what its counters show now is a baseline.
    if (!isSeenByPool(row) && this.#claim(pools))
      for (const counter of this.#store.counters.of(miner_id)) this.#store.counters.drop(counter);
    this.#money?.matcher.match(miner_id);
    this.#pools.set(miner_id, { text, at });
  }
}

/** Real lists of pools have some; what is listed beyond that, or under such long names, would fill the tables. */
const POOLS_MAX = 64;
const NAME_MAX = 500;

function bounded(reading: MinerReading): MinerReading {
  const isLong = (text = '') => text.length > NAME_MAX;
  const pools = reading.pools.filter(({ url, user }) => !isLong(url) && !isLong(user)).slice(0, POOLS_MAX);
  return pools.length === reading.pools.length ? reading : { ...reading, pools };
}

/** Each pool and user once: an Antminer may have the same one in three places. */
export function poolsOf(reading: MinerReading): readonly PoolAndUser[] {
  const pools = new Map<string, { pool_url: string; pool_user: string }>();
  for (const { url, user } of reading.pools) {
    if (url !== undefined && user !== undefined)
      pools.set(JSON.stringify([url, user]), { pool_url: url, pool_user: user });
  }
  return [...pools.values()];
}

/** Not about one device: the next one would fail as well. */
function isOfTheDisk(error: unknown): boolean {
  const { code } = Object(error) as { code?: unknown };
  return typeof code === 'string' && code.startsWith('SQLITE_') && !code.startsWith('SQLITE_CONSTRAINT');
}
