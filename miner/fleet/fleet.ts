/** The fleet as it is now: what page, API and relay show. What is old says so by its state and by `at`. */
import type { MinerReading } from '../adapters/reading.js';

/**
 * online: read well within the last rounds. stale: not read lately; what is shown is old. offline: not for minutes.
 * unknown: never read. disabled: by a person, and not read.
 */
export type MinerState = 'online' | 'stale' | 'offline' | 'unknown' | 'disabled';

export interface FleetMember {
  readonly id: number;
  readonly name: string;
  readonly miner_type: string;
  readonly model?: string;
  readonly firmware?: string;
  /** Left out of what leaves the LAN, unless asked for. */
  readonly address?: string;
  readonly mac?: string;
  /** Name of the pool that it is seen through: it has no address, and cannot be asked itself. */
  readonly seen_by?: string;
  readonly state: MinerState;
  /** Milliseconds since 1970, of `reading`. */
  readonly at?: number;
  /** The last good one, however old. */
  readonly reading?: MinerReading;
  /** What went wrong since then. */
  readonly error?: string;
  readonly worker?: string;
  readonly wallet_id?: number;
}

export interface Fleet {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly poll_interval_s: number;
  readonly miners: readonly FleetMember[];
}

/** One device as the last rounds found it. */
export interface Latest {
  readonly reading?: MinerReading;
  /** Milliseconds since 1970, of `reading`. */
  readonly at?: number;
  /** Of the last round, where it failed. */
  readonly error?: string;
  readonly failures: number;
}
