/** What was mined, and what is owed for it. */
import type { MinerReading } from '../adapters/reading.js';
import type { MinerRow } from '../store/miners.js';

/** Since the reading before. */
export interface TakenShares {
  readonly shares?: number;
  readonly rejected?: number;
  readonly difficulty?: number;
}

export interface StatementQuery {
  readonly user?: string;
  readonly miner?: string;
  /** Milliseconds since 1970. */
  readonly from?: number;
  readonly to?: number;
  readonly group?: 'day';
}

export interface Money {
  readonly accounts: { take(miner: MinerRow, reading: MinerReading, at: number): TakenShares };
  readonly matcher: { match(miner_id: number): void; matchAll(): void };
  start(): void;
  stop(): Promise<void>;
  statement(query: StatementQuery): readonly object[];
  held(): readonly object[];
  release(ids: readonly number[]): number;
  reject(ids: readonly number[], reason: string): number;
  status(): object;
}
