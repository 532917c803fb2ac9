/** What miners said, over time. */
import type Database from 'better-sqlite3';
import { floorTo, HOUR_S, type Resolution, type Retention, resolutionFor, stepFor, TABLES } from './resolutions.js';

export type { Resolution } from './resolutions.js';

export interface ReadingRow {
  readonly miner_id: number;
  /** Seconds since 1970; of a mean, when its time began. */
  readonly at_s: number;
  readonly hashrate_hps: number | null;
  readonly temperature_c: number | null;
  readonly power_w: number | null;
  readonly fan_rpm: number | null;
  /** Accepted since the reading before. */
  readonly shares: number | null;
  readonly rejected: number | null;
  readonly difficulty: number | null;
}

export interface HistoryQuery {
  /** Absent: the whole fleet. */
  readonly miner_id?: number;
  readonly from_s: number;
  /** Not included. */
  readonly to_s: number;
  /** At most so many, about. */
  readonly points: number;
}

/** Columns of the same length; null where nothing is known. */
export interface History {
  readonly resolution: Resolution;
  readonly step_s: number;
  readonly at_s: number[];
  readonly hashrate_hps: (number | null)[];
  /** The hottest, where it is of a fleet. */
  readonly temperature_c: (number | null)[];
  readonly power_w: (number | null)[];
  readonly shares: (number | null)[];
  readonly rejected: (number | null)[];
  readonly difficulty: (number | null)[];
}

type Point = Omit<ReadingRow, 'miner_id' | 'fan_rpm'>;

/** Under which the whole fleet's means are kept: no miner has it. */
export const WHOLE_FLEET = 0;

/** Of one miner's rows, in steps. */
const OF_ONE = (table: string) => `
  SELECT at_s - at_s % CAST(@step AS INTEGER) AS at_s, avg(hashrate_hps) AS hashrate_hps, avg(temperature_c) AS temperature_c,
    avg(power_w) AS power_w, sum(shares) AS shares, sum(rejected) AS rejected, sum(difficulty) AS difficulty
  FROM ${table} WHERE miner_id = @miner_id AND at_s >= @from AND at_s < @to GROUP BY 1 ORDER BY 1`;

/** Each miner's mean in a step, and their sum. */
const OF_ALL = `
  SELECT at_s, sum(hashrate_hps) AS hashrate_hps, max(temperature_c) AS temperature_c, sum(power_w) AS power_w,
    sum(shares) AS shares, sum(rejected) AS rejected, sum(difficulty) AS difficulty
  FROM (
    SELECT at_s - at_s % CAST(@step AS INTEGER) AS at_s, miner_id, avg(hashrate_hps) AS hashrate_hps, avg(temperature_c) AS temperature_c,
      avg(power_w) AS power_w, sum(shares) AS shares, sum(rejected) AS rejected, sum(difficulty) AS difficulty
    FROM readings WHERE at_s >= @from AND at_s < @to GROUP BY 1, 2
  ) GROUP BY 1 ORDER BY 1`;

export class Readings {
  readonly #db: Database.Database;
  readonly #add: Database.Statement<[ReadingRow]>;
  readonly #miners: Database.Statement<[], { n: number }>;

  constructor(db: Database.Database) {
    this.#db = db;
    this.#miners = db.prepare('SELECT count(*) AS n FROM miners');
    this.#add = db.prepare(
      `INSERT INTO readings
       VALUES (@miner_id, @at_s, @hashrate_hps, @temperature_c, @power_w, @fan_rpm, @shares, @rejected, @difficulty)
       ON CONFLICT DO UPDATE SET hashrate_hps = excluded.hashrate_hps, temperature_c = excluded.temperature_c,
         power_w = excluded.power_w, fan_rpm = excluded.fan_rpm,
         shares = coalesce(shares + excluded.shares, shares, excluded.shares),
         rejected = coalesce(rejected + excluded.rejected, rejected, excluded.rejected),
         difficulty = coalesce(difficulty + excluded.difficulty, difficulty, excluded.difficulty)`,
    );
  }

  /** Of one second only the last, with the shares of all. Many are best added in one transaction. */
  add(row: ReadingRow): void {
    this.#add.run(row);
  }

  /** Of one miner, oldest first, at `from_s` and before `to_s`. */
  of(miner_id: number, from_s: number, to_s: number, resolution: Resolution): ReadingRow[] {
    return this.#db
      .prepare<[number, number, number], ReadingRow>(
        `SELECT * FROM ${TABLES[resolution]} WHERE miner_id = ? AND at_s >= ? AND at_s < ? ORDER BY at_s`,
      )
      .all(miner_id, from_s, to_s);
  }

  /**
   * As finely as its length allows, up to now: of what has not become means yet, the readings are taken.
   * `interval_s`: from one round of readings to the next.
   */
  history(query: HistoryQuery, retention: Retention, interval_s: number, now_s: number): History {
    const { miner_id = WHOLE_FLEET, from_s, to_s } = query;
    const isFleet = miner_id === WHOLE_FLEET;
    const readings = isFleet ? (this.#miners.get()?.n ?? 0) * ((to_s - from_s) / interval_s) : 0;
    const resolution = resolutionFor(query, retention, now_s, readings);
    // Two rounds of readings in a step: miners are read now a little earlier, now a little later.
    const step_s = stepFor(resolution, query, isFleet ? 2 * interval_s : interval_s);
    const read = (table: Resolution, from: number): Point[] =>
      isFleet && table === 'raw'
        ? this.#db.prepare<[object], Point>(OF_ALL).all({ step: step_s, from, to: to_s })
        : this.#db.prepare<[object], Point>(OF_ONE(TABLES[table])).all({ step: step_s, from, to: to_s, miner_id });
    const points = read(resolution, floorTo(from_s, step_s));
    if (resolution === 'raw') return columnsOf(resolution, step_s, points);
    const known_s = points.at(-1)?.at_s ?? Number.NEGATIVE_INFINITY;
    const newest = read('raw', Math.max(from_s, meansUntil(this.#db), to_s - HOUR_S));
    return columnsOf(resolution, step_s, [...points, ...newest.filter(({ at_s }) => at_s > known_s)]);
  }
}

/** Seconds since 1970: what was read before it has become means. */
export function meansUntil(db: Database.Database): number {
  const row = db.prepare<[], { value: string }>(`SELECT value FROM meta WHERE key = 'means_until_s'`).get();
  return row === undefined ? 0 : Number(row.value);
}

function columnsOf(resolution: Resolution, step_s: number, points: readonly Point[]): History {
  const column = <K extends keyof Point>(name: K): Point[K][] => points.map((point) => point[name]);
  return {
    resolution,
    step_s,
    at_s: column('at_s'),
    hashrate_hps: column('hashrate_hps'),
    temperature_c: column('temperature_c'),
    power_w: column('power_w'),
    shares: column('shares'),
    rejected: column('rejected'),
    difficulty: column('difficulty'),
  };
}
