/**
 * NerdMiner v2 has no API of its own. The axehub fork has one (`/api/axehub/v1/info`, rates in kH/s); any other is seen
 * only through its pool, which lists it as a worker: see `poolWorkers`.
 */
import { ask } from '../readers/ask.js';
import type { Adapter } from './adapter.js';
import { poolUrl } from './axeos.js';
import { megahertz } from './cgminer-fields.js';
import {
  chipCelsius,
  count,
  difficulty,
  flag,
  hashrate,
  label,
  macAddress,
  number,
  positive,
  text,
} from './quantities.js';
import { compact, type MinerReading, type PoolReading } from './reading.js';
import { everyObject, Fields, findObject, type Replies } from './replies.js';

export const nerdminer: Adapter = {
  key: 'nerdminer',
  family: 'nerdminer',
  spacing_ms: 5_000,

  recognises: (replies) => findObject(replies, isInfo) !== undefined,

  parse(replies): MinerReading {
    const info = findObject(replies, isInfo) ?? new Fields({});
    const hashing = info.under('hashing');
    const device = info.under('device');
    const hardware = info.under('hardware');
    const firmware = info.under('firmware');
    const active = info.under('pool').under('primary').read(flag, 'active') === true ? 'primary' : 'fallback';
    const pools = ['primary', 'fallback'].map((name) =>
      poolOf(info.under('pool').under(name), hashing, name === active),
    );
    const rate = (...names: readonly string[]) => hashing.read((value) => hashrate(value, 'KH'), ...names);
    return compact<MinerReading>({
      family: 'nerdminer',
      make: firmware.read(text, 'name') ?? 'NerdMiner',
      model: device.read(text, 'board', 'chip'),
      firmware: firmware.read(text, 'version'),
      hostname: device.read(text, 'hostname'),
      mac: device.read(macAddress, 'mac'),
      hashrate_hps: rate('current_khs', 'average_1m_khs'),
      hashrate_avg_hps: rate('average_5m_khs', 'average_1m_khs'),
      hashrate_nominal_hps: hashing.read((value) => positive(hashrate(value, 'KH')), 'expected_khs'),
      temperature_c: hardware.read(chipCelsius, 'temp_asic_c', 'temp_board_c'),
      power_w: hardware.read(positive, 'power_consumption_w'),
      frequency_hz: megahertz(hardware.get('cpu_freq_mhz')),
      uptime_s: hardware.read(count, 'uptime_s'),
      shares_accepted: hashing.read(count, 'shares_accepted'),
      shares_rejected: hashing.read(count, 'shares_rejected'),
      best_share: hashing.read(difficulty, 'best_diff'),
      blocks_found: hashing.read(count, 'valid_blocks'),
      rssi_dbm: hardware.read(number, 'wifi_rssi_dbm'),
      pools: pools.filter((pool) => pool.url !== undefined || pool.user !== undefined),
      fans: [],
      boards: [],
    });
  },

  read: (device) =>
    ask({ info: () => device.http({ path: '/api/axehub/v1/info', headers: { 'x-axehub-compat': '1' } }) }),
};

function isInfo(object: Fields): boolean {
  return (
    object.under('firmware').has('axehub_compat') ||
    (object.has('hashing') && object.under('hashing').has('current_khs'))
  );
}

/** It counts for the device: the counts are those of the pool in use. */
function poolOf(pool: Fields, hashing: Fields, active: boolean): PoolReading {
  return compact<PoolReading>({
    url: poolUrl(pool.read(text, 'url'), pool.read(positive, 'port')),
    user: pool.read(label, 'user'),
    active,
    alive: pool.read(flag, 'active'),
    difficulty: pool.read(positive, 'difficulty'),
    ...(active
      ? {
          shares_accepted: hashing.read(count, 'shares_accepted'),
          shares_rejected: hashing.read(count, 'shares_rejected'),
        }
      : {}),
  });
}

/** A worker as a pool sees it: for a device that cannot be asked. */
export interface PoolWorker {
  /** What stands behind the address; absent for a miner that gives no name. */
  readonly worker?: string;
  readonly hashrate_hps?: number;
  readonly best_share?: number;
  /** Difficulty of all its accepted shares, where the pool says it (ckpool's `shares`). */
  readonly difficulty_accepted?: number;
  /** Seconds since 1970. */
  readonly last_share_at?: number;
}

/** Of ckpool's `/users/{address}` and public-pool's `/api/client/{address}`. */
export function poolWorkers(replies: Replies): readonly PoolWorker[] {
  return everyObject(replies)
    .flatMap((object) => [...object.list('worker'), ...object.list('workers')])
    .map((worker) => {
      const name = worker.read(label, 'workername', 'name');
      return compact<PoolWorker>({
        worker: name?.includes('.') && worker.has('workername') ? name.slice(name.indexOf('.') + 1) : name,
        hashrate_hps: worker.read(suffixedRate, 'hashrate1m', 'hashrate5m', 'hashRate'),
        best_share: worker.read(difficulty, 'bestever', 'bestshare', 'bestDifficulty'),
        difficulty_accepted: worker.read(count, 'shares'),
        last_share_at: worker.read(moment, 'lastshare', 'lastSeen'),
      });
    });
}

/** "50.1K" or 50100: a difficulty is written the same way. */
function suffixedRate(value: Parameters<typeof difficulty>[0]): number | undefined {
  return difficulty(value);
}

/** Seconds since 1970, of a number or an ISO time. */
function moment(value: Parameters<typeof difficulty>[0]): number | undefined {
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value)) {
    const at = Date.parse(value);
    return Number.isNaN(at) ? undefined : Math.floor(at / 1_000);
  }
  return positive(value);
}
