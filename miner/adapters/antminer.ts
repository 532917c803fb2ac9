/**
 * Antminer with Bitmain's firmware: the cgminer protocol, whose `stats` holds everything as numbered keys, and on newer
 * firmware `/cgi-bin/*.cgi` behind digest authentication with the same in lists. Also firmware that imitates it.
 *
 * Its `devs` are not believed: an S21 writes GH/s under MHS there, an S19 writes 0.
 */
import { ask } from '../readers/ask.js';
import type { Device } from '../readers/device.js';
import { DeviceSilentError } from '../readers/errors.js';
import type { Adapter } from './adapter.js';
import { commonReading, description, hottest, megahertz, versionOf, withoutFans } from './cgminer-fields.js';
import {
  chipCelsius,
  count,
  difficulty,
  type HashUnit,
  hashrate,
  hashUnit,
  macAddress,
  numbers,
  positive,
  text,
} from './quantities.js';
import { type BoardReading, compact, type FanReading, highest, type MinerReading, sum } from './reading.js';
import { everyObject, Fields, findObject, type Rates, type Replies, ratesOf, section } from './replies.js';
import type { Json } from './tolerant-json.js';

export const antminer: Adapter = {
  key: 'antminer',
  family: 'antminer',

  recognises(replies) {
    if (systemInfo(replies) !== undefined) return true;
    const heads = [versionOf(replies), ...section(replies, 'STATS'), ...infoOf(replies)];
    if (heads.some((head) => /antminer/i.test(head.read(text, 'Type', 'type', 'Model') ?? ''))) return true;
    if (section(replies, 'DEVS').some((dev) => /^BTM_/i.test(dev.read(text, 'Name') ?? ''))) return true;
    const aggregate = aggregateOf(replies);
    return aggregate !== undefined && (hasChains(aggregate) || /bmminer|antminer/.test(description(replies)));
  },

  parse(replies): MinerReading {
    const info = systemInfo(replies) ?? new Fields({});
    const stats = aggregateOf(replies) ?? new Fields({});
    const summary = section(replies, 'SUMMARY')[0] ?? new Fields({});
    const network =
      findObject(replies, (object) => object.has('network_status'))?.under('network_status') ?? new Fields({});
    const heads = [versionOf(replies), ...section(replies, 'STATS'), ...infoOf(replies)];
    const head = (...names: readonly string[]) =>
      heads.map((each) => each.read(text, ...names)).find((value) => value !== undefined);
    const [type, vnish] = typeOf(head('Type') ?? info.read(text, 'minertype', 'model') ?? head('Model'));
    const unit = unitOf(stats, summary, type);
    const rates = ownRates(stats, summary, unit);
    const boards = boardsOf(stats, unit, rates.now_hps);
    const common = commonReading(replies, unit);
    return compact<MinerReading>({
      ...common,
      family: 'antminer',
      make: type === undefined || IS_BITMAIN.test(type) ? 'Antminer' : undefined,
      model: type,
      firmware:
        vnish ?? info.read(text, 'system_filesystem_version') ?? head('Miner', 'miner_version') ?? common.firmware,
      hostname: info.read(text, 'hostname') ?? network.read(text, 'hostname'),
      mac: info.read(macAddress, 'macaddr', 'mac') ?? highestMac(replies),
      serial: info.read(text, 'serinum'),
      hashrate_hps: rates.now_hps,
      hashrate_avg_hps: rates.avg_hps,
      hashrate_nominal_hps: inStep(
        stats.read((value) => positive(hashrate(value, unit)), 'total_rateideal', 'rate_ideal'),
        rates.now_hps,
      ),
      temperature_c: hottest(boards) ?? stats.read(chipCelsius, 'temp_max'),
      power_w: powerOf(replies) ?? sum(chainPowers(stats)),
      frequency_hz: stats.read(megahertz, 'frequency', 'total_freqavg', 'freq_avg', 'frequency1'),
      uptime_s: common.uptime_s ?? stats.read(count, 'Elapsed'),
      best_share: common.best_share ?? stats.read(difficulty, 'Best Share'),
      hardware_errors: common.hardware_errors ?? stats.read(count, 'no_matching_work'),
      fans: withoutFans(fansOf(stats), rates.now_hps),
      boards,
    });
  },

  async read(device) {
    // The cgminer protocol may be switched off: the web pages say the same, and `system_info` is only there.
    const either = (command: string) => () => device.rpc(command).catch(() => cgi(device, command));
    let [isVnish, isNew, isHung] = [false, false, false];
    return ask({
      version: async () => {
        const answer = await device.rpc('version');
        isVnish = /vnish/i.test(answer);
        isNew = /"CompileTime"[^,}]{0,80}\b20(2[3-9]|[3-9]\d)\b/.test(answer);
        return answer;
      },
      summary: either('summary'),
      stats: either('stats'),
      pools: either('pools'),
      // VNish has its own pages, which say who it is, and what it takes, to everybody.
      system_info: () =>
        (isVnish ? device.http({ path: '/api/v1/info' }) : cgi(device, 'get_system_info')).catch((error) => {
          isHung = error instanceof DeviceSilentError;
          throw error;
        }),
      power: async () => {
        if (isHung) return '';
        if (isVnish) return device.http({ path: '/api/v1/summary' });
        // Bitmain's firmware says what it takes from 2023 on, and only here.
        return isNew ? cgi(device, 'stats') : '';
      },
    });
  },
};

/** Others write Bitmain's protocol too: Hammer, Elphapex. Some firmware leaves out the brand: "S19-88 v.2.6". */
const IS_BITMAIN = /antminer|^[A-Z]\d/i;

/** "Antminer S19 (Vnish 1.2.0)": what VNish says of itself stands behind the model. */
function typeOf(type: string | undefined): readonly [string | undefined, string | undefined] {
  const found = type === undefined ? null : /^(.*\S)\s*\((vnish [^()]*)\)$/i.exec(type);
  return found === null ? [type, undefined] : [found[1], found[2]];
}

/** Firmware of before `rate_unit` writes under "GHS" what these models count in. */
const UNITS_OF_TYPES: readonly (readonly [RegExp, HashUnit])[] = [
  [/antminer (L3|D3|E3)/i, 'MH'],
  [/antminer (X3|Z\d)/i, 'KH'],
];

/** Of all rates of a reading: what `rate_unit` says, else what is known of the model, else what the names say. */
function unitOf(stats: Fields, summary: Fields, type: string | undefined): HashUnit {
  const named = stats.names.map((name) => /^([KMGT])HS (5s|av)$/i.exec(name)?.[1]).find(Boolean);
  return (
    hashUnit(stats.get('rate_unit')) ??
    hashUnit(summary.get('rate_unit')) ??
    UNITS_OF_TYPES.find(([types]) => types.test(type ?? ''))?.[1] ??
    (named === undefined ? 'GH' : (`${named.toUpperCase()}H` as HashUnit))
  );
}

/**
 * Some models have `rate_unit` MH and count their boards and what they should do in GH/s all the same. Nobody makes a
 * hundred times of what it should, nor more than its boards.
 */
function inStep(part: number | undefined, whole: number | undefined): number | undefined {
  return part !== undefined && part > 0 && whole !== undefined && whole > part * 100 ? part * 1_000 : part;
}

const SOLD_WITH = { user: 'root', password: 'root' };

/** Of Bitmain's web pages. */
export function cgi(device: Device, page: string): Promise<string> {
  return device.http({ path: `/cgi-bin/${page}.cgi`, login: device.login ?? SOLD_WITH });
}

function systemInfo(replies: Replies): Fields | undefined {
  return findObject(replies, (object) => object.has('minertype') && object.has('macaddr', 'system_kernel_version'));
}

/** The heads of the CGI replies. */
function infoOf(replies: Replies): readonly Fields[] {
  return section(replies, 'INFO');
}

function highestMac(replies: Replies): string | undefined {
  return findObject(replies, (object) => object.read(macAddress, 'macaddr', 'MAC') !== undefined)?.read(
    macAddress,
    'macaddr',
    'MAC',
  );
}

/** The one record of `stats` that holds the measurements; the one before it is a head. */
function aggregateOf(replies: Replies): Fields | undefined {
  const records = section(replies, 'STATS');
  return records.find(hasChains) ?? records.find((record) => ratesOf(record, 'GH').now_hps !== undefined);
}

function hasChains(record: Fields): boolean {
  return record.has('chain') || record.names.some((name) => /^chain_(acn|rate|acs)\d+$/.test(name));
}

/** `unit` is of all rates, also of those under "GHS": an L7 writes MH/s there. The summary is asked after `stats`. */
function ownRates(stats: Fields, summary: Fields, unit: HashUnit): Rates {
  const ofStats = ratesOf(stats, unit, true);
  const ofSummary = ratesOf(summary, unit, unit !== 'GH');
  const average = stats.read((value) => hashrate(value, unit), 'rate_avg', 'GHS av', 'total rate') ?? ofSummary.avg_hps;
  return compact<Rates>({
    now_hps: ofStats.now_hps ?? ofSummary.now_hps,
    avg_hps: average ?? ofStats.avg_hps,
  });
}

/** Boards as a list under `chain` (newer firmware), or as the keys `chain_rate1`, `temp_chip1`, `temp2_1` … */
function boardsOf(stats: Fields, unit: HashUnit, whole_hps: number | undefined): readonly BoardReading[] {
  const chains = stats.list('chain');
  const all =
    chains.length > 0
      ? chains.map((chain, place) => chainBoard(chain, place, unit))
      : numbersOfKeys(stats, /^chain_(?:acn|rate|acs)(\d+)$/i).map((index) => numberedBoard(stats, index, unit));
  const boards = all.filter(isThere);
  const total_hps = sum(boards.map((board) => board.hashrate_hps));
  if (inStep(total_hps, whole_hps) === total_hps) return boards;
  return boards.map((board) => compact<BoardReading>({ ...board, hashrate_hps: (board.hashrate_hps ?? 0) * 1_000 }));
}

function chainBoard(chain: Fields, place: number, unit: HashUnit): BoardReading {
  return compact<BoardReading>({
    index: chain.read(count, 'index') ?? place,
    hashrate_hps: chain.read((value) => hashrate(value, unit), 'rate_real', 'hashrate'),
    hashrate_nominal_hps: chain.read((value) => positive(hashrate(value, unit)), 'rate_ideal'),
    chip_c: hottestOf(chain.get('temp_chip')),
    board_c: hottestOf(chain.get('temp_pcb')) ?? hottestOf(chain.get('temp_pic')),
    chips: chain.read(positive, 'asic_num'),
    frequency_hz: megahertz(chain.get('freq_avg')),
    serial: chain.read(text, 'sn'),
  });
}

function numberedBoard(stats: Fields, index: number, unit: HashUnit): BoardReading {
  return compact<BoardReading>({
    index,
    hashrate_hps: stats.read((value) => hashrate(value, unit), `chain_rate${index}`),
    hashrate_nominal_hps: stats.read((value) => positive(hashrate(value, unit)), `chain_rateideal${index}`),
    chip_c: highest([hottestOf(stats.get(`temp_chip${index}`)), hottestOf(stats.source[`temp2_${index}`])]),
    board_c: highest([hottestOf(stats.get(`temp_pcb${index}`)), hottestOf(stats.source[`temp${index}`])]),
    chips: stats.read(positive, `chain_acn${index}`),
    frequency_hz: stats.read(megahertz, `freq_avg${index}`, `freq${index}`),
  });
}

/** A place without a board has no chips, and no rate or an empty one. */
function isThere(board: BoardReading): boolean {
  return board.chips !== undefined || (board.hashrate_hps ?? 0) > 0;
}

function hottestOf(value: Json | undefined): number | undefined {
  return highest(numbers(value).map((each) => chipCelsius(each)));
}

/** The newest firmware says it in one of its two kinds of `stats`; LuxOS where it is asked for `power`. */
function powerOf(replies: Replies): number | undefined {
  const records = [
    ...section(replies, 'STATS'),
    ...everyObject(replies).filter((object) => object.has('miner_status')),
  ];
  return (
    records
      .map((record) => record.read(positive, 'chain_power', 'total_power', 'power', 'watt', 'power_consumption'))
      .find((power) => power !== undefined) ??
    sum(section(replies, 'POWER').map((supply) => supply.read(positive, 'Watts')))
  );
}

function chainPowers(stats: Fields): readonly (number | undefined)[] {
  return numbersOfKeys(stats, /^chain_(?:power|consumption)(\d+)$/i).map((index) =>
    stats.read(positive, `chain_power${index}`, `chain_consumption${index}`),
  );
}

/** `fan_num` of the places fan1 to fan8 are fans; where the rest stands still is not said, so those that turn are first. */
function fansOf(stats: Fields): readonly FanReading[] {
  const listed = stats.get('fan');
  if (Array.isArray(listed)) {
    return (listed as readonly Json[]).flatMap((value, place): readonly FanReading[] => {
      const rpm = count(value);
      return rpm === undefined ? [] : [{ name: String(place + 1), rpm }];
    });
  }
  const fans = numbersOfKeys(stats, /^fan(\d+)$/i).flatMap((index): readonly FanReading[] => {
    const rpm = stats.read(count, `fan${index}`);
    return rpm === undefined ? [] : [{ name: String(index), rpm }];
  });
  const turning = fans.filter((fan) => fan.rpm !== 0);
  const still = fans.filter((fan) => fan.rpm === 0);
  const expected = stats.read(count, 'fan_num') ?? turning.length;
  return [...turning, ...still.slice(0, Math.max(0, expected - turning.length))];
}

function numbersOfKeys(fields: Fields, pattern: RegExp): readonly number[] {
  const found = new Set(fields.names.flatMap((name) => pattern.exec(name)?.[1] ?? []).map(Number));
  return [...found].sort((one, other) => one - other);
}
