/** SQLite schema of a replica. `user_version` is the schema's version; a newer file is refused, an older one migrated. */
export const SCHEMA_VERSION = 2;

/**
 * documents: the state of each document. `seq` is the newest local change that a peer may be owed (0: none of ours);
 *   `origin` the one replica that already has everything newer than its cursor, because it came from there. `bucket` and
 *   `digest` are what peers compare, and what tells a row whose state is no longer what was stored.
 * lost: what this replica has lost and its peers are asked for: a document, '*' for everything, '~' for what we added. `told` are the sites that
 *   have answered, `released` = 1 once the document is in use again, `unsent` = 1 where changes that nobody had may be gone.
 * files: what the live file is agreed to be. `shadow` is its text, null where there is no file; `print` the fingerprint
 *   of the file that held it; `dirty` = 1 where state and file are known to differ.
 * retired: incarnations that are over. peers: `author` owns what a peer contributes now. passing: sites that changed it, and
 *   until which of their changes those of the author before may still come.
 * overdrawn: documents with less than nothing, and since when (milliseconds since 1970).
 * held: changes that wait for a person's decision; `live` is what was written ('' for a removed file), `view` what it is
 *   measured from.
 * unsettled: documents that stood here unreadable when this site joined.
 * intents: a live file is about to be replaced (I3); `inode` is the fingerprint of the file that takes its place. replaced: hard links to replaced inodes, to be read once more (I4).
 */
export const SCHEMA = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  seq INTEGER NOT NULL,
  origin TEXT NOT NULL,
  at INTEGER NOT NULL,
  by_site TEXT NOT NULL,
  state TEXT NOT NULL,
  bucket TEXT NOT NULL,
  digest TEXT NOT NULL
);
CREATE INDEX documents_seq ON documents (seq) WHERE seq > 0;
CREATE INDEX documents_bucket ON documents (bucket, digest);
CREATE TABLE lost (name TEXT PRIMARY KEY, unsent INTEGER NOT NULL, released INTEGER NOT NULL, told TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE files (
  id INTEGER PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE,
  print TEXT NOT NULL,
  dirty INTEGER NOT NULL,
  shadow TEXT
);
CREATE INDEX files_dirty ON files (id) WHERE dirty = 1;
CREATE TABLE intents (
  id INTEGER PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE,
  inode TEXT NOT NULL,
  view TEXT NOT NULL,
  link TEXT NOT NULL
);
CREATE TABLE replaced (
  link TEXT PRIMARY KEY,
  id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
  shadow TEXT NOT NULL,
  due INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE peers (
  site TEXT PRIMARY KEY,
  replica TEXT NOT NULL,
  author TEXT NOT NULL,
  applied INTEGER NOT NULL,
  confirmed INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE retired (replica TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE passing (site TEXT PRIMARY KEY, after INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE overdrawn (id INTEGER PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE, since INTEGER NOT NULL);
CREATE TABLE unsettled (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE held (
  id INTEGER PRIMARY KEY,
  document TEXT NOT NULL,
  reason TEXT NOT NULL,
  live TEXT NOT NULL,
  view TEXT NOT NULL,
  at INTEGER NOT NULL
);
`;

/** Made wherever it is missing. What only makes things faster needs no new version. */
export const SCHEMA_ADDED = 'CREATE INDEX IF NOT EXISTS held_document ON held (document)';
/** From version 1 to 2: buckets and digests. The rows are filled in by the store, which knows how. */
export const TO_VERSION_2 = `
ALTER TABLE documents ADD COLUMN bucket TEXT NOT NULL DEFAULT '';
ALTER TABLE documents ADD COLUMN digest TEXT NOT NULL DEFAULT '';
CREATE INDEX documents_bucket ON documents (bucket, digest);
ALTER TABLE peers ADD COLUMN author TEXT NOT NULL DEFAULT '';
UPDATE peers SET author = replica;
CREATE TABLE passing (site TEXT PRIMARY KEY, after INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE overdrawn (id INTEGER PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE, since INTEGER NOT NULL);
CREATE TABLE lost (name TEXT PRIMARY KEY, unsent INTEGER NOT NULL, released INTEGER NOT NULL, told TEXT NOT NULL) WITHOUT ROWID;
`;
