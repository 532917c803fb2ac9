/**
 * AxeOS: Bitaxe, NerdAxe, NerdQAxe and their relatives. One page, `/api/system/info`, without a login. Counts shares, not
 * difficulty: what they were worth is only known as the difficulty of the moment.
 *
 * `temp` is the average of the chips on a Bitaxe and their maximum on a NerdQAxe.
 */
import { ask } from '../readers/ask.js';
import type { Adapter } from './adapter.js';
import { megahertz } from './cgminer-fields.js';
import { nmInfoOf } from './nmaxe.js';
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
import type { Json } from './tolerant-json.js';

export const axeos: Adapter = {
  key: 'axeos',
  family: 'axeos',
  spacing_ms: 5_000,

  recognises: (replies) => infoOf(replies) !== undefined,

  parse(replies): MinerReading {
    const info = infoOf(replies) ?? new Fields({});
    const rates = ratesOf(info, 'GH');
    const pools = poolsOf(info);
    return compact<MinerReading>({
      family: 'axeos',
      model: modelOf(info),
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
      total_hashes: info.read(positive, 'totalHashes'),
      rssi_dbm: info.read((value) => negative(number(value)), 'wifiRSSI'),
      pools,
      fans: fansOf(info),
      boards: boardsOf(info),
    });
  },

  read: (device) => ask({ system_info: () => device.http({ path: '/api/system/info' }) }),
};

function infoOf(replies: Replies): Fields | undefined {
  const isInfo = (object: Fields) =>
    object.has('ASICModel') ||
    (object.has('hashRate') && object.has('stratumURL', 'macAddr', 'uptimeSeconds', 'bestDiff'));
  return nmInfoOf(replies) ?? findObject(replies, isInfo);
}

/** What Bitaxe boards are called, by the numbers that stand on them. */
const BOARDS: readonly (readonly [RegExp, string])[] = [
  [/^(2\.2|1\d\d)$/, 'Max'],
  [/^(0\.11|2\d\d)$/, 'Ultra'],
  [/^30[23]$/, 'Hex'],
  [/^4\d\d$/, 'Supra'],
  [/^6[0-4]\d$/, 'Gamma'],
  [/^65\d$/, 'Gamma Duo'],
  [/^7\d\d$/, 'Supra Hex'],
  [/^8\d\d$/, 'Gamma Turbo'],
  [/^1201$/, 'Naja Duo'],
  [/^1300$/, 'Gamma Hex'],
];

const OLD_BOARDS: ReadonlyMap<string, string> = new Map([
  ['BM1397', 'Max'],
  ['BM1366', 'Ultra'],
]);

/** Forks write the name of the device where a Bitaxe has the number of its board. */
function modelOf(info: Fields): string | undefined {
  const named = info.read(text, 'deviceModel', 'boardName', 'minerModel');
  if (named !== undefined) return named;
  const board = info.read(text, 'boardVersion') ?? '';
  if (/[a-z]{3}/i.test(board)) return board;
  const chip = info.read(text, 'ASICModel', 'asicModel');
  // Of boards 0.11 and 2.2 one is a Max and one an Ultra, and which is which has changed: the chip tells.
  const old = /^(0\.11|2\.2)$/.test(board) ? OLD_BOARDS.get(chip ?? '') : undefined;
  const known = old ?? BOARDS.find(([number]) => number.test(board))?.[1] ?? chip;
  return known === undefined ? undefined : `Bitaxe ${known}`;
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
      percent: fan.read(percent, 'speed', 'speedPerc', 'percent'),
    }),
  );
  // Before 2.1.4, `fanSpeed` is turns.
  const turns = (value: Json | undefined) => (percent(value) === undefined ? count(value) : undefined);
  const first = compact<FanReading>({
    name: '1',
    rpm: info.read(count, 'fanrpm', 'fanSpeedRpm') ?? info.read(turns, 'fanSpeed'),
    percent: info.read(percent, 'fanSpeed'),
  });
  const second = compact<FanReading>({ name: '2', rpm: info.read(positive, 'fan2rpm', 'fanrpm2'), percent: undefined });
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
 * The main pool and the one to fall back to. Most versions count for the device, so the counts are those of the pool in
 * use; where both are worked for (`stratum.pools`, `dualPoolStats`), each is counted for itself.
 */
function poolsOf(info: Fields): readonly PoolReading[] {
  const listed = info.under('stratum').list('pools');
  const usesFallback =
    info.read(flag, 'isUsingFallbackStratum') ?? info.under('stratum').read(flag, 'usingFallback') ?? false;
  const isDual = info.has('dualPoolStats') && info.read(count, 'poolMode') === 1;
  const named = [
    pool(info, 'stratum', isDual || !usesFallback),
    pool(info, 'fallbackStratum', isDual || usesFallback),
  ] as const;
  const counts = isDual ? dualCounts(info) : [countsOf(info), countsOf(info)];
  // One entry alone is that of the pool in use, whichever that is.
  const names = listed.length === 1 && usesFallback ? [named[1]] : named;
  const pools =
    listed.length > 0
      ? listed.map((each, place) => ({ ...names[place], ...listedPool(each, listed.length) }))
      : named.map((each, place) => (each.active === true ? compact({ ...each, ...counts[place] }) : each));
  return pools.filter((each) => each.url !== undefined || each.user !== undefined);
}

type PoolCounts = Pick<PoolReading, 'shares_accepted' | 'shares_rejected' | 'difficulty'>;

/**
 * `stratumDifficulty` and `stratumSuggestedDifficulty` are what the pool is asked for, and not what it has assigned;
 * `stratum_difficulty`, of another fork, is what it has assigned.
 */
function countsOf(info: Fields): PoolCounts {
  return compact<PoolCounts>({
    shares_accepted: info.read(count, 'sharesAccepted'),
    shares_rejected: info.read(count, 'sharesRejected'),
    difficulty: info.read(assigned, 'poolDifficulty', 'stratumDiff') ?? assigned(info.source.stratum_difficulty),
  });
}

/** Of forks that work for two pools at once. */
function dualCounts(info: Fields): readonly PoolCounts[] {
  const stats = info.under('dualPoolStats');
  return (['primary', 'secondary'] as const).map((which) =>
    compact<PoolCounts>({
      shares_accepted: stats.read(count, `${which}Accepted`),
      shares_rejected: stats.read(count, `${which}Rejected`),
      difficulty: info.read(assigned, which === 'primary' ? 'poolDifficulty' : 'poolDifficultySecondary'),
    }),
  );
}

function assigned(value: Json | undefined): number | undefined {
  return positive(difficulty(value));
}

/** NMAxe names the pool in use only, with its port: `stratumURLUSED`. */
function pool(info: Fields, name: 'stratum' | 'fallbackStratum', active: boolean): PoolReading {
  return compact<PoolReading>({
    url: poolUrl(info.read(text, `${name}URL`, `${name}URLUSED`), info.read(positive, `${name}Port`)),
    user: info.read(label, `${name}User`, `${name}UserUSED`),
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
    difficulty: each.read(assigned, 'poolDifficulty'),
    best_share: each.read(difficulty, 'bestDiff'),
  });
}

/** With scheme and port, as the other families write it. */
export function poolUrl(host: string | undefined, port: number | undefined): string | undefined {
  if (host === undefined) return undefined;
  const url = host.includes('://') ? host : `stratum+tcp://${host}`;
  return port === undefined || /:\d+\/?$/.test(url) ? url : `${url}:${port}`;
}
