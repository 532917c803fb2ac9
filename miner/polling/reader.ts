/** What others see of polling. */
import type { MinerReading } from '../adapters/reading.js';
import type { Latest } from '../fleet/fleet.js';

/** What is known of miners that cannot be asked themselves. */
export interface OtherReader {
  latest(miner_id: number): Latest | undefined;
  /** Of the last sign of life. */
  age_ms(miner_id: number): number | undefined;
  /** The last reading, without asking. Throws where there is none that is good; undefined: no such miner, or not enabled. */
  last(miner_id: number): { readonly reading: MinerReading; readonly at: number } | undefined;
}

export interface MinerReader {
  latest(miner_id: number): Latest | undefined;
  /**
   * Asks the device now: one request at a time a device, and within its adapter's spacing the last reading is answered.
   * `at`: milliseconds since 1970. Rejects with the device's error.
   */
  readNow(miner_id: number): Promise<{ readonly reading: MinerReading; readonly at: number }>;
}
