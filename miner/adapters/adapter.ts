/** What every family of miners is: how it is recognised, what it is asked, and what its answers mean. */
import type { Device } from '../readers/device.js';
import type { Family, MinerReading } from './reading.js';
import type { Replies } from './replies.js';

export interface Adapter {
  /** Its own, to be stored: a known device is read by it without being identified again. */
  readonly key: string;
  readonly family: Family;
  /** Readings must not be closer together: the web server of an ESP32 dies of more. Absent: no limit. */
  readonly spacing_ms?: number;
  /** Pure. That these replies come from this family; `identify` asks the families with the clearest marks first. */
  recognises(replies: Replies): boolean;
  /** Pure, and never throws: what is missing, of another kind or out of bounds is absent. */
  parse(replies: Replies): MinerReading;
  /** Asks the device what a reading needs; one question that fails costs its answer only. Throws if all fail. */
  read(device: Device): Promise<Replies>;
}
