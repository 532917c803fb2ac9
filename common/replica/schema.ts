/** SQLite schema of a replica. `user_version` is the schema's version; a newer file is refused, an older one migrated. */
export const SCHEMA_VERSION = 1;

/**
 * documents: the state of each document. `seq` is the newest local change that a peer may be owed (0: none of ours);
 *   `origin` the one replica that already has everything newer than its cursor, because it came from there.
 * files: what the live file is agreed to be. `shadow` is its text, null where there is no file; `print` the fingerprint
 *   of the file that held it; `dirty` = 1 where state and file are known to differ.
 * retired: incarnations that are over. passing: those of peers of which the last changes have not all arrived.
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
  state TEXT NOT NULL
);
CREATE INDEX documents_seq ON documents (seq) WHERE seq > 0;
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
  applied INTEGER NOT NULL,
  confirmed INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE retired (replica TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE passing (replica TEXT PRIMARY KEY, site TEXT NOT NULL, after INTEGER NOT NULL) WITHOUT ROWID;
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
