/** What the API answers, as far as the page uses it. */
import type { Fleet, FleetMember, MinerState } from '../../fleet/fleet.js';

export type { FleetMember, MinerState };

export interface CreditStatus {
  /** How many credits the site has not taken yet. */
  readonly owed: number;
  readonly oldest_owed_at?: number;
  /** How many it refuses. */
  readonly refused?: number;
  /** How many works wait for a decision. */
  readonly held: number;
  /** How many have no user. */
  readonly unassigned: number;
  readonly last_paid_at?: number;
  readonly error?: string;
}

export interface BoardFleet extends Fleet {
  readonly credit?: CreditStatus;
  /** Where it is a copy, far from the miners. */
  readonly source?: string;
  readonly stale?: boolean;
  readonly age_s?: number;
  /** What is wrong with the copy, and what to do. */
  readonly message?: string;
}

export interface History {
  readonly step_s: number;
  readonly at_s: readonly number[];
  readonly hashrate_hps: readonly (number | null)[];
  readonly temperature_c: readonly (number | null)[];
  readonly power_w: readonly (number | null)[];
  readonly shares: readonly (number | null)[];
  readonly rejected: readonly (number | null)[];
}

export interface Wallet {
  readonly id: number;
  readonly name: string;
  readonly address: string;
  readonly pool: string;
  readonly currency: string;
}

export interface Pool {
  readonly id: string;
  readonly name: string;
  /** Absent or null: of several. */
  readonly currency?: string | null;
}

export interface MinerConfig {
  readonly id: number;
  readonly pool_url: string;
  readonly pool_user: string;
  readonly worker_name: string | null;
  readonly wallet_id: number | null;
  readonly linked?: string | null;
  readonly reason?: string | null;
  readonly active: boolean | number;
}

export interface ScanJob {
  readonly job_id: number;
  readonly state: 'running' | 'done' | 'failed' | 'stopped';
  readonly networks: readonly string[];
  readonly progress: { readonly addresses: number; readonly probed: number; readonly found: number };
  readonly error?: string | null;
}

export interface HeldWork {
  readonly id: number;
  readonly worker: string;
  readonly miner?: string;
  /** Seconds since 1970. */
  readonly from: number;
  readonly to: number;
  readonly difficulty: string;
  readonly reason: string | null;
}

export interface StatementRow {
  readonly user: string;
  readonly day?: string;
  readonly miner?: string;
  /** Paid, decimal text like the next ones. */
  readonly amount: string;
  readonly owed?: string;
  readonly refused?: string;
  readonly difficulty: string;
  readonly is_estimate?: boolean;
}

export interface Credit {
  readonly id: number;
  readonly worker: string;
  readonly user: string;
  readonly amount: string;
  readonly difficulty: string;
  readonly is_estimate: boolean | number;
  readonly to_s: number;
  readonly state: 'owed' | 'paid' | 'refused';
  readonly error?: string | null;
}
