/** What miners said, over time. */
import type Database from 'better-sqlite3';

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

/** Every reading, means over ten minutes, or over an hour. */
export type Resolution = 'raw' | '10m' | '1h';

const TABLES: Readonly<Record<Resolution, string>> = { raw: 'readings', '10m': 'readings_10m', '1h': 'readings_1h' };

export class Readings {
  readonly #db: Database.Database;

  constructor(db: Database.Database) {
    this.#db = db;
  }

  /** Of one moment only the last. */
  add(row: ReadingRow): void {
    this.#db
      .prepare(
        `INSERT OR REPLACE INTO readings
         VALUES (@miner_id, @at_s, @hashrate_hps, @temperature_c, @power_w, @fan_rpm, @shares, @rejected, @difficulty)`,
      )
      .run(row);
  }

  /** Of one miner, oldest first, at `from_s` and before `to_s`. */
  of(miner_id: number, from_s: number, to_s: number, resolution: Resolution): ReadingRow[] {
    return this.#db
      .prepare<[number, number, number], ReadingRow>(
        `SELECT * FROM ${TABLES[resolution]} WHERE miner_id = ? AND at_s >= ? AND at_s < ? ORDER BY at_s`,
      )
      .all(miner_id, from_s, to_s);
  }
}
