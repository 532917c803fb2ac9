/** Pure. History as charts want it: every step in its place, also those of which nothing is known. */
import type { History } from '../store/readings.js';

const COLUMNS = ['hashrate_hps', 'power_w', 'temperature_c', 'shares', 'rejected', 'difficulty'] as const;

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
