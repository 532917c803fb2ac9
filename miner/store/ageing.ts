/**
 * What is old becomes means, and what is too old goes. Each step is short, because nothing else happens meanwhile, and
 * leaves everything right if it is the last one: what is due is found in the tables themselves.
 */
import type Database from 'better-sqlite3';
import { Joining } from './joining.js';
import { meansUntil, WHOLE_FLEET } from './readings.js';
import { floorTo, HOUR_S, keptFrom, type Resolution, type Retention, TABLES, TEN_MINUTES_S } from './resolutions.js';
import type { Works } from './works.js';

/** Readings of ten minutes may still be written so long after their end. */
const LATE_S = 30;
/** Rows that one step removes. */
const ROWS_MAX = 2_000;
/** Miners that one step makes means of, or removes hours of: the hours of each lie in a place of their own. */
const MINERS_MAX = 200;

const COLUMNS = 'hashrate_hps, temperature_c, power_w, fan_rpm, shares, rejected, difficulty';
const SUMS = 'sum(shares), sum(rejected), sum(difficulty)';
const THESE = 'miner_id > @after AND miner_id <= @until';

/** Of the fleet: all readings together, over the number of rounds that there were: who was read half of the time counts half. */
const TEN_MINUTES = `
  INSERT OR REPLACE INTO readings_10m (miner_id, at_s, ${COLUMNS})
  SELECT miner_id, @at, avg(hashrate_hps), avg(temperature_c), avg(power_w), avg(fan_rpm), ${SUMS}
  FROM readings WHERE at_s >= @at AND at_s < @at + ${TEN_MINUTES_S} AND ${THESE} GROUP BY miner_id`;
const TEN_MINUTES_OF_ALL = `
  INSERT OR REPLACE INTO readings_10m (miner_id, at_s, ${COLUMNS})
  SELECT ${WHOLE_FLEET}, @at, sum(hashrates) / max(rounds), max(temperature_c), sum(powers) / max(rounds), max(fan_rpm),
    sum(shares), sum(rejected), sum(difficulty)
  FROM (
    SELECT count(*) AS rounds, sum(hashrate_hps) AS hashrates, max(temperature_c) AS temperature_c, sum(power_w) AS powers,
      max(fan_rpm) AS fan_rpm, sum(shares) AS shares, sum(rejected) AS rejected, sum(difficulty) AS difficulty
    FROM readings WHERE at_s >= @at AND at_s < @at + ${TEN_MINUTES_S} GROUP BY miner_id
  ) HAVING count(*) > 0`;
const HOUR = `
  INSERT OR REPLACE INTO readings_1h (miner_id, at_s, ${COLUMNS})
  SELECT miner_id, @at, avg(hashrate_hps), CASE miner_id WHEN ${WHOLE_FLEET} THEN max(temperature_c) ELSE avg(temperature_c) END,
    avg(power_w), avg(fan_rpm), ${SUMS}
  FROM readings_10m WHERE at_s >= @at AND at_s < @at + ${HOUR_S} AND ${THESE} GROUP BY miner_id`;

export class Ageing {
  readonly #db: Database.Database;
  /** Of which ten minutes means are being made, and of which miners they are made. */
  #making: { readonly at: number; readonly after: number } | undefined;

  readonly #joining: Joining;
  readonly #miners: Database.Statement<[number, number], { id: number }>;

  constructor(db: Database.Database, works: Works) {
    this.#db = db;
    this.#joining = new Joining(db, works);
    this.#miners = db.prepare('SELECT id FROM miners WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?');
  }

  /** One step; false: nothing is due now. */
  step(now_s: number, retention: Retention): boolean {
    const one = () =>
      this.#means(now_s) || this.#remove(now_s, retention) || this.#joining.step(now_s, retention.credits_d);
    try {
      return this.#db.transaction(one).immediate();
    } catch (error) {
      this.#making = undefined;
      throw error;
    }
  }

  /**
   * The next ten minutes that are over, of some miners after others and then of the fleet; the hour that they are in is made
   * again with them. What an agent that has ended has made of them is made again.
   */
  #means(now_s: number): boolean {
    const mark_s = meansUntil(this.#db);
    const over_s = floorTo(now_s, TEN_MINUTES_S);
    // Further than now: the clock was put back.
    const done_s = mark_s > over_s ? over_s - TEN_MINUTES_S : mark_s;
    const next_s = this.#db
      .prepare<[number], { at_s: number }>('SELECT at_s FROM readings WHERE at_s >= ? ORDER BY at_s LIMIT 1')
      .get(done_s)?.at_s;
    if (next_s === undefined) return false;
    const at = floorTo(next_s, TEN_MINUTES_S);
    if (at + TEN_MINUTES_S + LATE_S > now_s) return false;
    const after = this.#making?.at === at ? this.#making.after : WHOLE_FLEET;
    const hour = floorTo(at, HOUR_S);
    if (after < Number.MAX_SAFE_INTEGER) {
      const until = this.#miners.get(after, MINERS_MAX - 1)?.id ?? Number.MAX_SAFE_INTEGER;
      this.#db.prepare(TEN_MINUTES).run({ at, after, until });
      this.#db.prepare(HOUR).run({ at: hour, after, until });
      this.#making = { at, after: until };
      return true;
    }
    this.#db.prepare(TEN_MINUTES_OF_ALL).run({ at });
    this.#db.prepare(HOUR).run({ at: hour, after: WHOLE_FLEET - 1, until: WHOLE_FLEET });
    this.#db.prepare(`INSERT OR REPLACE INTO meta VALUES ('means_until_s', ?)`).run(String(at + TEN_MINUTES_S));
    this.#making = undefined;
    return true;
  }

  #remove(now_s: number, retention: Retention): boolean {
    for (const resolution of ['raw', '10m'] as const) {
      const before_s = keptFrom(resolution, retention, now_s);
      // Never what has not become a mean yet.
      if (this.#removeOldest(resolution, resolution === 'raw' ? Math.min(before_s, meansUntil(this.#db)) : before_s))
        return true;
    }
    return this.#removeHours(keptFrom('1h', retention, now_s));
  }

  /** They lie in the order of time: the oldest are the first. */
  #removeOldest(resolution: Resolution, before_s: number): boolean {
    const table = TABLES[resolution];
    const last = this.#db
      .prepare<[number, number], { at_s: number }>(
        `SELECT at_s FROM ${table} WHERE at_s < ? ORDER BY at_s LIMIT 1 OFFSET ?`,
      )
      .get(before_s, ROWS_MAX);
    const until_s = last === undefined ? before_s : last.at_s + 1;
    return this.#db.prepare(`DELETE FROM ${table} WHERE at_s < ?`).run(until_s).changes > 0;
  }

  /** Miner by miner, as they lie. */
  #removeHours(before_s: number): boolean {
    const next = this.#db.prepare<[number], { miner_id: number; at_s: number }>(
      'SELECT miner_id, at_s FROM readings_1h WHERE miner_id > ? ORDER BY miner_id, at_s LIMIT 1',
    );
    const remove = this.#db.prepare('DELETE FROM readings_1h WHERE miner_id = ? AND at_s < ?');
    let removed = 0;
    for (let row = next.get(-1); row !== undefined && removed < MINERS_MAX; row = next.get(row.miner_id)) {
      if (row.at_s < before_s) removed += remove.run(row.miner_id, before_s).changes;
    }
    return removed > 0;
  }
}
