/**
 * NerdMiner v2 has no API of its own. The axehub fork has one (`/api/axehub/v1/info`, rates in kH/s); any other is seen
 * only through its pool, which lists it as a worker: see `../pools/pool-watch.ts`.
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
import { Fields, findObject } from './replies.js';

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
    // Neither is, while it has no connection.
    const active = info.under('pool').under('fallback').read(flag, 'active') === true ? 'fallback' : 'primary';
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
