/** The outbox of credits: what is owed to users until the site has answered. */
import type Database from 'better-sqlite3';

export type CreditState = 'owed' | 'paid' | 'refused';

export interface CreditRow {
  readonly id: number;
  /** A miner's `worker_key`. */
  readonly miner: string;
  readonly worker: string;
  readonly user: string;
  /** Decimal text of at most 8 places, as `difficulty`. */
  readonly amount: string;
  readonly difficulty: string;
  readonly is_estimate: 0 | 1;
  /** Whole seconds since 1970. Periods of a worker never overlap. */
  readonly from_s: number;
  readonly to_s: number;
  readonly state: CreditState;
  /** The site's number of it. */
  readonly answer_id: string | null;
  readonly attempts: number;
  /** Not sent again before this, milliseconds since 1970. */
  readonly due_at: number;
  /** In words, of the last attempt, with what to do. */
  readonly error: string | null;
  /** The site's, such as bad_request. */
  readonly error_code: string | null;
  readonly created_at: number;
  readonly paid_at: number | null;
}

export type NewCredit = Pick<
  CreditRow,
  'miner' | 'worker' | 'user' | 'amount' | 'difficulty' | 'is_estimate' | 'from_s' | 'to_s' | 'created_at'
>;

export class Credits {
  readonly #db: Database.Database;
  readonly #add: Database.Statement;

  constructor(db: Database.Database) {
    this.#db = db;
    this.#add = db.prepare(
      `INSERT INTO credits (miner, worker, user, amount, difficulty, is_estimate, from_s, to_s, state, due_at, created_at)
       VALUES (@miner, @worker, @user, @amount, @difficulty, @is_estimate, @from_s, @to_s, 'owed', @created_at, @created_at)`,
    );
  }

  /** Its id. Throws SqliteError SQLITE_CONSTRAINT_UNIQUE where the period is a credit already. */
  add(credit: NewCredit): number {
    return Number(this.#add.run(credit).lastInsertRowid);
  }

  get(id: number): CreditRow | undefined {
    return this.#db.prepare<[number], CreditRow>('SELECT * FROM credits WHERE id = ?').get(id);
  }

  /** Owed and due at `at`, oldest first. */
  due(at: number, limit: number): CreditRow[] {
    return this.#db
      .prepare<[number, number], CreditRow>(
        "SELECT * FROM credits WHERE state = 'owed' AND due_at <= ? ORDER BY due_at, id LIMIT ?",
      )
      .all(at, limit);
  }

  paid(id: number, answer_id: string, at: number): void {
    this.#db
      .prepare(
        `UPDATE credits SET state = 'paid', answer_id = ?, paid_at = ?, attempts = attempts + 1, error = NULL, error_code = NULL
         WHERE id = ? AND state = 'owed'`,
      )
      .run(answer_id, at, id);
  }

  /** Tried in vain: again at `due_at`. */
  delayed(id: number, due_at: number, error: string): void {
    this.#db
      .prepare("UPDATE credits SET attempts = attempts + 1, due_at = ?, error = ? WHERE id = ? AND state = 'owed'")
      .run(due_at, error, id);
  }

  refused(id: number, error: string, error_code: string): void {
    this.#db
      .prepare(
        "UPDATE credits SET state = 'refused', attempts = attempts + 1, error = ?, error_code = ? WHERE id = ? AND state = 'owed'",
      )
      .run(error, error_code, id);
  }

  /** Newest first. */
  list({ user, state, limit = 100 }: { user?: string; state?: CreditState; limit?: number } = {}): CreditRow[] {
    return this.#db
      .prepare<[string | null, string | null, string | null, string | null, number], CreditRow>(
        `SELECT * FROM credits WHERE (? IS NULL OR user = ?) AND (? IS NULL OR state = ?) ORDER BY id DESC LIMIT ?`,
      )
      .all(user ?? null, user ?? null, state ?? null, state ?? null, limit);
  }

  /** Those that end at `from_s` or later and before `to_s`, in order of time. */
  between(
    from_s: number,
    to_s: number,
    user: string | undefined,
    miner: string | undefined,
  ): IterableIterator<CreditRow> {
    return this.#db
      .prepare<[number, number, string | null, string | null, string | null, string | null], CreditRow>(
        `SELECT * FROM credits WHERE to_s >= ? AND to_s < ? AND (? IS NULL OR user = ?) AND (? IS NULL OR miner = ?)
         ORDER BY to_s, id`,
      )
      .iterate(from_s, to_s, user ?? null, user ?? null, miner ?? null, miner ?? null);
  }

  /** A refused one, so that its works can be a credit again. */
  remove(id: number): boolean {
    return this.#db.prepare("DELETE FROM credits WHERE id = ? AND state = 'refused'").run(id).changes > 0;
  }

  status(): { owed: number; refused: number; oldest_owed_at?: number; last_paid_at?: number } {
    const rows = this.#db
      .prepare<[], { state: CreditState; n: number; oldest: number; paid: number | null }>(
        'SELECT state, count(*) AS n, min(created_at) AS oldest, max(paid_at) AS paid FROM credits GROUP BY state',
      )
      .all();
    const of = (state: CreditState) => rows.find((row) => row.state === state);
    const owed = of('owed');
    const paid_at = of('paid')?.paid;
    return {
      owed: owed?.n ?? 0,
      refused: of('refused')?.n ?? 0,
      ...(owed !== undefined && { oldest_owed_at: owed.oldest }),
      ...(typeof paid_at === 'number' && { last_paid_at: paid_at }),
    };
  }
}
