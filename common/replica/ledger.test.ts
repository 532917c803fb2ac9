/** The ledger's keys, caps and answers, on one whole site and its hub. */
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect } from 'vitest';
import { labTests } from '../testing/lab-tests.js';
import { type Lab, type LabSite, sleep } from '../testing/sites.js';
import { ANSWERS_MS, type Change, type Changed } from './ledger.js';

const inLab = labTests(6);
const ANDY = 'balances/1-andy';

function test(title: string, run: (cast: { lab: Lab; faucet: LabSite; hub: LabSite }) => Promise<void>): void {
  inLab(
    title,
    async (lab) => {
      for (const site of lab.sites) site.write(ANDY, { balance: 100, recent_transactions: [] });
      await lab.start();
      await lab.settled();
      await run({ lab, faucet: lab.site('roflfaucet'), hub: lab.hub });
    },
    { inMemory: true, spokes: ['roflfaucet'], clockSkewMaxMs: 2 * ANSWERS_MS },
  );
}

const ask = (site: LabSite, amount: string, key: string, over: Partial<Change> = {}): Promise<Changed> =>
  site.site.change({ document: ANDY, path: '/balance', amount, asker: 'token:php', key, ...over });

describe('a key', () => {
  test('I1: answers the same for 30 days, and is then forgotten', async ({ lab, faucet }) => {
    const first = await ask(faucet, '5', 'k');
    faucet.aheadMs += ANSWERS_MS - 60_000;
    expect(await ask(faucet, '5', 'k')).toEqual({ ...first, isReplay: true });
    faucet.aheadMs += 120_000;
    await ask(faucet, '1', 'another');
    expect(await ask(faucet, '5', 'k')).toMatchObject({ ok: true, isReplay: false });
    await lab.balance(ANDY, 111);
  });

  test('I1: two debits with one key that both wait for rights are one debit', async ({ lab, faucet }) => {
    const answers = await Promise.all([ask(faucet, '-70', 'k'), ask(faucet, '-70', 'k'), ask(faucet, '-70', 'k')]);
    expect(answers.map((one) => one.ok && one.isReplay)).toEqual([false, true, true]);
    await lab.expectBalance(ANDY, 30);
  });

  test('I1: while its debit waits for rights, another request under it is refused', async ({ lab, faucet }) => {
    const [paid, other] = await Promise.all([ask(faucet, '-70', 'k'), ask(faucet, '-60', 'k')]);
    expect([paid.ok, other]).toEqual([true, { ok: false, reason: 'key_reused', balance: '100' }]);
    await lab.expectBalance(ANDY, 30);
  });

  test('belongs to whoever asks', async ({ lab, faucet }) => {
    await ask(faucet, '5', 'k');
    expect(await ask(faucet, '7', 'k', { asker: 'user:1-andy' })).toMatchObject({ ok: true, isReplay: false });
    await lab.expectBalance(ANDY, 112);
  });

  test('keeps a refusal for want of money, and not one for want of rights', async ({ lab, faucet, hub }) => {
    hub.isCut = true;
    expect(await ask(faucet, '-50', 'away')).toMatchObject({ reason: 'rights_elsewhere' });
    hub.isCut = false;
    await ask(faucet, '50', 'credit');
    expect(await ask(faucet, '-50', 'away')).toMatchObject({ ok: true });
    expect(await ask(faucet, '-101', 'poor')).toMatchObject({ reason: 'insufficient_funds' });
    await ask(faucet, '50', 'more');
    expect(await ask(faucet, '-101', 'poor')).toEqual({ ok: false, reason: 'insufficient_funds', balance: '100' });
    await lab.expectBalance(ANDY, 150);
  });
});

describe('a clamped debit', () => {
  test('hazard 9: fetches the rights to all there is, and takes no more', async ({ lab, faucet }) => {
    await ask(faucet, '20', 'credit');
    expect(await ask(faucet, '-500', 'k', { isClamped: true })).toMatchObject({
      ok: true,
      amount: '-120',
      balance: '0',
    });
    expect(await ask(faucet, '-500', 'l', { isClamped: true })).toMatchObject({ ok: true, amount: '0', balance: '0' });
    await lab.expectBalance(ANDY, 0);
  });

  test('takes what is left where another site spends at the same instant', async ({ lab, faucet, hub }) => {
    const answers = await Promise.all([
      ask(faucet, '-80', 'a', { isClamped: true }),
      ask(hub, '-80', 'b', { isClamped: true }),
    ]);
    let spent = 0;
    for (const answer of answers) if (answer.ok) spent -= Number(answer.amount);
    expect(spent).toBeGreaterThanOrEqual(80);
    expect(spent).toBeLessThanOrEqual(100);
    await lab.expectBalance(ANDY, 100 - spent);
  });
});

describe('beside the engine', () => {
  test('I1: changes by program and by file, all at once, are all counted, and each has its entry', async ({
    lab,
    faucet,
    hub,
  }) => {
    const asked: Promise<Changed>[] = [];
    for (let n = 0; n < 300; n++) {
      asked.push(ask(n % 3 === 0 ? hub : faucet, '1', `k${n}`, { description: `k${n}` }));
      if (n % 30 === 0) {
        await Promise.all(asked);
        await lab.settled();
        await faucet.lockedCredit(ANDY, 1);
      }
      if (n % 7 === 0) await sleep(5);
    }
    expect((await Promise.all(asked)).every(({ ok }) => ok)).toBe(true);
    await lab.expectBalance(ANDY, 410);
    const { recent_transactions } = faucet.value(ANDY) as { recent_transactions: { description: string }[] };
    expect(new Set(recent_transactions.map(({ description }) => description)).size).toBe(recent_transactions.length);
    lab.expectSame(ANDY);
  });

  test('I1: what a site stopped in the middle of is in the file after its start', async ({ lab, faucet }) => {
    const asked = Array.from({ length: 50 }, (_, n) => ask(faucet, '1', `k${n}`));
    await asked[0];
    await faucet.stop();
    const done = (await Promise.allSettled(asked)).filter(({ status }) => status === 'fulfilled').length;
    await faucet.start();
    await lab.expectBalance(ANDY, 100 + done);
  });
});

describe('a document', () => {
  const NEW = 'balances/9-new';

  test('I1: whose row is damaged is neither changed nor shown until it is rebuilt, and nothing of it is lost', async ({
    lab,
    faucet,
    hub,
  }) => {
    await ask(faucet, '7', 'before');
    await lab.settled();
    hub.isCut = true;
    const db = new Database(path.join(faucet.state, 'state.db'));
    db.prepare(`UPDATE documents SET state = replace(state, '"7"', '"9"') WHERE name = ?`).run(ANDY);
    db.close();
    await expect(ask(faucet, '5', 'k')).rejects.toMatchObject({ code: 'AXL-LOST' });
    await expect(faucet.site.read(ANDY)).rejects.toMatchObject({ code: 'AXL-LOST' });
    expect(await ask(faucet, '7', 'before')).toMatchObject({ isReplay: true });
    hub.isCut = false;
    await lab.until('it is rebuilt', () => faucet.site.replica.losses.size === 0);
    expect(await ask(faucet, '5', 'k')).toMatchObject({ ok: true, balance: '112', isReplay: false });
    await lab.expectBalance(ANDY, 112);
  });

  test('begun by a debit of nothing is the same on every site', async ({ lab, faucet }) => {
    expect(await ask(faucet, '-5', 'k', { document: NEW, isClamped: true })).toMatchObject({ ok: true, balance: '0' });
    await lab.expectBalance(NEW, 0);
    const states = lab.sites.map((site) => site.store.document(NEW)?.state);
    expect(states[0]).toBeDefined();
    expect(new Set(states).size).toBe(1);
  });

  test('that a program begins gives way, but for the amount, to what another site really wrote', async ({
    lab,
    faucet,
    hub,
  }) => {
    hub.isCut = true;
    hub.write(NEW, { user_id: 9, username: 'new', balance: { coins: 5 }, last_updated: '2026-01-06T04:43:46+00:00' });
    await lab.until('the hub has it', () => hub.store.document(NEW) !== undefined);
    expect(await ask(faucet, '10', 'k', { document: NEW })).toMatchObject({ ok: true, balance: '10' });
    hub.isCut = false;
    await lab.until('both have all of it', () => {
      const shown = lab.sites.map((site) => site.value(NEW) as { balance?: unknown });
      return shown.every((one) => JSON.stringify(one.balance) === '{"coins":15}') || JSON.stringify(shown);
    });
    await lab.settled();
    for (const site of lab.sites) expect(site.value(NEW)).toMatchObject({ user_id: 9, username: 'new' });
  });

  test('I1: keeps what a file from before holds that is readable at last at the moment of a credit', async ({
    lab,
    faucet,
  }) => {
    await faucet.stop();
    fs.rmSync(path.join(faucet.state, 'state.db'));
    faucet.write(NEW, '');
    await faucet.start();
    faucet.write(NEW, { balance: 50 });
    expect(await ask(faucet, '10', 'k', { document: NEW })).toMatchObject({ ok: true, balance: '60' });
    await lab.expectBalance(NEW, 60);
    expect(faucet.store.countHeld()).toBe(0);
  });
});

describe('at a stop', () => {
  test('what waits is refused, also a clamped debit', async ({ lab, faucet }) => {
    lab.fate = () => 'lose';
    const [plain, clamped] = [ask(faucet, '-70', 'a'), ask(faucet, '-500', 'b', { isClamped: true })];
    await sleep(100);
    await lab.within(faucet.stop(), 'it stops', 6_000);
    expect(await plain).toMatchObject({ ok: false });
    expect(await clamped).toMatchObject({ ok: false });
  });
});
