/** SQLite schema of a replica. `user_version` is the schema's version; a newer file is refused, an older one migrated. */
export const SCHEMA_VERSION = 3;

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
const REPLICA = `
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

export const SCHEMA = REPLICA + LEDGER;

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
/** From version 2 to 3: what programs change. */
export const TO_VERSION_3 = LEDGER;
