/** What others see of polling. */
import type { MinerReading } from '../adapters/reading.js';
import type { Latest } from '../fleet/fleet.js';

export interface MinerReader {
  latest(miner_id: number): Latest | undefined;
  /**
   * Asks the device now: one request at a time a device, and within its adapter's spacing the last reading is answered.
   * `at`: milliseconds since 1970. Rejects with the device's error.
   */
  readNow(miner_id: number): Promise<{ readonly reading: MinerReading; readonly at: number }>;
}
