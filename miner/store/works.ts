/** What was mined by a worker in a period, and is not a credit yet. */
import type Database from 'better-sqlite3';

export type WorkState = 'open' | 'unassigned' | 'held' | 'refused' | 'credited';

export interface WorkRow {
  readonly id: number;
  readonly miner_id: number;
  readonly worker_key: string;
  /** As the sites name it: the pool's worker name, or the miner's `worker_key` where it has none. */
  readonly worker: string;
  readonly pool_url: string;
  readonly pool_user: string;
  /** Milliseconds since 1970; whole seconds once its period has ended. */
  readonly from_at: number;
  readonly to_at: number;
  /** Decimal text. */
  readonly difficulty: string;
  /** Accepted. */
  readonly shares: number;
  readonly is_estimate: 0 | 1;
  readonly state: WorkState;
  /** In words, why it is held, refused or not a credit yet. */
  readonly reason: string | null;
  readonly credit_id: number | null;
}

export interface CarryRow {
  readonly worker_key: string;
  readonly worker: string;
  readonly user: string;
  /** Decimal text, as many places as it has. */
  readonly amount: string;
  readonly difficulty: string;
  readonly is_estimate: 0 | 1;
}

/** Works of one worker and one period: they become one credit, or none. */
export type WorkGroup = readonly [WorkRow, ...WorkRow[]];

/** `from_at`: of the oldest of them. */
export type Unassigned = Pick<WorkRow, 'worker_key' | 'worker' | 'pool_url' | 'pool_user' | 'from_at'>;

export type NewWork = Pick<
  WorkRow,
  | 'miner_id'
  | 'worker_key'
  | 'worker'
  | 'pool_url'
  | 'pool_user'
  | 'from_at'
  | 'to_at'
  | 'difficulty'
  | 'shares'
  | 'is_estimate'
>;

/** It is told every second. */
const COUNT_MAX = 10_000;

export class Works {
  readonly #db: Database.Database;
  readonly #add: Database.Statement;
  readonly #extend: Database.Statement;
  readonly #open: Database.Statement<[number], WorkRow>;
  readonly #close: Database.Statement;
  readonly #period: Database.Statement<[string, string], { to_s: number }>;
  readonly #putPeriod: Database.Statement;
  readonly #before: Database.Statement<[{ worker_key: string; worker: string; to_s: number }], { to_s: number | null }>;
  readonly #settle: Database.Statement;
  readonly #unassigned: Database.Statement<[string, string, string, string], Unassigned>;
  readonly #carry: Database.Statement<[string, string, string], CarryRow>;
  readonly #putCarry: Database.Statement;

  constructor(db: Database.Database) {
    this.#db = db;
    this.#add = db.prepare(
      `INSERT INTO works (miner_id, worker_key, worker, pool_url, pool_user, from_at, to_at, difficulty, shares, is_estimate, state)
       VALUES (@miner_id, @worker_key, @worker, @pool_url, @pool_user, @from_at, @to_at, @difficulty, @shares, @is_estimate, 'open')`,
    );
    this.#extend = db.prepare(
      'UPDATE works SET to_at = @to_at, difficulty = @difficulty, shares = @shares, is_estimate = @is_estimate WHERE id = @id',
    );
    this.#open = db.prepare("SELECT * FROM works WHERE miner_id = ? AND state = 'open' ORDER BY id");
    this.#close = db.prepare('UPDATE works SET state = ?, reason = ?, from_at = ?, to_at = ? WHERE id = ?');
    this.#period = db.prepare('SELECT to_s FROM periods WHERE worker_key = ? AND worker = ?');
    this.#putPeriod = db.prepare(
      'INSERT INTO periods VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET to_s = max(to_s, excluded.to_s)',
    );
    // Of old works, only the credits are left.
    this.#before = db.prepare(
      `SELECT max(to_s) AS to_s FROM (
         SELECT max(to_at) / 1000 AS to_s FROM works WHERE state IN ('unassigned', 'held', 'refused', 'credited')
           AND worker_key = @worker_key AND worker = @worker AND from_at < @to_s * 1000
         UNION ALL SELECT max(to_s) FROM credits WHERE miner = @worker_key AND worker = @worker AND from_s < @to_s)`,
    );
    this.#carry = db.prepare('SELECT * FROM carries WHERE worker_key = ? AND worker = ? AND user = ?');
    this.#putCarry = db.prepare(
      'INSERT OR REPLACE INTO carries VALUES (@worker_key, @worker, @user, @amount, @difficulty, @is_estimate)',
    );
    this.#settle = db.prepare('UPDATE works SET state = ?, reason = ?, credit_id = ? WHERE id = ?');
    this.#unassigned = db.prepare(
      `SELECT worker_key, worker, pool_url, pool_user, from_at FROM works INDEXED BY works_unassigned
       WHERE state = 'unassigned' AND (worker_key, worker, pool_url, pool_user) > (?, ?, ?, ?)
       ORDER BY worker_key, worker, pool_url, pool_user, from_at LIMIT 1`,
    );
  }

  add(work: NewWork): void {
    this.#add.run(work);
  }

  extend(id: number, work: Pick<WorkRow, 'to_at' | 'difficulty' | 'shares' | 'is_estimate'>): void {
    this.#extend.run({ ...work, id });
  }

  /** Of a miner, whose period goes on. */
  open(miner_id: number): WorkRow[] {
    return this.#open.all(miner_id);
  }

  /** Miners with open works that began before `at`. */
  openBefore(at: number): number[] {
    return this.#db
      .prepare<[number], { miner_id: number }>(
        "SELECT DISTINCT miner_id FROM works WHERE state = 'open' AND from_at < ?",
      )
      .all(at)
      .map(({ miner_id }) => miner_id);
  }

  close(id: number, { state, reason, from_at, to_at }: Pick<WorkRow, 'state' | 'reason' | 'from_at' | 'to_at'>): void {
    this.#close.run(state, reason, from_at, to_at, id);
  }

  /**
   * From when a period of a worker that ends at `to_s` may begin (whole seconds since 1970), so that it overlaps no other. Where
   * our clock was ahead once, there are periods behind it; where it ends in one of them, it comes behind all, if at all.
   */
  freeFrom(worker_key: string, worker: string, to_s: number): number {
    const last_s = this.#period.get(worker_key, worker)?.to_s ?? 0;
    if (last_s <= to_s) return last_s;
    const before_s = this.#before.get({ worker_key, worker, to_s })?.to_s ?? 0;
    return before_s <= to_s ? before_s : last_s;
  }

  /** A period of a worker has ended. */
  putEnd(worker_key: string, worker: string, to_s: number): void {
    this.#putPeriod.run(worker_key, worker, to_s);
  }

  settle(id: number, { state, reason, credit_id }: Pick<WorkRow, 'state' | 'reason' | 'credit_id'>): void {
    this.#settle.run(state, reason, credit_id, id);
  }

  /** Workers with works that are nobody's, with every pool that they have some for. */
  unassigned(): Unassigned[] {
    const pools: Unassigned[] = [];
    // From one to the next by the index: however many works each has, they are not gone through.
    for (let one = this.#unassigned.get('', '', '', ''); one !== undefined; ) {
      pools.push(one);
      one = this.#unassigned.get(one.worker_key, one.worker, one.pool_url, one.pool_user);
    }
    return pools;
  }

  /** Of one worker, oldest period first, of those that begin after `after` (milliseconds). */
  groupsOf(state: WorkState, worker_key: string, worker: string, limit: number, after = 0): WorkGroup[] {
    return grouped(
      this.#db
        .prepare<[string, string, string, number, number], WorkRow>(
          'SELECT * FROM works WHERE state = ? AND worker_key = ? AND worker = ? AND from_at > ? ORDER BY from_at, id LIMIT ?',
        )
        .all(state, worker_key, worker, after, limit),
      limit,
    );
  }

  /** Oldest first. */
  groups(state: WorkState, limit: number): WorkGroup[] {
    return grouped(
      this.#db
        .prepare<[string, number], WorkRow>(
          'SELECT * FROM works WHERE state = ? ORDER BY worker_key, worker, from_at, id LIMIT ?',
        )
        .all(state, limit),
      limit,
    );
  }

  /** All works of the period of one of them, in the same state. */
  groupWith(id: number, state: WorkState): WorkRow[] {
    return this.#db
      .prepare<[number, string], WorkRow>(
        `SELECT w.* FROM works w JOIN works one ON one.id = ?
         WHERE w.state = ? AND one.state = w.state AND w.worker_key = one.worker_key AND w.worker = one.worker
           AND w.from_at = one.from_at AND w.to_at = one.to_at`,
      )
      .all(id, state);
  }

  /** What is left over of a worker's credits to a user. */
  carry(worker_key: string, worker: string, user: string): CarryRow | undefined {
    return this.#carry.get(worker_key, worker, user);
  }

  putCarry(row: CarryRow): void {
    this.#putCarry.run(row);
  }

  /** All that end at `at` or later, whatever their state. */
  since(at: number): WorkRow[] {
    return this.#db.prepare<[number], WorkRow>('SELECT * FROM works WHERE to_at >= ?').all(at);
  }

  ofCredit(credit_id: number): WorkRow[] {
    return this.#db.prepare<[number], WorkRow>('SELECT * FROM works WHERE credit_id = ?').all(credit_id);
  }

  /** How many in this state, by works: at most 10,000 are counted. */
  count(state: WorkState): number {
    return this.#db
      .prepare<[string, number], { n: number }>(
        'SELECT count(*) AS n FROM (SELECT 1 FROM works WHERE state = ? LIMIT ?)',
      )
      .get(state, COUNT_MAX)?.n as number;
  }

  /** Removes some of those from before `at` that a person has rejected, or whose credits are paid, and stay. Returns how many. */
  prune(at: number, limit: number): number {
    return this.#db
      .prepare(
        `DELETE FROM works WHERE id IN (
           SELECT id FROM works WHERE to_at < ? AND state IN ('credited', 'refused')
             AND NOT EXISTS (SELECT 1 FROM credits WHERE id = credit_id AND state <> 'paid') LIMIT ?)`,
      )
      .run(at, limit).changes;
  }
}

/** Rows in order of worker and period. The last group may be cut by the limit, and is left for the next time. */
function grouped(rows: readonly WorkRow[], limit: number): WorkGroup[] {
  const groups: [WorkRow, ...WorkRow[]][] = [];
  for (const row of rows) {
    const last = groups.at(-1);
    const [first] = last ?? [];
    if (
      last !== undefined &&
      first?.worker_key === row.worker_key &&
      first.worker === row.worker &&
      first.from_at === row.from_at
    )
      last.push(row);
    else groups.push([row]);
  }
  if (rows.length === limit && groups.length > 1) groups.pop();
  return groups;
}
