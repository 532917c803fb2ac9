/** (a) One write on a site → its content readable on the other spoke. */

import { setTimeout as sleep } from 'node:timers/promises';
import { balanceIn, writeBalance } from '../balance-file.js';
import { contentOf, FolderWatch } from '../folder-watch.js';
import type { Sites } from '../sites.js';
import { percentile } from '../statistics.js';

export interface Latency {
  p50_ms: number;
  p95_ms: number;
  p99_ms: number;
  max_ms: number;
  /** Writes whose content, or a later one, was not seen within the limit. They are in no percentile. */
  lost: number;
}

const USER = '1-andy';
const ARRIVAL_LIMIT_MS = 15_000;
const WARM_UP_WRITES = 3;

export interface LatencyOptions {
  writes: number;
  /** Spacing between writes, at random so that no system's own rhythm can line up with it. */
  everyMs?: readonly [number, number];
  random?: () => number;
}

/** Writes one user's balance again and again, spaced at random, and notes when each content arrives. */
export async function measureLatency(sites: Sites, options: LatencyOptions): Promise<Latency> {
  const { writes, everyMs = [600, 1000], random = Math.random } = options;
  const written: number[] = [];
  const arrived: number[] = [];
  // The nth write sets the balance to n, so a balance that has arrived tells which writes are visible: one that was
  // overtaken by a later write counts as visible when the later one is.
  const look = () => {
    const balance = balanceIn(contentOf(`${sites.to}/${USER}.txt`)) ?? 0;
    const now = performance.now();
    while (arrived.length < balance) arrived.push(now);
  };
  const watching = new FolderWatch(sites.to, look);
  const total = WARM_UP_WRITES + writes;
  try {
    for (let n = 1; n <= total; n += 1) {
      written.push(performance.now());
      writeBalance(sites.from, USER, n);
      await sleep(everyMs[0] + random() * (everyMs[1] - everyMs[0]));
    }
    const limit = performance.now() + ARRIVAL_LIMIT_MS;
    while (arrived.length < total && performance.now() < limit) await sleep(50);
  } finally {
    watching.close();
  }
  return summary(arrived.map((moment, n) => moment - (written[n] ?? 0)).slice(WARM_UP_WRITES), writes);
}

function summary(times: readonly number[], writes: number): Latency {
  return {
    p50_ms: percentile(times, 0.5),
    p95_ms: percentile(times, 0.95),
    p99_ms: percentile(times, 0.99),
    max_ms: Math.max(...times),
    lost: writes - times.length,
  };
}
