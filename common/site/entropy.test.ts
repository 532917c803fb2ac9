/** Anti-entropy: what was damaged, lost on the way or never arrived is found by comparing, and heals by itself. */
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect } from 'vitest';
import { canonicalText } from '../core/canonical.js';
import { documentDigest } from '../core/digest-tree.js';
import { sha256 } from '../replica/sha256.js';
import { callControl, controlSocket } from '../runtime/control.js';
import { labTests } from '../testing/lab-tests.js';
import { type Fate, type Lab, type LabSite, type Mail, sleep } from '../testing/sites.js';
import type { VerifyReport } from './verify-report.js';

const tests = labTests(5);
const test: typeof tests = (title, run, options) => tests(title, run, { inMemory: true, ...options });
const ANDY = 'balances/1-andy';
const OFTEN = { verifyIntervalMs: 500 };

type Three = { hub: LabSite; faucet: LabSite; charity: LabSite };

/** Every site has credited something: 100 + 1 + 2 + 4 = 107. */
async function withAndy(lab: Lab): Promise<Three> {
  for (const site of lab.sites) site.write(ANDY, { balance: 100 });
  await lab.start();
  await lab.settled();
  const [hub, faucet, charity] = lab.sites as [LabSite, LabSite, LabSite];
  for (const [index, site] of lab.sites.entries()) {
    site.credit(ANDY, 2 ** index);
    await lab.balance(ANDY, 100 + 2 ** (index + 1) - 1);
  }
  await lab.settled();
  return { hub, faucet, charity };
}

function withDatabase<T>(site: LabSite, work: (db: Database.Database) => T): T {
  const db = new Database(path.join(site.state, 'state.db'), { timeout: 2_000 });
  try {
    return work(db);
  } finally {
    db.close();
  }
}

/** Changes the text of a state where nobody looks, as a failing disk does. */
function flip(site: LabSite, name: string, from: string, to: string): void {
  withDatabase(site, (db) => {
    const { changes } = db
      .prepare('UPDATE documents SET state = replace(state, ?, ?) WHERE name = ? AND instr(state, ?) > 0')
      .run(from, to, name, from);
    if (changes !== 1) throw new Error(`nothing to flip in ${name} of ${site.name}: ${stateOf(site, name)}`);
  });
}

function stateOf(site: LabSite, name: string): string | undefined {
  return withDatabase(site, (db) => db.prepare('SELECT state FROM documents WHERE name = ?').pluck().get(name)) as
    | string
    | undefined;
}

/** Puts a state in place that is sound in itself, but not what it should be: what a fault of ours would leave. */
function misplace(site: LabSite, name: string, change: (state: Record<string, never>) => unknown): void {
  const text = canonicalText(change(JSON.parse(stateOf(site, name) as string)));
  withDatabase(site, (db) =>
    db
      .prepare('UPDATE documents SET state = ?, digest = ? WHERE name = ?')
      .run(text, documentDigest(name, text, sha256), name),
  );
  // The running site keeps digests of its buckets: they follow its own writes, not this one.
  site.store.changedBuckets.add(
    withDatabase(site, (db) => db.prepare('SELECT bucket FROM documents WHERE name = ?').pluck().get(name)) as string,
  );
}

async function sameStates(lab: Lab, name: string): Promise<void> {
  await lab.until(`${name} is the same in every state`, () => {
    const states = lab.living.map((site) => stateOf(site, name));
    return new Set(states).size === 1 || JSON.stringify(states, null, 1);
  });
}

describe('a flipped bit in a state', () => {
  for (const who of ['directsponsor', 'roflfaucet'])
    for (const [from, to, what] of [
      ['"4"', '"9"', 'a greater amount'],
      ['"4"', '"0"', 'a smaller amount'],
      ['"by"', '"bx"', 'a state that is none'],
      ['"counters"', '"counterr', 'no JSON'],
    ] as const)
      test(
        `I1: of ${who}: ${what} is found and rebuilt, and no total is wrong anywhere`,
        async (lab) => {
          await withAndy(lab);
          const site = lab.site(who);
          flip(site, ANDY, from, to);
          await lab.until('it is found', () => site.logged('AXL-DAMAGED'));
          await sameStates(lab, ANDY);
          expect(site.conflicts().some((file) => file.includes('damaged-'))).toBe(true);
          for (const one of lab.sites) one.credit(ANDY, 10);
          await lab.expectBalance(ANDY, 137);
        },
        OFTEN,
      );

  test('I1: is not sent on by the next change, nor counted with it', async (lab) => {
    const { faucet } = await withAndy(lab);
    flip(faucet, ANDY, '"2"', '"7"');
    faucet.credit(ANDY, 10);
    await lab.expectBalance(ANDY, 117);
    await sameStates(lab, ANDY);
    expect(faucet.logged('AXL-DAMAGED')).toBe(true);
  });

  test('I1: of a spoke that is cut off: its file is written meanwhile, and counts once it can', async (lab) => {
    const { faucet, charity } = await withAndy(lab);
    faucet.isCut = true;
    flip(faucet, ANDY, '"2"', '"7"');
    faucet.credit(ANDY, 10);
    charity.credit(ANDY, 20);
    await lab.until('it is found', () => faucet.logged('AXL-DAMAGED'));
    faucet.isCut = false;
    await lab.expectBalance(ANDY, 137);
    await sameStates(lab, ANDY);
  });

  test('I1: of what was not sent yet: the amount is kept where the damage is elsewhere in the state', async (lab) => {
    const { faucet } = await withAndy(lab);
    faucet.isCut = true;
    faucet.credit(ANDY, 10);
    await lab.until('it is absorbed', () => stateOf(faucet, ANDY)?.includes('"12"'));
    await sleep(1_600);
    // A stamp: nothing that shows.
    flip(faucet, ANDY, '"number","1a1', '"number","1a0');
    await faucet.restart();
    await lab.until('it is found', () => faucet.logged('AXL-DAMAGED'));
    faucet.isCut = false;
    await lab.expectBalance(ANDY, 117);
  });

  test('of what was not sent yet: an amount that nobody can tell any more is listed as held', async (lab) => {
    const { faucet } = await withAndy(lab);
    faucet.isCut = true;
    faucet.credit(ANDY, 10);
    await lab.until('it is absorbed', () => stateOf(faucet, ANDY)?.includes('"12"'));
    flip(faucet, ANDY, '"12"', '"92"');
    await faucet.restart();
    await lab.until('it is found', () => faucet.logged('AXL-DAMAGED'));
    faucet.isCut = false;
    await lab.expectBalance(ANDY, 107);
    expect(faucet.store.heldAfter(0, 100)).toMatchObject([{ document: ANDY, reason: 'damaged' }]);
    expect(faucet.store.heldAfter(0, 100)[0]?.live).toContain('117');
  });

  test('I1: of a document that nobody else knows yet: its file is all there is, and counts once', async (lab) => {
    const { faucet } = await withAndy(lab);
    faucet.isCut = true;
    faucet.write('balances/5-new', { balance: 70 });
    await lab.until('it is absorbed', () => stateOf(faucet, 'balances/5-new')?.includes('"70"'));
    await faucet.stop();
    flip(faucet, 'balances/5-new', '"70"', '"75"');
    await faucet.start();
    await lab.until('it is found', () => faucet.logged('AXL-DAMAGED'));
    faucet.isCut = false;
    await lab.expectBalance('balances/5-new', 70);
    await sameStates(lab, 'balances/5-new');
    faucet.credit('balances/5-new', 1);
    await lab.expectBalance('balances/5-new', 71);
  });

  test(
    'I1: of the hub while a spoke is away: it goes on with what the other holds, and nothing is counted into old totals',
    async (lab) => {
      const { hub, faucet, charity } = await withAndy(lab);
      // Only clickforcharity has the newest of what the hub itself added; then it goes.
      faucet.isCut = true;
      hub.credit(ANDY, 50);
      await lab.until('one spoke has it', () => charity.balanceOf(ANDY) === 157);
      await lab.until('it is confirmed', () =>
        hub.site.peers.some((peer) => peer.site === charity.name && peer.isSettled),
      );
      await charity.stop();
      flip(hub, ANDY, '"51"', '"59"');
      hub.credit(ANDY, 3);
      await lab.until('it is found', () => hub.logged('AXL-DAMAGED'));
      faucet.isCut = false;
      await lab.until('the other has told', () => hub.store.lost()[0]?.told.length === 1);
      hub.aheadMs += 30_000;
      await lab.until('the hub counts again', () => faucet.balanceOf(ANDY) === 110, 20_000);
      await charity.start();
      await lab.expectBalance(ANDY, 160);
      await sameStates(lab, ANDY);
      await lab.until('nothing is lost any more', () => hub.store.lost().length === 0);
    },
    { clockSkewMaxMs: 120_000 },
  );
});

describe('comparing', () => {
  test('finds nothing between sites that are the same, with one message each way', async (lab) => {
    await withAndy(lab);
    for (const spoke of lab.sites.slice(1)) {
      const [peer] = spoke.site.verifier.options.peers;
      await lab.until('the comparison of the start is over', () =>
        lab.mail.some(({ header, to }) => to === spoke.name && header.compare),
      );
      const before = lab.mail.length;
      expect(await spoke.site.verifier.compareNow(peer as never)).toMatchObject({ outcome: 'same', found: [] });
      const parts = lab.mail
        .slice(before)
        .filter(({ header, from, to }) => header.compare && (from === spoke.name || to === spoke.name));
      expect(parts.map(({ header }) => header.compare?.step)).toEqual(['digests', 'same']);
    }
  });

  for (const [who, what] of [
    ['roflfaucet', 'a spoke'],
    ['directsponsor', 'the hub'],
  ] as const)
    test(
      `I2: repairs what ${what} has lost of ${who === 'roflfaucet' ? 'the others' : 'a spoke'}, and counts it`,
      async (lab) => {
        await withAndy(lab);
        const site = lab.site(who);
        misplace(site, ANDY, (state) => {
          const { by } = (state as never as { counters: Record<string, { by: Record<string, unknown> }> }).counters[
            '/balance'
          ] as { by: Record<string, unknown> };
          for (const owner of Object.keys(by)) if (owner.startsWith('clickforcharity')) delete by[owner];
          return state;
        });
        await lab.until('it is repaired', () => site.logged('AXL-REPAIRED'));
        expect(site.site.verifier.options.repairs.repaired).toBe(1);
        await sameStates(lab, ANDY);
        await lab.expectBalance(ANDY, 107);
      },
      OFTEN,
    );

  test(
    'I2: repairs documents that are missing altogether, hundreds of them',
    async (lab) => {
      const { hub, faucet } = await withAndy(lab);
      const names = Array.from({ length: 700 }, (_, i) => `profiles/${i}-user`);
      for (const name of names) hub.write(name, { level: 1 });
      await lab.until('all are there', () => names.every((name) => faucet.text(name) !== undefined));
      await lab.settled();
      await faucet.stop();
      withDatabase(faucet, (db) => {
        db.pragma('foreign_keys = ON');
        db.prepare("DELETE FROM documents WHERE name LIKE 'profiles/%'").run();
      });
      for (const name of names) faucet.remove(name);
      await faucet.start();
      await lab.until('all are there again', () => names.every((name) => faucet.text(name) !== undefined));
      await lab.until('they are counted', () => faucet.site.verifier.options.repairs.repaired === 700);
    },
    OFTEN,
  );

  test(
    'what no side may send the other is said once, and left alone for a while',
    async (lab) => {
      const { hub, faucet } = await withAndy(lab);
      // The hub has lost what it added itself, and does not know it: no spoke may tell it what the hub has added.
      misplace(hub, ANDY, (state) => {
        const { by } = (state as never as { counters: Record<string, { by: Record<string, unknown> }> }).counters[
          '/balance'
        ] as { by: Record<string, unknown> };
        for (const owner of Object.keys(by)) if (owner.startsWith('directsponsor')) delete by[owner];
        return state;
      });
      await lab.until('it is said', () => faucet.logged('AXL-DIFFERS'));
      const asks = (): number =>
        lab.mail.filter(({ header, from }) => from === faucet.name && header.compare?.step === 'ask').length;
      const before = asks();
      await sleep(2_000);
      expect(asks()).toBe(before);
      expect(faucet.log.filter(({ fields }) => fields.code === 'AXL-DIFFERS')).toHaveLength(1);
    },
    OFTEN,
  );

  test(
    'does not take changes on their way for differences',
    async (lab) => {
      const { faucet, charity, hub } = await withAndy(lab);
      const sites = [hub, faucet, charity];
      let isDone = false;
      let comparisons = 0;
      const busy = [faucet, charity].map(async ({ site: { verifier } }) => {
        for (const peer of verifier.options.peers)
          for (; !isDone; comparisons++) {
            await verifier.compareNow(peer);
            await sleep(1);
          }
      });
      for (let i = 0; i < 100; i++) {
        sites[i % 3]?.write(`profiles/${i}-user`, { level: i });
        await sites[(i + 1) % 3]?.lockedCredit(ANDY, 1);
        await sleep(20);
      }
      isDone = true;
      await Promise.all(busy);
      expect(comparisons).toBeGreaterThan(20);
      await lab.expectBalance(ANDY, 207);
      for (const site of sites)
        expect(site.log.filter(({ fields }) => /AXL-(?:REPAIRED|DIFFERS)/.test(String(fields.code)))).toEqual([]);
    },
    {},
  );

  test('I9: a peer that does not compare is only asked again after the period', async (lab) => {
    lab.fate = (mail): Fate => {
      if (mail.header.compare === undefined) return 'pass';
      return 'lose';
    };
    const { faucet } = await withAndy(lab);
    await lab.until('it has asked', () => lab.mail.some(({ header, from }) => from === faucet.name && header.compare));
    await sleep(2_000);
    expect(lab.mail.filter(({ header, from }) => from === faucet.name && header.compare)).toHaveLength(1);
  });
});

describe('a deleted inbox file', () => {
  test('I1: is sent again, and counted as a repair where it was missed', async (lab) => {
    const { faucet, hub } = await withAndy(lab);
    let lost = 0;
    lab.fate = (mail: Mail): Fate =>
      mail.from === 'roflfaucet' && mail.header.documents > 0 && lost++ === 0 ? 'lose' : 'pass';
    faucet.credit(ANDY, 10);
    await lab.until('it was lost', () => lost > 0);
    await lab.expectBalance(ANDY, 117);
    expect(hub.log.find(({ fields }) => fields.code === 'AXL-REPAIRED')?.fields).toMatchObject({
      count: 1,
      how: 'sent again',
    });
  });
});

describe('axle verify', () => {
  const verify = async (site: LabSite): Promise<VerifyReport> =>
    (await callControl(controlSocket(site.state), 'verify', {})) as VerifyReport;

  test('says that nothing differs', async (lab) => {
    await withAndy(lab);
    for (const site of lab.sites) {
      const report = await verify(site);
      expect(report).toMatchObject({ site: site.name, documents: 1, count: 0, differences: [] });
      expect(report.peers).toEqual(site.peers.map((peer) => ({ site: peer, outcome: 'same' })));
      expect(site.log.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
    }
  });

  test('names damaged states, differing files and differing peers, and they heal', async (lab) => {
    const { hub, faucet } = await withAndy(lab);
    for (const name of ['profiles/2-eve', 'profiles/3-bob', 'profiles/4-zoe']) hub.write(name, { level: 1, note: 'x' });
    await lab.same('profiles/4-zoe', { level: 1, note: 'x' });
    await lab.settled();
    flip(faucet, ANDY, '"2"', '"7"');
    misplace(faucet, 'profiles/2-eve', (state) => ({ ...state, max: undefined }));
    misplace(hub, 'profiles/3-bob', (state) => ({ ...state, registers: undefined }));
    fs.rmSync(faucet.path('profiles/4-zoe'));
    const report = await verify(faucet);
    expect(report.peers).toEqual([{ site: hub.name, outcome: 'differs' }]);
    const found = new Map(report.differences.map((one) => [`${one.document} ${one.where}`, one]));
    expect(found.get(`${ANDY} state`)?.what).toBe('its stored state is damaged');
    expect(found.get('profiles/2-eve peer')).toMatchObject({
      peer: hub.name,
      what: 'another state',
      doing: 'repaired',
    });
    expect(found.get('profiles/3-bob peer')?.doing).toMatch(/still differs/);
    expect(found.get('profiles/4-zoe file')?.what).toBe('the file is missing');
    await sameStates(lab, ANDY);
    await sameStates(lab, 'profiles/2-eve');
    await lab.expectBalance(ANDY, 107);
  });

  test('cannot compare with a peer that is away', async (lab) => {
    const { hub, faucet } = await withAndy(lab);
    await faucet.stop();
    hub.write('profiles/2-eve', { level: 1 });
    await lab.until('it is seen', () => hub.site.peers.some(({ isSettled }) => !isSettled));
    hub.isCut = true;
    hub.credit(ANDY, 1);
    await lab.until('it is known to be down', () => hub.site.peers.every(({ isUp }) => !isUp));
    const report = await verify(hub);
    expect(report.peers.map(({ outcome }) => outcome)).toEqual(['unanswered', 'unanswered']);
  });
});
