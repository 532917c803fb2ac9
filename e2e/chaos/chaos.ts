/** Minutes of everything going wrong under 100 writes a second on three real hosts; then all must add up exactly. */

import { must } from '../lab/exec.js';
import { REPO_ROOT } from '../lab/repo.js';
import { sleep, waitFor } from '../lab/wait.js';
import { balanceFile } from '../sites/shapes.js';
import type { Site } from '../sites/site.js';
import type { ThreeSites } from '../sites/sites.js';
import { CLOCKS, disksOf, faketime, giveClock, LANES, type Random, runLane, setClock } from './lanes.js';

export type Outcome = {
  readonly seconds: number;
  readonly writers: Readonly<Record<string, Writes>>;
  readonly struck: Readonly<Record<string, number>>;
  readonly noClocks?: string;
  readonly documents: number;
  readonly rest_s: number;
  /** One line for each document that is not, on some site, what the writers' sums say. */
  readonly differences: readonly string[];
  /** Codes in the logs, with how often. */
  readonly codes: Readonly<Record<string, number>>;
};

export type Writes = {
  readonly sums: Readonly<Record<string, number>>;
  readonly locked: number;
  readonly raw: number;
  readonly refused: number;
};

const SHARED = Array.from({ length: 40 }, (_, n) => `balances/${n + 1}-shared`);
const RAW_EACH = 8;
const BEGIN = 10_000;
/** On each site: more than 100 a second in all, also while some wait for a lock of the dead or a full disk. */
const LOCKED_PER_S = 34;
const RAW_PER_S = 14;
const USERDATA_KIB = 12 * 1024;
const STATE_KIB = 64 * 1024;
const READY_MS = 60_000;
/** Backoffs (30 s), resends (60 s), stale locks (10 s), and a batch refused for a clock, one after the other. */
const REST_MS = 300_000;
/** Longer than every second look: what is counted twice shows by then. */
const AFTERWARDS_MS = 6_000;

/** Puts userdata and state of each site on a disk of their own, small enough to fill. The daemons must not run. */
export async function onSmallDisks(sites: ThreeSites): Promise<void> {
  for (const site of sites.all) {
    await site.host.stop();
    const disks = disksOf(site);
    for (const [disk, sizeKiB] of [
      [disks.userdata, USERDATA_KIB],
      [disks.state, STATE_KIB],
    ] as const) {
      const copy = `${disk.folder}.copy`;
      await must(['cp', '--archive', disk.folder, copy]);
      disk.mount(sizeKiB);
      await must(['cp', '--archive', `${copy}/.`, disk.folder]);
      await must(['rm', '--recursive', copy]);
    }
    await site.host.start();
  }
}

export async function chaos(
  sites: ThreeSites,
  seconds: number,
  seed: number,
  say: (text: string) => void,
): Promise<Outcome> {
  const library = faketime();
  if (library !== undefined) for (const site of sites.all) await giveClock(site, library);
  const expected = new Map(SHARED.map((document) => [document, BEGIN]));
  for (const site of sites.all) for (const document of rawOf(site)) expected.set(document, BEGIN);
  for (const document of expected.keys())
    sites.hub.write(document, balanceFile(document.slice('balances/'.length), BEGIN));
  await sites.start(READY_MS);
  for (const document of expected.keys()) await sites.balanceEverywhere(document, BEGIN, READY_MS);

  say(`${expected.size} documents on three sites; ${seconds} s of chaos`);
  const end = performance.now() + seconds * 1000;
  const isOver = (): boolean => performance.now() >= end;
  const writing = sites.all.map((site, index) => write(site, seconds, seed + index));
  const lanes = library === undefined ? LANES : [...LANES, CLOCKS];
  const struck = await Promise.all(
    lanes.map(
      async (lane, index) => [lane.name, await runLane(lane, sites.all, randomOf(seed * 31 + index), isOver)] as const,
    ),
  );
  const writers = Object.fromEntries(await Promise.all(writing));
  for (const { sums } of Object.values(writers))
    for (const [document, sum] of Object.entries(sums)) expected.set(document, (expected.get(document) ?? 0) + sum);

  say('all is let come to rest');
  for (const site of sites.all) {
    if (library !== undefined) setClock(site, 0);
    await site.host.must(['systemctl', 'start', site.unit]);
  }
  const began = performance.now();
  await waitFor(
    'all to add up',
    { timeoutMs: REST_MS, everyMs: 250 },
    () => differences(sites, expected).length === 0,
  ).catch((error: Error) => say(error.message));
  const rest_s = (performance.now() - began) / 1000;
  await sleep(AFTERWARDS_MS);
  return {
    seconds,
    writers,
    struck: Object.fromEntries(struck),
    ...(library === undefined && { noClocks: 'libfaketime is not installed (apt-get install faketime)' }),
    documents: expected.size,
    rest_s,
    differences: differences(sites, expected),
    codes: codes(sites),
  };
}

function rawOf(site: Site): string[] {
  return Array.from({ length: RAW_EACH }, (_, n) => `balances/${n + 1}-raw-${site.name}`);
}

async function write(site: Site, seconds: number, seed: number): Promise<readonly [string, Writes]> {
  const rates = [String(LOCKED_PER_S), String(RAW_PER_S)];
  const argv = [site.userdata, String(seed), String(seconds), ...rates, SHARED.join(','), rawOf(site).join(',')];
  const said = await site.asPhp(
    [process.execPath, `${REPO_ROOT}/e2e/chaos/writer.mjs`, ...argv],
    (seconds + 60) * 1000,
  );
  return [site.name, JSON.parse(said) as Writes];
}

function differences(sites: ThreeSites, expected: ReadonlyMap<string, number>): string[] {
  const lines: string[] = [];
  for (const [document, balance] of expected) {
    const shown = sites.all.map((site) => site.balance(document));
    if (shown.some((one) => one !== balance)) lines.push(`${document}: ${shown.join(', ')} instead of ${balance}`);
  }
  return lines;
}

function codes(sites: ThreeSites): Record<string, number> {
  const found: Record<string, number> = {};
  for (const site of sites.all)
    for (const [, code] of site.log().matchAll(/ code=(\S+)/g))
      found[code as string] = (found[code as string] ?? 0) + 1;
  return found;
}

function randomOf(seed: number): Random {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
