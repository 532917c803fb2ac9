/** What is measured at one size: the first join, a restart with everything known, rest, single changes, the stop. */

import { opendirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { balanceIn, balanceText } from './balance-file.js';
import { seen } from './folder-watch.js';
import { killAll, type Memory, ScaleDaemon } from './scale-daemon.js';
import { createBalances, type ScaleSites, userOf } from './scale-sites.js';
import { percentile } from './statistics.js';

export interface Scale {
  documents: number;
  create_s: number;
  /** From the start of the spoke to its `ready`: every file is known there. */
  join_ready_s: number;
  /** From the start of the spoke until the hub has every file. */
  join_all_s: number;
  join_documents_per_s: number;
  join_memory: Both<Memory>;
  /** Of a restart with everything known: process start → `ready`. */
  ready_s: Both<number>;
  /** Since that restart, at the end of the time at rest. */
  memory: Both<Memory>;
  /** Per cent of one core at rest, the background scan running. */
  idle_percent: Both<number>;
  /** Write on the spoke → content in the hub's live file. */
  change: { p50_ms: number; p99_ms: number; max_ms: number; writes: number; lost: number };
  /** After the writes. */
  memory_end: Both<Memory>;
  stop_s: Both<number>;
}

export interface Both<T> {
  hub: T;
  spoke: T;
}

export interface ScaleOptions {
  readonly documents: number;
  readonly writes: number;
  readonly idle_s: number;
  readonly log: (line: string) => void;
}

const START_LIMIT_MS = 3_600_000;
/** After a start: what it left to do (confirmations, garbage) is not rest. */
const SETTLE_MS = 10_000;
const CHANGE_LIMIT_MS = 10_000;
/** Something is broken: there is nothing to measure. */
const LOST_MAX = 2;

export async function measureScale(sites: ScaleSites, options: ScaleOptions): Promise<Scale> {
  const { documents, log } = options;
  const create_s = await seconds(() => createBalances(sites.spoke.balances, documents));
  log(`${documents} files made in ${create_s.toFixed(1)} s`);
  const run = (role: keyof ScaleSites) => new ScaleDaemon(sites[role]);
  try {
    const joined = await measureJoin(sites, documents, run, log);
    const hub = run('hub');
    const hubReady_ms = await hub.ready(START_LIMIT_MS);
    const spoke = run('spoke');
    const spokeReady_ms = await spoke.ready(START_LIMIT_MS);
    log(`known: hub ready in ${(hubReady_ms / 1000).toFixed(2)} s, spoke in ${(spokeReady_ms / 1000).toFixed(2)} s`);
    await sleep(SETTLE_MS);
    const [hubIdle, spokeIdle] = await Promise.all([hub, spoke].map((one) => one.cpuPercent(options.idle_s * 1000)));
    const memory = { hub: hub.memory(), spoke: spoke.memory() };
    log(`at rest: hub ${hubIdle?.toFixed(2)} %, spoke ${spokeIdle?.toFixed(2)} %; ${JSON.stringify(memory)}`);
    const change = await measureChanges(sites, options);
    log(`one change: ${JSON.stringify(change)}`);
    const memory_end = { hub: hub.memory(), spoke: spoke.memory() };
    const stop_s = { spoke: (await spoke.stop()) / 1000, hub: (await hub.stop()) / 1000 };
    return {
      documents,
      create_s,
      ...joined,
      ready_s: { hub: hubReady_ms / 1000, spoke: spokeReady_ms / 1000 },
      memory,
      idle_percent: { hub: hubIdle ?? 0, spoke: spokeIdle ?? 0 },
      change,
      memory_end,
      stop_s,
    };
  } finally {
    killAll();
  }
}

type Joined = Pick<Scale, 'join_ready_s' | 'join_all_s' | 'join_documents_per_s' | 'join_memory'>;

/** An empty hub, and a spoke that brings all the files. */
async function measureJoin(
  sites: ScaleSites,
  documents: number,
  run: (role: keyof ScaleSites) => ScaleDaemon,
  log: (line: string) => void,
): Promise<Joined> {
  const hub = run('hub');
  await hub.ready(START_LIMIT_MS);
  const started = performance.now();
  const spoke = run('spoke');
  const join_ready_s = (await spoke.ready(START_LIMIT_MS)) / 1000;
  log(`spoke joined in ${join_ready_s.toFixed(1)} s; ${JSON.stringify(spoke.memory())}`);
  await haveArrived(sites.hub.balances, documents);
  const join_all_s = (performance.now() - started) / 1000;
  const join_memory = { hub: hub.memory(), spoke: spoke.memory() };
  log(`hub has all of them after ${join_all_s.toFixed(1)} s; ${JSON.stringify(join_memory)}`);
  // Last confirmations and late looks belong to the join, not to the restart that follows.
  await sleep(SETTLE_MS);
  const [spokeStop, hubStop] = [await spoke.stop(), await hub.stop()];
  log(`stopped: spoke ${spokeStop.toFixed(0)} ms, hub ${hubStop.toFixed(0)} ms`);
  return { join_ready_s, join_all_s, join_documents_per_s: documents / join_all_s, join_memory };
}

/** Counting a million names takes half a second of a core, so it is done for a tenth of the time at most. */
async function haveArrived(folder: string, documents: number): Promise<void> {
  for (;;) {
    const started = performance.now();
    let count = 0;
    const dir = opendirSync(folder, { bufferSize: 1024 });
    while (dir.readSync() !== null) count += 1;
    dir.closeSync();
    if (count >= documents) return;
    await sleep(Math.max(50, (performance.now() - started) * 9));
  }
}

/** One user after another, chosen at random: what the next change needs is rarely in a cache. */
async function measureChanges(sites: ScaleSites, { documents, writes }: ScaleOptions): Promise<Scale['change']> {
  const times: number[] = [];
  for (let n = 0; n < writes; n += 1) {
    await sleep(200 + Math.random() * 400);
    const user = userOf(Math.floor(Math.random() * documents));
    const balance = 1_000_000 + n;
    const arrived = seen(sites.hub.balances, `${user}.txt`, (text) => balanceIn(text) === balance, CHANGE_LIMIT_MS);
    const started = performance.now();
    writeFileSync(`${sites.spoke.balances}/${user}.txt`, balanceText(user, balance));
    const moment = await arrived;
    if (moment !== undefined) times.push(moment - started);
    else if (n + 1 - times.length > LOST_MAX) throw new Error(`${LOST_MAX + 1} of ${n + 1} changes did not arrive`);
  }
  return {
    p50_ms: percentile(times, 0.5),
    p99_ms: percentile(times, 0.99),
    max_ms: Math.max(...times),
    writes,
    lost: writes - times.length,
  };
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}
