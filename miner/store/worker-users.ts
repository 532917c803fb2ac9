/** Whose each worker is, as a person has said. Rules of the config come after it. */
import type Database from 'better-sqlite3';

export interface WorkerUserRow {
  /** A worker's name at its pool, or the `worker_key` of a miner. */
  readonly worker: string;
  /** As the sites name them: 1-andy. */
  readonly user: string;
  readonly created_at: number;
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

  /** In the place of what was said before. */
  put(row: WorkerUserRow): void {
    this.#db.prepare('INSERT OR REPLACE INTO worker_users VALUES (@worker, @user, @created_at)').run(row);
  }

  remove(worker: string): boolean {
    return this.#db.prepare('DELETE FROM worker_users WHERE worker = ?').run(worker).changes > 0;
  }
}
