/** Sums of credits, against the same added up one by one. */
import Big from 'big.js';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FleetStore } from '../store/store.js';
import { dayOf, statementOf } from './statement.js';

it('is exact to the last digit, whatever the amounts are', { timeout: 60_000 }, () => {
  const decimal = fc
    .tuple(fc.bigInt({ min: -10n, max: 10n ** 26n }), fc.integer({ min: 0, max: 26 }))
    .map(([digits, places]) => new Big(digits.toString()).div(new Big(10).pow(places)).round(8, 0).toFixed());
  const credit = fc.record({
    user: fc.constantFrom('1-andy', '2-eve'),
    amount: decimal,
    difficulty: decimal,
    at: fc.integer({ min: 1, max: 300_000 }),
    state: fc.constantFrom('owed', 'paid', 'refused'),
    is_estimate: fc.constantFrom(0 as const, 1 as const),
  });
  fc.assert(
    fc.property(fc.array(credit, { maxLength: 60 }), fc.constantFrom('day' as const, undefined), (all, group) => {
      const store = FleetStore.open(':memory:');
      try {
        for (const [place, { at, state, ...one }] of all.entries()) {
          const row = { miner: 'm', worker: `w${place}`, worth: '1', created_at: 0, from_s: 0, to_s: at };
          const id = store.credits.add({ ...row, ...one });
          store.db.prepare('UPDATE credits SET state = ? WHERE id = ?').run(state, id);
        }
        const rows = statementOf(store, { to: 250_000, ...(group && { group }) });
        const counted = all.filter(({ at }) => at < 250_000);
        for (const { day, user, ...row } of rows) {
          const own = counted.filter((one) => one.user === user && (day === undefined || dayOf(one.at) === day));
          const of = (state: string) => own.filter((one) => one.state === state);
          const sum = (list: typeof own, name: 'amount' | 'difficulty') =>
            list.reduce((total, one) => total.plus(one[name]), new Big(0)).toFixed();
          expect(row).toEqual({
            miner: 'm',
            amount: sum(of('paid'), 'amount'),
            difficulty: sum(of('paid'), 'difficulty'),
            credits: of('paid').length,
            owed: sum(of('owed'), 'amount'),
            refused: sum(of('refused'), 'amount'),
            is_estimate: of('paid').some(({ is_estimate }) => is_estimate === 1),
          });
        }
        const keys = counted.map(({ user, at }) => `${group ? dayOf(at) : ''} ${user}`);
        expect(rows.map(({ day = '', user }) => `${day} ${user}`)).toEqual([...new Set(keys)].sort());
      } finally {
        store.close();
      }
    }),
    { numRuns: 200 },
  );
});
