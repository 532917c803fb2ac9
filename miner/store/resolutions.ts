/** Pure. How finely something that happened over time is shown. */

/** Every reading, means over ten minutes, or over an hour. */
export type Resolution = 'raw' | '10m' | '1h';

export const TABLES: Readonly<Record<Resolution, string>> = {
  raw: 'readings',
  '10m': 'readings_10m',
  '1h': 'readings_1h',
};

/** How long each is kept. */
export interface Retention {
  readonly raw_h: number;
  readonly ten_minutes_d: number;
  readonly hour_d: number;
  /** Paid credits one by one: then those of a day are one. */
  readonly credits_d: number;
}

export const TEN_MINUTES_S = 600;
export const HOUR_S = 3_600;
const DAY_S = 86_400;

/** Means may have a quarter of the points that are asked for: finer ones mean reading very much to show little more. */
const COARSER = 4;

/** Readings that are added up for one answer, at most about: nothing else happens meanwhile. */
const READINGS_MAX = 150_000;

/** The coarsest that still has enough points, of those that are kept so long. `readings`: how many each of them would be. */
export function resolutionFor(
  { from_s, to_s, points }: { readonly from_s: number; readonly to_s: number; readonly points: number },
  retention: Retention,
  now_s: number,
  readings = 0,
): Resolution {
  const wanted_s = ((to_s - from_s) / Math.max(1, points)) * COARSER;
  const age_s = now_s - from_s;
  if (wanted_s >= HOUR_S || age_s > retention.ten_minutes_d * DAY_S) return '1h';
  if (wanted_s >= TEN_MINUTES_S || readings > READINGS_MAX || age_s > retention.raw_h * HOUR_S) return '10m';
  return 'raw';
}

/** Time between two points: whole readings, so that none is empty only because a round came a little late. */
export function stepFor(
  resolution: Resolution,
  { from_s, to_s, points }: { readonly from_s: number; readonly to_s: number; readonly points: number },
  interval_s: number,
): number {
  const least_s = resolution === '1h' ? HOUR_S : resolution === '10m' ? TEN_MINUTES_S : interval_s;
  return Math.max(1, Math.ceil((to_s - from_s) / Math.max(1, points) / least_s)) * least_s;
}

export function floorTo(at_s: number, step_s: number): number {
  return Math.floor(at_s / step_s) * step_s;
}

/** Before this, nothing of a resolution is kept. */
export function keptFrom(resolution: Resolution, retention: Retention, now_s: number): number {
  if (resolution === 'raw') return now_s - retention.raw_h * HOUR_S;
  return now_s - (resolution === '10m' ? retention.ten_minutes_d : retention.hour_d) * DAY_S;
}
