/**
 * What goes wrong, in lanes that run side by side, so that everything meets everything: each waits a while, does its
 * harm to a site, and undoes it. Seeded: the same harm in the same order, though not at the same instant.
 */

import { existsSync, readdirSync } from 'node:fs';
import { SmallDisk } from '../../common/testing/small-disk.js';
import { sleep } from '../lab/wait.js';
import type { Site } from '../sites/site.js';

export type Random = () => number;

export type Lane = {
  readonly name: string;
  /** Between two, seconds: at least and at most. */
  readonly pause_s: readonly [number, number];
  /** Does it once, undone when this resolves. */
  readonly run: (site: Site, random: Random) => Promise<void>;
};

/** One second below the least age at which a lock is taken for abandoned, with room for the library's caching. */
const JUMP_S_MAX = 20;
const CLOCK = '/etc/axle/clock';

export const LANES: readonly Lane[] = [
  { name: 'kill -9', pause_s: [3, 12], run: async (site) => void (await systemctl(site, 'kill', '--signal=KILL')) },
  { name: 'restart', pause_s: [15, 40], run: async (site) => void (await systemctl(site, 'restart')) },
  {
    name: 'link cut',
    pause_s: [5, 20],
    run: async (site, random) => {
      await site.host.cut();
      await sleep(between(random, 2, 12) * 1000);
      await site.host.heal();
    },
  },
  { name: 'userdata full', pause_s: [8, 25], run: (site, random) => fullFor(disksOf(site).userdata, random) },
  { name: 'state full', pause_s: [8, 25], run: (site, random) => fullFor(disksOf(site).state, random) },
];

/**
 * The daemon's clock alone jumps (libfaketime, preloaded into its unit): a host shares the kernel's clock with this
 * machine, which is nobody's to change. Daemon and writers of one host disagree about the time then, which no true clock
 * can bring about.
 */
export const CLOCKS: Lane = {
  name: 'clock jump',
  pause_s: [4, 12],
  run: async (site, random) => setClock(site, Math.round(between(random, -JUMP_S_MAX, JUMP_S_MAX) * 1000) / 1000),
};

/** Runs a lane until `isOver`; returns how often it struck. */
export async function runLane(
  lane: Lane,
  sites: readonly Site[],
  random: Random,
  isOver: () => boolean,
): Promise<number> {
  for (let struck = 0; ; struck += 1) {
    const until = performance.now() + between(random, ...lane.pause_s) * 1000;
    while (performance.now() < until && !isOver()) await sleep(100);
    if (isOver()) return struck;
    await lane.run(sites[Math.floor(random() * sites.length)] as Site, random);
  }
}

export function disksOf({ host, userdata, state }: Site): { userdata: SmallDisk; state: SmallDisk } {
  return { userdata: new SmallDisk(host.path(userdata)), state: new SmallDisk(host.path(state)) };
}

async function fullFor(disk: SmallDisk, random: Random): Promise<void> {
  disk.fill();
  await sleep(between(random, 2, 8) * 1000);
  disk.free();
}

function systemctl({ host, unit }: Site, ...verb: string[]): Promise<unknown> {
  // It may be between two lives just now: then there is nothing to kill, and that is fine.
  return host.run(['systemctl', ...verb, unit]);
}

function between(random: Random, least: number, most: number): number {
  return least + random() * (most - least);
}

/** Where Debian keeps the library; undefined where it is not installed. */
export function faketime(): string | undefined {
  for (const folder of readdirSync('/usr/lib')) {
    const library = `/usr/lib/${folder}/faketime/libfaketime.so.1`;
    if (existsSync(library)) return library;
  }
  return undefined;
}

/** From its next start on the site's daemon reads its clock through the library. Monotonic time and files' times stay true. */
export async function giveClock(site: Site, library: string): Promise<void> {
  const environment = {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: CLOCK,
    FAKETIME_CACHE_DURATION: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
    NO_FAKE_STAT: '1',
    FAKE_UTIME: '0',
  };
  const lines = Object.entries(environment).map(([key, value]) => `Environment=${key}=${value}\n`);
  site.host.write(`/etc/systemd/system/${site.unit}.d/clock.conf`, `[Service]\n${lines.join('')}`);
  setClock(site, 0);
  await site.host.must(['systemctl', 'daemon-reload']);
}

export function setClock({ host }: Site, ahead_s: number): void {
  host.write(CLOCK, `${ahead_s < 0 ? '' : '+'}${ahead_s}\n`);
}
