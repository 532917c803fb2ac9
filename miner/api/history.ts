/** Pure. History as charts want it: up to now, and every step in its place, also those of which nothing is known. */
import type { History } from '../store/readings.js';

const MEANS = ['hashrate_hps', 'power_w'] as const;
const SUMS = ['shares', 'rejected', 'difficulty'] as const;
const COLUMNS = [...MEANS, 'temperature_c', ...SUMS] as const;
type Column = (typeof COLUMNS)[number];

/** Asks the store for what lies between two times, in about so many points. */
export type Read = (from_s: number, to_s: number, points: number) => History;

/** How far back the next finer readings are asked for, and in how many points: so that they are finer. */
const TAILS = { '1h': { span_s: 7_200, points: 28 }, '10m': { span_s: 1_800, points: 60 } } as const;

/** Readings that one answer is worked out from, at most about: nothing else happens meanwhile. */
const READINGS_MAX = 150_000;
/** As many points as make the store take means over ten minutes. */
const POINT_OF_MEANS_S = 150;

/** So few points that `readings` of them are not gone through one by one. */
export function affordablePoints(points: number, span_s: number, readings: number): number {
  return readings <= READINGS_MAX ? points : Math.max(1, Math.min(points, Math.floor(span_s / POINT_OF_MEANS_S)));
}

const COARSENESS = { raw: 0, '10m': 1, '1h': 2 } as const;

/** Means are made when their time is over: what has come since then is worked out from finer readings. */
export function readUntilNow(read: Read, from_s: number, to_s: number, points: number): History {
  return withTail(read(from_s, to_s, points), read, from_s, to_s);
}

function withTail(history: History, read: Read, from_s: number, to_s: number): History {
  if (history.resolution === 'raw') return history;
  const tail = TAILS[history.resolution];
  const tail_from_s = Math.max(from_s, to_s - tail.span_s);
  const finer = read(tail_from_s, to_s, tail.points);
  // Long ago nothing finer is kept.
  if (COARSENESS[finer.resolution] >= COARSENESS[history.resolution]) return history;
  return joined(history, withTail(finer, read, tail_from_s, to_s));
}

/** With the steps that `coarse` does not have, of what `fine` knows. */
function joined(coarse: History, fine: History): History {
  const { step_s, resolution } = coarse;
  const known = new Set(coarse.at_s);
  const steps = new Map<number, number[]>();
  for (const [place, at_s] of fine.at_s.entries()) {
    const step = at_s - (at_s % step_s);
    if (!known.has(step)) steps.set(step, [...(steps.get(step) ?? []), place]);
  }
  const points = [
    ...coarse.at_s.map((at_s, place) => ({ at_s, of: (name: Column) => coarse[name][place] ?? null })),
    ...[...steps].map(([at_s, places]) => ({ at_s, of: (name: Column) => gathered(fine, name, places) })),
  ].toSorted((one, other) => one.at_s - other.at_s);
  const columns = COLUMNS.map((name) => [name, points.map(({ of }) => of(name))]);
  return { resolution, step_s, at_s: points.map(({ at_s }) => at_s), ...Object.fromEntries(columns) };
}

function gathered(history: History, name: Column, places: readonly number[]): number | null {
  const values = places.map((place) => history[name][place] ?? null).filter((value) => value !== null);
  if (values.length === 0) return null;
  if (name === 'temperature_c') return Math.max(...values);
  const sum = values.reduce((total, value) => total + value, 0);
  return SUMS.some((one) => one === name) ? sum : sum / values.length;
}

/** The same with a row of nulls for each step between `from_s` and `to_s` that has none. */
export function withGaps(history: History, from_s: number, to_s: number): History {
  const { step_s } = history;
  const places = new Map(history.at_s.map((at_s, place) => [at_s, place]));
  const first = Math.floor(from_s / step_s) * step_s;
  const at_s = Array.from({ length: Math.max(0, Math.ceil((to_s - first) / step_s)) }, (_, n) => first + n * step_s);
  const columns = COLUMNS.map((name) => [
    name,
    at_s.map((at) => {
      const place = places.get(at);
      return place === undefined ? null : (history[name][place] ?? null);
    }),
  ]);
  return { resolution: history.resolution, step_s, at_s, ...Object.fromEntries(columns) };
}
