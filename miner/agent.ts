/** The miner agent as its API, its page and its relay see it. */
import type { ScanJobs } from './discovery/scan-jobs.js';
import type { Fleet } from './fleet/fleet.js';
import type { MinerReader } from './polling/reader.js';
import type { Money } from './shares/money.js';
import type { FleetStore } from './store/store.js';

export type { MinerReader } from './polling/reader.js';

export interface Agent {
  readonly store: FleetStore;
  readonly scans: ScanJobs;
  readonly poller: MinerReader;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** From memory, cheap. */
  fleet(): Fleet;
  /** A miner was added, changed or removed by a person: polled (or no longer) from now. */
  changed(miner_id: number): void;
  /** Calls at every round's end and every change of a state; returns how to stop. */
  follow(listener: () => void): () => void;
  /** Absent where nothing is credited. */
  readonly money?: Money;
}
