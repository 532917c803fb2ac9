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

  it(`I1: rewrites ${FILES} files at once, more events than the kernel keeps, and no change is missed`, async () => {
    const { rofl, click } = sites();
    const began = performance.now();
    await Promise.all([
      rewriteAll(rofl, NIGHT, CREDITED, 5),
      ...CREDITED.slice(0, 10).map((document) => creditByNode(click, { document, count: 1, amount: 50 })),
    ]);
    console.info(`rewritten in ${Math.round(performance.now() - began)} ms`);
    const expected = new Map(Array.from({ length: FILES }, (_, n) => [name(n + 1), n + 1]));
    for (const [n, document] of CREDITED.entries()) {
      expected.set(document, (expected.get(document) ?? 0) + 5 + (n < 10 ? 50 : 0));
    }
    for (const site of sites().all) await rewritten(site, expected);
    console.info(`the same on all three sites ${Math.round(performance.now() - began)} ms after its begin`);
    const overflows = rofl.log().match(/so many changes at once/g)?.length ?? 0;
    console.info(`watcher overflows on ${rofl.name}: ${overflows}`);
    // What counts late counts twice: after the second looks every file is still as it should be.
    await sites().balanceStays(name(1), expected.get(name(1)) ?? 0);
    for (const site of sites().all) await rewritten(site, expected);
  });
});

/** Waits until every file has tonight's time and the balance it should have. */
async function rewritten(site: Site, expected: ReadonlyMap<string, number>): Promise<void> {
  const open = new Map(expected);
  const isDone = (document: string, balance: number): boolean => {
    try {
      const content = JSON.parse(site.read(document) ?? '') as { balance: number; last_updated: number };
      return content.balance === balance && content.last_updated === NIGHT;
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
