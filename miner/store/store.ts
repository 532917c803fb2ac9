/** The fleet's data in one SQLite file (WAL, synchronous=FULL: what is counted as mined is on disk before it is sent). */
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { Configs } from './configs.js';
import { Miners } from './miners.js';
import { Readings } from './readings.js';
import { MIGRATIONS } from './schema.js';
import { Wallets } from './wallets.js';

export class FleetStoreError extends Error {
  readonly code = 'AXL-FLEET-STORE';
}

export class FleetStore {
  readonly db: Database.Database;
  readonly miners: Miners;
  readonly configs: Configs;
  readonly wallets: Wallets;
  readonly readings: Readings;

  /** Made where there is none, closed to other accounts: it holds the devices' passwords. Throws `FleetStoreError`. */
  static open(file: string): FleetStore {
    if (file !== ':memory:') fs.closeSync(fs.openSync(file, 'a', 0o640));
    const db = new Database(file);
    try {
      db.pragma('journal_mode = WAL');
      db.pragma('synchronous = FULL');
      db.pragma('foreign_keys = ON');
      migrate(db, file);
      return new FleetStore(db);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  private constructor(db: Database.Database) {
    this.db = db;
    this.miners = new Miners(db);
    this.configs = new Configs(db);
    this.wallets = new Wallets(db);
    this.readings = new Readings(db);
  }

  /** All or nothing. */
  transaction<T>(work: () => T): T {
    return this.db.transaction(work).immediate();
  }

  close(): void {
    this.db.close();
  }
}

function migrate(db: Database.Database, file: string): void {
  const version = db.pragma('user_version', { simple: true }) as number;
  if (version > MIGRATIONS.length)
    throw new FleetStoreError(
      `${file} was written by a newer Axle (schema ${version}, this one knows ${MIGRATIONS.length}): install that version again`,
    );
  db.transaction(() => {
    for (const step of MIGRATIONS.slice(version)) db.exec(step);
    db.pragma(`user_version = ${MIGRATIONS.length}`);
  }).immediate();
}
