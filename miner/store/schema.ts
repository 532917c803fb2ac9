/** SQLite schema of a fleet. `user_version` is its version; a newer file is refused, an older one migrated step by step. */

/**
 * Times are milliseconds since 1970 (`*_at`), but for readings, whose `at_s` are whole seconds. Money and difficulty that is
 * credited are decimal text (TEXT), never floats.
 *
 * miners: `worker_key` names the device to the sites for ever (its MAC, or `miner-ID` where it has none): what was credited
 *   must not be credited again because a name has changed. `adapter` is how it is read. `seen_at`: the last good reading.
 * configs: a pool and user that a miner was seen with, once. `wallet_id` null: unmatched, and `reason` says why. `linked`
 *   is by whom: a person's link wins over a rule's.
 * counters: how far a counter of shares has been counted. `uptime_s` tells a restart.
 * submissions: shares as the API lists them: one row for what was accepted (or rejected) between two readings, `count` of them.
 * works: what was mined in a period by a worker, not yet money. credits: what is owed to a user for works (the outbox).
 * readings*: each reading, and the means over ten minutes and an hour. `shares`, `rejected`, `difficulty`: since the one before.
 */
const VERSION_1 = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE miners (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  worker_key TEXT NOT NULL UNIQUE,
  miner_type TEXT NOT NULL,
  adapter TEXT,
  model TEXT,
  firmware TEXT,
  ip_address TEXT NOT NULL,
  mac_address TEXT UNIQUE,
  api_port INTEGER,
  login TEXT,
  enabled INTEGER NOT NULL DEFAULT 1,
  auto_discovered INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  seen_at INTEGER
);
CREATE INDEX miners_address ON miners (ip_address);
CREATE TABLE wallets (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  address TEXT NOT NULL,
  pool TEXT NOT NULL,
  currency TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (address, pool)
);
CREATE TABLE configs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  miner_id INTEGER NOT NULL REFERENCES miners (id) ON DELETE CASCADE,
  pool_url TEXT NOT NULL,
  pool_user TEXT NOT NULL,
  worker_name TEXT,
  wallet_id INTEGER REFERENCES wallets (id) ON DELETE SET NULL,
  linked TEXT CHECK (linked IN ('auto', 'manual')),
  reason TEXT,
  active INTEGER NOT NULL,
  detected_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  UNIQUE (miner_id, pool_url, pool_user)
);
CREATE INDEX configs_wallet ON configs (wallet_id);
CREATE TABLE readings (
  miner_id INTEGER NOT NULL, at_s INTEGER NOT NULL,
  hashrate_hps REAL, temperature_c REAL, power_w REAL, fan_rpm REAL, shares REAL, rejected REAL, difficulty REAL,
  PRIMARY KEY (miner_id, at_s)
) WITHOUT ROWID;
CREATE TABLE readings_10m (
  miner_id INTEGER NOT NULL, at_s INTEGER NOT NULL,
  hashrate_hps REAL, temperature_c REAL, power_w REAL, fan_rpm REAL, shares REAL, rejected REAL, difficulty REAL,
  PRIMARY KEY (miner_id, at_s)
) WITHOUT ROWID;
CREATE TABLE readings_1h (
  miner_id INTEGER NOT NULL, at_s INTEGER NOT NULL,
  hashrate_hps REAL, temperature_c REAL, power_w REAL, fan_rpm REAL, shares REAL, rejected REAL, difficulty REAL,
  PRIMARY KEY (miner_id, at_s)
) WITHOUT ROWID;
CREATE TABLE counters (
  miner_id INTEGER NOT NULL REFERENCES miners (id) ON DELETE CASCADE,
  pool_url TEXT NOT NULL,
  pool_user TEXT NOT NULL,
  at INTEGER NOT NULL,
  uptime_s REAL,
  accepted REAL,
  rejected REAL,
  difficulty_accepted REAL,
  PRIMARY KEY (miner_id, pool_url, pool_user)
) WITHOUT ROWID;
CREATE TABLE submissions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  wallet_id INTEGER,
  miner_id INTEGER,
  pool_name TEXT NOT NULL,
  worker_name TEXT NOT NULL,
  difficulty TEXT NOT NULL,
  count INTEGER NOT NULL,
  accepted INTEGER NOT NULL,
  manual INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX submissions_wallet ON submissions (wallet_id, at);
CREATE INDEX submissions_at ON submissions (at);
CREATE TABLE works (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  miner_id INTEGER NOT NULL,
  worker_key TEXT NOT NULL,
  worker TEXT NOT NULL,
  pool_url TEXT NOT NULL,
  pool_user TEXT NOT NULL,
  from_at INTEGER NOT NULL,
  to_at INTEGER NOT NULL,
  difficulty TEXT NOT NULL,
  is_estimate INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'unassigned', 'held', 'refused', 'credited')),
  reason TEXT,
  credit_id INTEGER
);
CREATE INDEX works_state ON works (state, to_at);
CREATE TABLE worker_users (worker TEXT PRIMARY KEY, user TEXT NOT NULL, created_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE credits (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  miner TEXT NOT NULL,
  worker TEXT NOT NULL,
  user TEXT NOT NULL,
  amount TEXT NOT NULL,
  difficulty TEXT NOT NULL,
  is_estimate INTEGER NOT NULL,
  from_s INTEGER NOT NULL,
  to_s INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('owed', 'paid', 'refused')),
  answer_id TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER NOT NULL,
  error TEXT,
  created_at INTEGER NOT NULL,
  paid_at INTEGER,
  UNIQUE (miner, worker, from_s, to_s)
);
CREATE INDEX credits_due ON credits (due_at) WHERE state = 'owed';
CREATE INDEX credits_user ON credits (user, to_s);
`;

/** Each brings a file from the version that is its place to the next one. What stands here is never changed again. */
export const MIGRATIONS: readonly string[] = [VERSION_1];
