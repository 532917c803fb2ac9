import { readdirSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { needsLab } from '../lab/skip.js';
import { sleep } from '../lab/wait.js';
import { creditByNode } from './php.js';
import { balanceFile } from './shapes.js';
import type { Site } from './site.js';
import { CLICK, HUB, ROFL, useSites } from './three-sites.js';

/** A killed daemon's lock is stale after 10 s; then its writers, and it itself, go on. */
const RECOVERY_MS = 45_000;
const COUNT = 300;
const FILES = 200;

describe.skipIf(needsLab('crashes of real daemons'))('a daemon that ends in the middle of a burst', () => {
  const sites = useSites();
  // Not 0: a balance that a plain write takes to zero is held.
  let total = 1;

  beforeAll(async () => {
    sites().hub.write('balances/1-andy', balanceFile('1-andy', total));
    await sites().balanceEverywhere('balances/1-andy', total);
  });

  /** Both spokes credit one user and make new ones, while `disturb` does its work. */
  async function burst(round: string, disturb: () => Promise<unknown>): Promise<void> {
    const { rofl, click } = sites();
    const credits = { document: 'balances/1-andy', count: COUNT, pauseMs: 5 };
    const writers = [creditByNode(rofl, { ...credits, amount: 1 }), creditByNode(click, { ...credits, amount: 1 })];
    total += 2 * COUNT;
    const births = async () => {
      for (let n = 1; n <= FILES; n += 1) {
        const site = n % 2 === 0 ? rofl : click;
        site.write(`balances/${n}-${round}`, balanceFile(`${n}-${round}`, n));
        if (n % 10 === 0) await sleep(20);
      }
    };
    await Promise.all([...writers, births(), sleep(250).then(disturb)]);
    await sites().balanceEverywhere('balances/1-andy', total, RECOVERY_MS);
    for (let n = 1; n <= FILES; n += 1) await sites().balanceEverywhere(`balances/${n}-${round}`, n, RECOVERY_MS);
  }

  for (const name of [HUB, ROFL, CLICK]) {
    it(`I3: kill -9 of ${name} loses nothing and counts nothing twice`, async () => {
      const site = siteOf(name);
      await burst(name, () => site.ready(() => site.kill(), RECOVERY_MS));
    });
  }

  it('I3: kill -9 of all three at once loses nothing and counts nothing twice', async () => {
    await burst('all', async () => {
      const again = sites().all.map((site) => site.ready(() => site.kill(), RECOVERY_MS));
      await Promise.all(again);
    });
    await sites().balanceStays('balances/1-andy', total, 1);
  });

  it('SIGTERM ends each with 0 within seconds, leaves no temporary file or lock, and the next start goes on', async () => {
    let tookMs = 0;
    await burst('term', async () => {
      const began = performance.now();
      await sites().stop();
      tookMs = performance.now() - began;
      for (const site of sites().all) {
        const show = ['systemctl', 'show', site.unit, '--property=Result,ExecMainStatus'];
        expect(await site.host.must(show)).toBe('Result=success\nExecMainStatus=0\n');
        expect(leftovers(site)).toEqual([]);
      }
      await sites().start();
    });
    console.info(`all three stopped in ${Math.round(tookMs)} ms`);
    expect(tookMs).toBeLessThan(5_000);
    await sites().balanceStays('balances/1-andy', total, 1);
  });

  const siteOf = (name: string): Site => sites().all.find((site) => site.name === name) as Site;
});

/** What a daemon that has stopped in good order must not leave: half-made files, batches under way, its own locks. */
function leftovers(site: Site): string[] {
  const folders = [`${site.userdata}/.axle/tmp`, `${site.state}/outbox`];
  const found = folders.flatMap((folder) =>
    readdirSync(site.host.path(folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.parentPath}/${entry.name}`),
  );
  const live = readdirSync(site.host.path(`${site.userdata}/balances`)).filter((name) => !/^[^.].*\.txt$/.test(name));
  return [...found, ...live];
}
