/** SQLite schema of a fleet. `user_version` is its version; a newer file is refused, an older one migrated step by step. */

/**
 * Times are milliseconds since 1970 (`*_at`), but for readings, whose `at_s` are whole seconds. Money and difficulty that is
 * credited are decimal text (TEXT), never floats.
 *
 * miners: `worker_key` names the device to the sites for ever (its MAC, or `miner-ID-…` where it has none): what was credited
 *   must not be credited again because a name has changed. `adapter` is how it is read. `seen_at`: the last good reading.
 *   `ip_address` empty: it cannot be asked itself, and is seen through its pool.
 * pool_miners: what such a miner is to its pool: `worker` of a payout address, empty for one that gives no name.
 * configs: a pool and user that a miner was seen with, once. `wallet_id` null: unmatched, and `reason` says why. `linked`
 *   is by whom: a person's link wins over a rule's.
 * counters: how far a counter of shares has been counted. `uptime_s` tells a restart, `entries` how many lists of the miner's
 *   it is the sum of (0: a counter of the whole miner), `difficulty` what its pool assigned.
 * paces: what a miner said that it does since its open works began, to compare with.
 * periods: until when the time of a worker is credited, held or waits; no period begins before it. In whole seconds.
 * carries: what is less than the last decimal place of a credit, kept for the next one.
 * submissions: shares as the API lists them: one row for what was accepted (or rejected) in some minutes, `count` of them (0:
 *   a pool that only counts difficulty does not say), of `difficulty` together.
 * works: what was mined in a period by a worker. `open` until its period ends, then `unassigned` until it is a credit; `held`
 *   and `refused` (rejected by a person) say why. credits: what is owed to a user for works (the outbox).
 * readings*: each reading, and the means over ten minutes and an hour. `shares`, `rejected`, `difficulty`: since the one
 *   before, and in the others their sums. Miner 0 is the whole fleet. The first two are kept in the order of time, so that
 *   a round of a thousand miners is written to some pages and not to a thousand; of them, few hours and days are read at once.
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
CREATE TABLE pool_miners (
  miner_id INTEGER PRIMARY KEY REFERENCES miners (id) ON DELETE CASCADE,
  pool TEXT NOT NULL,
  address TEXT NOT NULL,
  worker TEXT NOT NULL,
  UNIQUE (pool, address, worker)
) WITHOUT ROWID;
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
  PRIMARY KEY (at_s, miner_id)
) WITHOUT ROWID;
CREATE TABLE readings_10m (
  miner_id INTEGER NOT NULL, at_s INTEGER NOT NULL,
  hashrate_hps REAL, temperature_c REAL, power_w REAL, fan_rpm REAL, shares REAL, rejected REAL, difficulty REAL,
  PRIMARY KEY (at_s, miner_id)
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
  difficulty REAL,
  entries INTEGER NOT NULL,
  PRIMARY KEY (miner_id, pool_url, pool_user)
) WITHOUT ROWID;
CREATE TABLE paces (
  miner_id INTEGER PRIMARY KEY,
  from_at INTEGER NOT NULL,
  at INTEGER NOT NULL,
  hashes REAL NOT NULL,
  shares REAL NOT NULL,
  difficulty REAL NOT NULL
);
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
CREATE INDEX submissions_miner ON submissions (miner_id, at);
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
  shares INTEGER NOT NULL,
  is_estimate INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'unassigned', 'held', 'refused', 'credited')),
  reason TEXT,
  credit_id INTEGER
);
CREATE INDEX works_state ON works (state, worker_key, worker, from_at);
CREATE INDEX works_to ON works (to_at);
CREATE INDEX works_open ON works (miner_id) WHERE state = 'open';
CREATE INDEX works_credit ON works (credit_id) WHERE credit_id IS NOT NULL;
CREATE TABLE periods (
  worker_key TEXT NOT NULL, worker TEXT NOT NULL, to_s INTEGER NOT NULL,
  PRIMARY KEY (worker_key, worker)
) WITHOUT ROWID;
CREATE TABLE carries (
  worker_key TEXT NOT NULL, worker TEXT NOT NULL, user TEXT NOT NULL, amount TEXT NOT NULL, difficulty TEXT NOT NULL,
  is_estimate INTEGER NOT NULL,
  PRIMARY KEY (worker_key, worker, user)
) WITHOUT ROWID;
CREATE TABLE worker_users (worker TEXT PRIMARY KEY, user TEXT NOT NULL, created_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE credits (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  miner TEXT NOT NULL,
  worker TEXT NOT NULL,
  user TEXT NOT NULL,
  amount TEXT NOT NULL,
  difficulty TEXT NOT NULL,
  worth TEXT NOT NULL,
  is_estimate INTEGER NOT NULL,
  from_s INTEGER NOT NULL,
  to_s INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('owed', 'paid', 'refused')),
  answer_id TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER NOT NULL,
  error TEXT,
  error_code TEXT,
  created_at INTEGER NOT NULL,
  paid_at INTEGER,
  UNIQUE (miner, worker, from_s, to_s)
);
CREATE INDEX credits_due ON credits (due_at) WHERE state = 'owed';
CREATE INDEX credits_user ON credits (user, to_s);
CREATE INDEX credits_to ON credits (to_s);
CREATE INDEX credits_state ON credits (state, id);
`;

/** credits: `credits` is of how many it is the sum: old ones are kept by the day. works_unassigned finds whose work waits, by pool. */
const VERSION_2 = `
ALTER TABLE credits ADD COLUMN credits INTEGER NOT NULL DEFAULT 1;
CREATE INDEX works_unassigned ON works (worker_key, worker, pool_url, pool_user, from_at) WHERE state = 'unassigned';
`;

/** Each brings a file from the version that is its place to the next one. What stands here is never changed again. */
export const MIGRATIONS: readonly string[] = [VERSION_1, VERSION_2];
