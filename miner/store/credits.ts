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
  /** Of each 1 of difficulty, as it was then. */
  readonly worth: string;
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
  /** 1, or of how many it is the sum: those of a day, once they are old. */
  readonly credits: number;
}

export type NewCredit = Pick<
  CreditRow,
  'miner' | 'worker' | 'user' | 'amount' | 'difficulty' | 'worth' | 'is_estimate' | 'from_s' | 'to_s' | 'created_at'
>;

/** The sum of `amount` is amount + amount_e8 / 10⁸, all decimal text; of `difficulty` alike. */
export interface CreditSums
  extends Pick<CreditRow, 'user' | 'miner' | 'state' | 'amount' | 'difficulty' | 'is_estimate'> {
  /** 2026-01-31, UTC; null where days were not asked for. */
  readonly day: string | null;
  readonly credits: number;
  readonly amount_e8: string;
  readonly difficulty_e8: string;
}

/** At most 12 digits before the point and not negative: ten million of them are no more than SQLite's whole numbers hold. */
function isSmall(name: string): string {
  return `(instr(${name} || '.', '.') <= 13 AND ${name} >= '0')`;
}

/** What is larger is alone in its group. */
function sumOf(name: string): string {
  const places = `substr(substr(${name}, instr(${name} || '.', '.') + 1) || '00000000', 1, 8)`;
  const sum = (one: string) => `CAST(sum(CASE WHEN ${isSmall(name)} THEN CAST(${one} AS INTEGER) ELSE 0 END) AS TEXT)`;
  return `CASE WHEN ${isSmall(name)} THEN ${sum(name)} ELSE ${name} END AS ${name}, ${sum(places)} AS ${name}_e8`;
}

/** No attempt is put off for longer. */
export const DELAY_MS_MAX = 2 * 3_600_000;

export class Credits {
  readonly #db: Database.Database;
  readonly #add: Database.Statement;
  readonly #hasPaid: Database.Statement<[string]>;

  constructor(db: Database.Database) {
    this.#db = db;
    this.#add = db.prepare(
      `INSERT INTO credits (miner, worker, user, amount, difficulty, worth, is_estimate, from_s, to_s, state, due_at, created_at)
       VALUES (@miner, @worker, @user, @amount, @difficulty, @worth, @is_estimate, @from_s, @to_s, 'owed', @created_at, @created_at)`,
    );
    // By user: a million that others were paid are not gone through.
    this.#hasPaid = db.prepare(
      "SELECT 1 FROM credits INDEXED BY credits_user WHERE user = ? AND state = 'paid' LIMIT 1",
    );
  }

  /** Its id. Throws SqliteError SQLITE_CONSTRAINT_UNIQUE where the period is a credit already. */
  add(credit: NewCredit): number {
    return Number(this.#add.run(credit).lastInsertRowid);
  }

  get(id: number): CreditRow | undefined {
    return this.#db.prepare<[number], CreditRow>('SELECT * FROM credits WHERE id = ?').get(id);
  }

  /** Owed and due at `at`, longest due first. What is due in days is so because the clock has gone back. */
  due(at: number, limit: number): CreditRow[] {
    return this.#db
      .prepare<[number, number, number], CreditRow>(
        "SELECT * FROM credits WHERE state = 'owed' AND (due_at <= ? OR due_at > ?) ORDER BY due_at, id LIMIT ?",
      )
      .all(at, at + DELAY_MS_MAX, limit);
  }

  /** Whether the site has taken any of this user. */
  hasPaid(user: string): boolean {
    return this.#hasPaid.get(user) !== undefined;
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

  /**
   * Exact sums of those that end at `from_s` or later and before `to_s`, by user, miner and state, and by day where that is
   * asked for: some rows for each, which add up. Added up here, because nothing else happens while a million rows are read.
   */
  sums(
    from_s: number,
    to_s: number,
    user: string | undefined,
    miner: string | undefined,
    byDay: boolean,
  ): CreditSums[] {
    const day = byDay ? "date(to_s, 'unixepoch')" : 'NULL';
    return this.#db
      .prepare<[number, number, string | null, string | null, string | null, string | null], CreditSums>(
        `SELECT ${day} AS day, user, miner, state, sum(credits) AS credits, max(is_estimate) AS is_estimate,
           ${sumOf('amount')}, ${sumOf('difficulty')}
         FROM credits WHERE to_s >= ? AND to_s < ? AND (? IS NULL OR user = ?) AND (? IS NULL OR miner = ?)
         GROUP BY 1, user, miner, state, CASE WHEN ${isSmall('amount')} AND ${isSmall('difficulty')} THEN 0 ELSE id END`,
      )
      .all(from_s, to_s, user ?? null, user ?? null, miner ?? null, miner ?? null);
  }

  /** Refused ones of a worker, oldest first. */
  refusedOf(miner: string, worker: string): CreditRow[] {
    return this.#db
      .prepare<[string, string], CreditRow>(
        "SELECT * FROM credits WHERE miner = ? AND worker = ? AND state = 'refused' ORDER BY from_s",
      )
      .all(miner, worker);
  }

  /** A refused one, so that its works can be a credit again. */
  remove(id: number): boolean {
    return this.#db.prepare("DELETE FROM credits WHERE id = ? AND state = 'refused'").run(id).changes > 0;
  }

  status(): { owed: number; refused: number; oldest_owed_at?: number; last_paid_at?: number } {
    const count = this.#db.prepare<[CreditState], { n: number }>('SELECT count(*) AS n FROM credits WHERE state = ?');
    const oldest = this.#db
      .prepare<[], { created_at: number }>("SELECT created_at FROM credits WHERE state = 'owed' ORDER BY id LIMIT 1")
      .get();
    const paid = this.#db
      .prepare<[], { paid_at: number }>("SELECT paid_at FROM credits WHERE state = 'paid' ORDER BY id DESC LIMIT 1")
      .get();
    return {
      owed: count.get('owed')?.n ?? 0,
      refused: count.get('refused')?.n ?? 0,
      ...(oldest !== undefined && { oldest_owed_at: oldest.created_at }),
      ...(paid !== undefined && { last_paid_at: paid.paid_at }),
    };
  }
}
