/** Shares as they are listed: what was accepted and rejected, wallet by wallet. Nothing is credited from these. */
import type Database from 'better-sqlite3';
import Big from 'big.js';

export interface SubmissionRow {
  readonly id: number;
  /** Milliseconds since 1970, of the newest share in it. */
  readonly at: number;
  readonly wallet_id: number | null;
  readonly miner_id: number | null;
  readonly pool_name: string;
  readonly worker_name: string;
  /** Assigned difficulty of all of them together, decimal text. */
  readonly difficulty: string;
  readonly count: number;
  readonly accepted: 0 | 1;
  /** Written by a person or a program, not counted from a miner. */
  readonly manual: 0 | 1;
}

/** What was found within so long is one row. */
const ROW_MS = 600_000;

export class Submissions {
  readonly #last: Database.Statement<[number, number], SubmissionRow>;
  readonly #extend: Database.Statement;
  readonly #add: Database.Statement;
  readonly #db: Database.Database;

  constructor(db: Database.Database) {
    this.#db = db;
    this.#last = db.prepare(
      'SELECT * FROM submissions WHERE miner_id = ? AND at >= ? AND manual = 0 ORDER BY at DESC LIMIT 50',
    );
    this.#extend = db.prepare('UPDATE submissions SET at = ?, difficulty = ?, count = ? WHERE id = ?');
    this.#add = db.prepare(
      `INSERT INTO submissions (at, wallet_id, miner_id, pool_name, worker_name, difficulty, count, accepted, manual)
       VALUES (@at, @wallet_id, @miner_id, @pool_name, @worker_name, @difficulty, @count, @accepted, @manual)`,
    );
  }

  add(row: Omit<SubmissionRow, 'id'>): SubmissionRow {
    return { id: Number(this.#add.run(row).lastInsertRowid), ...row };
  }

  /** Adds to the row of these minutes. `miner_id` is not null. */
  count(row: Omit<SubmissionRow, 'id' | 'manual'>): void {
    const from = Math.floor(row.at / ROW_MS) * ROW_MS;
    const known = this.#last
      .all(row.miner_id as number, from)
      .find(
        (one) =>
          one.at <= row.at &&
          one.wallet_id === row.wallet_id &&
          one.pool_name === row.pool_name &&
          one.worker_name === row.worker_name &&
          one.accepted === row.accepted,
      );
    if (known === undefined) this.add({ ...row, manual: 0 });
    else
      this.#extend.run(
        row.at,
        new Big(known.difficulty).plus(row.difficulty).toFixed(),
        known.count + row.count,
        known.id,
      );
  }

  /** Of a wallet, newest first. */
  list(wallet_id: number, { limit = 100, before }: { limit?: number; before?: number } = {}): SubmissionRow[] {
    return this.#db
      .prepare<[number, number, number], SubmissionRow>(
        'SELECT * FROM submissions WHERE wallet_id = ? AND id < ? ORDER BY at DESC, id DESC LIMIT ?',
      )
      .all(wallet_id, before ?? Number.MAX_SAFE_INTEGER, limit);
  }

  /** Removes some of those from before `at`; returns how many. */
  prune(at: number, limit: number): number {
    return this.#db
      .prepare('DELETE FROM submissions WHERE id IN (SELECT id FROM submissions WHERE at < ? LIMIT ?)')
      .run(at, limit).changes;
  }
}
