/** I5: a writer without the lock that took its time is believed what its transaction list says. */
import { describe, expect } from 'vitest';
import { STEPS } from '../replica/steps.js';
import { Ahead } from '../testing/ahead.js';
import { labTests } from '../testing/lab-tests.js';
import { transaction } from '../testing/samples.js';
import { Lab, type LabSite, sleep } from '../testing/sites.js';

const test = labTests(8);
const ANDY = 'balances/1-andy';

type Entry = Record<string, unknown>;
type File = { balance: number; recent_transactions: Entry[] };

const FIRST = transaction(1, 100, 'Signup');

function start(): File {
  return { balance: 100, recent_transactions: [FIRST] };
}

async function withAndy(lab: Lab, content: object = start()): Promise<{ hub: LabSite; faucet: LabSite }> {
  for (const site of lab.sites) site.write(ANDY, content);
  await lab.start();
  await lab.settled();
  return { hub: lab.hub, faucet: lab.site('roflfaucet') };
}

/** What a page makes of the file that it read: an amount more, and an entry for it, newest first. */
function earned(read: File, amount: number, second: number): File {
  const { balance, recent_transactions: list } = read;
  return { balance: balance + amount, recent_transactions: [transaction(second, amount), ...list] };
}

/** A change on the hub arrives in the faucet's file. */
async function arrives(lab: Lab, amount: number, second: number): Promise<void> {
  const faucet = lab.site('roflfaucet');
  const before = faucet.balanceOf(ANDY) ?? 0;
  lab.hub.write(ANDY, earned(lab.hub.value(ANDY) as File, amount, second));
  await lab.until('it has arrived', () => faucet.balanceOf(ANDY) === before + amount);
}

function amounts(site: LabSite): unknown[] {
  return (site.value(ANDY) as File).recent_transactions.map(({ amount }) => amount);
}

describe('I5: a writer that read what was replaced before it wrote', () => {
  test('I5: adds what its entry says, and drops no entry that arrived', async (lab) => {
    const { faucet } = await withAndy(lab);
    const read = faucet.value(ANDY) as File;
    await arrives(lab, 50, 2);
    faucet.replace(ANDY, earned(read, 10, 3));
    await lab.expectBalance(ANDY, 160);
    for (const site of lab.sites) expect(amounts(site)).toEqual([10, 50, 100]);
    const line = faucet.log.find(({ event }) => event === 'race repaired');
    expect(line).toMatchObject({ level: 'info', fields: { document: ANDY, difference: '-40', counted: '10' } });
  });

  test('I5: may spend, and may write in place', async (lab) => {
    const { faucet } = await withAndy(lab);
    const read = faucet.value(ANDY) as File;
    await arrives(lab, 50, 2);
    faucet.write(ANDY, earned(read, -100, 3));
    await lab.expectBalance(ANDY, 50);
    expect(faucet.logged('AXL-HELD-ZERO')).toBe(false);
  });

  test('I5: may have been overtaken several times, by several writers', async (lab) => {
    const { faucet } = await withAndy(lab);
    const slow = faucet.value(ANDY) as File;
    await arrives(lab, 50, 2);
    const slower = faucet.value(ANDY) as File;
    await arrives(lab, 7, 3);
    faucet.replace(ANDY, earned(slow, 10, 4));
    await lab.balance(ANDY, 167);
    await lab.settled();
    faucet.replace(ANDY, earned(slower, 1, 5));
    await lab.expectBalance(ANDY, 168);
    for (const site of lab.sites) expect(amounts(site)).toEqual([1, 10, 7, 50, 100]);
  });

  test('I5: is repaired also between two writers of the same site', async (lab) => {
    const { faucet } = await withAndy(lab);
    const read = faucet.value(ANDY) as File;
    faucet.replace(ANDY, earned(read, 20, 2));
    await lab.balance(ANDY, 120);
    faucet.replace(ANDY, earned(read, 10, 3));
    await lab.expectBalance(ANDY, 130);
    expect(amounts(lab.hub)).toEqual([10, 20, 100]);
  });

  test('I5: may keep ten entries, newest last, with old and new balance', async (lab) => {
    const entry = (n: number, from: number, to: number): Entry => {
      const change = Math.abs(to - from);
      return {
        timestamp: 1_770_000_000 + n,
        type: to > from ? 'credit' : 'debit',
        old_balance: from,
        new_balance: to,
        change,
      };
    };
    const list = Array.from({ length: 10 }, (_, n) => entry(n, n, n + 1));
    const { hub, faucet } = await withAndy(lab, { balance: 10, transactions: list });
    hub.write(ANDY, { balance: 60, transactions: [...list.slice(1), entry(20, 10, 60)] });
    await lab.balance(ANDY, 60);
    faucet.replace(ANDY, { balance: 4, transactions: [...list.slice(1), entry(30, 10, 4)] });
    await lab.expectBalance(ANDY, 54);
    for (const site of lab.sites)
      expect((site.value(ANDY) as { transactions: Entry[] }).transactions.map((one) => one.new_balance)).toEqual([
        3, 4, 5, 6, 7, 8, 9, 10, 60, 4,
      ]);
  });

  test(
    'I5: loses nothing in twelve rounds of a race',
    async (lab) => {
      const { faucet } = await withAndy(lab);
      let expected = 100;
      for (let round = 0; round < 12; round++) {
        const read = faucet.value(ANDY) as File;
        const [theirs, ours] = [1 + Math.floor(lab.random() * 50), 1 + Math.floor(lab.random() * 50)];
        await arrives(lab, theirs, 2 * round + 2);
        if (lab.random() < 0.5) await sleep(lab.random() * 20);
        faucet.replace(ANDY, earned(read, ours, 2 * round + 3));
        expected += theirs + ours;
        await lab.balance(ANDY, expected);
      }
      await lab.expectBalance(ANDY, expected);
      for (const site of lab.sites) expect(amounts(site)).toHaveLength(25);
    },
    { inMemory: true },
  );
});

describe('I5: the difference counts, as it did', () => {
  test('I5: with a warning, where the list says something that nothing explains', async (lab) => {
    const { faucet } = await withAndy(lab);
    const read = faucet.value(ANDY) as File;
    await arrives(lab, 50, 2);
    faucet.replace(ANDY, { ...earned(read, 10, 3), balance: 113 });
    await lab.expectBalance(ANDY, 113);
    const line = faucet.log.find(({ fields }) => fields.code === 'AXL-INTENT');
    expect(line).toMatchObject({ level: 'warn', event: 'race doubtful', fields: { difference: '-37' } });
  });

  test(
    'I5: where the content that explains it is older than a minute',
    async (lab) => {
      const { faucet } = await withAndy(lab);
      const read = faucet.value(ANDY) as File;
      await arrives(lab, 50, 2);
      await lab.settled();
      faucet.aheadMs += 61_000;
      faucet.replace(ANDY, earned(read, 10, 3));
      await lab.until('the difference is counted', () => lab.hub.balanceOf(ANDY) === 110);
      expect(faucet.log.filter(({ event }) => event.startsWith('race'))).toEqual([]);
    },
    { clockSkewMaxMs: 120_000 },
  );

  test('I5: where the writer keeps no list', async (lab) => {
    const { faucet } = await withAndy(lab, { balance: 100 });
    lab.hub.write(ANDY, { balance: 150 });
    await lab.balance(ANDY, 150);
    faucet.replace(ANDY, { balance: 110 });
    await lab.expectBalance(ANDY, 110);
  });

  test('I5: where a writer that read the newest content writes what its list says', async (lab) => {
    const { faucet } = await withAndy(lab);
    await arrives(lab, 50, 2);
    faucet.replace(ANDY, earned(faucet.value(ANDY) as File, -40, 3));
    await lab.expectBalance(ANDY, 110);
    expect(amounts(lab.hub)).toEqual([-40, 50, 100]);
    expect(faucet.log.filter(({ event }) => event.startsWith('race'))).toEqual([]);
  });
});

describe('I5: power off in the middle of it', () => {
  const tests = new Ahead(8);
  for (const step of STEPS.filter((name) => /^(absorb|materialise): (?!unlink)/.test(name)))
    tests.it(`I5: at "${step}" repairs the race all the same`, async () => {
      const lab = new Lab({ spokes: ['roflfaucet'], inMemory: true });
      try {
        const { faucet } = await withAndy(lab);
        const read = faucet.value(ANDY) as File;
        await arrives(lab, 50, 2);
        await lab.settled();
        faucet.arm(step);
        faucet.replace(ANDY, earned(read, 10, 3));
        await lab.until('it crashed', () => !faucet.isAlive);
        await faucet.start();
        await lab.expectBalance(ANDY, 160);
        for (const site of lab.sites) expect(amounts(site)).toEqual([10, 50, 100]);
      } finally {
        await lab.close();
      }
    });
});
