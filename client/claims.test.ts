/** Guests' claims answered by a real sidecar, which credits at most 500 a day. */
import { describe, expect } from 'vitest';
import type { Lab } from '../common/testing/sites.js';
import { ANDY, sidecarTests } from '../sidecar/testing/sidecar-tests.js';
import { jwt, type LabSidecar } from '../sidecar/testing/sidecars.js';
import { unitsOf } from './amount.js';
import { Claims } from './claims.js';
import { GUEST_KEY, GuestTransactions } from './guest.js';
import { SidecarServer } from './sidecar-server.js';
import { MemoryBox } from './storage.js';

const test = sidecarTests(6);
const DAY_MS = 86_400_000;

class DyingTab extends GuestTransactions {
  override clear(): never {
    throw new Error('the tab is gone');
  }
}

/** One browser, whose tabs share its storage. */
class Desk {
  readonly box = new MemoryBox();
  readonly claims = new Claims(this.box, Date.now);
  readonly guest = this.tab();

  constructor(readonly sidecar: LabSidecar) {}

  tab(): GuestTransactions {
    return new GuestTransactions(this.box, Date.now, Math.random);
  }

  /** Moves what was written so far to so many days ago. */
  age(days: number): void {
    const timestamp = new Date(Date.now() - days * DAY_MS).toISOString();
    this.box.set(GUEST_KEY, JSON.stringify(this.guest.list().map((one) => ({ ...one, timestamp }))));
  }

  play(times: number, win: number, bet: number): void {
    for (let n = 0; n < times; n += 1) {
      this.guest.save('earn', win, 'slots_win');
      this.guest.save('spend', bet, 'slots_bet');
    }
  }

  /** Sends once what there is, and returns what was refused for good. */
  async send(user = '1-andy'): Promise<[amount: string, reason: string][]> {
    const server = new SidecarServer(this.sidecar.base, (who) => jwt(who));
    const answer = await server.claim(user, this.claims.next(user, new Set()));
    if (answer === undefined) throw new Error('the claim was not answered');
    return this.claims.settle(user, answer).map(({ transaction, reason }) => [transaction.amount, reason]);
  }

  async signIn(user = '1-andy'): Promise<[amount: string, reason: string][]> {
    return this.claims.take(user, this.guest) ? this.send(user) : [];
  }
}

const expectBalance = (lab: Lab, balance: number): Promise<void> => lab.expectBalance(ANDY, balance);

describe('a guest who signs in', () => {
  test(
    'brings what is left of 50 wins of 20 after 50 bets of 19 to the 1,000 they have',
    async ({ lab, sidecar }) => {
      const desk = new Desk(sidecar);
      desk.play(50, 20, 19);
      expect(await desk.signIn()).toEqual([]);
      await expectBalance(lab, 1_050);
      expect(desk.box.keys()).toEqual([]);
    },
    { content: { balance: 1_000 } },
  );

  test('whose bets came to as much as the wins brings nothing, and asks for nothing', async ({ lab, sidecar }) => {
    const desk = new Desk(sidecar);
    desk.play(10, 20, 20);
    expect(await desk.signIn()).toEqual([]);
    expect(desk.box.keys()).toEqual([]);
    await expectBalance(lab, 100);
  });

  test('loses no money of their own to a bet whose win is too old, and is told of that', async ({ lab, sidecar }) => {
    const desk = new Desk(sidecar);
    desk.guest.save('earn', 60, 'faucet');
    desk.age(29);
    desk.guest.save('spend', 50, 'slots_bet');
    expect(await desk.signIn()).toEqual([['10', 'out_of_time']]);
    expect(desk.box.keys()).toEqual([]);
    await expectBalance(lab, 100);
  });

  test('has spent what they earned first', async ({ lab, sidecar }) => {
    const desk = new Desk(sidecar);
    desk.guest.save('earn', 60, 'faucet');
    desk.age(29);
    desk.guest.save('earn', 20, 'faucet');
    desk.guest.save('spend', 65, 'slots_bet');
    expect(await desk.signIn()).toEqual([]);
    await expectBalance(lab, 115);
  });

  test(
    'is given another day what is over the cap today',
    async ({ lab, faucet, sidecar }) => {
      const desk = new Desk(sidecar);
      for (let n = 0; n < 30; n += 1) desk.guest.save('earn', 20, 'faucet');
      expect(await desk.signIn()).toEqual([]);
      expect(desk.claims.of('1-andy')).toHaveLength(5);
      expect(await desk.send()).toEqual([]);
      await lab.balance(ANDY, 600);
      faucet.aheadMs += DAY_MS + 60_000;
      expect(await desk.send()).toEqual([]);
      expect(desk.box.keys()).toEqual([]);
      await lab.balance(ANDY, 700);
    },
    { clockSkewMaxMs: 2 * DAY_MS },
  );

  test('hazard 8: is credited once where the answer is lost and the page is closed', async ({ lab, sidecar }) => {
    const desk = new Desk(sidecar);
    desk.play(5, 20, 10);
    desk.claims.take('1-andy', desk.guest);
    const server = new SidecarServer(sidecar.base, (who) => jwt(who));
    await server.claim('1-andy', desk.claims.next('1-andy', new Set()));
    expect(await desk.signIn()).toEqual([]);
    expect(desk.box.keys()).toEqual([]);
    await expectBalance(lab, 150);
  });

  test('hazard 8: is credited once where the tab dies between its two lists, and somebody plays on', async ({
    lab,
    sidecar,
  }) => {
    const desk = new Desk(sidecar);
    desk.guest.save('earn', 20, 'faucet');
    desk.guest.save('spend', 5, 'slots_bet');
    expect(() => desk.claims.take('1-andy', new DyingTab(desk.box, Date.now, Math.random))).toThrow('the tab is gone');
    desk.guest.save('earn', 30, 'faucet');
    desk.guest.save('spend', 10, 'slots_bet');
    // The spends that were taken with the first list are not taken off a second time.
    expect(await desk.signIn()).toEqual([]);
    expect(desk.box.keys()).toEqual([]);
    await expectBalance(lab, 135);
  });

  test('hazard 8: is credited once by two tabs that send at the same moment', async ({ lab, sidecar }) => {
    const desk = new Desk(sidecar);
    desk.play(5, 20, 10);
    const other = desk.tab();
    desk.claims.take('1-andy', desk.guest);
    desk.claims.take('1-andy', other);
    expect(await Promise.all([desk.send(), desk.send()])).toEqual([[], []]);
    expect(desk.box.keys()).toEqual([]);
    await expectBalance(lab, 150);
  });

  test('hazard 8: is credited once where the other tab puts the list back in the same moment', async ({
    lab,
    sidecar,
  }) => {
    const desk = new Desk(sidecar);
    desk.play(5, 20, 10);
    const seen = desk.box.get(GUEST_KEY) ?? '';
    await desk.signIn();
    desk.box.set(GUEST_KEY, seen);
    const other = desk.tab();
    other.save('earn', 7, 'faucet');
    desk.claims.take('1-andy', other);
    expect(await desk.send()).toEqual([]);
    expect(desk.box.keys()).toEqual([]);
    await expectBalance(lab, 157);
  });

  test(
    'what the former script had not sent is credited once, over days where it is more than a day’s cap',
    async ({ lab, faucet, sidecar }) => {
      const desk = new Desk(sidecar);
      desk.claims.adopt('1-andy', unitsOf('620.5') ?? 0n, '620.5 1770000000000');
      // The tab died before it could forget what it had taken.
      desk.claims.adopt('1-andy', unitsOf('620.5') ?? 0n, '620.5 1770000000000');
      expect(await desk.send()).toEqual([]);
      await lab.balance(ANDY, 600);
      desk.claims.adopt('1-andy', unitsOf('620.5') ?? 0n, '620.5 1770000000000');
      faucet.aheadMs += DAY_MS + 60_000;
      expect(await desk.send()).toEqual([]);
      expect(desk.box.keys()).toEqual([]);
      await lab.balance(ANDY, 720.5);
    },
    { clockSkewMaxMs: 2 * DAY_MS },
  );
});
