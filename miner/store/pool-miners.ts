/** Miners that cannot be asked themselves: which worker of which address at which pool each of them is. */
import type Database from 'better-sqlite3';

export interface PoolMinerRow {
  readonly miner_id: number;
  /** Id of a pool, such as ckpool_btc. */
  readonly pool: string;
  /** Payout address, as it is compared. */
  readonly address: string;
  /** As the pool writes it; empty for one that gives no name. */
  readonly worker: string;
}

export class PoolMiners {
  readonly #db: Database.Database;

  readonly #get: Database.Statement<[number], PoolMinerRow>;

  constructor(db: Database.Database) {
    this.#db = db;
    this.#get = db.prepare('SELECT * FROM pool_miners WHERE miner_id = ?');
  }

  /** Of a miner that is in `miners`, with which it goes. Throws SqliteError SQLITE_CONSTRAINT_* where there is one. */
  add(row: PoolMinerRow): void {
    this.#db
      .prepare('INSERT INTO pool_miners (miner_id, pool, address, worker) VALUES (@miner_id, @pool, @address, @worker)')
      .run(row);
  }

  get(miner_id: number): PoolMinerRow | undefined {
    return this.#get.get(miner_id);
  }

  count(): number {
    return (this.#db.prepare('SELECT count(*) AS count FROM pool_miners').get() as { count: number }).count;
  }

  list(): PoolMinerRow[] {
    return this.#db.prepare<[], PoolMinerRow>('SELECT * FROM pool_miners ORDER BY miner_id').all();
  }
}
