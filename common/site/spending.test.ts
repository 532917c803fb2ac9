/** Spending rights on whole sites: the same money is never spent twice, connected or not. */
import { describe, expect } from 'vitest';
import type { Changed } from '../replica/ledger.js';
import { backup, restoreAll } from '../testing/backups.js';
import { labTests } from '../testing/lab-tests.js';
import type { Lab, LabSite } from '../testing/sites.js';

const inLab = labTests(8);
const test = (title: string, run: (lab: Lab) => Promise<void>): void => inLab(title, run, { inMemory: true });
const ANDY = 'balances/1-andy';

const pay = (site: LabSite, amount: string, waitMs?: number): Promise<Changed> =>
  site.site.change({ document: ANDY, path: '/balance', amount }, waitMs);

async function withAndy(lab: Lab, balance = 100): Promise<{ hub: LabSite; faucet: LabSite; charity: LabSite }> {
  for (const site of lab.sites) site.write(ANDY, { balance });
  await lab.start();
  await lab.settled();
  return { hub: lab.hub, faucet: lab.site('roflfaucet'), charity: lab.site('clickforcharity') };
}

describe('amounts that programs change', () => {
  test('a credit is answered with the balance, and shows everywhere', async (lab) => {
    const { faucet } = await withAndy(lab);
    expect(await pay(faucet, '7.5')).toMatchObject({ ok: true, balance: '107.5' });
    await lab.expectBalance(ANDY, 107.5);
  });

  test('a new user begins with the first credit', async (lab) => {
    const { faucet } = await withAndy(lab);
    await faucet.site.change({ document: 'balances/2-new', path: '/balance', amount: '20' });
    await lab.expectBalance('balances/2-new', 20);
  });

  test('what stands in the file counts before a debit is judged', async (lab) => {
    const { faucet } = await withAndy(lab, 0);
    faucet.write(ANDY, { balance: 30 });
    expect(await pay(faucet, '-30')).toMatchObject({ ok: true, balance: '0' });
    await lab.expectBalance(ANDY, 0);
  });

  test('nonsense is refused, and changes nothing', async (lab) => {
    const { faucet } = await withAndy(lab);
    const change = (document: string, path: string, amount: string): Promise<Changed> =>
      faucet.site.change({ document, path, amount });
    const bad = { code: 'AXL-BAD-CHANGE' };
    await expect(change(ANDY, '/balance', '0')).rejects.toMatchObject(bad);
    await expect(change(ANDY, '/balance', '1e3')).rejects.toMatchObject(bad);
    await expect(change(ANDY, '/last_updated', '1')).rejects.toMatchObject(bad);
    await expect(change('balances/../1-andy', '/balance', '1')).rejects.toMatchObject(bad);
    await expect(change('profiles/1-andy', '/stats/x', '1')).rejects.toMatchObject(bad);
    await expect(change(ANDY, '/balance', '9'.repeat(24))).resolves.toMatchObject({ ok: true });
    await expect(change(ANDY, '/balance', '1')).rejects.toMatchObject(bad);
  });
});

describe('spending rights', () => {
  test('to what was earned here are here: a debit asks nobody, not even while the hub is away', async (lab) => {
    const { faucet } = await withAndy(lab);
    await pay(faucet, '40');
    faucet.isCut = true;
    expect(await pay(faucet, '-40')).toMatchObject({ ok: true, balance: '100' });
    faucet.isCut = false;
    await lab.expectBalance(ANDY, 100);
  });

  test('of the hub are given to a spoke that asks', async (lab) => {
    const { faucet } = await withAndy(lab);
    expect(await pay(faucet, '-60')).toMatchObject({ ok: true, balance: '40' });
    await lab.expectBalance(ANDY, 40);
  });

  test('of one spoke are called in for another, and for the hub', async (lab) => {
    const { hub, faucet, charity } = await withAndy(lab, 0);
    await pay(faucet, '50');
    await lab.expectBalance(ANDY, 50);
    expect(await pay(charity, '-30')).toMatchObject({ ok: true, balance: '20' });
    expect(await pay(hub, '-20')).toMatchObject({ ok: true, balance: '0' });
    await lab.expectBalance(ANDY, 0);
  });

  test('where there is not enough money, the refusal says so at once, with the balance', async (lab) => {
    const { hub, faucet } = await withAndy(lab);
    for (const site of [faucet, hub]) {
      const began = performance.now();
      expect(await pay(site, '-101')).toEqual({ ok: false, reason: 'insufficient_funds', balance: '100' });
      expect(performance.now() - began).toBeLessThan(1_500);
    }
    await lab.expectBalance(ANDY, 100);
  });

  test('that lie with a site which is away are named, and nothing is spent', async (lab) => {
    const { hub, faucet, charity } = await withAndy(lab, 0);
    await pay(faucet, '50');
    await lab.expectBalance(ANDY, 50);
    faucet.isCut = true;
    expect(await pay(charity, '-50')).toEqual({
      ok: false,
      reason: 'rights_elsewhere',
      balance: '50',
      site: 'roflfaucet',
    });
    expect(await pay(hub, '-50')).toMatchObject({ reason: 'rights_elsewhere', site: 'roflfaucet' });
    charity.isCut = true;
    expect(await pay(charity, '-50')).toMatchObject({ reason: 'rights_elsewhere', site: 'directsponsor' });
    expect(await pay(faucet, '-50')).toMatchObject({ ok: true });
    faucet.isCut = false;
    charity.isCut = false;
    await lab.expectBalance(ANDY, 0);
  });

  test('I1: the whole balance spent by both sites at the same instant is spent once, 50 times', async (lab) => {
    const { faucet, charity } = await withAndy(lab);
    for (let round = 0; round < 50; round += 1) {
      const outcomes = await Promise.all([pay(faucet, '-100'), pay(charity, '-100')]);
      expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1);
      await lab.balance(ANDY, 0);
      expect(await pay(round % 2 === 0 ? faucet : charity, '100')).toMatchObject({ ok: true });
      await lab.balance(ANDY, 100);
    }
    await lab.expectBalance(ANDY, 100);
  });

  test('I1: cut off, both sites together spend no more than there is, 50 times', async (lab) => {
    const { hub, faucet, charity } = await withAndy(lab, 0);
    hub.isCut = true;
    let total = 0;
    let spent = 0;
    for (let round = 0; round < 50; round += 1) {
      if (total === 0) {
        expect(await pay(round % 2 === 0 ? faucet : charity, '100')).toMatchObject({ ok: true });
        total = 100;
      }
      const outcomes = await Promise.all([pay(faucet, '-100', 300), pay(charity, '-100', 300), pay(hub, '-100', 300)]);
      const paid = outcomes.filter(({ ok }) => ok).length;
      expect(paid).toBeLessThanOrEqual(1);
      if (paid === 1) total = 0;
      spent += paid;
      // Now and then what happened apart comes together.
      if (round % 10 !== 9) continue;
      hub.isCut = false;
      await lab.balance(ANDY, total, 20_000);
      hub.isCut = true;
    }
    expect(spent).toBeGreaterThan(40);
    hub.isCut = false;
    await lab.expectBalance(ANDY, total);
  });

  test('that lie idle at a spoke go back to the hub, which then spends alone', async (lab) => {
    const { hub, faucet } = await withAndy(lab, 0);
    await pay(faucet, '50');
    await lab.expectBalance(ANDY, 50);
    faucet.aheadMs += 61_000;
    const asked = () => faucet.store.document(ANDY)?.state.includes('"given"');
    await lab.until('they went back', asked);
    await lab.settled();
    faucet.isCut = true;
    expect(await pay(hub, '-50')).toMatchObject({ ok: true, balance: '0' });
    faucet.isCut = false;
    await lab.expectBalance(ANDY, 0);
  });

  test('of an incarnation that is over are the hub’s once its last changes have come', async (lab) => {
    const { hub, faucet, charity } = await withAndy(lab, 0);
    await pay(faucet, '50');
    await lab.expectBalance(ANDY, 50);
    const before = faucet.replicaId;
    await faucet.stop();
    hub.isCut = true;
    // The hub does not answer at its start: a new incarnation.
    await faucet.start();
    expect(faucet.replicaId).not.toBe(before);
    expect(await pay(faucet, '-50', 200)).toMatchObject({ ok: false, reason: 'rights_elsewhere' });
    hub.isCut = false;
    await lab.settled();
    expect(await pay(charity, '-50')).toMatchObject({ ok: true, balance: '0' });
    await lab.expectBalance(ANDY, 0);
  });

  test('I1: a hub that may be an old copy spends nothing before a spoke has answered', async (lab) => {
    const { hub, faucet, charity } = await withAndy(lab);
    await hub.stop();
    const copy = backup(hub);
    await hub.start();
    expect(await pay(faucet, '-60')).toMatchObject({ ok: true });
    await lab.expectBalance(ANDY, 40);
    for (const site of lab.sites) await site.stop();
    restoreAll(hub, copy);
    await hub.start();
    expect(await pay(hub, '-100')).toMatchObject({ ok: false, reason: 'rights_elsewhere', site: 'roflfaucet' });
    await faucet.start();
    await charity.start();
    await lab.expectBalance(ANDY, 40);
    expect(await pay(hub, '-100')).toMatchObject({ ok: false, reason: 'insufficient_funds' });
    expect(await pay(hub, '-40')).toMatchObject({ ok: true });
    await lab.expectBalance(ANDY, 0);
  });

  test('a raw overdraft is never refused; it is reported, and later credits fill it', async (lab) => {
    const { faucet, charity } = await withAndy(lab);
    faucet.write(ANDY, { balance: 20 });
    charity.write(ANDY, { balance: 10 });
    await lab.expectBalance(ANDY, -70);
    expect(await pay(faucet, '-1')).toMatchObject({ ok: false, reason: 'insufficient_funds', balance: '-70' });
    expect(lab.living.some((site) => site.logged('AXL-OVERDRAWN'))).toBe(true);
    await pay(charity, '75');
    await lab.expectBalance(ANDY, 5);
    expect(await pay(faucet, '-5')).toMatchObject({ ok: true, balance: '0' });
  });
});
