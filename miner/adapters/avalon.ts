/**
 * Canaan Avalon: Nano 3 and 3s, Q, A10 to A15 and the older ones behind a controller. The cgminer protocol, with all that
 * matters in one string a module: `"MM ID0": "Ver[…] Elapsed[24684] TMax[77] Fan1[5344] PS[0 1214 1316 242 3189 1320 3504]…"`.
 */
import { ask } from '../readers/ask.js';
import type { Adapter } from './adapter.js';
import { commonReading, description, hottest, megahertz, versionOf } from './cgminer-fields.js';
import { celsius, chipCelsius, count, hashrate, macAddress, numbers, percent, positive, text } from './quantities.js';
import { type BoardReading, compact, type FanReading, highest, isKnown, type MinerReading, sum } from './reading.js';
import { type Fields, type Replies, section } from './replies.js';
import type { Json } from './tolerant-json.js';

export const avalon: Adapter = {
  key: 'avalon',
  family: 'avalon',

  recognises(replies) {
    const version = versionOf(replies);
    return (
      modulesOf(replies).length > 0 ||
      /avalon/i.test(version.read(text, 'PROD') ?? '') ||
      version.has('BVERSION', 'HBMCUVERSION') ||
      section(replies, 'DEVS').some((dev) => /^(avalon|ava\d+)/i.test(dev.read(text, 'Name') ?? '')) ||
      /avalon/.test(description(replies))
    );
  },

  parse(replies): MinerReading {
    const version = versionOf(replies);
    const modules = modulesOf(replies);
    const common = commonReading(replies, 'MH');
    const boards = modules.flatMap((module, place) => boardsOf(module, place));
    const each = <T>(read: (module: Module) => T | undefined) => modules.map(read);
    const model = modelOf(version, modules[0]);
    return compact<MinerReading>({
      ...common,
      family: 'avalon',
      make: 'Avalon',
      model,
      firmware: version.read(text, 'CGVERSION', 'LVERSION', 'BVERSION', 'VERSION') ?? modules[0]?.text('LVer', 'Ver'),
      mac: version.read(macAddress, 'MAC'),
      serial: version.read(serial, 'DNA') ?? serial(modules[0]?.text('DNA')) ?? modules[0]?.text('HDNA'),
      hashrate_hps: common.hashrate_hps ?? sum(each((module) => module.rate('GHSspd'))),
      hashrate_avg_hps: common.hashrate_avg_hps ?? sum(each((module) => module.rate('GHSavg'))),
      hashrate_nominal_hps: sum(each((module) => module.rate('GHSmm'))),
      temperature_c: highest([hottest(boards), ...each((module) => module.chip('TMax') ?? module.chip('MTmax'))]),
      ambient_c: highest(each((module) => module.air())),
      power_w: sum(each((module) => powerOf(module, model))),
      power_limit_w: sum(each((module) => module.positive('MPO'))),
      frequency_hz: megahertz(modules[0]?.positive('Freq')),
      uptime_s: common.uptime_s ?? highest(each((module) => module.count('Elapsed'))),
      hardware_errors: common.hardware_errors,
      fans: modules.flatMap(fansOf),
      boards,
    });
  },

  // One after the other: firmware of the Avalon 10 answers two questions at once with a mixture.
  async read(device) {
    const replies = await ask({
      version: () => device.rpc('version'),
      summary: () => device.rpc('summary'),
      pools: () => device.rpc('pools'),
      stats: () => device.rpc('stats'),
    });
    if (!('stats' in replies) || modulesOf(replies).length > 0) return replies;
    // A Q that has just started leaves the string out of `stats`.
    try {
      return { ...replies, ...(await ask({ estats: () => device.rpc('estats') })) };
    } catch {
      return replies;
    }
  },
};

/** The values of one `MM ID` string. */
class Module {
  readonly #values: ReadonlyMap<string, string>;

  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  text(...names: readonly string[]): string | undefined {
    return names.map((name) => text(this.#values.get(name))).find((value) => value !== undefined);
  }

  count(name: string): number | undefined {
    return count(this.#values.get(name));
  }

  positive(name: string): number | undefined {
    return positive(this.#values.get(name));
  }

  numbers(name: string): readonly number[] {
    return numbers(this.#values.get(name)?.replaceAll('%', ''));
  }

  /** In GH/s by its name. */
  rate(name: string): number | undefined {
    return hashrate(this.#values.get(name), 'GH');
  }

  chip(name: string): number | undefined {
    return highest(this.numbers(name).map((value) => chipCelsius(value)));
  }

  /** `ITemp[-273]` is no sensor; older models say `Temp`. */
  air(): number | undefined {
    return celsius(this.#values.get('ITemp')) ?? celsius(this.#values.get('Temp'));
  }

  percent(name: string): number | undefined {
    return percent(this.#values.get(name));
  }

  /** Numbers of the names such as Fan1, Fan2. */
  indices(pattern: RegExp): readonly number[] {
    const found = [...this.#values.keys()].flatMap((name) => pattern.exec(name)?.[1] ?? []).map(Number);
    return found.sort((one, other) => one - other);
  }
}

/**
 * One a module; what `stats` and `litestats` say of the same one is one. Q writes its boards into strings of their own. A
 * controller with several cables numbers the modules of each anew, in a record of its own.
 */
function modulesOf(replies: Replies): readonly Module[] {
  const values = new Map<string, Map<string, string>>();
  for (const record of section(replies, 'STATS')) {
    for (const name of record.names) {
      const number = /^MM ID(\d+)/i.exec(name)?.[1] ?? (/^HBinfo/i.test(name) ? '0' : undefined);
      const line = record.source[name];
      if (number === undefined || typeof line !== 'string') continue;
      const id = `${record.read(count, 'STATS') ?? 0}/${number}`;
      const module = values.get(id) ?? new Map<string, string>();
      for (const [, key = '', value = ''] of line.matchAll(/(?<!\w)(\w+)\[([^[\]]*)\]/g)) {
        if (!module.has(key)) module.set(key, value.trim());
      }
      values.set(id, module);
    }
  }
  return [...values.values()].filter((module) => module.size > 0).map((module) => new Module(module));
}

/** Nano 3 has one of zeros only. */
function serial(value: Json | undefined): string | undefined {
  const read = text(value);
  return read === undefined || /^0+$/.test(read) ? undefined : read;
}

/**
 * "Avalon Nano3s", "Avalon Q"; older firmware only says it in front of its version: `Ver[1246-83-21072802_…]`, and A7 to A9
 * with year and month behind: `Ver[7411801-…]`.
 */
function modelOf(version: Fields, module: Module | undefined): string | undefined {
  const product = version.read(text, 'PROD');
  const model = version.read(text, 'MODEL');
  if (product !== undefined && (model === undefined || !/^avalon(nano)?$/i.test(product))) return product;
  const named = model ?? /^(\d{3}(?=\d{4}-)|[A-Za-z0-9]+(?=-))/.exec(module?.text('Ver') ?? '')?.[1];
  return named === undefined ? undefined : `Avalon ${named}`;
}

/** More than any Avalon draws: what stands there is no power. */
const POWER_MAX_W = 10_000;

/**
 * `PS[]` has seven numbers whose meaning differs by family. Of A10 to A15 the fifth is watts at the output; of Nano 3 the
 * sixth is watts, behind hundredths of a volt; of Nano 3s, Mini and Q the seventh is watts from the wall, and the sixth
 * hundredths of a volt.
 */
function powerOf(module: Module, model: string | undefined): number | undefined {
  const supply = module.numbers('PS');
  const name = `${model ?? ''} ${module.text('Ver') ?? ''}`;
  const place = /nano\s*3(?!s)/i.test(name) ? 5 : /nano|mini|\bq\b/i.test(name) ? 6 : 4;
  const power_w = module.positive('WALLPOWER') ?? positive(supply[place]);
  return power_w !== undefined && power_w <= POWER_MAX_W ? power_w : undefined;
}

function fansOf(module: Module): readonly FanReading[] {
  const percentOfAll = module.percent('FanR');
  const fans = module.indices(/^Fan(\d+)$/).map((index) =>
    compact<FanReading>({
      name: String(index),
      rpm: module.count(`Fan${index}`),
      percent: module.percent(`FanR${index}`) ?? percentOfAll,
    }),
  );
  // The one fan of A7 and older has no number.
  const only = compact<FanReading>({ name: '1', rpm: module.count('Fan'), percent: percentOfAll });
  return (fans.length > 0 ? fans : [only]).filter((fan) => isKnown(fan, 'name', 'percent'));
}

function boardsOf(module: Module, place: number): readonly BoardReading[] {
  const rates = module.numbers('MGHS');
  const hottestChips = module.numbers('MTmax');
  const chips = module.indices(/^PVT_T(\d+)$/);
  const boards = Math.max(rates.length, hottestChips.length, ...chips.map((index) => index + 1));
  // An idle Q goes on saying how warm each chip was when it last worked.
  const isIdle = module.count('TMax') === 0;
  return Array.from({ length: boards }, (_, index) => {
    const temperatures = module.numbers(`PVT_T${index}`).flatMap((value) => chipCelsius(value) ?? []);
    return compact<BoardReading>({
      index: place * 8 + index,
      hashrate_avg_hps: hashrate(rates[index], 'GH'),
      chip_c: chipCelsius(hottestChips[index]) ?? (isIdle ? undefined : highest(temperatures)),
      chips: temperatures.length > 0 ? temperatures.length : undefined,
    });
  }).filter((board) => isKnown(board, 'index'));
}
