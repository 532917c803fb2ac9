import { describe, expect, it } from 'vitest';
import { needsLab } from '../lab/skip.js';
import { waitFor } from '../lab/wait.js';
import { creditByNode, rewriteAll } from './php.js';
import { balanceFile } from './shapes.js';
import type { Site } from './site.js';
import { useSites } from './three-sites.js';

const FILES = 20_000;
const NIGHT = 1_764_300_000;
const name = (n: number) => `balances/${n}-user`;
/** All over the folder, so that some are credited before the job comes to them and some after. */
const CREDITED = Array.from({ length: 20 }, (_, n) => name(1 + n * 1_000));

describe.skipIf(needsLab('the nightly job on real sites'))('the nightly job', () => {
  const sites = useSites({
    before: ({ all }) => {
      for (const site of all) for (let n = 1; n <= FILES; n += 1) site.write(name(n), balanceFile(`${n}-user`, n));
    },
    startLimitMs: 90_000,
  });

  const balances = new Map(Array.from({ length: FILES }, (_, n) => [name(n + 1), n + 1]));

  /** The job on one site, which gives 20 users 5 each, while half of them are given 50 by the other site. */
  async function night(lastUpdated: number): Promise<void> {
    const { rofl, click } = sites();
    for (const [n, document] of CREDITED.entries()) {
      balances.set(document, (balances.get(document) ?? 0) + 5 + (n % 2 === 0 ? 50 : 0));
    }
    const others = CREDITED.filter((_, n) => n % 2 === 0);
    await Promise.all([
      rewriteAll(rofl, lastUpdated, CREDITED, 5),
      ...others.map((document) => creditByNode(click, { document, count: 1, amount: 50 })),
    ]);
  }

  async function everywhere(lastUpdated: number): Promise<void> {
    for (const site of sites().all) await rewritten(site, balances, lastUpdated);
  }

  it(`I1, hazard 10: rewrites ${FILES} files at once, and no change is missed or lost`, async () => {
    const began = performance.now();
    await night(NIGHT);
    console.info(`${FILES} files rewritten in ${Math.round(performance.now() - began)} ms`);
    await everywhere(NIGHT);
    console.info(`the same on all three sites ${Math.round(performance.now() - began)} ms after its begin`);
  });

  it('I1, hazard 10: makes more events than the kernel keeps for a daemon that is kept waiting, and none is missed', async () => {
    const { rofl } = sites();
    const from = rofl.log().length;
    const signal = (name: string) =>
      rofl.host.must(['systemctl', 'kill', '--kill-whom=main', `--signal=${name}`, rofl.unit]);
    await signal('STOP');
    await night(NIGHT + 86_400);
    await signal('CONT');
    await rofl.logged('so many changes at once', { from });
    await everywhere(NIGHT + 86_400);
    // What counts late counts twice: after the second looks every file is still as it should be.
    await sites().balanceStays(name(1), balances.get(name(1)) ?? 0);
    await everywhere(NIGHT + 86_400);
  });
});

/** Waits until every file has this night's time and the balance it should have. */
async function rewritten(site: Site, expected: ReadonlyMap<string, number>, lastUpdated: number): Promise<void> {
  const open = new Map(expected);
  const isDone = (document: string, balance: number): boolean => {
    try {
      const content = JSON.parse(site.read(document) ?? '') as { balance: number; last_updated: number };
      return content.balance === balance && content.last_updated === lastUpdated;
    } catch {
      return false;
    }
  };
  await waitFor(`the night's files on ${site.name}`, { timeoutMs: 90_000, everyMs: 250 }, () => {
    for (const [document, balance] of open) {
      // One that is not done is asked again next time; no use in reading thousands behind it.
      if (!isDone(document, balance)) return false;
      open.delete(document);
    }
    return true;
  }).catch((cause) => {
    const [document = ''] = open.keys();
    throw new Error(`${open.size} files left, such as ${document}: ${site.read(document)}`, { cause });
  });
  expect(open.size).toBe(0);
}
