/** What a worker has mined at a pool that tells its hashrate only: rather too little. */
import type { FleetStore } from '../store/store.js';
import type { PoolWorkerView } from './view.js';

interface Seen {
  readonly at: number;
  readonly hashrate_hps: number;
  /** Seconds since 1970. */
  readonly last_share_at: number;
  readonly difficulty: number;
}

const HASHES_PER_DIFFICULTY = 2 ** 32;
const PLACES = 1e8;

export class Estimates {
  readonly #store: FleetStore;
  readonly #seen = new Map<number, Seen>();

  constructor(store: FleetStore) {
    this.#store = store;
  }

  /**
   * All that is known to be mined, as a counter of difficulty that only grows. Time counts as far as shares came, with the lower
   * of both hashrates; that in which nobody asked the pool does not count.
   */
  take(miner_id: number, { hashrate_hps = 0, last_share_at = 0 }: PoolWorkerView, at: number): number {
    const before = this.#seen.get(miner_id);
    const from = before?.difficulty ?? this.#store.counters.of(miner_id)[0]?.difficulty_accepted ?? 0;
    let difficulty = from;
    if (before !== undefined) {
      const passed_s = Math.max(0, (at - before.at) / 1_000);
      const proven_s = Math.min(passed_s, Math.max(0, last_share_at - before.last_share_at));
      const mined = (Math.min(before.hashrate_hps, hashrate_hps) * proven_s) / HASHES_PER_DIFFICULTY;
      difficulty = Math.floor((from + mined) * PLACES) / PLACES;
    }
    this.#seen.set(miner_id, { at, hashrate_hps, last_share_at, difficulty });
    return difficulty;
  }

  forget(miner_id: number): void {
    this.#seen.delete(miner_id);
  }
}
