/** Finds out what a device is, by the fewest and gentlest questions, and reads it. */
import type { Adapter } from '../adapters/adapter.js';
import { antminer } from '../adapters/antminer.js';
import { cgminer } from '../adapters/cgminer.js';
import { identify } from '../adapters/identify.js';
import type { MinerReading } from '../adapters/reading.js';
import type { Replies } from '../adapters/replies.js';
import { type Json, parseTolerant } from '../adapters/tolerant-json.js';
import { whatsminer, whatsminer3 } from '../adapters/whatsminer.js';
import type { Device } from '../readers/device.js';
import { DeviceSilentError, HttpStatusError } from '../readers/errors.js';
import { remembering } from '../readers/remembering.js';

export type PortName = 'rpc' | 'http' | 'whatsminer';

export interface Interviewed {
  readonly adapter: Adapter;
  readonly reading: MinerReading;
}

/** Absent: no miner, as far as it says. Throws what the device failed with, if it answered nothing at all. */
export async function interview(asked: Device, open: readonly PortName[]): Promise<Interviewed | undefined> {
  // What told the family is mostly half of the reading, and an ESP32's web server dies of being asked twice at once.
  const device = remembering(asked);
  const adapter = await recognise(device, open);
  if (adapter === undefined) return undefined;
  const reading = adapter.parse(await adapter.read(device));
  // Newer Whatsminers say on 4028 who they are, and no more.
  if (adapter === whatsminer && reading.hashrate_hps === undefined && open.includes('whatsminer')) {
    return { adapter: whatsminer3, reading: whatsminer3.parse(await whatsminer3.read(device)) };
  }
  return { adapter, reading };
}

/** Port by port, and on each until something is said that only one family says. */
async function recognise(device: Device, open: readonly PortName[]): Promise<Adapter | undefined> {
  const replies: Record<string, Json> = {};
  const silent = new Set<PortName>();
  let failure: unknown;
  const learn = async (name: string, port: PortName, question: () => Promise<string>): Promise<Adapter | undefined> => {
    try {
      const value = parseTolerant(await question());
      if (value !== undefined) replies[name] = value;
    } catch (error) {
      if (isAntminerDoor(error)) return antminer;
      failure ??= error;
      // A server that hangs does so for every question.
      if (error instanceof DeviceSilentError) silent.add(port);
    }
    return certain({ ...replies });
  };

  for (const [name, port, question] of questionsTo(device)) {
    if (!open.includes(port) || silent.has(port)) continue;
    const adapter = await learn(name, port, question);
    if (adapter !== undefined) return adapter;
  }
  const adapter = identify({ ...replies });
  if (adapter === undefined && Object.keys(replies).length === 0 && failure !== undefined) throw failure;
  return adapter;
}

function questionsTo(device: Device): readonly (readonly [string, PortName, () => Promise<string>])[] {
  return [
    ['version', 'rpc', () => device.rpc('version')],
    ['summary', 'rpc', () => device.rpc('summary')],
    ['stats', 'rpc', () => device.rpc('stats')],
    ['device_info', 'whatsminer', () => device.whatsminer('get.device.info')],
    ['system_info', 'http', () => device.http({ path: '/api/system/info' })],
    ['axehub', 'http', () => device.http({ path: '/api/axehub/v1/info', headers: { 'x-axehub-compat': '1' } })],
    ['door', 'http', () => device.http({ path: '/' })],
  ];
}

/** Every one of them speaks the cgminer protocol: that alone says nothing yet. */
function certain(replies: Replies): Adapter | undefined {
  const adapter = identify(replies);
  return adapter === cgminer ? undefined : adapter;
}

function isAntminerDoor(error: unknown): boolean {
  return error instanceof HttpStatusError && error.status === 401 && /antminer/i.test(error.realm ?? '');
}
