/** Joining, and going on after state was lost, restored or copied: no credit is lost, doubled or spent twice. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect } from 'vitest';
import type { JoinRule } from '../core/join.js';
import { backup, restoreAll, restoreState } from '../testing/backups.js';
import { labTests } from '../testing/lab-tests.js';
import { type Lab, type LabSite, sleep } from '../testing/sites.js';

const test = labTests(8);
const ANDY = 'balances/1-andy';

async function withAndy(lab: Lab): Promise<{ hub: LabSite; faucet: LabSite; charity: LabSite }> {
  for (const site of lab.sites) site.write(ANDY, { balance: 100 });
  await lab.start();
  await lab.settled();
  return { hub: lab.hub, faucet: lab.site('roflfaucet'), charity: lab.site('clickforcharity') };
}

describe('joining', () => {
  test('I1: three sites with the same files start at the same time and nothing doubles', async (lab) => {
    for (const site of lab.sites) for (let i = 0; i < 40; i++) site.write(`balances/${i}-user`, { balance: 100 + i });
    await Promise.all(lab.sites.map((site) => site.start()));
    for (const site of lab.sites) site.credit('balances/7-user', 1);
    await lab.expectBalance('balances/7-user', 110);
    for (let i = 0; i < 40; i++) if (i !== 7) await lab.balance(`balances/${i}-user`, 100 + i);
  });

  test('I1: two spokes that both bring a user whom the hub does not know bring one balance', async (lab) => {
    for (const spoke of lab.sites.slice(1)) spoke.write(ANDY, { balance: 70 });
    await lab.start();
    await lab.expectBalance(ANDY, 70);
    lab.site('roflfaucet').credit(ANDY, 5);
    await lab.expectBalance(ANDY, 75);
  });

  test(
    'I1: a file that the look at joining missed is no new money when it is found',
    async (lab) => {
      lab.hub.write(ANDY, { balance: 100 });
      const spoke = lab.site('roflfaucet');
      spoke.write('balances/2-eve', { balance: 7 });
      // An editor had removed it and saves it now, after all files were looked at.
      spoke.at('join: settled', () => spoke.write(ANDY, { balance: 100 }));
      await lab.start();
      await lab.expectBalance(ANDY, 100);
      spoke.credit(ANDY, 3);
      await lab.expectBalance(ANDY, 103);
    },
    { spokes: ['roflfaucet'] },
  );

  for (const [rule, here, there, expected, outcome] of [
    ['hold', 130, 100, 100, 'AXL-JOIN-HELD'],
    ['hub', 130, 100, 100, 'joined: lost'],
    ['local', 130, 100, 130, 'joined: counted'],
    ['newest', 130, 100, 130, 'joined: counted'],
    ['max', 130, 100, 130, 'joined: counted'],
    ['max', 80, 100, 100, 'joined: lost'],
    ['genesis', 130, 100, 130, 'joined: counted'],
  ] as const satisfies readonly (readonly [JoinRule, number, number, number, string])[])
    test(
      `a file that differs at joining (${here} here, ${there} at the hub), rule ${rule}: ${expected} everywhere`,
      async (lab) => {
        lab.hub.write(ANDY, { balance: there });
        await lab.hub.start();
        await sleep(20);
        const spoke = lab.site('roflfaucet');
        spoke.write(ANDY, { balance: here });
        await spoke.start();
        await lab.expectBalance(ANDY, expected);
        expect(spoke.logged(outcome)).toBe(true);
        if (expected !== here) expect(spoke.conflicts()).toHaveLength(1);
        spoke.credit(ANDY, 1);
        await lab.expectBalance(ANDY, expected + 1);
      },
      { joinRule: rule, spokes: ['roflfaucet'] },
    );

  test(
    'I1: by rule genesis, what each site did since the copies were equal counts, and stale copies count nothing',
    async (lab) => {
      const [faucet, charity] = [lab.site('roflfaucet'), lab.site('clickforcharity')];
      for (const site of lab.sites) for (const user of [ANDY, 'balances/2-bob']) site.write(user, { balance: 100 });
      await lab.hub.start();
      faucet.write(ANDY, { balance: 103 });
      charity.write(ANDY, { balance: 103 });
      faucet.write('balances/2-bob', { balance: 130 });
      await faucet.start();
      await lab.until('the hub has it', () => lab.hub.balanceOf('balances/2-bob') === 130);
      await charity.start();
      await lab.expectBalance(ANDY, 106);
      await lab.expectBalance('balances/2-bob', 130);
      // Left in the config when the state is lost one day, it must not count everything once more.
      await faucet.stop();
      charity.credit(ANDY, 5);
      fs.rmSync(faucet.state, { recursive: true });
      fs.mkdirSync(faucet.inbox('directsponsor'), { recursive: true });
      await faucet.start();
      await lab.expectBalance(ANDY, 111);
      await lab.expectBalance('balances/2-bob', 130);
    },
    { joinRule: 'genesis' },
  );

  test(
    'I4: a late write to a file that was held at joining adds what it added to what stood there',
    async (lab) => {
      lab.hub.write(ANDY, { balance: 100 });
      const spoke = lab.site('roflfaucet');
      spoke.write(ANDY, { balance: 130 });
      const late = fs.openSync(spoke.path(ANDY), 'r+');
      await lab.start();
      await lab.balance(ANDY, 100);
      fs.ftruncateSync(late);
      fs.writeSync(late, '{"balance": 135}', 0);
      fs.closeSync(late);
      spoke.aheadMs += 4_000;
      await lab.expectBalance(ANDY, 105);
    },
    { spokes: ['roflfaucet'] },
  );

  test(
    'I1: a file that was torn while its site joined, and then gave way to news, is forgotten as an old one',
    async (lab) => {
      lab.hub.write(ANDY, { balance: 100 });
      const spoke = lab.site('roflfaucet');
      spoke.write(ANDY, '{"balance": 1');
      // However long the start takes here: the file is not old yet.
      spoke.aheadMs = -30_000;
      await lab.start();
      expect(spoke.store.unsettled()).toEqual([ANDY]);
      spoke.aheadMs += 32_000;
      lab.hub.credit(ANDY, 1);
      await lab.expectBalance(ANDY, 101);
      expect(spoke.store.unsettled()).toEqual([]);
    },
    { spokes: ['roflfaucet'] },
  );

  test(
    'I6: a file that is torn while its site joins is no new money when it is completed',
    async (lab) => {
      lab.hub.write(ANDY, { balance: 100 });
      const [, spoke] = lab.sites as [LabSite, LabSite];
      spoke.write(ANDY, '{"balance": 1');
      spoke.write('balances/2-eve', '{"bal');
      await lab.start();
      await sleep(50);
      spoke.write(ANDY, '{"balance": 100}');
      spoke.write('balances/2-eve', '{"balance": 20}');
      await lab.expectBalance(ANDY, 100);
      await lab.expectBalance('balances/2-eve', 20);
    },
    { spokes: ['roflfaucet'] },
  );

  test(
    'I1: a hub that is away while a spoke joins for the first time: nothing is counted before it is back',
    async (lab) => {
      for (const site of lab.sites) site.write(ANDY, { balance: 100 });
      const spoke = lab.site('roflfaucet');
      const started = spoke.start();
      await sleep(300);
      expect(spoke.site.replica.world.store.countDocuments()).toBe(0);
      await lab.hub.start();
      await lab.within(started, 'the spoke joins');
      await lab.expectBalance(ANDY, 100);
    },
    { spokes: ['roflfaucet'] },
  );
});

describe('lost and restored state', () => {
  test('I1: the state of a spoke is deleted, and it goes on', async (lab) => {
    const { faucet, charity } = await withAndy(lab);
    faucet.credit(ANDY, 10);
    await lab.expectBalance(ANDY, 110);
    await faucet.stop();
    charity.credit(ANDY, 5);
    fs.rmSync(faucet.state, { recursive: true });
    fs.mkdirSync(faucet.inbox('directsponsor'), { recursive: true });
    // Its file shows 110, which the hub no longer does: by the rule it is held, and nothing doubles.
    await faucet.start();
    await lab.expectBalance(ANDY, 115);
    faucet.credit(ANDY, 1);
    await lab.expectBalance(ANDY, 116);
  });

  test('I1: the state of a spoke is restored from an old copy beside newer files, and it goes on', async (lab) => {
    const { faucet, charity } = await withAndy(lab);
    await faucet.stop();
    const copy = backup(faucet);
    await faucet.start();
    faucet.credit(ANDY, 10);
    charity.credit(ANDY, 5);
    await lab.expectBalance(ANDY, 115);
    await faucet.stop();
    restoreState(faucet, copy);
    await faucet.start();
    expect(faucet.logged('AXL-STATE-RESTORED')).toBe(true);
    await lab.expectBalance(ANDY, 115);
    faucet.credit(ANDY, 1);
    charity.credit(ANDY, 1);
    await lab.expectBalance(ANDY, 117);
  });

  test('I1: a spoke goes back to a snapshot of the whole machine: what it had sent since comes back', async (lab) => {
    const { faucet, charity } = await withAndy(lab);
    faucet.credit(ANDY, 3);
    await lab.expectBalance(ANDY, 103);
    await faucet.stop();
    const copy = backup(faucet);
    await faucet.start();
    faucet.credit(ANDY, 10);
    charity.credit(ANDY, 5);
    await lab.expectBalance(ANDY, 118);
    const before = faucet.replicaId;
    await faucet.stop();
    charity.credit(ANDY, 2);
    restoreAll(faucet, copy);
    expect(faucet.balanceOf(ANDY)).toBe(103);
    await faucet.start();
    await lab.until('a new incarnation', () => faucet.replicaId !== before);
    await lab.expectBalance(ANDY, 120);
    faucet.credit(ANDY, 1);
    await lab.expectBalance(ANDY, 121);
  });

  test('I1: a snapshot that holds a change not yet sent, put back after that change was sent', async (lab) => {
    const { faucet, charity, hub } = await withAndy(lab);
    faucet.isCut = true;
    faucet.credit(ANDY, 3);
    await lab.until('it is absorbed', () => faucet.site.replica.head > 0);
    await faucet.stop();
    const copy = backup(faucet);
    charity.credit(ANDY, 5);
    await lab.until('the hub has it', () => hub.balanceOf(ANDY) === 105);
    faucet.isCut = false;
    await faucet.start();
    await lab.expectBalance(ANDY, 108);
    await faucet.stop();
    restoreAll(faucet, copy);
    await faucet.start();
    await lab.expectBalance(ANDY, 108);
    faucet.credit(ANDY, 1);
    await lab.expectBalance(ANDY, 109);
  });

  test('I1: a change in a snapshot that was put back while the file was changed offline', async (lab) => {
    const { faucet } = await withAndy(lab);
    await faucet.stop();
    const copy = backup(faucet);
    await faucet.start();
    faucet.credit(ANDY, 10);
    await lab.expectBalance(ANDY, 110);
    await faucet.stop();
    restoreAll(faucet, copy);
    faucet.credit(ANDY, 7);
    await faucet.start();
    await lab.expectBalance(ANDY, 117);
  });

  test('I1: the hub is away when a spoke starts again: a new incarnation goes on, the old one is refused', async (lab) => {
    const { faucet, hub, charity } = await withAndy(lab);
    faucet.credit(ANDY, 10);
    await lab.expectBalance(ANDY, 110);
    const before = faucet.replicaId;
    const old = [...lab.mail].reverse().find((mail) => mail.from === 'roflfaucet' && mail.header.documents > 0);
    await hub.stop();
    await faucet.restart();
    expect(faucet.replicaId).not.toBe(before);
    faucet.credit(ANDY, 5);
    charity.credit(ANDY, 1);
    await sleep(50);
    await hub.start();
    await lab.expectBalance(ANDY, 116);
    fs.writeFileSync(path.join(hub.inbox('roflfaucet'), `9${old?.name.slice(1)}`), old?.text ?? '');
    await lab.until('the old incarnation is refused', () => hub.logged('AXL-RETIRED'));
    await lab.expectBalance(ANDY, 116);
  });

  test('I3: a marker that still names the incarnation before is no restored state', async (lab) => {
    const { faucet, hub } = await withAndy(lab);
    await hub.stop();
    const marker = path.join(faucet.userdata, '.axle', 'replica');
    const before = fs.readFileSync(marker);
    await faucet.restart();
    faucet.credit(ANDY, 5);
    await lab.until('it is absorbed', () => faucet.site.replica.head > 0);
    await faucet.stop();
    // A power cut: the marker is never synced to disk, the database is.
    fs.writeFileSync(marker, before);
    await hub.start();
    await faucet.start();
    expect(faucet.logged('AXL-STATE-RESTORED')).toBe(false);
    await lab.expectBalance(ANDY, 105);
  });

  test(
    'a site that is told to stop while it starts stops, whatever it was doing',
    async (lab) => {
      for (let i = 0; i < 200; i++) lab.hub.write(`balances/${i}-user`, { balance: 100 });
      for (let ms = 0; ms < 60; ms += 3) {
        const started = lab.hub.start();
        await sleep(ms);
        await lab.hub.stop();
        await lab.within(started, 'the start ends');
      }
      await lab.start();
      await lab.expectBalance('balances/7-user', 100);
    },
    { spokes: ['roflfaucet'] },
  );

  test('I1: the hub is stopped and started in the middle of things', async (lab) => {
    const { hub, faucet, charity } = await withAndy(lab);
    for (let i = 0; i < 3; i++) {
      faucet.credit(ANDY, 1);
      charity.credit(ANDY, 1);
      hub.credit(ANDY, 1);
      await hub.restart();
    }
    await lab.expectBalance(ANDY, 109);
  });
});
