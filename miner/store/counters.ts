/** How far the counters of each miner have been counted, and what it said of its pace meanwhile. */
import type Database from 'better-sqlite3';

export interface CounterRow {
  readonly miner_id: number;
  readonly pool_url: string;
  readonly pool_user: string;
  /** Milliseconds since 1970, of the reading. */
  readonly at: number;
  readonly uptime_s: number | null;
  readonly accepted: number | null;
  readonly rejected: number | null;
  readonly difficulty_accepted: number | null;
  /** That the pool assigned then. */
  readonly difficulty: number | null;
  /** Of how many entries in the miner's list it is the sum (AxeOS: of which); 0: the miner counts for all pools together. */
  readonly entries: number;
}

export interface PaceRow {
  readonly miner_id: number;
  readonly from_at: number;
  readonly at: number;
  /** By the hashrate that it reports. */
  readonly hashes: number;
  /** Accepted. */
  readonly shares: number;
  readonly difficulty: number;
}

export class Counters {
  readonly #of: Database.Statement<[number], CounterRow>;
  readonly #nameless: Database.Statement<[number], object>;
  readonly #put: Database.Statement;
  readonly #drop: Database.Statement;
  readonly #dropOldest: Database.Statement<[number, number]>;
  readonly #pace: Database.Statement<[number], PaceRow>;
  readonly #putPace: Database.Statement;
  readonly #dropPace: Database.Statement;

  constructor(db: Database.Database) {
    this.#of = db.prepare('SELECT * FROM counters WHERE miner_id = ?');
    this.#nameless = db.prepare("SELECT 1 FROM counters WHERE pool_user = '' AND at > ? LIMIT 1");
    this.#put = db.prepare(
      `INSERT OR REPLACE INTO counters
         (miner_id, pool_url, pool_user, at, uptime_s, accepted, rejected, difficulty_accepted, difficulty, entries)
       VALUES (@miner_id, @pool_url, @pool_user, @at, @uptime_s, @accepted, @rejected, @difficulty_accepted, @difficulty, @entries)`,
    );
    this.#drop = db.prepare('DELETE FROM counters WHERE miner_id = ? AND pool_url = ? AND pool_user = ?');
    this.#dropOldest = db.prepare(
      `DELETE FROM counters WHERE (miner_id, pool_url, pool_user) IN (
         SELECT miner_id, pool_url, pool_user FROM counters WHERE miner_id = ? ORDER BY at DESC LIMIT -1 OFFSET ?)`,
    );
    this.#pace = db.prepare('SELECT * FROM paces WHERE miner_id = ?');
    this.#putPace = db.prepare(
      'INSERT OR REPLACE INTO paces VALUES (@miner_id, @from_at, @at, @hashes, @shares, @difficulty)',
    );
    this.#dropPace = db.prepare('DELETE FROM paces WHERE miner_id = ?');
  }

  of(miner_id: number): CounterRow[] {
    return this.#of.all(miner_id);
  }

  /** A miner counts, since then, and says no user of a pool. */
  hasNameless(since: number): boolean {
    return this.#nameless.get(since) !== undefined;
  }

  put(row: CounterRow): void {
    this.#put.run(row);
  }

  drop({ miner_id, pool_url, pool_user }: CounterRow): void {
    this.#drop.run(miner_id, pool_url, pool_user);
  }

  /** All of a miner but the `kept` newest ones: where those are seen again, they are counted from there. */
  dropOldest(miner_id: number, kept: number): void {
    this.#dropOldest.run(miner_id, kept);
  }

  /** Undefined where no works of it are open. */
  pace(miner_id: number): PaceRow | undefined {
    return this.#pace.get(miner_id);
  }

  putPace(row: PaceRow): void {
    this.#putPace.run(row);
  }

  dropPace(miner_id: number): void {
    this.#dropPace.run(miner_id);
  }
}
