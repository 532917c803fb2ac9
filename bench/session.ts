/** One run of one system: start it, wait until it carries changes, measure, stop it. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../e2e/lab/lab.js';
import { balanceIn, writeBalance } from './balance-file.js';
import { seen } from './folder-watch.js';
import { measureBurst } from './measures/burst.js';
import { measureCredits } from './measures/credits.js';
import { measureLatency } from './measures/latency.js';
import { measureSameSecond } from './measures/same-second.js';
import type { Run } from './results.js';
import { type Sites, sitesOf } from './sites.js';
import type { System } from './system.js';

export const MEASURES = ['latency', 'burst', 'credits', 'same-second'] as const;
export type Measure = (typeof MEASURES)[number];

export interface SessionOptions {
  writes: number;
  files: number;
  spacing_ms: readonly [number, number];
  measures: readonly Measure[];
  log: (line: string) => void;
}

const PROBE_TRIES = 90;
const CREDITS_EACH = 50;
const ROUNDS = 15;
/** In a row on the running system: the first finds every program cold, as no server is that has been up for a minute. */
const BURSTS = 3;
const BURST_REST_MS = 3_000;

/** Never rejects: what a run found before it failed is worth keeping. */
export async function measureOnce(lab: Lab, system: System, options: SessionOptions): Promise<Run> {
  const run: Run = {};
  try {
    await system.start(lab);
    const sites = sitesOf(lab, system);
    await untilConnected(sites);
    for (const measure of MEASURES) {
      if (!options.measures.includes(measure)) continue;
      await take(measure, sites, run, options);
      options.log(`${system.name}: ${measure} ${JSON.stringify(run[key(measure)] ?? 'one way only')}`);
    }
  } catch (cause) {
    run.error = cause instanceof Error ? cause.message : String(cause);
    options.log(`${system.name}: ended early: ${run.error}`);
  } finally {
    await system.stop(lab).catch((cause) => options.log(`${system.name}: does not stop: ${cause}`));
  }
  return run;
}

async function take(measure: Measure, sites: Sites, run: Run, options: SessionOptions): Promise<void> {
  if (measure === 'latency') {
    run.latency = await measureLatency(sites, { writes: options.writes, everyMs: options.spacing_ms });
  }
  if (measure === 'burst') {
    run.burst = [];
    for (let n = 0; n < BURSTS; n += 1) {
      run.burst.push(await measureBurst(sites, options.files, 5 + n));
      await sleep(BURST_REST_MS);
    }
  }
  if (measure === 'same-second') run.same_second = await measureSameSecond(sites, ROUNDS);
  if (measure === 'credits') {
    const credits = await measureCredits(sites, CREDITS_EACH);
    if (credits !== undefined) run.credits = credits;
  }
}

function key(measure: Measure): Exclude<keyof Run, 'error'> {
  return measure === 'same-second' ? 'same_second' : measure;
}

/** Writes until a write comes out at the other end, in each direction that the system has. */
async function untilConnected(sites: Sites): Promise<void> {
  await probe(sites.from, sites.to, '90-probe');
  if (sites.twoWay) await probe(sites.to, sites.from, '91-probe');
}

async function probe(from: string, to: string, user: string): Promise<void> {
  for (let n = 1; n <= PROBE_TRIES; n += 1) {
    writeBalance(from, user, n);
    if ((await seen(to, `${user}.txt`, (text) => balanceIn(text) === n, 1_000)) !== undefined) return;
  }
  throw new Error(`nothing written to ${from} has come out at ${to} in ${PROBE_TRIES} s`);
}
