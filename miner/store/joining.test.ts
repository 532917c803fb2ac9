/** What is kept by the day: the same sums, and periods that still follow one another. */
import Big from 'big.js';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { settle } from '../shares/settling.js';
import { statementOf } from '../shares/statement.js';
import { FleetStore } from './store.js';
import type { WorkRow } from './works.js';

const KEEP = { raw_h: 26, ten_minutes_d: 32, hour_d: 1_100, credits_d: 40 };
const DAY_S = 86_400;
const DAY_MS = DAY_S * 1_000;
const START = 19_700 * DAY_MS;

interface Mined {
  readonly worker: number;
  /** Pools that are in the period. */
  readonly pools: readonly string[];
  readonly state: WorkRow['state'];
  readonly reason: string | null;
  readonly gap_s: number;
  readonly length_s: number;
  readonly milli: number;
}

const mined = fc.array(
  fc.record<Mined>({
    worker: fc.integer({ min: 0, max: 1 }),
    pools: fc.constantFrom(['a'], ['a'], ['b'], ['a', 'b']),
    state: fc.constantFrom('unassigned', 'unassigned', 'unassigned', 'unassigned', 'held', 'refused', 'credited'),
    reason: fc.constantFrom(null, null, null, 'released'),
    gap_s: fc.constantFrom(0, 0, 0, 60, 7_200),
    length_s: fc.constantFrom(600, 600, 30_000),
    milli: fc.integer({ min: 1, max: 1_000_000_000 }),
  }),
  { maxLength: 120 },
);

/** Two workers' periods, one behind the other; of what was credited long ago only the credit is there. */
function storeOf(all: readonly Mined[]): FleetStore {
  const store = FleetStore.open(':memory:');
  const ends = [START, START];
  store.transaction(() => {
    for (const { worker: place, pools, state, reason, gap_s, length_s, milli } of all) {
      const [worker_key, worker] = [`miner-${place}`, `rig${place}`];
      const from_at = (ends[place] as number) + gap_s * 1_000;
      const to_at = from_at + length_s * 1_000;
      ends[place] = to_at;
      const difficulty = new Big(milli).div(1_000).toFixed();
      if (state === 'credited') {
        const sums = { amount: '1', difficulty, worth: '1', is_estimate: 0 } as const;
        const times = { from_s: from_at / 1_000, to_s: to_at / 1_000, created_at: 0 };
        store.credits.add({ miner: worker_key, worker, user: '3-old', ...sums, ...times });
        continue;
      }
      for (const pool of pools) {
        const names = { miner_id: 1, worker_key, worker, pool_url: `tcp://${pool}:1`, pool_user: `x.${worker}` };
        store.works.add({ ...names, from_at, to_at, difficulty, shares: 1, is_estimate: milli % 2 === 0 ? 1 : 0 });
      }
      for (const { id } of store.works.open(1)) store.works.close(id, { state, reason, from_at, to_at });
    }
  });
  return store;
}

const worksOf = (store: FleetStore) =>
  store.db.prepare<[], WorkRow>('SELECT * FROM works ORDER BY worker_key, from_at, id').all();

function age(store: FleetStore, at: number): number {
  let steps = 0;
  while (store.ageing.step(at / 1_000, KEEP)) {
    steps += 1;
    if (steps > 10_000) throw new Error('it never ends');
  }
  return steps;
}

function sumsOf(rows: readonly WorkRow[]): Record<string, string> {
  const sums: Record<string, string> = {};
  for (const { worker, pool_url, state, reason, to_at, difficulty, shares, is_estimate } of rows) {
    const day = Math.floor(to_at / DAY_MS);
    for (const [what, value] of Object.entries({ difficulty, shares })) {
      const key = JSON.stringify([what, worker, pool_url, state, reason, day]);
      sums[key] = new Big(sums[key] ?? 0).plus(value).toFixed();
    }
    if (is_estimate === 1) sums[JSON.stringify(['estimate', worker, pool_url, state, reason, day])] = 'yes';
  }
  return Object.fromEntries(Object.entries(sums).toSorted());
}

/** What each user has in the end, with what is carried on. */
function creditedOf(store: FleetStore): Record<string, string> {
  const users = {
    table: {},
    rules: [
      { pool_url: '*//a:*', user: '1-andy' },
      { worker: 'rig1', user: '2-eve' },
    ],
  };
  expect(settle(store, { users, worth: '0.00000123457', now: () => 0 }).isMore).toBe(false);
  const sums: Record<string, string> = {};
  const rows = store.db
    .prepare<[], { user: string; amount: string; difficulty: string }>(
      'SELECT user, amount, difficulty FROM credits UNION ALL SELECT user, amount, difficulty FROM carries',
    )
    .all();
  for (const { user, ...row } of rows)
    for (const [what, value] of Object.entries(row))
      sums[`${user} ${what}`] = new Big(sums[`${user} ${what}`] ?? 0).plus(value).toFixed();
  return Object.fromEntries(Object.entries(sums).toSorted());
}

it('works that are nobody’s become one a day, with the same sums and for the same users', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(mined, fc.integer({ min: 0, max: 30 }), (all, days) => {
      const [store, as_they_were] = [storeOf(all), storeOf(all)];
      try {
        const before = worksOf(store);
        age(store, START + days * DAY_MS + 5_000);
        age(store, START + (days + 1) * DAY_MS + 5_000);
        const after = worksOf(store);
        expect(sumsOf(after)).toEqual(sumsOf(before));
        const isYoung = ({ to_at }: WorkRow) => to_at >= START + days * DAY_MS;
        expect(after.filter(isYoung)).toEqual(before.filter(isYoung));
        const taken = [
          ...after,
          ...store.credits.list({ limit: 1_000 }).map(({ worker, from_s, to_s }) => ({
            worker,
            from_at: from_s * 1_000,
            to_at: to_s * 1_000,
          })),
        ].toSorted((one, other) => one.from_at - other.from_at);
        for (const worker of ['rig0', 'rig1']) {
          const own = taken.filter((one) => one.worker === worker);
          for (const [place, { from_at, to_at }] of own.entries()) {
            const next = own[place + 1];
            if (next?.from_at === from_at) expect(next.to_at).toBe(to_at);
            else if (next !== undefined) expect(next.from_at).toBeGreaterThanOrEqual(to_at);
          }
        }
        expect(creditedOf(store)).toEqual(creditedOf(as_they_were));
        expect(store.works.count('held')).toBeLessThanOrEqual(as_they_were.works.count('held'));
      } finally {
        store.close();
        as_they_were.close();
      }
    }),
    { numRuns: 150 },
  );
});

it('a month of a worker that is nobody’s is a row a day, made in small steps, and once', () => {
  const one: Mined = { worker: 0, pools: ['a'], state: 'unassigned', reason: null, gap_s: 1, length_s: 599, milli: 1 };
  const store = storeOf(Array.from({ length: 30 * 144 }, () => one));
  expect(age(store, START + 30 * DAY_MS)).toBeGreaterThan(15);
  // Each day is one, but the last, and the midnight at its end is another day's.
  expect(worksOf(store)).toHaveLength(29 + 144 + 1);
  expect(age(store, START + 30 * DAY_MS + 5_000)).toBe(0);
  age(store, START + 31 * DAY_MS);
  expect(worksOf(store)).toHaveLength(30 + 1);
  store.close();
});

it('paid credits of long ago are one a day, and every statement is as before', { timeout: 60_000 }, () => {
  const credit = fc.record({
    worker: fc.constantFrom('rig0', 'rig1'),
    user: fc.constantFrom('1-andy', '1-andy', '1-andy', '2-eve'),
    worth: fc.constantFrom('1', '1', '1', '2'),
    state: fc.constantFrom('paid', 'paid', 'paid', 'paid', 'owed', 'refused'),
    is_estimate: fc.constantFrom(0 as const, 1 as const),
    amount: fc.bigInt({ min: 1n, max: 10n ** 22n }),
    length_s: fc.constantFrom(600, 600, 20_000),
  });
  fc.assert(
    fc.property(fc.array(credit, { maxLength: 150 }), fc.integer({ min: 0, max: 30 }), (all, days) => {
      const store = FleetStore.open(':memory:');
      try {
        let from_s = START / 1_000;
        for (const { length_s, state, amount, ...one } of all) {
          const text = new Big(amount.toString()).times('1e-8').toFixed();
          const sums = { amount: text, difficulty: text, created_at: 0 };
          const id = store.credits.add({ ...one, ...sums, miner: 'm', from_s, to_s: from_s + length_s });
          store.db.prepare('UPDATE credits SET state = ? WHERE id = ?').run(state, id);
          from_s += length_s;
        }
        const list = () => store.credits.list({ limit: 1_000 });
        const statements = () => [
          statementOf(store),
          statementOf(store, { group: 'day' }),
          statementOf(store, { from: START / 1_000 + DAY_S, to: START / 1_000 + 3 * DAY_S }),
        ];
        const [before, told] = [list(), statements()];
        const until_s = START / 1_000 + days * DAY_S;
        age(store, (until_s + KEEP.credits_d * DAY_S) * 1_000);
        expect(statements()).toEqual(told);
        const isKept = ({ to_s, state }: (typeof before)[number]) => to_s >= until_s || state !== 'paid';
        expect(list().filter(isKept)).toEqual(before.filter(isKept));
        // Where nothing else is between them: one.
        const old = list().filter((one) => !isKept(one));
        const isPlain = all.every((one) => one.user === '1-andy' && one.worth === '1' && one.state === 'paid');
        if (isPlain) expect(old.length).toBeLessThanOrEqual(2 * days);
      } finally {
        store.close();
      }
    }),
    { numRuns: 150 },
  );
});
