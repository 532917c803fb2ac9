/**
 * MicroBT Whatsminer. API 1 and 2 are the cgminer protocol with `get_version` and `get_miner_info`, whose answers stand
 * under `Msg`, and a STATUS that may be a plain string. API 3 is another one, on TCP 4433, with rates in TH/s.
 */
import { ask } from '../readers/ask.js';
import type { Adapter } from './adapter.js';
import {
  boardsOfDevs,
  commonReading,
  description,
  hottest,
  megahertz,
  versionOf,
  withoutFans,
} from './cgminer-fields.js';
import {
  celsius,
  chipCelsius,
  count,
  flag,
  hashrate,
  label,
  macAddress,
  number,
  numbers,
  positive,
  text,
  watts,
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
import { everyObject, Fields, findObject, type Replies, ratesOf, section } from './replies.js';
import type { Json } from './tolerant-json.js';

/** API 1 and 2. */
export const whatsminer: Adapter = {
  key: 'whatsminer',
  family: 'whatsminer',

  recognises(replies) {
    if (/whatsminer|btminer|bitmicro/.test(description(replies))) return true;
    const summary = summaryOf(replies);
    if (summary.has('Factory GHS', 'Upfreq Complete', 'Btminer Fast Boot', 'Fan Speed In')) return true;
    return messages(replies).some((message) => message.has('fw_ver') && message.has('api_ver'));
  },

  parse(replies): MinerReading {
    const summary = summaryOf(replies);
    const details = section(replies, 'DEVDETAILS')[0] ?? new Fields({});
    const info = [...messages(replies), summary, versionOf(replies)];
    const say = <T>(read: (value: Json | undefined) => T | undefined, ...names: readonly string[]) =>
      info.map((record) => record.read(read, ...names)).find((value) => value !== undefined);
    const common = commonReading(replies, 'MH');
    const boards = boardsOfDevs(replies, 'MH');
    const rates = ratesOf(summary, 'MH');
    const model = details.read(text, 'Model') ?? say(text, 'Miner Type', 'minertype');
    return compact<MinerReading>({
      ...common,
      family: 'whatsminer',
      make: 'Whatsminer',
      model: model === undefined ? undefined : model.replace(/^whatsminer\s+/i, ''),
      firmware: say(text, 'fw_ver', 'Firmware Version'),
      hostname: say(text, 'hostname'),
      mac: say(macAddress, 'MAC'),
      serial: say(text, 'minersn'),
      hashrate_hps: rates.now_hps ?? common.hashrate_hps,
      hashrate_avg_hps: rates.avg_hps ?? common.hashrate_avg_hps,
      hashrate_nominal_hps: summary.read((value) => positive(hashrate(value, 'GH')), 'Factory GHS'),
      temperature_c:
        summary.read(chipCelsius, 'Chip Temp Max', 'Chip Temp Avg') ??
        hottest(boards) ??
        summary.read(chipCelsius, 'Temperature'),
      ambient_c: summary.read(celsius, 'Env Temp'),
      power_w: summary.read(watts, 'Power', 'Power_RT', 'Power Realtime'),
      power_limit_w: summary.read(positive, 'Power Limit'),
      frequency_hz: megahertz(summary.get('freq_avg', 'Freq Avg')),
      uptime_s: common.uptime_s ?? summary.read(count, 'Uptime'),
      fans: withoutFans(fansOf(summary, 'Fan Speed In', 'Fan Speed Out'), rates.now_hps),
      boards,
    });
  },

  read: (device) =>
    ask({
      summary: () => device.rpc('summary'),
      pools: () => device.rpc('pools'),
      edevs: () => device.rpc('edevs'),
      devdetails: () => device.rpc('devdetails'),
      get_version: () => device.rpc('get_version'),
      get_miner_info: () => device.rpc('get_miner_info'),
    }),
};

function summaryOf(replies: Replies): Fields {
  return section(replies, 'SUMMARY')[0] ?? new Fields({});
}

/** What stands under `Msg`, where that is no text. */
function messages(replies: Replies): readonly Fields[] {
  return section(replies, 'Msg');
}

function fansOf(record: Fields, ...names: readonly string[]): readonly FanReading[] {
  const fans = names.map((name) =>
    compact<FanReading>({ name: /in$/i.test(name) ? 'in' : 'out', rpm: record.read(count, name), percent: undefined }),
  );
  return fans.filter((fan) => isKnown(fan, 'name'));
}

/** API 3. No firmware of it is known to count shares; they are read in case one does. */
export const whatsminer3: Adapter = {
  key: 'whatsminer3',
  family: 'whatsminer',

  recognises: (replies) =>
    everyObject(replies).some(
      (object) => isCommand(object.source.desc) || isCommand(object.source.cmd) || object.has('hash-realtime'),
    ),

  parse(replies): MinerReading {
    const summary =
      findObject(replies, (object) => object.has('hash-average') && object.has('elapsed', 'power-realtime')) ??
      new Fields({});
    const system = findObject(replies, (object) => object.has('fwversion')) ?? new Fields({});
    const network = findObject(replies, isNetwork) ?? new Fields({});
    const miner = findObject(replies, isDevice) ?? new Fields({});
    const boards = everyObject(replies)
      .flatMap((object) => object.list('edevs'))
      .map(board3);
    const rates = ratesOf(summary, 'TH');
    return compact<MinerReading>({
      family: 'whatsminer',
      make: 'Whatsminer',
      model: miner.read(text, 'type')?.replace(/^whatsminer\s+/i, ''),
      firmware: system.read(text, 'fwversion'),
      hostname: network.read(text, 'hostname'),
      mac: network.read(macAddress, 'mac'),
      serial: miner.read(text, 'miner-sn'),
      hashrate_hps: rates.now_hps,
      hashrate_avg_hps: summary.read((value) => hashrate(value, 'TH'), 'hash-average') ?? rates.avg_hps,
      hashrate_nominal_hps: summary.read((value) => positive(hashrate(value, 'TH')), 'factory-hash'),
      temperature_c:
        summary.read(chipCelsius, 'chip-temp-max', 'chip-temp-avg') ??
        hottest(boards) ??
        highest(numbers(summary.get('board-temperature')).map((value) => chipCelsius(value))),
      ambient_c: summary.read(celsius, 'environment-temperature'),
      power_w: summary.read(watts, 'power-realtime', 'power-5min'),
      power_limit_w: summary.read(positive, 'power-limit'),
      frequency_hz: megahertz(summary.get('freq-avg')),
      uptime_s: summary.read(count, 'elapsed'),
      shares_accepted: summary.read(count, 'accepted', 'accepted-shares'),
      shares_rejected: summary.read(count, 'rejected', 'rejected-shares'),
      difficulty_accepted: summary.read(count, 'difficulty-accepted'),
      pools: pools3(replies),
      fans: withoutFans(fansOf(summary, 'fan-speed-in', 'fan-speed-out'), rates.now_hps),
      boards: boards.map((board, place) => ({ ...board, index: board.index < 0 ? place : board.index })),
    });
  },

  read: (device) =>
    ask({
      get_device_info: () => device.whatsminer('get.device.info'),
      summary: () => device.whatsminer('get.miner.status', 'summary'),
      pools: () => device.whatsminer('get.miner.status', 'pools'),
      edevs: () => device.whatsminer('get.miner.status', 'edevs'),
    }),
};

function isCommand(value: Json | undefined): boolean {
  return typeof value === 'string' && /^(get|set)\.[a-z]+\.[a-z.]+$/.test(value);
}

function isDevice(object: Fields): boolean {
  return object.has('type') && object.has('miner-sn', 'pcbsn0', 'cointype', 'working');
}

function isNetwork(object: Fields): boolean {
  return object.has('mac') && object.has('ip', 'proto', 'netmask', 'hostname');
}

function board3(board: Fields): BoardReading {
  return compact<BoardReading>({
    index: board.read(number, 'slot', 'id') ?? -1,
    hashrate_hps: board.read((value) => hashrate(value, 'TH'), 'hash-realtime'),
    hashrate_avg_hps: board.read((value) => hashrate(value, 'TH'), 'hash-average'),
    hashrate_nominal_hps: board.read((value) => positive(hashrate(value, 'TH')), 'factory-hash'),
    chip_c: board.read(chipCelsius, 'chip-temp-max', 'chip-temp-avg'),
    board_c: board.read(chipCelsius, 'board-temperature', 'temperature'),
    chips: board.read(positive, 'effective-chips'),
    frequency_hz: megahertz(board.get('freq')),
    serial: board.read(text, 'pcb-sn', 'sn'),
  });
}

function pools3(replies: Replies): readonly PoolReading[] {
  const pools = everyObject(replies)
    .flatMap((object) => object.list('pools'))
    .map((pool) => {
      const status = pool.read(text, 'status')?.toLowerCase();
      return compact<PoolReading>({
        url: pool.read(text, 'url'),
        user: pool.read(label, 'account', 'user', 'worker'),
        active: pool.read(flag, 'stratum-active'),
        alive: status === undefined ? undefined : status === 'alive',
        shares_accepted: pool.read(count, 'accepted', 'accepted-shares'),
        shares_rejected: pool.read(count, 'rejected', 'rejected-shares'),
        difficulty_accepted: pool.read(count, 'difficulty-accepted'),
        difficulty: pool.read(positive, 'difficulty', 'last-share-difficulty'),
      });
    });
  // Some firmware lists the pools with the summary as well as when asked for them.
  const seen = new Set<string>();
  return pools.filter((pool) => {
    const key = JSON.stringify([pool.url, pool.user]);
    if (!isKnown(pool, 'alive', 'active') || seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
