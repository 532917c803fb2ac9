/** From a device's counter to the balance at the hub, through real processes that are killed, people who decide, and old databases. */
import { existsSync } from 'node:fs';
import Big from 'big.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HeldWork } from '../../miner/shares/held.js';
import { launch, missingForBrowser } from '../browser/browser.js';
import { MAIN } from '../lab/axle.js';
import { sleep, waitFor } from '../lab/wait.js';
import { RATE, Rig } from './rig.js';

const USERS = ['1-andy', '2-bea'];
const DEVICES = 8;

function sumOf<K extends string>(rows: readonly Record<K, string | number>[], name: K): Big {
  return rows.reduce((sum, row) => sum.plus(row[name]), new Big(0));
}

/** In a real browser where there is one, else by what its buttons ask for. */
async function decideOnPage(rig: Rig, work: { readonly released: HeldWork; readonly rejected: HeldWork }) {
  if (missingForBrowser() !== undefined) {
    await rig.decide(work.released.id, 'release');
    await rig.decide(work.rejected.id, 'reject');
    return;
  }
  const browser = await launch();
  try {
    const tab = await browser.newPage();
    await tab.goto(`${rig.url}/#/credits`);
    const of = (worker: string) => tab.locator('#view-credits li', { hasText: worker });
    await of(work.released.worker).getByRole('button', { name: 'Release' }).click();
    await tab.locator('dialog').getByRole('button', { name: 'Release' }).click();
    await of(work.released.worker).waitFor({ state: 'detached' });
    await of(work.rejected.worker).getByRole('button', { name: 'Reject' }).click();
    await tab.locator('dialog input').fill('not mined here');
    await tab.locator('dialog').getByRole('button', { name: 'Reject' }).click();
    await of(work.rejected.worker).waitFor({ state: 'detached' });
  } finally {
    await browser.close();
  }
}

describe.skipIf(!existsSync(MAIN))('what miners earn', () => {
  let rig: Rig;
  /** Difficulty that a person has rejected. */
  let rejected = new Big(0);

  beforeAll(async () => {
    rig = await Rig.start(DEVICES, USERS);
  });
  afterAll(() => rig.stop());

  /** Balance at the hub = the site's report = the agent's statement, and all of it was mined, to the last digit. */
  async function expectExact(): Promise<void> {
    await rig.settled();
    const [ours, theirs] = [await rig.statement(), await rig.report()];
    const shown = ours.map(({ day, user, miner, amount, difficulty, credits }) => {
      return { day, user, miner, amount, difficulty, credits };
    });
    expect(shown).toEqual(expect.arrayContaining(theirs));
    expect(shown).toHaveLength(theirs.length);
    const held = sumOf(await rig.held(), 'difficulty');
    expect(sumOf(theirs, 'difficulty').plus(held).plus(rejected).toFixed()).toBe(rig.mined.toFixed());
    expect(sumOf(theirs, 'amount').toFixed()).toBe(sumOf(theirs, 'difficulty').times(RATE).toFixed());
    for (const user of USERS) {
      const own = theirs.filter((row) => row.user === user);
      const amount = sumOf(own, 'amount').toFixed();
      await waitFor(`${amount} for ${user} at the hub, not ${rig.earned(user)}`, { timeoutMs: 10_000 }, () => {
        return rig.earned(user) === amount;
      });
    }
  }

  let putBack: () => void;

  it('is in the balance once, whoever is killed while a credit is on its way', async () => {
    rig.clock.run();
    for (const stage of ['after', 'before', 'after', 'after'] as const) {
      await rig.proxy.catchNext(stage);
      await rig.endAgent('SIGKILL');
      rig.proxy.drop();
      // With a credit in it that the site has, and works whose period goes on.
      if (stage === 'before') putBack = rig.keepDatabase();
      await rig.startAgent();
    }
    for (const [stage, isBoth] of [
      ['after', true],
      ['before', true],
      ['after', false],
      ['before', false],
    ] as const) {
      await rig.proxy.catchNext(stage);
      await Promise.all([rig.killSpoke(), isBoth && rig.endAgent('SIGKILL')]);
      rig.proxy.drop();
      await Promise.all([rig.startSpoke(), isBoth && rig.startAgent()]);
    }
    await expectExact();
    const rows = await rig.statement();
    expect(rows.length).toBeGreaterThanOrEqual(DEVICES);
    const lines = (await rig.command('statement', '--day', '--json')).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(rows);
  });

  it('is in the balance once after an older database was put back', async () => {
    await rig.endAgent('SIGTERM');
    const before = sumOf(await rig.report(), 'credits');
    putBack();
    rig.clock.run();
    await rig.startAgent();
    await sleep(5_000);
    await expectExact();
    expect(sumOf(await rig.report(), 'credits').gt(before)).toBe(true);
    expect(rig.said).toContain('AXL-CREDIT-KNOWN');
  });

  it('waits for a person where it is more than a device can do', async () => {
    rig.clock.skip(600);
    await rig.settled();
    const held = await waitFor('all of it held', { timeoutMs: 30_000 }, async () => {
      const all = await rig.held();
      return all.length === DEVICES && all;
    });
    await expectExact();
    const [one, two, three, four] = held as [HeldWork, HeldWork, HeldWork, HeldWork];
    expect(one.reason).toMatch(/times what its reported hashrate allows/);
    const earned = () => USERS.reduce((sum, user) => sum.plus(rig.earned(user)), new Big(0));
    const wanted = earned()
      .plus(sumOf([one, two, four], 'difficulty').times(RATE))
      .toFixed();
    await rig.decide(one.id, 'release');
    await rig.command('held', 'release', String(two.id));
    await decideOnPage(rig, { released: four, rejected: three });
    rejected = new Big(three.difficulty);
    await expectExact();
    expect(earned().toFixed()).toBe(wanted);
    await rig.command('held', 'reject', '--all', '--reason', 'not mined here');
    rejected = sumOf([three, ...held.slice(4)], 'difficulty');
    await expectExact();
    expect(earned().toFixed()).toBe(wanted);
    expect(await rig.held()).toEqual([]);
  });
});
