/** The fleet's data in one SQLite file (WAL, synchronous=FULL: what is counted as mined is on disk before it is sent). */
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { troubleOf } from '../../common/runtime/troubles.js';
import { Ageing } from './ageing.js';
import { Configs } from './configs.js';
import { Counters } from './counters.js';
import { Credits } from './credits.js';
import { Miners } from './miners.js';
import { PoolMiners } from './pool-miners.js';
import { Readings } from './readings.js';
import { MIGRATIONS } from './schema.js';
import { Submissions } from './submissions.js';
import { Wallets } from './wallets.js';
import { WorkerUsers } from './worker-users.js';
import { Works } from './works.js';

export class FleetStoreError extends Error {
  readonly code = 'AXL-FLEET-STORE';

  constructor(
    what: string,
    /** What to do now. */
    readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(what, options);
  }
}

export class FleetStore {
  readonly db: Database.Database;
  readonly miners: Miners;
  readonly poolMiners: PoolMiners;
  readonly configs: Configs;
  readonly wallets: Wallets;
  readonly readings: Readings;
  readonly counters: Counters;
  readonly submissions: Submissions;
  readonly works: Works;
  readonly workerUsers: WorkerUsers;
  readonly credits: Credits;
  readonly ageing: Ageing;

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
      throw damageOf(error, file);
    }
  }

  /**
   * As `open`, and where that is not possible because the disk is full or read-only, as the file stands: it must be of this
   * version then. What is in the way of that, or of opening at all, is thrown as `open` does.
   */
  static openToRead(file: string): FleetStore {
    try {
      return FleetStore.open(file);
    } catch (error) {
      if (!['AXL-DISK-FULL', 'AXL-READ-ONLY', 'AXL-STATE-OPEN'].includes(troubleOf(error).code)) throw error;
      for (const source of [() => file, () => inMemory(file)]) {
        let db: Database.Database | undefined;
        try {
          db = new Database(source(), { readonly: true });
          return new FleetStore(db);
        } catch {
          db?.close();
        }
      }
      throw error;
    }
  }

  private constructor(db: Database.Database) {
    this.db = db;
    this.miners = new Miners(db);
    this.poolMiners = new PoolMiners(db);
    this.configs = new Configs(db);
    this.wallets = new Wallets(db);
    this.readings = new Readings(db);
    this.counters = new Counters(db);
    this.submissions = new Submissions(db);
    this.works = new Works(db);
    this.workerUsers = new WorkerUsers(db);
    this.credits = new Credits(db);
    this.ageing = new Ageing(db, this.works);
  }

  /** All or nothing. */
  transaction<T>(work: () => T): T {
    return this.db.transaction(work).immediate();
  }

  close(): void {
    this.db.close();
  }
}

/** SQLite wants to make files beside one that is in WAL mode, even to read it: where it cannot, it reads a copy that is not. */
function inMemory(file: string): Buffer {
  if ((fs.statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0)
    throw new Error(`the newest of ${file} is beside it, in ${file}-wal`);
  const bytes = fs.readFileSync(file);
  // Versions of the format to write and to read (https://www.sqlite.org/fileformat.html): 1 is without WAL.
  return bytes.fill(1, 18, 20);
}

/** Not set aside by itself: it holds what is owed and not yet sent. */
function damageOf(error: unknown, file: string): unknown {
  const { code = '' } = error as { code?: string };
  if (!code.startsWith('SQLITE_CORRUPT') && !code.startsWith('SQLITE_NOTADB')) return error;
  return new FleetStoreError(
    `${file} is damaged`,
    'put back a backup of it, or move it away (devices are found again, credits not sent yet are lost)',
    { cause: error },
  );
}

function migrate(db: Database.Database, file: string): void {
  const version = db.pragma('user_version', { simple: true }) as number;
  if (version > MIGRATIONS.length)
    throw new FleetStoreError(
      `${file} was written by a newer Axle (schema ${version}, this one knows ${MIGRATIONS.length})`,
      'install that version again',
    );
  // Nothing is written then: the disk may be full.
  if (version === MIGRATIONS.length) return;
  db.transaction(() => {
    for (const step of MIGRATIONS.slice(version)) db.exec(step);
    db.pragma(`user_version = ${MIGRATIONS.length}`);
  }).immediate();
}
