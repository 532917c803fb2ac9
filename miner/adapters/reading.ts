/** What a miner says of itself, whatever it is: SI units in the names, and what it does not say is absent, never 0. */
export interface MinerReading {
  readonly family: Family;
  readonly make?: string;
  readonly model?: string;
  readonly firmware?: string;
  readonly hostname?: string;
  /** Lower case with colons: the name under which a miner is found again at another address. */
  readonly mac?: string;
  readonly serial?: string;
  /** Over the shortest time that the miner reports, mostly five seconds to a minute. */
  readonly hashrate_hps?: number;
  /** Since it started, or over the longest time that it reports. */
  readonly hashrate_avg_hps?: number;
  /** What it should do. */
  readonly hashrate_nominal_hps?: number;
  /** The hottest chip; of the board where chips have no sensor. */
  readonly temperature_c?: number;
  /** The air around it. */
  readonly ambient_c?: number;
  readonly power_w?: number;
  readonly power_limit_w?: number;
  /** At its supply. */
  readonly voltage_v?: number;
  readonly frequency_hz?: number;
  /** Since the mining program started: counters of shares begin with it. */
  readonly uptime_s?: number;
  readonly shares_accepted?: number;
  readonly shares_rejected?: number;
  readonly shares_stale?: number;
  /** Sum of the assigned difficulty of every accepted share. */
  readonly difficulty_accepted?: number;
  /** `difficulty_accepted` was worked out from a hashrate. */
  readonly is_difficulty_estimated?: true;
  readonly difficulty_rejected?: number;
  /** Difficulty of the best share found. */
  readonly best_share?: number;
  readonly blocks_found?: number;
  readonly hardware_errors?: number;
  /** Computed in all its life, as far as it remembers: AxeOS from 2.15 on. */
  readonly total_hashes?: number;
  readonly rssi_dbm?: number;
  /** Empty: none reported. */
  readonly pools: readonly PoolReading[];
  readonly fans: readonly FanReading[];
  readonly boards: readonly BoardReading[];
}

export const FAMILIES = ['cgminer', 'antminer', 'avalon', 'whatsminer', 'braiins', 'axeos', 'nerdminer'] as const;
export type Family = (typeof FAMILIES)[number];

export interface PoolReading {
  /** As the miner writes it, with scheme and port where it says them. */
  readonly url?: string;
  /** As the miner sends it to the pool: address and worker are told apart elsewhere. */
  readonly user?: string;
  /** It works for this pool now. */
  readonly active?: boolean;
  readonly alive?: boolean;
  readonly shares_accepted?: number;
  readonly shares_rejected?: number;
  readonly shares_stale?: number;
  readonly difficulty_accepted?: number;
  readonly difficulty_rejected?: number;
  /** That a share must have now. */
  readonly difficulty?: number;
  readonly best_share?: number;
  /** Seconds since 1970. */
  readonly last_share_at?: number;
  readonly last_share_age_s?: number;
}

export interface FanReading {
  readonly name?: string;
  readonly rpm?: number;
  readonly percent?: number;
}

export interface BoardReading {
  /** As the miner numbers them. */
  readonly index: number;
  readonly hashrate_hps?: number;
  /** Where the miner reports a board's average only, as Avalon does. */
  readonly hashrate_avg_hps?: number;
  readonly hashrate_nominal_hps?: number;
  /** The hottest chip. */
  readonly chip_c?: number;
  readonly board_c?: number;
  readonly chips?: number;
  readonly frequency_hz?: number;
  readonly serial?: string;
}

/** The same without the members that are undefined, and without numbers that are none. */
export function compact<T extends object>(value: { readonly [K in keyof T]: T[K] | undefined }): T {
  const entries = Object.entries(value).filter(
    ([, item]) => item !== undefined && (typeof item !== 'number' || Number.isFinite(item)),
  );
  return Object.fromEntries(entries) as T;
}

/** A board, a fan or a pool of which nothing is known is none. */
export function isKnown(value: object, ...names: readonly string[]): boolean {
  return Object.keys(value).some((key) => !names.includes(key));
}

/** Sum of what is known; absent where nothing is. */
export function sum(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
}

export function highest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((most, value) => Math.max(most, value));
}
