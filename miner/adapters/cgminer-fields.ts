/** What all firmware of the cgminer family (cgminer, bmminer, BOSer, btminer 1 and 2, Avalon's) says in the same words. */
import { chipCelsius, count, difficulty, flag, type HashUnit, label, positive, text } from './quantities.js';
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
import { Fields, type Replies, ratesOf, section } from './replies.js';
import { type Json, wasCut } from './tolerant-json.js';

/** All members of a reading but those that only the family knows. */
export type CommonReading = Omit<MinerReading, 'family' | 'fans' | 'boards'>;

/** `unit`: of rates whose names say none. */
export function commonReading(replies: Replies, unit: HashUnit = 'GH'): CommonReading {
  const summary = section(replies, 'SUMMARY')[0] ?? new Fields({});
  const pools = poolsOf(replies);
  const rates = ratesOf(summary, unit);
  const devs = section(replies, 'DEVS').map((dev) => ratesOf(dev, unit));
  // The sum of a list that was cut off would be a counter that fell.
  const isWhole = !Object.values(replies).some(wasCut);
  const total = (values: readonly (number | undefined)[]) => (isWhole ? sum(values) : undefined);
  // Some firmware writes nonsense into its summary, and what is right into its pools.
  const atLeast = (...values: readonly (number | undefined)[]) => highest(values);
  return compact<CommonReading>({
    firmware: firmwareOf(replies),
    hashrate_hps: rates.now_hps ?? total(devs.map((dev) => dev.now_hps)),
    hashrate_avg_hps: rates.avg_hps ?? total(devs.map((dev) => dev.avg_hps)),
    uptime_s: summary.read(count, 'Elapsed', 'Device Elapsed'),
    shares_accepted: atLeast(summary.read(count, 'Accepted'), total(pools.map((pool) => pool.shares_accepted))),
    shares_rejected: summary.read(count, 'Rejected') ?? total(pools.map((pool) => pool.shares_rejected)),
    shares_stale: summary.read(count, 'Stale') ?? total(pools.map((pool) => pool.shares_stale)),
    difficulty_accepted: atLeast(
      summary.read(count, 'Difficulty Accepted'),
      total(pools.map((pool) => pool.difficulty_accepted)),
    ),
    difficulty_rejected:
      summary.read(count, 'Difficulty Rejected') ?? total(pools.map((pool) => pool.difficulty_rejected)),
    best_share: summary.read(difficulty, 'Best Share', 'bestshare') ?? highest(pools.map((pool) => pool.best_share)),
    blocks_found: summary.read(count, 'Found Blocks'),
    hardware_errors: summary.read(count, 'Hardware Errors', 'hw_all'),
    pools,
  });
}

/** Also of `/cgi-bin/pools.cgi`, which writes the same in lower case and short. */
export function poolsOf(replies: Replies): readonly PoolReading[] {
  const pools = section(replies, 'POOLS').map((pool) => {
    const status = pool.read(text, 'Status')?.toLowerCase();
    const shares_accepted = pool.read(count, 'Accepted');
    return compact<PoolReading>({
      url: pool.read(text, 'URL', 'Stratum URL'),
      user: pool.read(label, 'User'),
      active: pool.read(flag, 'Stratum Active'),
      // "Deed" is how some Antminers write it.
      alive: status === undefined ? undefined : status === 'alive',
      shares_accepted,
      shares_rejected: pool.read(count, 'Rejected'),
      shares_stale: pool.read(count, 'Stale'),
      difficulty_accepted: sumOfDifficulty(pool, shares_accepted ?? 0),
      difficulty_rejected: pool.read(count, 'Difficulty Rejected', 'diffr'),
      difficulty: pool.read(
        (value) => positive(difficulty(value)),
        'Stratum Difficulty',
        'Work Difficulty',
        'Last Share Difficulty',
        'lsdiff',
        'Diff',
      ),
      best_share: pool.read(difficulty, 'Best Share'),
      ...lastShare(pool.get('Last Share Time', 'lstime')),
    });
  });
  return pools.filter((pool) => pool.url !== undefined || pool.user !== undefined);
}

/** From so many shares on, their sum is more than the last of them. */
const SHARES_MANY = 10;

/** Absent where it is no sum: some firmware leaves it 0 (Hyperbit), or writes the difficulty of one share (Elphapex). */
function sumOfDifficulty(pool: Fields, shares: number): number | undefined {
  const said = pool.read(count, 'Difficulty Accepted', 'diffa');
  const isOne = said === 0 || said === pool.read(count, 'Last Share Difficulty', 'lsdiff');
  return shares >= SHARES_MANY && isOne ? undefined : said;
}

/** Since when a number of seconds can be a time: what is smaller is no time, as Avalon's 31279. */
const EPOCH_MIN = 1_000_000_000;
const EPOCH_MAX = 100_000_000_000;

function lastShare(value: Json | undefined): {
  last_share_at: number | undefined;
  last_share_age_s: number | undefined;
} {
  const at = count(value);
  const age = typeof value === 'string' ? /^\s*(\d+):([0-5]?\d):([0-5]?\d)\s*$/.exec(value) : null;
  return {
    last_share_at: at !== undefined && at >= EPOCH_MIN && at < EPOCH_MAX ? at : undefined,
    last_share_age_s: age === null ? undefined : Number(age[1]) * 3_600 + Number(age[2]) * 60 + Number(age[3]),
  };
}

/** The record of `version`, and what else says which firmware it is. */
export function versionOf(replies: Replies): Fields {
  return section(replies, 'VERSION')[0] ?? new Fields({});
}

/** The lower-case text of all STATUS records: "whatsminer v1.1", "BOSer boser-openwrt…", "cgminer 4.11.1". */
export function description(replies: Replies): string {
  const texts = Object.values(replies).flatMap((reply) => statusTexts(reply, 0));
  return texts.join('\n').toLowerCase();
}

function statusTexts(value: Json, depth: number): readonly string[] {
  if (typeof value !== 'object' || value === null || depth > 5) return [];
  if (Array.isArray(value)) return (value as readonly Json[]).flatMap((item) => statusTexts(item, depth + 1));
  return Object.entries(value).flatMap(([key, item]) =>
    key === 'Description' && typeof item === 'string' ? [item] : statusTexts(item, depth + 1),
  );
}

const PROGRAMS = ['LUXminer', 'BOSer', 'BOSminer+', 'BOSminer', 'Miner', 'BMMiner', 'CGMiner', 'SGMiner', 'BFGMiner'];

function firmwareOf(replies: Replies): string | undefined {
  const version = versionOf(replies);
  const name = PROGRAMS.find((program) => version.read(text, program) !== undefined);
  return name === undefined ? undefined : version.read(text, name);
}

/**
 * What the records of `devs` say of each board, for firmware that means by them what cgminer means. `names`: of the
 * number of a board.
 */
export function boardsOfDevs(
  replies: Replies,
  unit: HashUnit = 'GH',
  names: readonly string[] = ['ASC', 'Slot', 'PGA', 'GPU', 'ID'],
): readonly BoardReading[] {
  const devs = section(replies, 'DEVS').map((dev, place) => {
    const rates = ratesOf(dev, unit);
    return compact<BoardReading>({
      index: dev.read(count, ...names) ?? place,
      hashrate_hps: rates.now_hps,
      chip_c: dev.read(chipCelsius, 'Chip Temp Max', 'Chip Temp Avg', 'Chip Temp', 'tstemp-1', 'tstemp-0'),
      board_c: dev.read(chipCelsius, 'Temperature', 'Tenperature', 'PCB Temp', 'tstemp-2'),
      chips: dev.read(positive, 'Effective Chips', 'Chips'),
      frequency_hz: megahertz(dev.get('Chip Frequency', 'Frequency')),
      serial: dev.read(text, 'PCB SN', 'SerialNumber'),
    });
  });
  return devs.filter((board) => isKnown(board, 'index'));
}

/** Where none turns and it works all the same, there are none: water or oil cools it. */
export function withoutFans(fans: readonly FanReading[], hashrate_hps: number | undefined): readonly FanReading[] {
  return (hashrate_hps ?? 0) > 0 && fans.every((fan) => fan.rpm === 0) ? [] : fans;
}

/** In Hz, of MHz as most miners write them, of Hz, and of "1600M". More than chips can do is no frequency. */
export function megahertz(value: Json | undefined): number | undefined {
  const read = positive(typeof value === 'string' ? value.trim().replace(/M(Hz)?$/i, '') : value);
  const hertz = read === undefined || read >= 1e7 ? read : read * 1e6;
  return hertz === undefined || hertz > 1e10 ? undefined : hertz;
}

export function hottest(boards: readonly BoardReading[]): number | undefined {
  return highest(boards.map((board) => board.chip_c)) ?? highest(boards.map((board) => board.board_c));
}
