/** A hub whose state is an old copy or gone takes what its spokes hold: nothing is lost that any of them had, nothing doubled. */
import fs from 'node:fs';
import { describe, expect } from 'vitest';
import { encodeBatch } from '../core/batch.js';
import { sha256 } from '../replica/sha256.js';
import { callControl, controlSocket } from '../runtime/control.js';
import { backup, restoreAll, restoreState } from '../testing/backups.js';
import { labTests } from '../testing/lab-tests.js';
import { type Lab, type LabSite, sleep } from '../testing/sites.js';

const tests = labTests(5);
const test: typeof tests = (title, run, options) => tests(title, run, { inMemory: true, ...options });
const ANDY = 'balances/1-andy';
const EVE = 'balances/2-eve';

type Three = { hub: LabSite; faucet: LabSite; charity: LabSite };

/** Everybody credits `amount`, `amount` and `amount` of Andy's and Eve's; returns what they have then. */
async function creditAll(lab: Lab, before: number, amount: number): Promise<number> {
  let total = before;
  for (const name of [ANDY, EVE])
    for (const [index, site] of lab.sites.entries()) {
      const is = (name === ANDY ? before : before) + amount * (index + 1);
      site.credit(name, amount);
      await lab.balance(name, is);
      total = is;
    }
  await lab.settled();
  return total;
}

async function started(lab: Lab): Promise<Three> {
  for (const site of lab.sites) for (const name of [ANDY, EVE]) site.write(name, { balance: 100 });
  await lab.start();
  await lab.settled();
  const [hub, faucet, charity] = lab.sites as [LabSite, LabSite, LabSite];
  return { hub, faucet, charity };
}

async function expectBalances(lab: Lab, expected: number): Promise<void> {
  await lab.expectBalance(ANDY, expected);
  await lab.expectBalance(EVE, expected);
}

function loseState(hub: LabSite): void {
  fs.rmSync(hub.state, { recursive: true });
  for (const peer of hub.peers) fs.mkdirSync(hub.inbox(peer), { recursive: true });
}

describe('a hub restored from yesterday’s backup', () => {
  for (const [what, restore] of [
    ['its state alone, beside newer files', restoreState],
    ['the whole machine', restoreAll],
  ] as const)
    test(`I1: ${what}: credits of all sites before and after the backup are there, once`, async (lab) => {
      const { hub } = await started(lab);
      let total = await creditAll(lab, 100, 1);
      await hub.stop();
      const copy = backup(hub);
      await hub.start();
      total = await creditAll(lab, total, 10);
      expect(total).toBe(133);
      await hub.stop();
      restore(hub, copy);
      await hub.start();
      await expectBalances(lab, 133);
      expect(hub.logged(restore === restoreState ? 'AXL-HUB-STATE' : 'AXL-HUB-RESTORED')).toBe(true);
      await lab.until('it is rebuilt', () => hub.logged('rebuilt') && hub.store.lost().length === 0);
      expect(hub.store.heldAfter(0, 100)).toEqual([]);
      total = await creditAll(lab, total, 100);
      await expectBalances(lab, 433);
    });

  test('I1: the whole machine, with spokes that went on meanwhile and a hub file written before the start', async (lab) => {
    const { hub, faucet, charity } = await started(lab);
    await hub.stop();
    const copy = backup(hub);
    await hub.start();
    await creditAll(lab, 100, 10);
    await hub.stop();
    faucet.credit(ANDY, 1);
    charity.credit(ANDY, 2);
    restoreAll(hub, copy);
    hub.credit(ANDY, 4);
    await hub.start();
    await lab.expectBalance(ANDY, 137);
    await lab.expectBalance(EVE, 130);
  });

  test('I1: the whole machine, while the one spoke that knows of it is away', async (lab) => {
    const { hub, faucet, charity } = await started(lab);
    await hub.stop();
    const copy = backup(hub);
    await hub.start();
    // Only clickforcharity is given what the hub adds now.
    faucet.isCut = true;
    hub.credit(ANDY, 10);
    await lab.until('it has it', () => charity.balanceOf(ANDY) === 110);
    await lab.until('and has confirmed it', () =>
      hub.site.peers.some((peer) => peer.site === charity.name && peer.isSettled),
    );
    await charity.stop();
    await hub.stop();
    restoreAll(hub, copy);
    faucet.isCut = false;
    await hub.start();
    hub.credit(ANDY, 3);
    await lab.until('the hub goes on', () => faucet.balanceOf(ANDY) === 103);
    await charity.start();
    await lab.expectBalance(ANDY, 113);
    expect(hub.logged('AXL-HUB-RESTORED')).toBe(true);
    await lab.until('it is rebuilt', () => hub.store.lost().length === 0);
  });

  test('I1: the whole machine, twice from the same backup', async (lab) => {
    const { hub } = await started(lab);
    await hub.stop();
    const copy = backup(hub);
    await hub.start();
    let total = 100;
    for (const amount of [1, 10]) {
      total = await creditAll(lab, total, amount);
      await hub.stop();
      restoreAll(hub, copy);
      await hub.start();
      await expectBalances(lab, total);
      await lab.until('it is rebuilt', () => hub.store.lost().length === 0);
    }
    await creditAll(lab, total, 100);
  });

  test('I1: the whole machine, when a spoke’s credit comes before another spoke has said what it has of the hub', async (lab) => {
    const { hub, faucet, charity } = await started(lab);
    await hub.stop();
    const copy = backup(hub);
    await hub.start();
    hub.credit(ANDY, 10);
    await lab.expectBalance(ANDY, 110);
    await lab.settled();
    await hub.stop();
    restoreAll(hub, copy);
    faucet.credit(EVE, 5);
    await lab.until('it lies in the inbox', () => fs.readdirSync(hub.inbox(faucet.name)).length > 0);
    const end = performance.now() + 500;
    lab.fate = ({ from }) => (from === charity.name && performance.now() < end ? 'fail' : 'pass');
    await hub.start();
    await lab.expectBalance(ANDY, 110);
    await lab.expectBalance(EVE, 105);
    expect(hub.logged('AXL-HUB-RESTORED')).toBe(true);
  });
});

describe('a hub restored from yesterday’s backup, and a spoke whose disk is lost', () => {
  test('I1: what only other spokes have of that one comes back when the operator says that their word is good', async (lab) => {
    const { hub, faucet, charity } = await started(lab);
    await hub.stop();
    const copy = backup(hub);
    await hub.start();
    faucet.credit(ANDY, 10);
    await lab.expectBalance(ANDY, 110);
    await lab.settled();
    for (const site of lab.sites) await site.stop();
    restoreAll(hub, copy);
    loseState(faucet);
    fs.rmSync(faucet.userdata, { recursive: true });
    fs.mkdirSync(`${faucet.userdata}/balances`, { recursive: true });
    for (const site of lab.sites) await site.start();
    await lab.until('the two differ, and that is said', () => charity.logged('AXL-DIFFERS'));
    expect([hub, faucet, charity].map((site) => site.balanceOf(ANDY))).toEqual([100, 100, 110]);
    await expect(charity.site.rebuild()).rejects.toMatchObject({ code: 'AXL-NOT-HUB' });
    expect(await callControl(controlSocket(hub.state), 'rebuild', {})).toMatchObject({
      told: ['roflfaucet', 'clickforcharity'],
      away: [],
    });
    await lab.expectBalance(ANDY, 110);
    await lab.expectBalance(EVE, 100);
    faucet.credit(ANDY, 1);
    await lab.expectBalance(ANDY, 111);
    expect(hub.store.lost()).toEqual([]);
  });
});

describe('what a spoke tells a restored hub', () => {
  test('is believed of itself and of the hub, never of another spoke', async (lab) => {
    const { hub, charity } = await started(lab);
    await hub.stop();
    const copy = backup(hub);
    await hub.start();
    await creditAll(lab, 100, 10);
    await hub.stop();
    restoreAll(hub, copy);
    let forged = 0;
    lab.fate = (mail) => {
      if (mail.from !== 'roflfaucet' || mail.header.compare?.step !== 'told all') return 'pass';
      const { axle: _axle, documents: _documents, digest: _digest, ...header } = mail.header;
      const body = mail.text.slice(mail.text.indexOf('\n') + 1);
      const [before, after] = [`"${charity.replicaId}":["10","0"]`, `"${charity.replicaId}":["9000","0"]`];
      forged += body.split(before).length - 1;
      const lines = body.replaceAll(before, after).split(/(?<=\n)/);
      return { instead: encodeBatch(header, lines, sha256) };
    };
    await hub.start();
    await lab.until('it was told', () => forged > 0 && hub.store.lost().length === 0);
    await expectBalances(lab, 130);
  });

  test('is nothing that it may say again: more than was ever given is nonsense later on', async (lab) => {
    const { hub, faucet } = await started(lab);
    const before = hub.replicaId;
    await faucet.stop();
    lab.fate = (mail) => {
      if (mail.from !== 'roflfaucet' || mail.header.confirms === undefined) return 'pass';
      const { axle: _axle, documents: _documents, digest: _digest, ...header } = mail.header;
      const confirms = { ...mail.header.confirms, seq: 1_000_000 };
      return { instead: encodeBatch({ ...header, confirms }, [], sha256) };
    };
    await faucet.start();
    await lab.until('it has said so', () =>
      lab.mail.some(({ from, header }) => from === faucet.name && header.confirms),
    );
    await sleep(1_000);
    expect(hub.replicaId).toBe(before);
    expect(hub.store.lost()).toEqual([]);
  });
});

describe('a hub whose state is lost', () => {
  test('I1: takes all of it from its spokes', async (lab) => {
    const { hub } = await started(lab);
    await creditAll(lab, 100, 10);
    await hub.stop();
    loseState(hub);
    await hub.start();
    expect(hub.logged('AXL-HUB-STATE')).toBe(true);
    await expectBalances(lab, 130);
    expect(hub.store.heldAfter(0, 100)).toEqual([]);
    await creditAll(lab, 130, 1);
    await expectBalances(lab, 133);
  });

  test('I1: waits for a spoke, says so, and counts none of its files meanwhile', async (lab) => {
    const { hub, faucet, charity } = await started(lab);
    await creditAll(lab, 100, 10);
    await hub.stop();
    await faucet.stop();
    await charity.stop();
    loseState(hub);
    const start = hub.start();
    await lab.until('it says so', () => hub.logged('AXL-HUB-REBUILDING'));
    await sleep(500);
    expect(hub.store.countDocuments()).toBe(0);
    await Promise.all([faucet.start(), charity.start()]);
    await lab.within(start, 'the hub starts');
    await expectBalances(lab, 130);
    await creditAll(lab, 130, 1);
  });

  test(
    'I1: goes on when it is killed in the middle, more than once',
    async (lab) => {
      const { hub } = await started(lab);
      for (let i = 0; i < 60; i++) hub.write(`profiles/${i}-user`, { level: i });
      await creditAll(lab, 100, 10);
      await hub.stop();
      loseState(hub);
      for (const nth of [1, 2, 3]) {
        hub.arm('receive: merged', nth);
        await expect(hub.start()).rejects.toThrow('crashed');
      }
      hub.disarm();
      await hub.start();
      await expectBalances(lab, 130);
      await creditAll(lab, 130, 1);
      for (let i = 0; i < 60; i++) expect(hub.value(`profiles/${i}-user`)).toEqual({ level: i });
    },
    { batchDocuments: 20 },
  );

  test('I1: with one spoke away: what only that one knew comes when it returns, and its own files do not double it', async (lab) => {
    const { hub, faucet, charity } = await started(lab);
    await creditAll(lab, 100, 10);
    faucet.isCut = true;
    charity.credit(ANDY, 5);
    charity.write('balances/9-new', { balance: 70 });
    await lab.until('the hub shows it', () => hub.balanceOf(ANDY) === 135 && hub.balanceOf('balances/9-new') === 70);
    await charity.stop();
    await hub.stop();
    faucet.isCut = false;
    loseState(hub);
    const start = hub.start();
    await lab.until('the other has told', () => hub.logged('rebuilt'), 15_000);
    hub.aheadMs += 15_000;
    await lab.within(start, 'the hub starts without it');
    faucet.credit(ANDY, 1);
    await lab.until('it counts', () => hub.balanceOf(ANDY) === 131);
    await charity.start();
    await lab.expectBalance(ANDY, 136);
    await lab.expectBalance('balances/9-new', 70);
    await lab.expectBalance(EVE, 130);
  });

  test('I1: a spoke that joins meanwhile does not take the half of it for all', async (lab) => {
    const { hub, faucet, charity } = await started(lab);
    await creditAll(lab, 100, 10);
    await hub.stop();
    await charity.stop();
    fs.rmSync(charity.state, { recursive: true });
    fs.mkdirSync(charity.inbox(hub.name), { recursive: true });
    await faucet.stop();
    loseState(hub);
    const joins = charity.start();
    const start = hub.start();
    await sleep(1_500);
    expect(charity.site.replica.phase).toBe('joining');
    await faucet.start();
    await lab.within(Promise.all([start, joins]), 'hub and joining spoke start');
    await expectBalances(lab, 130);
    expect(charity.store.heldAfter(0, 100)).toEqual([]);
    await creditAll(lab, 130, 1);
  });
});
