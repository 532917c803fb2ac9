/** What travels between sites, and what the network or a neighbour may do to it. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect } from 'vitest';
import { documentLine, encodeBatch } from '../core/batch.js';
import { makeStamp } from '../core/stamp.js';
import type { DocState } from '../core/state.js';
import { labTests } from '../testing/lab-tests.js';
import { type Fate, type Lab, type LabSite, type Mail, sleep } from '../testing/sites.js';

const test = labTests(8);
const ANDY = 'balances/1-andy';

async function withAndy(lab: Lab): Promise<{ hub: LabSite; faucet: LabSite; charity: LabSite }> {
  for (const site of lab.sites) site.write(ANDY, { balance: 100 });
  await lab.start();
  await lab.settled();
  return { hub: lab.hub, faucet: lab.site('roflfaucet'), charity: lab.site('clickforcharity') };
}

const withDocuments = (mail: Mail): boolean => mail.header.documents > 0;

describe('an untidy network', () => {
  test('I1: a batch that arrives twice counts once', async (lab) => {
    const { faucet } = await withAndy(lab);
    faucet.credit(ANDY, 10);
    await lab.expectBalance(ANDY, 110);
    for (const mail of lab.mail.filter(withDocuments)) {
      fs.writeFileSync(path.join(mail.inbox, mail.name), mail.text);
      fs.writeFileSync(path.join(mail.inbox, `9${mail.name.slice(1)}`), mail.text);
    }
    await lab.expectBalance(ANDY, 110);
  });

  test('I1: batches that arrive in the wrong order count all the same', async (lab) => {
    const { faucet, hub } = await withAndy(lab);
    const kept: Mail[] = [];
    lab.fate = (mail) => {
      if (mail.from !== 'roflfaucet' || !withDocuments(mail)) return 'pass';
      kept.push(mail);
      return 'lose';
    };
    for (let i = 1; i <= 3; i++) {
      faucet.credit(ANDY, 10);
      faucet.write(`balances/${i}-new`, { balance: i });
      await lab.until('it is on its way', () => kept.length >= i);
    }
    lab.fate = () => 'pass';
    for (const [index, mail] of kept.reverse().entries()) {
      fs.writeFileSync(path.join(mail.inbox, `${String(index).padStart(16, '0')}${mail.name.slice(16)}`), mail.text);
      await lab.until('it is taken', () => fs.readdirSync(mail.inbox).length === 0);
    }
    await lab.expectBalance(ANDY, 130);
    for (let i = 1; i <= 3; i++) await lab.balance(`balances/${i}-new`, i);
    expect(hub.logged('error')).toBe(false);
  });

  test('I1: a batch that was lost after delivery is sent again', async (lab) => {
    const { faucet } = await withAndy(lab);
    let lost = 0;
    lab.fate = (mail): Fate => (mail.from === 'roflfaucet' && withDocuments(mail) && lost++ === 0 ? 'lose' : 'pass');
    faucet.credit(ANDY, 10);
    await lab.until('it was lost', () => lost > 0);
    faucet.write('balances/2-eve', { balance: 5 });
    await lab.balance('balances/2-eve', 5);
    await lab.expectBalance(ANDY, 110);
  });

  test('I1: a batch that was corrupted is refused, and sent again', async (lab) => {
    const { faucet, hub } = await withAndy(lab);
    let spoilt = 0;
    lab.fate = (mail): Fate =>
      mail.from === 'roflfaucet' && withDocuments(mail) && spoilt++ === 0
        ? { instead: mail.text.replace('"10"', '"99"').replace('roflfaucet~', 'roflfaucet~').slice(0, -3) }
        : 'pass';
    faucet.credit(ANDY, 10);
    await lab.until('it is refused', () => hub.logged('AXL-BATCH-DIGEST'));
    await lab.expectBalance(ANDY, 110);
  });

  test('I9: a hub that is cut off costs nothing but time', async (lab) => {
    const { faucet, charity, hub } = await withAndy(lab);
    hub.isCut = true;
    for (let i = 0; i < 5; i++) {
      faucet.credit(ANDY, 1);
      charity.credit(ANDY, 1);
      await sleep(40);
    }
    expect(fs.readdirSync(path.join(faucet.state, 'outbox', hub.name))).toEqual([]);
    hub.isCut = false;
    await lab.expectBalance(ANDY, 110);
    await lab.expectClean();
  });
});

/** Puts a batch into the hub's inbox as if roflfaucet had sent it. */
function forge(lab: Lab, name: string, state: DocState): void {
  const faucet = lab.site('roflfaucet');
  const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
  const at = Date.now();
  const last = [...lab.mail].reverse().find((mail) => mail.from === 'roflfaucet') as Mail;
  const { axle: _axle, documents: _documents, digest: _digest, ...header } = last.header;
  const honest = { registers: { '/note': ['"innocent"', makeStamp(at, 0, 'roflfaucet')] as const } };
  const lines = [
    documentLine('profiles/6-first', JSON.stringify(honest), at, 'roflfaucet'),
    documentLine(name, JSON.stringify(state), at, 'roflfaucet'),
  ];
  const text = encodeBatch({ ...header, from: header.to, to: header.to + 5, head: header.to + 5 }, lines, digest);
  fs.writeFileSync(path.join(lab.hub.inbox('roflfaucet'), `9000000000000000-${faucet.replicaId}-0f0f.batch`), text);
}

describe('authority', () => {
  test('a batch that forges the credits of another site is refused whole', async (lab) => {
    const { hub, charity, faucet } = await withAndy(lab);
    charity.credit(ANDY, 5);
    await lab.expectBalance(ANDY, 105);
    forge(lab, ANDY, { counters: { '/balance': { by: { [charity.replicaId]: ['1000', '0'] } } } });
    await lab.until('it is refused', () => hub.logged('AXL-NOT-YOURS'));
    await lab.expectBalance(ANDY, 105);
    expect(hub.text('profiles/6-first')).toBeUndefined();
    faucet.credit(ANDY, 1);
    await lab.expectBalance(ANDY, 106);
  });

  test('a batch that rewrites a genesis that was settled is refused whole', async (lab) => {
    const { hub } = await withAndy(lab);
    forge(lab, ANDY, { counters: { '/balance': { genesis: ['1000000', makeStamp(1, 0, 'roflfaucet')], by: {} } } });
    await lab.until('it is refused', () => hub.logged('AXL-NOT-YOURS'));
    await lab.expectBalance(ANDY, 100);
  });
});

describe('clocks', () => {
  test(
    'a clock that is ahead is refused, and accepted when its time has come',
    async (lab) => {
      const { faucet, hub, charity } = await withAndy(lab);
      faucet.aheadMs = 4_500;
      // Amounts carry no time; what stands beside them does, and the batch is refused whole.
      faucet.write(ANDY, { balance: 110, note: 'early' });
      await lab.until('it is refused', () => hub.logged('AXL-CLOCK-AHEAD'));
      expect(hub.balanceOf(ANDY)).toBe(100);
      charity.credit(ANDY, 1);
      await lab.until('the others go on', () => hub.balanceOf(ANDY) === 101);
      faucet.aheadMs = 0;
      await lab.expectBalance(ANDY, 111);
    },
    { clockSkewMaxMs: 1_000 },
  );
});

describe('quiet', () => {
  test('what a site sent does not come back to it', async (lab) => {
    const { faucet } = await withAndy(lab);
    lab.mail.length = 0;
    faucet.credit(ANDY, 10);
    await lab.expectBalance(ANDY, 110);
    const sent = lab.mail.filter(withDocuments).map(({ from, to }) => `${from} > ${to}`);
    expect(sent).toEqual(['roflfaucet > directsponsor', 'directsponsor > clickforcharity']);
  });

  test('no message travels between idle sites, and few that only confirm between busy ones', async (lab) => {
    const { faucet, charity } = await withAndy(lab);
    lab.mail.length = 0;
    for (let i = 0; i < 20; i++) {
      faucet.credit(ANDY, 1);
      if (i % 2 === 0) charity.credit(ANDY, 1);
      await sleep(25);
    }
    await lab.expectBalance(ANDY, 130);
    await sleep(1_200);
    const bare = lab.mail.filter((mail) => !withDocuments(mail));
    // Four directions, a second and a half of work, one bare confirmation a second at most.
    expect(bare.length).toBeLessThanOrEqual(10);
    lab.mail.length = 0;
    await sleep(5_000);
    expect(lab.mail.map(({ from, to, header }) => ({ from, to, header }))).toEqual([]);
  });
});

describe('stopping', () => {
  test('I1: a stop ends, also when the work in hand finds more to do', async (lab) => {
    const { faucet, charity } = await withAndy(lab);
    let stopping: Promise<void> | undefined;
    faucet.at('materialise: linked', () => {
      // The file is not what was expected any more: it would have to be replaced once more.
      faucet.credit(ANDY, 10);
      stopping = faucet.stop();
    });
    charity.credit(ANDY, 1);
    await lab.until('it is being stopped', () => stopping !== undefined);
    await stopping;
    await faucet.start();
    await lab.expectBalance(ANDY, 111);
  });

  test('I1: a stop in the middle of a burst leaves nothing half done', async (lab) => {
    const { faucet, charity, hub } = await withAndy(lab);
    for (let i = 0; i < 150; i++) faucet.write(`balances/${i}-burst`, { balance: i });
    for (let i = 0; i < 150; i++) charity.write(`profiles/${i}-burst`, { level: i });
    await sleep(30);
    await Promise.all([hub.stop(), faucet.stop()]);
    for (const site of [hub, faucet]) {
      expect(fs.readdirSync(path.join(site.userdata, '.axle', 'tmp'))).toEqual([]);
      expect(fs.readdirSync(path.join(site.userdata, '.axle', 'locks'))).toEqual([]);
      for (const peer of site.peers) expect(fs.readdirSync(path.join(site.state, 'outbox', peer))).toEqual([]);
    }
    await hub.start();
    await faucet.start();
    for (const i of [0, 77, 149]) {
      await lab.balance(`balances/${i}-burst`, i);
      await lab.same(`profiles/${i}-burst`, { level: i });
    }
    await lab.settled();
    await lab.expectClean();
  });
});
