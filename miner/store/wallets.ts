/** Payout addresses that somebody watches, each at its pool. */
import type Database from 'better-sqlite3';

export interface WalletRow {
  readonly id: number;
  readonly name: string;
  readonly address: string;
  /** Id of a pool, such as ckpool_btc. */
  readonly pool: string;
  /** Such as BTC. */
  readonly currency: string;
  readonly created_at: number;
}

export class Wallets {
  readonly #db: Database.Database;

  constructor(db: Database.Database) {
    this.#db = db;
  }

  /** Throws SqliteError SQLITE_CONSTRAINT_UNIQUE where the address is known at that pool. */
  add(wallet: Omit<WalletRow, 'id'>): WalletRow {
    const { lastInsertRowid } = this.#db
      .prepare(
        'INSERT INTO wallets (name, address, pool, currency, created_at) VALUES (@name, @address, @pool, @currency, @created_at)',
      )
      .run(wallet);
    return { id: Number(lastInsertRowid), ...wallet };
  }

  get(id: number): WalletRow | undefined {
    return this.#db.prepare<[number], WalletRow>('SELECT * FROM wallets WHERE id = ?').get(id);
  }

  list(): WalletRow[] {
    return this.#db.prepare<[], WalletRow>('SELECT * FROM wallets ORDER BY id').all();
  }

  change(id: number, { name }: { readonly name: string }): boolean {
    return this.#db.prepare('UPDATE wallets SET name = ? WHERE id = ?').run(name, id).changes > 0;
  }

  remove(id: number): boolean {
    return this.#db.prepare('DELETE FROM wallets WHERE id = ?').run(id).changes > 0;
  }
}
