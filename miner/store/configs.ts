/** Pools and users that miners were seen with, each once however often it is seen. */
import type Database from 'better-sqlite3';

export interface ConfigRow {
  readonly id: number;
  readonly miner_id: number;
  readonly pool_url: string;
  /** As the miner sends it. */
  readonly pool_user: string;
  readonly worker_name: string | null;
  readonly wallet_id: number | null;
  readonly linked: 'auto' | 'manual' | null;
  /** In words, why it is not matched to a wallet, or by what it is. */
  readonly reason: string | null;
  /** The miner has it now. */
  readonly active: 0 | 1;
  readonly detected_at: number;
  readonly seen_at: number;
}

/** Of one miner, besides those that a person has linked. */
const CONFIGS_MAX = 200;

export class Configs {
  readonly #db: Database.Database;
  readonly #rest: Database.Statement<[number]>;
  readonly #see: Database.Statement<[number, number, string, string]>;
  readonly #forget: Database.Statement<[number, number]>;
  readonly #add: Database.Statement<[number, string, string, number, number]>;

  constructor(db: Database.Database) {
    this.#db = db;
    this.#rest = db.prepare('UPDATE configs SET active = 0 WHERE miner_id = ? AND active = 1');
    this.#see = db.prepare(
      'UPDATE configs SET active = 1, seen_at = ? WHERE miner_id = ? AND pool_url = ? AND pool_user = ?',
    );
    this.#forget = db.prepare(
      `DELETE FROM configs WHERE id IN (
         SELECT id FROM configs WHERE miner_id = ? AND linked IS NOT 'manual' ORDER BY active DESC, seen_at DESC, id DESC
         LIMIT -1 OFFSET ?)`,
    );
    this.#add = db.prepare(
      'INSERT INTO configs (miner_id, pool_url, pool_user, active, detected_at, seen_at) VALUES (?, ?, ?, 1, ?, ?)',
    );
  }

  /**
   * What a miner says of its pools now: new ones are added, known ones seen again, all others of it are no longer active.
   * Returns those that are new.
   */
  observe(miner_id: number, pools: readonly { pool_url: string; pool_user: string }[], at: number): ConfigRow[] {
    return this.#db.transaction(() => {
      this.#rest.run(miner_id);
      const added: number[] = [];
      for (const { pool_url, pool_user } of pools) {
        if (this.#see.run(at, miner_id, pool_url, pool_user).changes > 0) continue;
        added.push(Number(this.#add.run(miner_id, pool_url, pool_user, at, at).lastInsertRowid));
      }
      if (added.length > 0) this.#forget.run(miner_id, CONFIGS_MAX);
      return added.flatMap((id) => this.get(id) ?? []);
    })();
  }

  get(id: number): ConfigRow | undefined {
    return this.#db.prepare<[number], ConfigRow>('SELECT * FROM configs WHERE id = ?').get(id);
  }

  /** Of one miner, or of all. */
  list(miner_id?: number): ConfigRow[] {
    return miner_id === undefined
      ? this.#db.prepare<[], ConfigRow>('SELECT * FROM configs ORDER BY id').all()
      : this.#db.prepare<[number], ConfigRow>('SELECT * FROM configs WHERE miner_id = ? ORDER BY id').all(miner_id);
  }

  /** A rule's link never takes the place of a person's. */
  link(id: number, link: Pick<ConfigRow, 'wallet_id' | 'worker_name' | 'linked' | 'reason'>): void {
    this.#db
      .prepare(
        `UPDATE configs SET wallet_id = @wallet_id, worker_name = @worker_name, linked = @linked, reason = @reason
         WHERE id = @id AND (linked IS NOT 'manual' OR @linked = 'manual')`,
      )
      .run({ ...link, id });
  }

  /** A person's links of a miner are none any more: the rules may link its configs again. */
  unlink(miner_id: number): void {
    this.#db
      .prepare(
        "UPDATE configs SET wallet_id = NULL, linked = NULL, reason = NULL WHERE miner_id = ? AND linked = 'manual'",
      )
      .run(miner_id);
  }
}
