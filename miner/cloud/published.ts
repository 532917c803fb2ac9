/**
 * What an agent has published, read back into a fleet. Of ours and of sync_to_gist.py: both are strangers' text here, so every
 * value is looked at, and what is wrong is left out.
 */
import { FAMILIES, type Family, type MinerReading } from '../adapters/reading.js';
import type { FleetMember, MinerState } from '../fleet/fleet.js';

export interface Published {
  /** Milliseconds since 1970, by the agent's clock. */
  readonly updated_at: number;
  readonly interval_s: number;
  readonly poll_interval_s: number;
  /** So many miners found no room in the file. */
  readonly left_out: number;
  readonly miners: readonly FleetMember[];
}

export class PublishedError extends Error {
  override readonly name = 'PublishedError';
}

const MINERS_MAX = 50_000;
const TEXT_CHARACTERS_MAX = 120;
const INTERVAL_S = 60;
const INTERVAL_S_MAX = 86_400;
const POLL_INTERVAL_S = 30;

type Raw = Readonly<Record<string, unknown>>;

/** Of a Gist's file, or of a document (see hub-file.ts). Throws `PublishedError`. */
export function readPublished(text: string): Published {
  const read = parse(text);
  const root = Array.isArray(read) && read.length === 1 ? (read[0] as unknown) : read;
  if (!isGroup(root)) throw new PublishedError('the file holds no group of keys');
  if (root.miners === undefined)
    throw new PublishedError(
      'the file is there, and no agent has written to it yet: is the relay running, with this GIST_ID?',
    );
  if (!isGroup(root.miners)) throw new PublishedError('its "miners" are no group of keys');
  const updated_at = typeof root.last_updated === 'string' ? Date.parse(root.last_updated) : Number.NaN;
  if (Number.isNaN(updated_at)) throw new PublishedError('it does not say when it was written (last_updated)');
  const axle = isGroup(root.axle) ? root.axle : {};
  const entries = Object.entries(root.miners).slice(0, MINERS_MAX);
  return {
    updated_at,
    interval_s: seconds(root.sync_interval) ?? INTERVAL_S,
    poll_interval_s: seconds(axle.poll_interval_s) ?? POLL_INTERVAL_S,
    left_out: count(axle.left_out) ?? 0,
    miners: entries.flatMap(([name, miner], place) =>
      isGroup(miner) ? [memberOf(name, miner, place + 1, updated_at)] : [],
    ),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new PublishedError('it is no JSON');
  }
}

const STATES: readonly string[] = ['online', 'stale', 'offline', 'unknown', 'disabled'] satisfies MinerState[];

function memberOf(name: string, miner: Raw, place: number, updated_at: number): FleetMember {
  const axle = isGroup(miner.axle) ? miner.axle : {};
  const isAlive = miner.alive === true;
  const said = typeof axle.state === 'string' && STATES.includes(axle.state) ? (axle.state as MinerState) : undefined;
  const state = said ?? (isAlive ? 'online' : 'offline');
  const type = plain(miner.type);
  const measured = isAlive ? miner : isGroup(axle.last) ? axle.last : undefined;
  const reading = measured && readingOf(measured, axle);
  const at = count(axle.at) ?? (isAlive ? updated_at : undefined);
  const [address, mac, firmware] = [plain(miner.ip), plain(miner.mac), plain(axle.firmware)];
  return {
    id: count(axle.id) ?? place,
    name: plain(name) ?? `miner-${place}`,
    miner_type: plain(axle.miner_type) ?? type ?? 'unknown',
    // What sync_to_gist.py writes for whatever does not answer.
    ...(type !== undefined && type !== 'OFFLINE' && { model: type }),
    ...(firmware !== undefined && { firmware }),
    ...(address !== undefined && { address }),
    ...(mac !== undefined && { mac }),
    state,
    ...(at !== undefined && { at }),
    ...(reading !== undefined && { reading }),
  };
}

function readingOf(measured: Raw, axle: Raw): MinerReading {
  const times = (value: unknown, factor: number): number | undefined => {
    const read = number(value);
    return read === undefined ? undefined : Number((read * factor).toPrecision(12));
  };
  const rpm = count(measured.fanrpm);
  const difficulty = count(measured.poolDifficulty);
  const family = FAMILIES.find((one) => one === axle.miner_type) ?? 'axeos';
  return known<MinerReading>({
    family: family satisfies Family,
    hashrate_hps: times(count(measured.hashrate_1m), 1e12),
    hashrate_avg_hps: times(count(measured.hashrate_24h), 1e12),
    hashrate_nominal_hps: times(count(axle.hashrate_nominal), 1e12),
    temperature_c: number(measured.temp),
    power_w: count(measured.power),
    voltage_v: times(count(measured.voltage), 1e-3),
    frequency_hz: times(count(measured.frequency), 1e6),
    uptime_s: count(measured.uptime),
    shares_accepted: count(measured.sharesAccepted),
    shares_rejected: count(measured.sharesRejected),
    best_share: count(measured.bestDiff),
    rssi_dbm: number(measured.wifiRSSI),
    pools: difficulty === undefined ? [] : [{ active: true, difficulty }],
    fans: rpm === undefined ? [] : [{ rpm }],
    boards: [],
  });
}

function known<T extends object>(value: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as T;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function count(value: unknown): number | undefined {
  const read = number(value);
  return read !== undefined && read >= 0 ? read : undefined;
}

function seconds(value: unknown): number | undefined {
  const read = count(value);
  return read !== undefined && read >= 1 && read <= INTERVAL_S_MAX ? read : undefined;
}

/** It ends up in pages and terminals. */
function plain(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .slice(0, TEXT_CHARACTERS_MAX);
  return text === '' ? undefined : text;
}

function isGroup(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
