/**
 * The replica's state in SQLite (WAL, synchronous=FULL: a committed intent is on disk before the rename it announces).
 * Verbs only; what they mean is decided by absorb, materialise and receive.
 */
import Database from 'better-sqlite3';
import { Journal } from './journal.js';
import { SCHEMAS } from './schema.js';

export type DocumentRow = {
  readonly id: number;
  readonly name: string;
  readonly seq: number;
  readonly origin: string;
  readonly at: number;
  readonly by_site: string;
  /** A DocState as JSON. */
  readonly state: string;
};

/** A document with what is agreed on its live file; `print` null where no file has ever been agreed on. */
export type KnownRow = DocumentRow & {
  readonly print: string | null;
  readonly dirty: 0 | 1 | null;
  readonly shadow: string | null;
};

export type FileRow = {
  readonly id: number;
  readonly print: string;
  readonly dirty: 0 | 1;
  readonly shadow: string | null;
};
export type IntentRow = { readonly id: number; readonly inode: string; readonly view: string; readonly link: string };
export type ReplacedRow = { readonly link: string; readonly id: number; readonly shadow: string; readonly due: number };
export type PeerRow = {
  readonly site: string;
  readonly replica: string;
  readonly applied: number;
  readonly confirmed: number;
};
export type HeldRow = {
  readonly document: string;
  readonly reason: string;
  readonly live: string;
  readonly view: string;
  readonly at: number;
};

/** Keys of the meta table. */
export type MetaKey = 'replica' | 'seq' | 'commits' | 'stamp' | 'phase' | 'birth';

export class Store {
  readonly #db: Database.Database;
  readonly #statements = new Map<string, Database.Statement>();
  readonly journal: Journal;

  private constructor(db: Database.Database) {
    this.#db = db;
    this.journal = new Journal((text) => this.#sql(text));
  }

  /** Opens or creates the database. Throws where the file is no database, corrupt, or of a newer version of Axle. */
  static open(path: string): Store {
    const db = new Database(path);
    try {
      db.pragma('journal_mode = WAL');
      db.pragma('synchronous = FULL');
      db.pragma('foreign_keys = ON');
      db.pragma('cache_size = -16000');
      db.pragma('wal_autocheckpoint = 2000');
      const version = db.pragma('user_version', { simple: true }) as number;
      if (version > SCHEMAS.length) throw new Error(`${path} was written by a newer Axle (schema ${version})`);
      if (version < SCHEMAS.length)
        db.transaction(() => {
          for (const schema of SCHEMAS.slice(version)) db.exec(schema);
          db.pragma(`user_version = ${SCHEMAS.length}`);
        })();
    } catch (error) {
      db.close();
      throw error;
    }
    return new Store(db);
  }

  close(): void {
    this.#db.close();
  }

  /** Runs `work` in one transaction: all of it is on disk when this returns, or none. */
  commit<T>(work: () => T): T {
    return this.#db.transaction(work).immediate();
  }

  #sql(text: string): Database.Statement {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#db.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }

  #get<T>(text: string, ...values: unknown[]): T | undefined {
    return this.#sql(text).get(...values) as T | undefined;
  }

  #all<T>(text: string, ...values: unknown[]): T[] {
    return this.#sql(text).all(...values) as T[];
  }

  #run(text: string, ...values: unknown[]): Database.RunResult {
    return this.#sql(text).run(...values);
  }

  meta(key: MetaKey): string | undefined {
    return this.#get<{ value: string }>('SELECT value FROM meta WHERE key = ?', key)?.value;
  }

  setMeta(key: MetaKey, value: string): void {
    this.#run(
      'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
      key,
      value,
    );
  }

  document(name: string): DocumentRow | undefined {
    return this.#get('SELECT * FROM documents WHERE name = ?', name);
  }

  known(name: string): KnownRow | undefined {
    return this.#get(
      'SELECT d.*, f.print, f.dirty, f.shadow FROM documents d LEFT JOIN files f ON f.id = d.id WHERE d.name = ?',
      name,
    );
  }

  /** What is agreed on a document's live file, without its state. */
  printOf(name: string): { readonly print: string; readonly hasFile: 0 | 1 } | undefined {
    return this.#get(
      'SELECT f.print, f.shadow IS NOT NULL AS hasFile FROM documents d JOIN files f ON f.id = d.id WHERE d.name = ?',
      name,
    );
  }

  documentById(id: number): DocumentRow | undefined {
    return this.#get('SELECT * FROM documents WHERE id = ?', id);
  }

  /** Inserts or updates; returns the document's id. */
  putDocument(row: Omit<DocumentRow, 'id'>, id: number | undefined): number {
    if (id === undefined)
      return Number(
        this.#run(
          'INSERT INTO documents (name, seq, origin, at, by_site, state) VALUES (?, ?, ?, ?, ?, ?)',
          row.name,
          row.seq,
          row.origin,
          row.at,
          row.by_site,
          row.state,
        ).lastInsertRowid,
      );
    this.#run(
      'UPDATE documents SET seq = ?, origin = ?, at = ?, by_site = ?, state = ? WHERE id = ?',
      row.seq,
      row.origin,
      row.at,
      row.by_site,
      row.state,
      id,
    );
    return id;
  }

  /** Marks a document that fell below nothing (`since` in milliseconds since 1970), or takes the mark off it. */
  markOverdrawn(id: number, since: number | undefined): void {
    if (since === undefined) this.#run('DELETE FROM overdrawn WHERE id = ?', id);
    else this.#run('INSERT OR IGNORE INTO overdrawn (id, since) VALUES (?, ?)', id, since);
  }

  /** Documents with less than nothing, the oldest first. */
  overdrawn(): { readonly name: string; readonly since: number }[] {
    return this.#all('SELECT d.name, o.since FROM overdrawn o JOIN documents d USING (id) ORDER BY o.since, d.name');
  }

  /** Documents with `after` < seq, in order, at most `limit`. */
  changedSince(after: number, limit: number): DocumentRow[] {
    return this.#all('SELECT * FROM documents WHERE seq > ? AND seq > 0 ORDER BY seq LIMIT ?', after, limit);
  }

  /** Documents by id, for a pass over all of them in pieces. */
  documentsAfterId(id: number, limit: number): DocumentRow[] {
    return this.#all('SELECT * FROM documents WHERE id > ? ORDER BY id LIMIT ?', id, limit);
  }

  countDocuments(): number {
    return this.#get<{ n: number }>('SELECT count(*) AS n FROM documents')?.n ?? 0;
  }

  file(id: number): FileRow | undefined {
    return this.#get('SELECT * FROM files WHERE id = ?', id);
  }

  putFile(row: FileRow): void {
    this.#run(
      `INSERT INTO files (id, print, dirty, shadow) VALUES (?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET print = excluded.print, dirty = excluded.dirty, shadow = excluded.shadow`,
      row.id,
      row.print,
      row.dirty,
      row.shadow,
    );
  }

  setPrint(id: number, print: string): void {
    this.#run('UPDATE files SET print = ? WHERE id = ?', print, id);
  }

  /** Notes that state and live file may differ until materialise has run. */
  markDirty(id: number): void {
    this.#run(
      "INSERT INTO files (id, print, dirty, shadow) VALUES (?, '', 1, NULL) ON CONFLICT (id) DO UPDATE SET dirty = 1",
      id,
    );
  }

  /** Takes the mark off, unless the document has changed since `seq` was its newest change. */
  markClean(id: number, seq: number): void {
    this.#run('UPDATE files SET dirty = 0 WHERE id = ? AND (SELECT seq FROM documents WHERE id = ?) = ?', id, id, seq);
  }

  /** Documents whose live files are known to differ, in pieces: after a join that may be all of them. */
  dirtyAfter(id: number, limit: number): { id: number; name: string }[] {
    return this.#all(
      'SELECT f.id, d.name FROM files f JOIN documents d USING (id) WHERE f.dirty = 1 AND f.id > ? ORDER BY f.id LIMIT ?',
      id,
      limit,
    );
  }

  /** Every document that has a live file, with that file's fingerprint, in pieces. */
  printsAfter(id: number, limit: number): { id: number; name: string; print: string }[] {
    return this.#all(
      `SELECT f.id, d.name, f.print FROM files f JOIN documents d USING (id)
       WHERE f.id > ? AND f.shadow IS NOT NULL ORDER BY f.id LIMIT ?`,
      id,
      limit,
    );
  }

  intents(): IntentRow[] {
    return this.#all('SELECT * FROM intents');
  }

  putIntent(row: IntentRow): void {
    this.#run(
      'INSERT OR REPLACE INTO intents (id, inode, view, link) VALUES (?, ?, ?, ?)',
      row.id,
      row.inode,
      row.view,
      row.link,
    );
  }

  /** All of them: intents are made and settled a group at a time, and one group at a time. */
  dropIntents(): void {
    this.#run('DELETE FROM intents');
  }

  dropIntent(id: number): void {
    this.#run('DELETE FROM intents WHERE id = ?', id);
  }

  putReplaced(row: ReplacedRow): void {
    this.#run(
      'INSERT OR REPLACE INTO replaced (link, id, shadow, due) VALUES (?, ?, ?, ?)',
      row.link,
      row.id,
      row.shadow,
      row.due,
    );
  }

  /** Replaced files whose last look is due, oldest first. */
  replacedDue(now: number, limit: number): ReplacedRow[] {
    return this.#all('SELECT * FROM replaced WHERE due <= ? ORDER BY due LIMIT ?', now, limit);
  }

  replacedLinks(): string[] {
    return this.#all<{ link: string }>('SELECT link FROM replaced').map((row) => row.link);
  }

  dropReplaced(link: string): void {
    this.#run('DELETE FROM replaced WHERE link = ?', link);
  }

  peer(site: string): PeerRow | undefined {
    return this.#get('SELECT * FROM peers WHERE site = ?', site);
  }

  /** Also ends the passing of the site's earlier incarnations whose last changes have arrived by now. */
  putPeer(row: PeerRow): void {
    this.#run('DELETE FROM passing WHERE site = ? AND after <= ?', row.site, row.applied);
    this.#run(
      'INSERT OR REPLACE INTO peers (site, replica, applied, confirmed) VALUES (?, ?, ?, ?)',
      row.site,
      row.replica,
      row.applied,
      row.confirmed,
    );
  }

  /** An incarnation of ours that is over: what still comes from it is refused. */
  retireOwn(replica: string): void {
    this.#run('INSERT OR IGNORE INTO retired (replica) VALUES (?)', replica);
  }

  /**
   * A peer's incarnation that is over. Its last changes may still be on their way: they have arrived when its successor's
   * changes up to `head` have.
   */
  retire(replica: string, site: string, head: number): void {
    this.commit(() => {
      this.retireOwn(replica);
      this.#run('INSERT OR REPLACE INTO passing (replica, site, after) VALUES (?, ?, ?)', replica, site, head);
      this.#run('UPDATE passing SET after = ? WHERE site = ?', head, site);
    });
  }

  /** Whether an incarnation is over and nothing of it is still to come: its spending rights are the hub's. */
  isOver(replica: string): boolean {
    return this.isRetired(replica) && this.#get('SELECT 1 FROM passing WHERE replica = ?', replica) === undefined;
  }

  isRetired(replica: string): boolean {
    return this.#get('SELECT 1 FROM retired WHERE replica = ?', replica) !== undefined;
  }

  unsettled(): string[] {
    return this.#all<{ name: string }>('SELECT name FROM unsettled').map((row) => row.name);
  }

  putUnsettled(name: string): void {
    this.#run('INSERT OR IGNORE INTO unsettled (name) VALUES (?)', name);
  }

  dropUnsettled(name: string): void {
    this.#run('DELETE FROM unsettled WHERE name = ?', name);
  }

  hold(row: HeldRow): void {
    this.#run(
      'INSERT INTO held (document, reason, live, view, at) VALUES (?, ?, ?, ?, ?)',
      row.document,
      row.reason,
      row.live,
      row.view,
      row.at,
    );
  }

  held(): HeldRow[] {
    return this.#all('SELECT document, reason, live, view, at FROM held ORDER BY id');
  }
}
