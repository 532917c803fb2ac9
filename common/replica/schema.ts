/** SQLite schema of a replica. `user_version` is the schema's version; a newer file is refused, an older one migrated. */

/**
 * documents: the state of each document. `seq` is the newest local change that a peer may be owed (0: none of ours);
 *   `origin` the one replica that already has everything newer than its cursor, because it came from there.
 * files: what the live file is agreed to be. `shadow` is its text, null where there is no file; `print` the fingerprint
 *   of the file that held it; `dirty` = 1 where state and file are known to differ.
 * retired: incarnations that are over. passing: those of peers of which the last changes have not all arrived.
 * overdrawn: documents with less than nothing, and since when (milliseconds since 1970).
 * unsettled: documents that stood here unreadable when this site joined.
 * intents: a live file is about to be replaced (I3); `inode` is the fingerprint of the file that takes its place. replaced: hard links to replaced inodes, to be read once more (I4).
 */
const FIRST = `
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

/**
 * What programs changed. changes: every one of them, for good (`amount` as it was taken, `balance` after it, `at` in
 *   milliseconds since 1970, `asker` who it was, `rule` the cap it counts under, '' for none).
 * answers: what was answered to whoever came with a key, and to which request; kept 30 days. Ids rise with time.
 * moves: the position of the newest change of a document's amounts, whoever made it: where a listener goes on.
 * miner_credits: what a change was paid for; times in seconds since 1970.
 */
const LEDGER = `
CREATE TABLE changes (
  id INTEGER PRIMARY KEY,
  document INTEGER NOT NULL REFERENCES documents (id),
  path TEXT NOT NULL,
  amount TEXT NOT NULL,
  balance TEXT NOT NULL,
  source TEXT NOT NULL,
  description TEXT NOT NULL,
  at INTEGER NOT NULL,
  asker TEXT NOT NULL,
  rule TEXT NOT NULL
);
CREATE INDEX changes_document ON changes (document, id);
CREATE TABLE answers (
  id INTEGER PRIMARY KEY,
  asker TEXT NOT NULL,
  key TEXT NOT NULL,
  digest TEXT NOT NULL,
  at INTEGER NOT NULL,
  answer TEXT NOT NULL,
  UNIQUE (asker, key)
);
CREATE TABLE moves (position INTEGER PRIMARY KEY, document INTEGER NOT NULL UNIQUE REFERENCES documents (id));
CREATE TABLE miner_credits (
  change INTEGER PRIMARY KEY REFERENCES changes (id),
  miner TEXT NOT NULL,
  worker TEXT NOT NULL,
  difficulty TEXT NOT NULL,
  from_s INTEGER NOT NULL,
  to_s INTEGER NOT NULL
);
CREATE INDEX miner_credits_miner ON miner_credits (miner, worker, from_s);
`;

/** Each leads from the version of its index to the next. */
export const SCHEMAS: readonly string[] = [FIRST, LEDGER];
