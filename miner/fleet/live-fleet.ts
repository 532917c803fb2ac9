/** The fleet as it is now, from memory: what is shown is put together at most once for each change. */
import type { Poller } from '../polling/poller.js';
import { type StateLimits, stateOf } from '../polling/schedule.js';
import type { ConfigRow } from '../store/configs.js';
import { isSeenByPool, type MinerRow } from '../store/miners.js';
import type { FleetStore } from '../store/store.js';
import type { Fleet, MinerState } from './fleet.js';
import { memberOf } from './view.js';

export interface LiveFleetOptions {
  readonly store: FleetStore;
  readonly poller: Poller;
  /** Those that are seen through their pool. */
  readonly pools?: { readonly limits: StateLimits; seenBy(miner_id: number): string | undefined };
  readonly settings: () => StateLimits & { readonly poll_interval_s: number };
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Miners whose state has changed, with what it was. */
  readonly onStates?: (changes: readonly StateChange[]) => void;
}

export interface StateChange {
  readonly id: number;
  readonly name: string;
  readonly address: string;
  readonly from: MinerState | undefined;
  readonly to: MinerState;
  readonly error: string | undefined;
}

export type Counts = Readonly<Record<MinerState, number>>;

/** Changes that nobody told of, such as of a wallet's name in the store, are seen after this time. */
const SEEN_MS = 1_000;

export class LiveFleet {
  readonly #options: LiveFleetOptions;
  readonly #listeners = new Set<() => void>();
  readonly #states = new Map<number, MinerState>();
  readonly #started_at: number;
  #shown: Fleet | undefined;
  #counts: Counts = { online: 0, stale: 0, offline: 0, unknown: 0, disabled: 0 };

  constructor(options: LiveFleetOptions) {
    this.#options = options;
    this.#started_at = options.now();
    options.poller.follow(() => this.look());
  }

  show(): Fleet {
    const { now } = this.#options;
    if (this.#shown === undefined || Math.abs(now() - this.#shown.at) >= SEEN_MS) this.#shown = this.#build();
    return this.#shown;
  }

  get counts(): Counts {
    this.show();
    return this.#counts;
  }

  /** Something has changed, or time has passed. */
  look(): void {
    this.#shown = undefined;
    const changes: StateChange[] = [];
    for (const { id, name, address = '', state, error } of this.show().miners) {
      const from = this.#states.get(id);
      if (from === state) continue;
      this.#states.set(id, state);
      changes.push({ id, name, address, from, to: state, error });
    }
    if (changes.length > 0) this.#options.onStates?.(changes);
    for (const listener of this.#listeners) listener();
  }

  follow(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #build(): Fleet {
    const { store, poller, pools, settings, now } = this.#options;
    const at = now();
    const { poll_interval_s, ...limits } = settings();
    const configs = configsByMiner(store);
    const counts = { online: 0, stale: 0, offline: 0, unknown: 0, disabled: 0 };
    const miners = store.miners.list().map((row) => {
      const isPools = isSeenByPool(row);
      const state = this.#stateOf(row, at, isPools ? (pools?.limits ?? limits) : limits);
      counts[state] += 1;
      return memberOf(
        row,
        poller.latest(row.id),
        state,
        configs.get(row.id) ?? [],
        isPools ? pools?.seenBy(row.id) : undefined,
      );
    });
    this.#counts = counts;
    return { at, poll_interval_s, miners };
  }

  #stateOf(row: MinerRow, at: number, limits: StateLimits): MinerState {
    const isEnabled = row.enabled === 1;
    const age_ms = this.#options.poller.age_ms(row.id);
    if (age_ms !== undefined || row.seen_at === null) return stateOf(isEnabled, age_ms, limits);
    // After a start, what the store knows from before. While the agent was not running nobody asked: that is no silence.
    const state = stateOf(isEnabled, at - row.seen_at, limits);
    return state === 'offline' && at - this.#started_at < limits.offline_after_ms ? 'stale' : state;
  }
}

function configsByMiner(store: FleetStore): ReadonlyMap<number, readonly ConfigRow[]> {
  const all = new Map<number, ConfigRow[]>();
  for (const config of store.configs.list()) {
    const own = all.get(config.miner_id);
    if (own === undefined) all.set(config.miner_id, [config]);
    else own.push(config);
  }
  return all;
}
