/**
 * The replica's state in SQLite (WAL, synchronous=FULL: a committed intent is on disk before the rename it announces).
 * Verbs only; what they mean is decided by absorb, materialise and receive.
 */
import Database from 'better-sqlite3';
import { type CanonicalText, canonicalText } from '../core/canonical.js';
import { bucketOf, documentDigest, type ShortDigest } from '../core/digest-tree.js';
import { Journal } from './journal.js';
import { SCHEMA, SCHEMA_ADDED, SCHEMA_VERSION, TO_VERSION_2, TO_VERSION_3 } from './schema.js';
import { sha256 } from './sha256.js';

export type DocumentRow = {
  readonly id: number;
  readonly name: string;
  readonly seq: number;
  readonly origin: string;
  readonly at: number;
  readonly by_site: string;
  /** A DocState. */
  readonly state: CanonicalText;
};

/** As it stands in the database. `Replica.sound` tells whether the state still is what was stored. */
export type StoredRow = DocumentRow & { readonly digest: ShortDigest };

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
  /** Owner of what it contributes now: its replica, or one that it has taken since. */
  readonly author: string;
  readonly applied: number;
  readonly confirmed: number;
};
/** See `lost` in the schema. */
export type LostRow = {
  readonly name: string;
  readonly unsent: boolean;
  readonly released: boolean;
  readonly told: readonly string[];
};
export type HeldRow = {
  readonly id: number;
  readonly document: string;
  readonly reason: string;
  /** What was written; '' where the file was removed. */
  readonly live: string;
  /** What it is measured from. */
  readonly view: string;
  readonly at: number;
};

/** Keys of the meta table. */
export type MetaKey =
  | 'replica'
  | 'author'
  | 'seq'
  | 'gaps'
  | 'commits'
  | 'stamp'
  | 'phase'
  | 'held'
  | 'joined'
  | 'birth'
  | 'rejoins';

export class Store {
  readonly #db: Database.Database;
  readonly #statements = new Map<string, Database.Statement>();
  /** Buckets with a document that was written since they were last taken from here. */
  readonly changedBuckets = new Set<string>();
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
      if (version > SCHEMA_VERSION) throw new Error(`${path} was written by a newer Axle (schema ${version})`);
      if (version < SCHEMA_VERSION)
        db.transaction(() => {
          if (version === 0) db.exec(SCHEMA);
          if (version === 1) {
            db.exec(TO_VERSION_2);
            fillDigests(db);
          }
          if (version === 1 || version === 2) db.exec(TO_VERSION_3);
          db.pragma(`user_version = ${SCHEMA_VERSION}`);
        })();
      db.exec(SCHEMA_ADDED);
    } catch (error) {
      db.close();
      throw error;
    }
    return new Store(db);
  }

  close(): void {
    this.#db.close();
  }

  /** Copies the database as it is at the end of the copying, while it is in use. Bounded work at a time. */
  async backup(path: string): Promise<void> {
    await this.#db.backup(path);
  }

  /**
   * For a copy that is to be put back one day: what was being replaced at that moment counts as not begun. Its files will be
   * other inodes, which hold what was agreed on last.
   */
  forgetIntents(): void {
    this.#run("UPDATE files SET dirty = 1, print = '' WHERE id IN (SELECT id FROM intents)");
    for (const table of ['intents', 'replaced']) this.#run(`DELETE FROM ${table}`);
  }

  /** What every live file held when it was last agreed on, in pieces; documents without a file are left out. */
  shadowsAfter(id: number, limit: number): { id: number; name: string; shadow: string }[] {
    return this.#all(
      `SELECT f.id, d.name, f.shadow FROM files f JOIN documents d USING (id)
       WHERE f.id > ? AND f.shadow IS NOT NULL ORDER BY f.id LIMIT ?`,
      id,
      limit,
    );
  }

  /** Documents with changes of this site's own that no peer has confirmed. */
  countUntold(): number {
    const sql = `SELECT count(*) AS n FROM documents
      WHERE origin = '' AND seq > (SELECT coalesce(max(confirmed), 0) FROM peers)`;
    return this.#get<{ n: number }>(sql)?.n ?? 0;
  }

  get isOpen(): boolean {
    return this.#db.open;
  }

  /** Runs `work` in one transaction: all of it is on disk when this returns, or none. */
  commit<T>(work: () => T): T {
    try {
      return this.#db.transaction(work).immediate();
    } catch (error) {
      this.journal.forget();
      throw error;
    }
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

  document(name: string): StoredRow | undefined {
    return this.#get('SELECT * FROM documents WHERE name = ?', name);
  }

  known(name: string): (KnownRow & StoredRow) | undefined {
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

  documentById(id: number): StoredRow | undefined {
    return this.#get('SELECT * FROM documents WHERE id = ?', id);
  }

  /** Inserts or updates; returns the document's id. */
  putDocument(row: Omit<DocumentRow, 'id'>, id: number | undefined): number {
    const bucket = bucketOf(row.name, sha256);
    const digest = documentDigest(row.name, row.state, sha256);
    this.changedBuckets.add(bucket);
    if (id === undefined)
      return Number(
        this.#run(
          'INSERT INTO documents (name, seq, origin, at, by_site, state, bucket, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
          row.name,
          row.seq,
          row.origin,
          row.at,
          row.by_site,
          row.state,
          bucket,
          digest,
        ).lastInsertRowid,
      );
    this.#run(
      'UPDATE documents SET seq = ?, origin = ?, at = ?, by_site = ?, state = ?, digest = ? WHERE id = ?',
      row.seq,
      row.origin,
      row.at,
      row.by_site,
      row.state,
      digest,
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

  countOverdrawn(): number {
    return this.#get<{ n: number }>('SELECT count(*) AS n FROM overdrawn')?.n ?? 0;
  }

  /** Documents with `after` < seq, in order, at most `limit`. */
  changedSince(after: number, limit: number): StoredRow[] {
    return this.#all('SELECT * FROM documents WHERE seq > ? AND seq > 0 ORDER BY seq LIMIT ?', after, limit);
  }

  /**
   * How many documents with `after` < seq came from elsewhere than `origin`; says no more than `limit`, and looks at no
   * more than 5 times as many: a peer that has confirmed none of its own million must not make this take a second.
   */
  countChangedSince(after: number, origin: string, limit: number): number {
    const sql = `SELECT min(count(*), ?) AS n FROM
      (SELECT origin FROM documents WHERE seq > ? AND seq > 0 ORDER BY seq LIMIT ?) WHERE origin <> ?`;
    return this.#get<{ n: number }>(sql, limit, after, 5 * limit, origin)?.n ?? 0;
  }

  /** Documents by id, for a pass over all of them in pieces. */
  documentsAfterId(id: number, limit: number): StoredRow[] {
    return this.#all('SELECT * FROM documents WHERE id > ? ORDER BY id LIMIT ?', id, limit);
  }

  /** Digests of the documents in a bucket, in their own order: read from the index alone. */
  digestsIn(bucket: string): ShortDigest[] {
    return this.#all<{ digest: ShortDigest }>(
      'SELECT digest FROM documents WHERE bucket = ? ORDER BY digest',
      bucket,
    ).map((row) => row.digest);
  }

  /** Buckets that hold documents, in pieces. */
  bucketsAfter(bucket: string, limit: number): string[] {
    return this.#all<{ bucket: string }>(
      'SELECT DISTINCT bucket FROM documents WHERE bucket > ? ORDER BY bucket LIMIT ?',
      bucket,
      limit,
    ).map((row) => row.bucket);
  }

  documentsIn(bucket: string): Pick<StoredRow, 'name' | 'seq' | 'origin' | 'digest'>[] {
    return this.#all('SELECT name, seq, origin, digest FROM documents WHERE bucket = ?', bucket);
  }

  countDocuments(): number {
    return this.#get<{ n: number }>('SELECT count(*) AS n FROM documents')?.n ?? 0;
  }

  /** Row id of the newest document; 0 where there is none. */
  lastDocumentId(): number {
    return this.#get<{ id: number | null }>('SELECT max(id) AS id FROM documents')?.id ?? 0;
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

  /** Of all of them. */
  setReplacedDue(due: number): void {
    this.#run('UPDATE replaced SET due = ?', due);
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

  /**
   * A peer that comes under another replica has given up the one before. Also ends the passing of the site's earlier
   * authors, if their last changes have arrived by now.
   */
  putPeer(row: PeerRow): void {
    this.#run('DELETE FROM passing WHERE site = ? AND after <= ?', row.site, row.applied);
    this.#run(
      'INSERT OR IGNORE INTO retired (replica) SELECT replica FROM peers WHERE site = ? AND replica <> ?',
      row.site,
      row.replica,
    );
    this.#run(
      'INSERT OR REPLACE INTO peers (site, replica, author, applied, confirmed) VALUES (?, ?, ?, ?, ?)',
      row.site,
      row.replica,
      row.author,
      row.applied,
      row.confirmed,
    );
  }

  /** An incarnation that is over: what still comes from it is refused. */
  retire(replica: string): void {
    this.#run('INSERT OR IGNORE INTO retired (replica) VALUES (?)', replica);
  }

  /** A peer contributes under another author: changes of the one before may still come, up to `after` of its sequence. */
  putPassing(site: string, after: number): void {
    this.#run('INSERT OR REPLACE INTO passing (site, after) VALUES (?, ?)', site, after);
  }

  isPassing(site: string): boolean {
    return this.#get('SELECT 1 FROM passing WHERE site = ?', site) !== undefined;
  }

  isRetired(replica: string): boolean {
    return this.#get('SELECT 1 FROM retired WHERE replica = ?', replica) !== undefined;
  }

  lost(): LostRow[] {
    return this.#all<{ name: string; unsent: number; released: number; told: string }>('SELECT * FROM lost').map(
      ({ name, unsent, released, told }) => ({
        name,
        unsent: unsent === 1,
        released: released === 1,
        told: JSON.parse(told) as string[],
      }),
    );
  }

  putLost(row: LostRow): void {
    this.#run(
      'INSERT OR REPLACE INTO lost (name, unsent, released, told) VALUES (?, ?, ?, ?)',
      row.name,
      row.unsent ? 1 : 0,
      row.released ? 1 : 0,
      JSON.stringify(row.told),
    );
  }

  dropLost(name: string): void {
    this.#run('DELETE FROM lost WHERE name = ?', name);
  }

  /** What is agreed on live files and peers is forgotten; the documents stay. For a state that turned out to be old. */
  forgetAgreements(): void {
    for (const table of ['intents', 'replaced', 'files']) this.#run(`DELETE FROM ${table}`);
    this.#run('UPDATE peers SET confirmed = 0');
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

  /** Notes a held change; returns its id, which is never given to another. */
  hold(row: Omit<HeldRow, 'id'>): number {
    const id = Number(this.meta('held') ?? 0) + 1;
    this.setMeta('held', String(id));
    this.#run(
      'INSERT INTO held (id, document, reason, live, view, at) VALUES (?, ?, ?, ?, ?, ?)',
      id,
      row.document,
      row.reason,
      row.live,
      row.view,
      row.at,
    );
    return id;
  }

  held(id: number): HeldRow | undefined {
    return this.#get('SELECT * FROM held WHERE id = ?', id);
  }

  /** Of one document, oldest first. */
  heldOf(document: string): HeldRow[] {
    return this.#all('SELECT * FROM held WHERE document = ? ORDER BY id', document);
  }

  heldAfter(id: number, limit: number): HeldRow[] {
    return this.#all('SELECT * FROM held WHERE id > ? ORDER BY id LIMIT ?', id, limit);
  }

  /** The oldest held changes without their texts, which may be large. */
  heldHeads(limit: number): Omit<HeldRow, 'live' | 'view'>[] {
    return this.#all('SELECT id, document, reason, at FROM held ORDER BY id LIMIT ?', limit);
  }

  countHeld(): number {
    return this.#get<{ n: number }>('SELECT count(*) AS n FROM held')?.n ?? 0;
  }

  dropHeld(id: number): void {
    this.#run('DELETE FROM held WHERE id = ?', id);
  }

  /**
   * Names that somebody may have meant: the same file of another kind, the same beginning, the same words. A look over all
   * names: for people, not for programs.
   */
  namesLike(name: string, limit: number): string[] {
    const file = name.slice(name.lastIndexOf('/') + 1);
    const words = file.split(/[^A-Za-z0-9]+/).filter((word) => word.length > 1);
    const starts = [file.slice(0, Math.ceil(file.length / 2)), file.slice(0, 3)];
    const kind = name.slice(0, name.lastIndexOf('/'));
    const patterns = [`%/${file}`, ...words.map((word) => `${kind}/%${word}%`), ...starts.map((s) => `${kind}/${s}%`)];
    const found = new Set<string>();
    for (const pattern of patterns)
      for (const row of this.#all<{ name: string }>(
        "SELECT name FROM documents WHERE name LIKE ? ESCAPE '\\' ORDER BY name LIMIT ?",
        pattern.replaceAll('_', '\\_'),
        limit,
      ))
        found.add(row.name);
    return [...found].slice(0, limit);
  }

  /** How many documents of a kind have a live file here; never says more than `limit`. */
  countFiles(kind: string, limit: number): number {
    const sql = `SELECT count(*) AS n FROM (SELECT 1 FROM documents d JOIN files f USING (id)
      WHERE d.name > ? AND d.name < ? AND f.shadow IS NOT NULL LIMIT ?)`;
    // '0' is the character after '/'.
    return this.#get<{ n: number }>(sql, `${kind}/`, `${kind}0`, limit)?.n ?? 0;
  }
}

/** Rows of schema version 1 get what version 2 asks of them. */
function fillDigests(db: Database.Database): void {
  const page = db.prepare('SELECT id, name, state FROM documents WHERE id > ? ORDER BY id LIMIT 1000');
  const put = db.prepare('UPDATE documents SET state = ?, bucket = ?, digest = ? WHERE id = ?');
  for (let after: number | undefined = 0; after !== undefined; ) {
    const rows = page.all(after) as { id: number; name: string; state: string }[];
    for (const { id, name, state } of rows) {
      const text = canonicalText(JSON.parse(state));
      put.run(text, bucketOf(name, sha256), documentDigest(name, text, sha256), id);
    }
    after = rows.at(-1)?.id;
  }
}
