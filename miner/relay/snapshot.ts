/**
 * The fleet as it leaves the local network: the file `miner_data.json` that sync_to_gist.py made, so that what read it goes
 * on reading it, with our own exact fields under the key `axle`.
 *
 * Units of that file: hashrates in TH/s, efficiency in J/TH, temp in °C, power in W, uptime in s, fanrpm in 1/min, frequency in
 * MHz, voltage in mV, wifiRSSI in dBm. Unlike there, what is not known is absent and not 0, and a miner that does not answer
 * has no hashrate: what it last said stands under `axle.last`, for those who know that it is old.
 */
import type { Fleet, FleetMember, MinerState } from '../fleet/fleet.js';
import { namesPlace, withoutPlace } from './scrub.js';

export const FILE_NAME = 'miner_data.json';
/** Below the megabyte after which the API of Gists gives only a part, and below `limits.max_file_bytes` of a site. */
export const BYTES_MAX = 950_000;
const NAME_CHARACTERS_MAX = 80;

/** What readers of the former script's file know of a miner. */
export interface Measured {
  readonly hashrate_1m?: number;
  readonly hashrate_24h?: number;
  readonly efficiency?: number;
  readonly temp?: number;
  readonly power?: number;
  readonly sharesAccepted?: number;
  readonly sharesRejected?: number;
  readonly uptime?: number;
  readonly fanrpm?: number;
  readonly frequency?: number;
  readonly voltage?: number;
  readonly wifiRSSI?: number;
  readonly bestDiff?: number;
  readonly poolDifficulty?: number;
}

export interface OwnFields {
  readonly id: number;
  readonly state: MinerState;
  /** Milliseconds since 1970, of what was measured. */
  readonly at?: number;
  readonly miner_type?: string;
  readonly firmware?: string;
  /** TH/s, what it should do. */
  readonly hashrate_nominal?: number;
  /** What it said last, where it does not answer now. */
  readonly last?: Measured;
}

export interface SnapshotMiner extends Measured {
  readonly name: string;
  readonly type: string;
  /** It answered within the last rounds. */
  readonly alive: boolean;
  readonly status: string;
  /** Only where addresses were asked for, as are the next two. */
  readonly ip?: string;
  readonly mac?: string;
  readonly dashboard_url?: string;
  readonly axle?: OwnFields;
}

export interface Snapshot {
  /** ISO 8601, UTC, with Z. */
  readonly last_updated: string;
  /** Seconds. */
  readonly sync_interval: number;
  /** Of the fleet, also where `axle.left_out` says that not all of them are listed. */
  readonly miner_count: number;
  readonly miners: Readonly<Record<string, SnapshotMiner>>;
  readonly axle: {
    readonly version: 1;
    readonly poll_interval_s: number;
    /** So many miners found no room. */
    readonly left_out?: number;
  };
}

export interface SnapshotOptions {
  /** Addresses in the local network too. */
  readonly addresses: boolean;
  /** Seconds from one snapshot to the next. */
  readonly interval_s: number;
}

export function snapshotOf(fleet: Fleet, { addresses, interval_s }: SnapshotOptions): Snapshot {
  const miners = new Map<string, SnapshotMiner>();
  for (const member of fleet.miners) {
    const name = uniqueName(addresses ? member.name : nameAbroad(member), member.id, miners);
    miners.set(name, minerOf(member, name, addresses));
  }
  return {
    last_updated: new Date(fleet.at).toISOString(),
    sync_interval: interval_s,
    miner_count: fleet.miners.length,
    miners: Object.fromEntries(miners),
    axle: { version: 1, poll_interval_s: fleet.poll_interval_s },
  };
}

/** Given names stay; one that was made of an address, or holds one, does not leave the local network. */
function nameAbroad(member: FleetMember): string {
  return namesPlace(member.name, member) ? `${member.miner_type}-${member.id}` : member.name;
}

function uniqueName(wanted: string, id: number, taken: ReadonlyMap<string, unknown>): string {
  const base = wanted.slice(0, NAME_CHARACTERS_MAX) || `miner-${id}`;
  if (!taken.has(base)) return base;
  let name = `${base}-${id}`;
  while (taken.has(name)) name = `${name}-${id}`;
  return name;
}

const STATUS: Readonly<Record<MinerState, string>> = {
  online: 'OK',
  stale: 'Stale',
  offline: 'Offline',
  unknown: 'Unknown',
  disabled: 'Disabled',
};

function minerOf(member: FleetMember, name: string, addresses: boolean): SnapshotMiner {
  const { id, state, at, miner_type, address, mac } = member;
  const place = addresses ? {} : { address, mac };
  const spoken = (text: string | undefined): string | undefined => (addresses ? text : withoutPlace(text, place));
  const measured = measuredOf(member);
  const isOnline = state === 'online';
  return withoutAbsent({
    name,
    type: spoken(member.model) ?? miner_type,
    ...(isOnline ? measured : {}),
    alive: isOnline,
    status: STATUS[state],
    ...(addresses && address !== undefined ? { ip: address, mac, dashboard_url: `http://${address}/` } : {}),
    axle: withoutAbsent({
      id,
      state,
      at,
      miner_type,
      firmware: spoken(member.firmware),
      hashrate_nominal: terahashes(member.reading?.hashrate_nominal_hps),
      last: !isOnline && Object.keys(measured).length > 0 ? measured : undefined,
    }),
  });
}

function measuredOf({ reading }: FleetMember): Measured {
  if (reading === undefined) return {};
  const { hashrate_hps, power_w, voltage_v, frequency_hz } = reading;
  const pool = reading.pools.find(({ active }) => active) ?? reading.pools[0];
  const speeds = reading.fans.flatMap(({ rpm }) => rpm ?? []);
  const isWorking = hashrate_hps !== undefined && hashrate_hps > 0 && power_w !== undefined;
  return withoutAbsent({
    hashrate_1m: terahashes(hashrate_hps),
    hashrate_24h: terahashes(reading.hashrate_avg_hps),
    efficiency: isWorking ? rounded(power_w / (hashrate_hps / 1e12), 5) : undefined,
    temp: rounded(reading.temperature_c, 5),
    power: rounded(power_w, 7),
    sharesAccepted: reading.shares_accepted,
    sharesRejected: reading.shares_rejected,
    uptime: rounded(reading.uptime_s, 12),
    fanrpm: speeds.length > 0 ? Math.max(...speeds) : undefined,
    frequency: frequency_hz === undefined ? undefined : rounded(frequency_hz / 1e6, 7),
    voltage: voltage_v === undefined ? undefined : rounded(voltage_v * 1e3, 7),
    wifiRSSI: reading.rssi_dbm,
    bestDiff: reading.best_share,
    poolDifficulty: pool?.difficulty,
  });
}

function terahashes(hps: number | undefined): number | undefined {
  return hps === undefined ? undefined : rounded(hps / 1e12, 7);
}

function rounded(value: number | undefined, digits: number): number | undefined {
  return value === undefined ? undefined : Number(value.toPrecision(digits));
}

function withoutAbsent<T extends object>(value: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as T;
}

/**
 * The snapshot as a file, a miner a line, of at most `bytes_max` bytes. Where all does not fit, less is said of each miner;
 * where that does not help, the last ones are left out, and the file says how many.
 */
export function snapshotText(snapshot: Snapshot, bytes_max = BYTES_MAX): string {
  const miners = Object.entries(snapshot.miners);
  for (const short of [same, withoutDetails, essential]) {
    const text = write(
      snapshot,
      miners.map(([name, miner]) => line(name, short(miner))),
    );
    if (Buffer.byteLength(text) <= bytes_max) return text;
  }
  const lines: string[] = [];
  let bytes = Buffer.byteLength(write({ ...snapshot, axle: { ...snapshot.axle, left_out: miners.length } }, []));
  for (const [name, miner] of miners) {
    const next = line(name, essential(miner));
    bytes += Buffer.byteLength(next) + 2;
    if (bytes > bytes_max) break;
    lines.push(next);
  }
  return write({ ...snapshot, axle: { ...snapshot.axle, left_out: miners.length - lines.length } }, lines);
}

function line(name: string, miner: SnapshotMiner): string {
  return `${JSON.stringify(name)}: ${JSON.stringify(miner)}`;
}

function write({ last_updated, sync_interval, miner_count, axle }: Snapshot, lines: readonly string[]): string {
  const head = JSON.stringify({ last_updated, sync_interval, miner_count, axle }, undefined, 1).slice(0, -2);
  return `${head},\n "miners": {\n${lines.join(',\n')}\n }\n}\n`;
}

const same = (miner: SnapshotMiner): SnapshotMiner => miner;

function withoutDetails({ axle, ...miner }: SnapshotMiner): SnapshotMiner {
  if (axle === undefined) return miner;
  const { id, state, at } = axle;
  return { ...miner, axle: withoutAbsent({ id, state, at }) };
}

function essential(miner: SnapshotMiner): SnapshotMiner {
  const { name, type, hashrate_1m, temp, power, alive, status } = miner;
  return withoutAbsent({ name, type, hashrate_1m, temp, power, alive, status });
}

export function countOnline({ miners }: Snapshot): number {
  return Object.values(miners).filter(({ alive }) => alive).length;
}
