/** From a device's counter to the balance at the hub, through real processes that are killed, people who decide, and old databases. */
import { existsSync } from 'node:fs';
import Big from 'big.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAIN } from '../lab/axle.js';
import { sleep, waitFor } from '../lab/wait.js';
import { PERIOD_S, RATE, Rig } from './rig.js';

const USERS = ['1-andy', '2-bea'];
const DEVICES = 4;

const sumOf = (rows: readonly Record<string, unknown>[], name: string, user?: string): Big =>
  rows
    .filter((row) => user === undefined || row.user === user)
    .reduce((sum, row) => sum.plus(String(row[name])), new Big(0));

describe.skipIf(!existsSync(MAIN))('what miners earn', () => {
  let rig: Rig;
  /** Difficulty that a person has rejected. */
  const rejected = new Big(0);

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
    const held = sumOf((await rig.held()) as unknown as Record<string, unknown>[], 'difficulty');
    expect(sumOf(theirs, 'difficulty').plus(held).plus(rejected).toFixed()).toBe(rig.mined.toFixed());
    expect(sumOf(theirs, 'amount').toFixed()).toBe(sumOf(theirs, 'difficulty').times(RATE).toFixed());
    for (const user of USERS) {
      const amount = sumOf(theirs, 'amount', user).toFixed();
      await waitFor(`${amount} for ${user} at the hub, not ${rig.earned(user)}`, { timeoutMs: 10_000 }, () => {
        return rig.earned(user) === amount;
      });
    }
  }

  it('is in the balance once, whoever is killed while a credit is on its way', async () => {
    rig.clock.run();
    for (const stage of ['after', 'before', 'after', 'after'] as const) {
      await rig.proxy.catchNext(stage);
      await rig.endAgent('SIGKILL');
      rig.proxy.drop();
      await rig.startAgent();
    }
    for (const stage of ['after', 'before', 'after', 'before'] as const) {
      await rig.proxy.catchNext(stage);
      await rig.killSpoke();
      rig.proxy.drop();
      await rig.startSpoke();
    }
    await expectExact();
    expect(rig.mined.gt(0)).toBe(true);
  });
  void sleep;
  void PERIOD_S;
});
