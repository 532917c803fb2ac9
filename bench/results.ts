/** What the benchmark found, and what follows from it. Pure: no file, no clock. */

import type { Machine } from './machine.js';
import type { Burst } from './measures/burst.js';
import type { Credits } from './measures/credits.js';
import type { Latency } from './measures/latency.js';
import type { SameSecond } from './measures/same-second.js';
import { median } from './statistics.js';

/** What one run of one system found. A measure that was not asked for, or cannot be taken, is absent. */
export interface Run {
  latency?: Latency;
  /** Several in a row. */
  burst?: Burst[];
  credits?: Credits;
  same_second?: SameSecond;
  /** Why the run ended early, when it did. */
  error?: string;
}

export interface SystemResult {
  name: string;
  settings: string;
  version: string;
  /** False when it can carry changes one way only, so that credits from both sides cannot be measured. */
  two_way: boolean;
  runs: Run[];
}

export interface Results {
  taken_at: string;
  machine: Machine;
  options: { runs: number; writes: number; files: number; spacing_ms: readonly [number, number] };
  /** Write → seen on one and the same folder: what of every latency is the measuring itself. */
  floor_p50_ms: number;
  systems: SystemResult[];
}

/** Medians over a system's runs; an absent key was not measured. */
export interface Summary {
  p50_ms?: number;
  p95_ms?: number;
  p99_ms?: number;
  /** The worst single write of all runs. */
  max_ms?: number;
  files_per_s?: number;
  /** Over all runs: writes never seen, files never right, credits lost of those given, last contents arrived of rounds. */
  writes_lost?: number;
  files_missing?: number;
  credits_lost?: [lost: number, given: number];
  same_second?: [arrived: number, rounds: number];
}

export function summarise({ runs }: SystemResult): Summary {
  const latency = runs.flatMap((run) => run.latency ?? []);
  const burst = runs.flatMap((run) => run.burst ?? []);
  const credits = runs.flatMap((run) => run.credits ?? []);
  const sameSecond = runs.flatMap((run) => run.same_second ?? []);
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  return {
    ...(latency.length > 0 && {
      p50_ms: median(latency.map((one) => one.p50_ms)),
      p95_ms: median(latency.map((one) => one.p95_ms)),
      p99_ms: median(latency.map((one) => one.p99_ms)),
      max_ms: Math.max(...latency.map((one) => one.max_ms)),
      writes_lost: sum(latency.map((one) => one.lost)),
    }),
    ...(burst.length > 0 && {
      files_per_s: median(burst.map((one) => one.files_per_s)),
      files_missing: sum(burst.map((one) => one.missing)),
    }),
    ...(credits.length > 0 && {
      credits_lost: [sum(credits.map((one) => one.lost)), sum(credits.map((one) => one.given))],
    }),
    ...(sameSecond.length > 0 && {
      same_second: [sum(sameSecond.map((one) => one.arrived)), sum(sameSecond.map((one) => one.rounds))],
    }),
  };
}

/** How often better Axle is than the best rival of the same run: > 1 is better. Absent when either is. */
export function ratios(systems: readonly SystemResult[]): { latency_p50?: number; files_per_s?: number } {
  const own = systems.find((system) => system.name === 'axle');
  if (own === undefined) return {};
  const { p50_ms, files_per_s } = summarise(own);
  const rivals = systems.filter((system) => system !== own).map(summarise);
  const fastest = Math.min(...rivals.flatMap((rival) => rival.p50_ms ?? []));
  const busiest = Math.max(...rivals.flatMap((rival) => rival.files_per_s ?? []));
  return {
    ...(p50_ms !== undefined && Number.isFinite(fastest) && { latency_p50: fastest / p50_ms }),
    ...(files_per_s !== undefined && Number.isFinite(busiest) && { files_per_s: files_per_s / busiest }),
  };
}
