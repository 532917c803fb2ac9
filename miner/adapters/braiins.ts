/**
 * Braiins OS and OS+: the cgminer protocol with commands of its own (`temps`, `fans`, `tunerstatus`), and from 25 on an
 * HTTP API whose rates are objects: `{"real_hashrate":{"last_5s":{"gigahash_per_second":95123.4}}}`.
 */
import { ask } from '../readers/ask.js';
import type { Device } from '../readers/device.js';
import type { Adapter } from './adapter.js';
import { fansOf } from './cgminer.js';
import { boardsOfDevs, commonReading, description, hottest, megahertz, poolsOf, versionOf } from './cgminer-fields.js';
import {
  chipCelsius,
  count,
  difficulty,
  flag,
  hashrate,
  label,
  macAddress,
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
  sum,
} from './reading.js';
import { everyObject, Fields, findObject, type Rates, type Replies, ratesOf, recordsOf, section } from './replies.js';
import { type Json, parseTolerant } from './tolerant-json.js';

export const braiins: Adapter = {
  key: 'braiins',
  family: 'braiins',

  recognises: (replies) =>
    versionOf(replies).has('BOSer', 'BOSminer', 'BOSminer+') ||
    /\bbos(er|miner)/.test(description(replies)) ||
    section(replies, 'TUNERSTATUS').length > 0 ||
    findObject(replies, (object) => object.has('bos_version', 'bosminer_uptime_s', 'bos_mode')) !== undefined ||
    findObject(replies, (object) => object.has('bosminer')) !== undefined ||
    findObject(replies, (object) => object.has('miner_stats') && object.has('power_stats', 'pool_stats')) !== undefined,

  parse(replies): MinerReading {
    const details = findObject(replies, (object) => object.has('bos_version', 'bosminer_uptime_s')) ?? new Fields({});
    const stats = findObject(replies, (object) => object.has('miner_stats', 'power_stats')) ?? new Fields({});
    const tuner = section(replies, 'TUNERSTATUS')[0] ?? new Fields({});
    const devdetails = section(replies, 'DEVDETAILS')[0] ?? new Fields({});
    const identity = details.under('miner_identity');
    const pools = stats.under('pool_stats');
    const solver = findObject(replies, (object) => object.has('realHashrate') && object.has('power')) ?? new Fields({});
    const graphql = ratesOf(solver.under('realHashrate'), 'MH');
    const rates = { ...graphql, ...hashratesOf(stats.under('miner_stats').under('real_hashrate')) };
    const common = commonReading(replies, 'MH');
    const boards = boardsOf(replies);
    const fans = fansOf(section(replies, 'FANS'));
    return compact<MinerReading>({
      ...common,
      family: 'braiins',
      make: identity.read(word, 'brand', 'miner_brand', 'manufacturer'),
      model:
        identity.read(word, 'miner_model', 'name', 'model') ??
        devdetails.read(text, 'Model') ??
        versionOf(replies).read(text, 'Type'),
      firmware: details.under('bos_version').read(text, 'current', 'major') ?? common.firmware,
      hostname: details.read(text, 'hostname'),
      mac: everyObject(replies)
        .map((object) => object.read(macAddress, 'mac_address', 'MAC', 'macaddr'))
        .find((mac) => mac !== undefined),
      serial: details.read(text, 'serial_number', 'uid'),
      hashrate_hps: common.hashrate_hps ?? rates.now_hps,
      hashrate_avg_hps: common.hashrate_avg_hps ?? rates.avg_hps,
      hashrate_nominal_hps:
        rateOf(stats.under('miner_stats').get('nominal_hashrate')) ??
        sum(boards.map((board) => board.hashrate_nominal_hps)),
      temperature_c: hottest(boards) ?? highestTemperature(replies),
      power_w:
        stats.under('power_stats').under('approximated_consumption', 'consumption').read(count, 'watt') ??
        tuner.read(count, 'ApproximateMinerPowerConsumption') ??
        solver.under('power').read(count, 'approxConsumptionW'),
      power_limit_w: tuner.read(positive, 'PowerLimit') ?? solver.under('power').read(positive, 'limitW'),
      uptime_s: common.uptime_s ?? details.read(count, 'bosminer_uptime_s', 'system_uptime_s'),
      shares_accepted: common.shares_accepted ?? numberIn(pools.get('accepted_shares')),
      shares_rejected: common.shares_rejected ?? numberIn(pools.get('rejected_shares')),
      shares_stale: common.shares_stale ?? numberIn(pools.get('stale_shares')),
      best_share: common.best_share ?? pools.read(difficulty, 'best_share'),
      blocks_found: common.blocks_found ?? numberIn(stats.under('miner_stats').get('found_blocks')),
      pools: joinPools(poolsOf(replies), restPools(replies)),
      fans: fans.length > 0 ? fans : restFans(replies),
      boards,
    });
  },

  async read(device) {
    const token = await tokenOf(device);
    const page = (path: string) => () =>
      device.http({ path: `/api/v1/${path}`, headers: { authorization: token ?? '' } });
    // First, and by themselves: where one of the two hangs, the other one is asked all the same.
    const said =
      token === undefined
        ? {}
        : await ask(
            {
              'miner/details': page('miner/details'),
              'miner/stats': page('miner/stats'),
              'miner/hw/hashboards': page('miner/hw/hashboards'),
              'cooling/state': page('cooling/state'),
            },
            1,
          ).catch((): Replies => ({}));
    const commands = ask({
      pools: () =>
        device.rpc('pools').catch((error) => (token === undefined ? Promise.reject(error) : page('pools/')())),
      version: () => device.rpc('version'),
      summary: () => device.rpc('summary'),
      devs: () => device.rpc('devs'),
      temps: () => device.rpc('temps'),
      fans: () => device.rpc('fans'),
      ...(token === undefined && {
        tunerstatus: () => device.rpc('tunerstatus'),
        devdetails: () => device.rpc('devdetails'),
      }),
    });
    if (Object.keys(said).length === 0) return commands;
    return { ...said, ...(await commands.catch((): Replies => ({}))) };
  },
};

/** Absent on firmware without the HTTP API, and where the login was changed: the cgminer protocol answers both. */
async function tokenOf(device: Device): Promise<string | undefined> {
  const { user, password } = device.login ?? { user: 'root', password: 'root' };
  try {
    const reply = parseTolerant(await device.http({ path: '/api/v1/auth/login', body: { username: user, password } }));
    return recordsOf(reply)[0]?.read(text, 'token');
  } catch {
    return undefined;
  }
}

/** `{"gigahash_per_second":95123.4}`, with any prefix. */
function rateOf(value: Json | undefined): number | undefined {
  for (const rate of recordsOf(value)) {
    for (const name of rate.names) {
      const prefix = /^(|kilo|mega|giga|tera|peta)_?hash_?per_?second$/i.exec(name)?.[1]?.toLowerCase();
      const unit = prefix === undefined ? undefined : UNITS[prefix];
      const hps = unit === undefined ? undefined : hashrate(rate.source[name], unit);
      if (hps !== undefined) return hps;
    }
  }
  return undefined;
}

const UNITS = { '': 'H', kilo: 'KH', mega: 'MH', giga: 'GH', tera: 'TH', peta: 'PH' } as Readonly<
  Record<string, 'H' | 'KH' | 'MH' | 'GH' | 'TH' | 'PH'>
>;

function hashratesOf(rates: Fields): Rates {
  const first = ['last_5s', 'last_15s', 'last_30s', 'last_1m', 'last_5m', 'last_15m'];
  const last = ['since_restart', 'last_24h', 'last_30m', 'last_15m'];
  return compact<Rates>({
    now_hps: rates.read(rateOf, ...first, ...last),
    avg_hps: rates.read(rateOf, ...last, ...first.toReversed()),
  });
}

/** Text; some versions write the numbers of their enumerations, which say nothing to anybody. */
function word(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? text(value) : undefined;
}

/** 1000, or `{"number":1000}` as older versions write it. */
function numberIn(value: Json | undefined): number | undefined {
  return count(value) ?? recordsOf(value)[0]?.read(count, 'number', 'value');
}

function degrees(value: Json | undefined): number | undefined {
  const record = recordsOf(value)[0];
  if (record === undefined) return chipCelsius(value);
  return record.read(chipCelsius, 'degree_c', 'degrees_c', 'celsius') ?? degrees(record.get('temperature'));
}

function highestTemperature(replies: Replies): number | undefined {
  return highest(everyObject(replies).map((object) => degrees(object.get('highest_temperature'))));
}

/** From `hashboards`, or from `devs`, `temps` and `devdetails`, which number the boards alike. */
function boardsOf(replies: Replies): readonly BoardReading[] {
  const rest = everyObject(replies).flatMap((object) => object.list('hashboards'));
  if (rest.length > 0) return rest.map(restBoard);
  const temperatures = section(replies, 'TEMPS');
  const details = section(replies, 'DEVDETAILS');
  const devs = section(replies, 'DEVS');
  const boards = new Map(boardsOfDevs(replies, 'MH', ['ID', 'ASC']).map((board) => [board.index, board]));
  const ids = new Set([...boards.keys(), ...temperatures.flatMap((record) => record.read(count, 'ID') ?? [])]);
  const withId = (records: readonly Fields[], id: number) =>
    records.find((record) => record.read(count, 'ID', 'ASC') === id) ?? new Fields({});
  return [...ids].map((index) => {
    const temperature = withId(temperatures, index);
    const detail = withId(details, index);
    return compact<BoardReading>({
      ...(boards.get(index) ?? {}),
      index,
      hashrate_nominal_hps: withId(devs, index).read((value) => positive(hashrate(value, 'MH')), 'Nominal MHS'),
      chip_c: temperature.read(chipCelsius, 'Chip') ?? boards.get(index)?.chip_c,
      board_c: temperature.read(chipCelsius, 'Board') ?? boards.get(index)?.board_c,
      chips: detail.read(positive, 'Chips') ?? boards.get(index)?.chips,
      frequency_hz: megahertz(detail.get('Frequency')) ?? boards.get(index)?.frequency_hz,
    });
  });
}

function restBoard(board: Fields, place: number): BoardReading {
  const stats = board.under('stats');
  return compact<BoardReading>({
    index: board.read(count, 'id') ?? place,
    hashrate_hps: hashratesOf(stats.under('real_hashrate')).now_hps,
    hashrate_nominal_hps: rateOf(stats.get('nominal_hashrate')),
    chip_c: degrees(board.get('highest_chip_temp')),
    board_c: degrees(board.get('board_temp')),
    chips: board.read(positive, 'chips_count'),
    frequency_hz: board.under('current_frequency').read(positive, 'hertz'),
    serial: board.read(text, 'serial_number'),
  });
}

function restFans(replies: Replies): readonly FanReading[] {
  const fans = everyObject(replies)
    .filter((object) => object.has('highest_temperature') || object.has('fans'))
    .flatMap((object) => object.list('fans'))
    .map((fan, place) => {
      const ratio = fan.read(count, 'target_speed_ratio');
      return compact<FanReading>({
        name: fan.read(text, 'position', 'name') ?? String(place),
        rpm: fan.read(count, 'rpm'),
        percent: ratio === undefined ? undefined : percent(ratio * 100),
      });
    });
  return fans.filter((fan) => isKnown(fan, 'name'));
}

/** Of the groups of `/api/v1/pools/`. */
function restPools(replies: Replies): readonly PoolReading[] {
  return everyObject(replies)
    .flatMap((object) => object.list('pools'))
    .map((pool) => {
      const stats = pool.under('stats');
      return compact<PoolReading>({
        url: pool.read(text, 'url'),
        user: pool.read(label, 'user'),
        active: pool.read(flag, 'active'),
        alive: pool.read(flag, 'alive'),
        shares_accepted: numberIn(stats.get('accepted_shares')),
        shares_rejected: numberIn(stats.get('rejected_shares')),
        shares_stale: numberIn(stats.get('stale_shares')),
        difficulty: stats.read(positive, 'last_difficulty'),
        best_share: stats.read(difficulty, 'best_share'),
        last_share_at: stats.under('last_share_time').read(positive, 'seconds'),
      });
    })
    .filter((pool) => pool.url !== undefined || pool.user !== undefined);
}

/** The cgminer protocol counts difficulty, which the HTTP API does not: it is first, and takes from the other what it lacks. */
function joinPools(rpc: readonly PoolReading[], rest: readonly PoolReading[]): readonly PoolReading[] {
  if (rpc.length === 0) return rest;
  return rpc.map((pool) => ({ ...rest.find((other) => other.url === pool.url && other.user === pool.user), ...pool }));
}
