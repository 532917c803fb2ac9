/** The state folder: its database, which is set aside where it is of no use any more, and the folders of the peers. */
import fs from 'node:fs';
import path from 'node:path';
import { Store } from '../replica/store.js';
import { troubleOf } from '../runtime/troubles.js';
import type { PeerFolders } from './options.js';
import type { Reporter } from './reporter.js';

/** No backup takes longer. */
const COPY_MS = 24 * 3_600_000;

export class StateFolder {
  /** The database is to be set aside once it is closed. */
  #isDamaged = false;

  constructor(
    readonly state: string,
    /** Milliseconds since 1970. */
    readonly now: () => number,
    readonly reporter: Reporter,
  ) {}

  get #database(): string {
    return path.join(this.state, 'state.db');
  }

  /** Opens the database. A damaged one is set aside, as if it had never been there: section 4 says what follows. */
  openStore(): Store {
    try {
      return Store.open(this.#database);
    } catch (error) {
      if (troubleOf(error).code !== 'AXL-STATE-CORRUPT') throw error;
      this.reporter.broken('open', error);
      this.setAside('corrupt');
      return Store.open(this.#database);
    }
  }

  /** Moves the database out of the way, for people. It must be closed. */
  setAside(why: 'stale' | 'corrupt'): void {
    const database = this.#database;
    const aside = `${database}.${why}-${this.now()}`;
    for (const suffix of ['', '-wal', '-shm'])
      if (fs.existsSync(database + suffix)) fs.renameSync(database + suffix, aside + suffix);
    this.reporter.setAside(why, aside);
  }

  /** Copies the database while it is in use; returns the copy's path, made by us and for nobody else. */
  async copy(store: Store, word: string): Promise<string> {
    this.#sweepCopies();
    const file = path.join(this.state, 'run', `backup-${word}.db`);
    fs.closeSync(fs.openSync(file, 'wx', 0o600));
    try {
      await store.backup(file);
    } catch (error) {
      fs.rmSync(file, { force: true });
      throw error;
    }
    return file;
  }

  /** What a killed `axle backup` left behind. */
  #sweepCopies(): void {
    const run = path.join(this.state, 'run');
    for (const name of fs.readdirSync(run).filter((one) => one.startsWith('backup-'))) {
      const copy = path.join(run, name);
      if (this.now() - fs.statSync(copy).mtimeMs > COPY_MS) fs.rmSync(copy, { recursive: true, force: true });
    }
  }

  noteDamage(error: unknown): void {
    if (troubleOf(error).code === 'AXL-STATE-CORRUPT') this.#isDamaged = true;
  }

  /** The database is closed: a damaged one goes out of the way of the next start. */
  closed(): void {
    if (this.#isDamaged) this.setAside('corrupt');
  }

  /** The folders of one peer, given to the owner of the state folder: the account into which the peer's rsync comes. */
  preparePeer(peer: string): PeerFolders {
    const { state } = this;
    const folders = {
      inbox: path.join(state, 'inbox', peer),
      outbox: path.join(state, 'outbox', peer),
      shelf: path.join(state, 'shelf', peer),
      run: path.join(state, 'run'),
    };
    const owner = fs.statSync(state);
    for (const folder of Object.values(folders)) {
      fs.mkdirSync(folder, { recursive: true, mode: 0o750 });
      if (process.getuid?.() !== 0) continue;
      fs.chownSync(path.dirname(folder), owner.uid, owner.gid);
      fs.chownSync(folder, owner.uid, owner.gid);
    }
    // What a crash left: batches, and the folder (`.sending`) in which a transport stages them.
    for (const name of fs.readdirSync(folders.outbox))
      fs.rmSync(path.join(folders.outbox, name), { recursive: true, force: true });
    return folders;
  }
}
