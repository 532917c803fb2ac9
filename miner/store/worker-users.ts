/** Whose each worker is, as a person has said. Rules of the config come after it. */
import type Database from 'better-sqlite3';

export interface WorkerUserRow {
  /** A worker's name at its pool, or the `worker_key` of a miner. */
  readonly worker: string;
  /** As the sites name them: 1-andy. */
  readonly user: string;
  readonly created_at: number;
}

/** A worker that has brought a user something. */
export interface CreditedWorker {
  readonly worker_key: string;
  readonly worker: string;
  readonly user: string;
  /** The end of the first period that the site has taken, in seconds since 1970; null where none is. */
  readonly paid_from_s: number | null;
  /** Where it mined last; null where its works are gone. */
  readonly pool_url: string | null;
  readonly pool_user: string | null;
}

export class WorkerUsers {
  readonly #db: Database.Database;
  readonly #get: Database.Statement<[string], WorkerUserRow>;

  constructor(db: Database.Database) {
    this.#db = db;
    this.#get = db.prepare('SELECT * FROM worker_users WHERE worker = ?');
  }

  get(worker: string): WorkerUserRow | undefined {
    return this.#get.get(worker);
  }

  list(): WorkerUserRow[] {
    return this.#db.prepare<[], WorkerUserRow>('SELECT * FROM worker_users ORDER BY worker').all();
  }

  /** By user. */
  credited(): CreditedWorker[] {
    // Each finds its own by an index: a million credits are not gone through.
    const last = (name: string) =>
      `(SELECT ${name} FROM works w WHERE w.state = 'credited' AND w.worker_key = c.worker_key AND w.worker = c.worker
        ORDER BY w.from_at DESC LIMIT 1) AS ${name}`;
    return this.#db
      .prepare<[], CreditedWorker>(
        `SELECT c.worker_key, c.worker, c.user, ${last('pool_url')}, ${last('pool_user')},
           (SELECT to_s FROM credits p WHERE p.miner = c.worker_key AND p.worker = c.worker AND p.user = c.user
              AND p.state = 'paid' ORDER BY p.from_s LIMIT 1) AS paid_from_s
         FROM carries c ORDER BY c.user, c.worker, c.worker_key`,
      )
      .all();
  }

  /** In the place of what was said before. */
  put(row: WorkerUserRow): void {
    this.#db.prepare('INSERT OR REPLACE INTO worker_users VALUES (@worker, @user, @created_at)').run(row);
  }

  remove(worker: string): boolean {
    return this.#db.prepare('DELETE FROM worker_users WHERE worker = ?').run(worker).changes > 0;
  }
}
