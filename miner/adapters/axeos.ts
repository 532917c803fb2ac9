/**
 * AxeOS: Bitaxe, NerdAxe, NerdQAxe and their relatives. One page, `/api/system/info`, without a login. Counts shares, not
 * difficulty: what they were worth is only known as the difficulty of the moment.
 *
 * `temp` is the average of the chips on a Bitaxe and their maximum on a NerdQAxe.
 */
import { ask } from '../readers/ask.js';
import type { Adapter } from './adapter.js';
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
  numbers,
  percent,
  positive,
  text,
} from './quantities.js';
import {
  type BoardReading,
  compact,
  type FanReading,
  highest,
  isKnown,
  type MinerReading,
  type PoolReading,
} from './reading.js';
import { Fields, findObject, type Replies, ratesOf } from './replies.js';

export const axeos: Adapter = {
  key: 'axeos',
  family: 'axeos',
  spacing_ms: 5_000,

  recognises: (replies) => infoOf(replies) !== undefined,

  parse(replies): MinerReading {
    const info = infoOf(replies) ?? new Fields({});
    const rates = ratesOf(info, 'GH');
    const chip = info.read(text, 'ASICModel', 'asicModel');
    const pools = poolsOf(info);
    return compact<MinerReading>({
      family: 'axeos',
      model:
        info.read(text, 'deviceModel', 'boardName', 'minerModel') ??
        (chip === undefined ? undefined : `Bitaxe ${chip}`),
      firmware: info.read(text, 'version', 'axeOSVersion'),
      hostname: info.read(text, 'hostname'),
      mac: info.read(macAddress, 'macAddr', 'mac'),
      hashrate_hps: info.read((value) => hashrate(value, 'GH'), 'hashRate') ?? rates.now_hps,
      hashrate_avg_hps: rates.avg_hps,
      hashrate_nominal_hps: info.read((value) => positive(hashrate(value, 'GH')), 'expectedHashrate'),
      temperature_c: highest([
        info.read(chipCelsius, 'temp'),
        info.read(chipCelsius, 'temp2'),
        ...numbers(info.get('asicTemps')).map((value) => chipCelsius(value)),
      ]),
      power_w: info.read(positive, 'power'),
      voltage_v: volts(info),
      frequency_hz: megahertz(info.get('frequency', 'actualFrequency')),
      uptime_s: info.read(count, 'uptimeSeconds'),
      shares_accepted: info.read(count, 'sharesAccepted'),
      shares_rejected: info.read(count, 'sharesRejected'),
      best_share: info.read(difficulty, 'bestNonceDiff', 'bestDiff'),
      blocks_found: info.read(count, 'foundBlocks', 'blockFound'),
      hardware_errors: info.read(count, 'duplicateHWNonces'),
      rssi_dbm: info.read((value) => negative(number(value)), 'wifiRSSI'),
      pools,
      fans: fansOf(info),
      boards: boardsOf(info),
    });
  },

  read: (device) => ask({ system_info: () => device.http({ path: '/api/system/info' }) }),
};

function infoOf(replies: Replies): Fields | undefined {
  return findObject(
    replies,
    (object) =>
      object.has('ASICModel') ||
      (object.has('hashRate') && object.has('stratumURL', 'macAddr', 'uptimeSeconds', 'bestDiff')),
  );
}

/** In millivolts; a few versions write volts, and no device of this family has a supply above 60 V. */
function volts(info: Fields): number | undefined {
  const voltage = info.read(positive, 'voltage');
  if (voltage === undefined) return undefined;
  return voltage > 60 ? voltage / 1_000 : voltage;
}

function negative(value: number | undefined): number | undefined {
  return value !== undefined && value < 0 ? value : undefined;
}

function fansOf(info: Fields): readonly FanReading[] {
  const listed = info.list('fans').map((fan, place) =>
    compact<FanReading>({
      name: String(place + 1),
      rpm: fan.read(count, 'rpm'),
      percent: fan.read(percent, 'speed', 'percent'),
    }),
  );
  const first = compact<FanReading>({
    name: '1',
    rpm: info.read(count, 'fanrpm', 'fanRPM'),
    percent: info.read(percent, 'fanspeed', 'fanSpeed'),
  });
  const second = compact<FanReading>({ name: '2', rpm: info.read(positive, 'fan2rpm'), percent: undefined });
  return (listed.length > 0 ? listed : [first, second]).filter((fan) => isKnown(fan, 'name'));
}

function boardsOf(info: Fields): readonly BoardReading[] {
  const board = compact<BoardReading>({
    index: 0,
    chip_c: highest([
      info.read(chipCelsius, 'temp'),
      ...numbers(info.get('asicTemps')).map((value) => chipCelsius(value)),
    ]),
    board_c: info.read(chipCelsius, 'vrTemp'),
    chips: info.read(positive, 'asicCount'),
    frequency_hz: megahertz(info.get('frequency')),
  });
  return isKnown(board, 'index') ? [board] : [];
}

/**
 * The main pool and the one to fall back to. Older versions count for the device, so the counts are those of the pool in
 * use; newer ones (`stratum.pools`) count for each.
 */
function poolsOf(info: Fields): readonly PoolReading[] {
  const listed = info.under('stratum').list('pools');
  const usesFallback =
    info.read(flag, 'isUsingFallbackStratum') ?? info.under('stratum').read(flag, 'usingFallback') ?? false;
  const counts = {
    shares_accepted: info.read(count, 'sharesAccepted'),
    shares_rejected: info.read(count, 'sharesRejected'),
    difficulty: info.read(positive, 'poolDifficulty', 'stratumDiff', 'stratumDifficulty'),
  };
  const named = [
    pool(info, 'stratumURL', 'stratumPort', 'stratumUser', !usesFallback),
    pool(info, 'fallbackStratumURL', 'fallbackStratumPort', 'fallbackStratumUser', usesFallback),
  ];
  const pools =
    listed.length > 0
      ? listed.map((each, place) => ({ ...named[place], ...listedPool(each, listed.length) }))
      : named.map((each) => (each.active === true ? compact<PoolReading>({ ...each, ...counts }) : each));
  return pools.filter((each) => each.url !== undefined || each.user !== undefined);
}

function pool(info: Fields, url: string, port: string, user: string, active: boolean): PoolReading {
  return compact<PoolReading>({
    url: poolUrl(info.read(text, url), info.read(positive, port)),
    user: info.read(label, user),
    active,
  });
}

function listedPool(each: Fields, pools: number): PoolReading {
  return compact<PoolReading>({
    url: poolUrl(each.read(text, 'url', 'host'), each.read(positive, 'port')),
    user: each.read(label, 'user'),
    active: each.read(flag, 'active') ?? (pools === 1 ? true : each.read(flag, 'connected')),
    alive: each.read(flag, 'connected'),
    shares_accepted: each.read(count, 'accepted', 'sharesAccepted'),
    shares_rejected: each.read(count, 'rejected', 'sharesRejected'),
    difficulty: each.read(positive, 'poolDifficulty'),
    best_share: each.read(difficulty, 'bestDiff'),
  });
}

/** With scheme and port, as the other families write it. */
export function poolUrl(host: string | undefined, port: number | undefined): string | undefined {
  if (host === undefined) return undefined;
  const url = host.includes('://') ? host : `stratum+tcp://${host}`;
  return port === undefined || /:\d+\/?$/.test(url) ? url : `${url}:${port}`;
}
