/** I5: what a raw write meant, by its transaction list. Each rule of the specification, and the edges of each. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { transaction } from '../testing/samples.js';
import { policiesOf, type Valid } from '../testing/simulation.js';
import { readContent } from './content.js';
import { entryAmount, explains, type Intent, intentOf } from './intent.js';

const policies = policiesOf('balances');

function content(value: unknown): Valid {
  return readContent(JSON.stringify(value), policies) as Valid;
}

type Entry = Record<string, unknown>;
const earn = (amount: number, second: number): Entry => transaction(second, amount);
const file = (balance: unknown, entries: Entry[] = [], more: object = {}): Valid =>
  content({ balance, recent_transactions: entries, ...more });

function meant(shadow: Valid, live: Valid, ...former: Valid[]): Intent {
  return intentOf(shadow, live, former, policies);
}

/** Everybody starts from this. */
const FIRST = earn(1, 1);
const BASE = file(100, [FIRST]);
/** What Axle put in its place: 50 arrived from elsewhere. */
const ARRIVED = earn(50, 2);
const REPLACED = file(150, [ARRIVED, FIRST]);

describe('a write that started from what was replaced meanwhile', () => {
  it('I5: is what its new entries say, not what it looks like', () => {
    const intent = meant(REPLACED, file(110, [earn(10, 3), FIRST]), BASE);
    expect(intent).toEqual({ kind: 'repaired', base: BASE, raw: '-40', meant: '10' });
  });

  it('I5: may have added several entries, and debits', () => {
    const live = file(95, [earn(-20, 5), earn(10, 4), earn(5, 3), FIRST]);
    expect(meant(REPLACED, live, BASE)).toMatchObject({ kind: 'repaired', raw: '-55', meant: '-5' });
  });

  it('I5: is measured from the newest content that explains it', () => {
    const older = file(90);
    const live = file(110, [earn(10, 3), FIRST]);
    expect(meant(REPLACED, live, file(140, [FIRST]), BASE, older)).toMatchObject({ base: BASE });
  });

  it('I5: may have dropped old entries at the cap', () => {
    const full = Array.from({ length: 10 }, (_, n) => earn(1, 20 - n));
    const live = file(110, [earn(10, 30), ...full.slice(0, 9)]);
    expect(meant(file(150, [earn(50, 25), ...full.slice(0, 9)]), live, file(100, full))).toMatchObject({
      kind: 'repaired',
      meant: '10',
    });
  });

  it('I5: is as exact as its amounts are', () => {
    const live = file('100.3', [{ ...earn(0, 3), amount: 0.1 }, { ...earn(0, 4), amount: '0.2' }, FIRST]);
    expect(meant(REPLACED, live, BASE)).toMatchObject({ kind: 'repaired', meant: '0.3' });
  });
});

describe('a write is what it looks like', () => {
  const repairable = file(110, [earn(10, 3), FIRST]);

  it('where the file showed nothing else lately', () => {
    expect(meant(REPLACED, repairable)).toEqual({ kind: 'plain' });
  });

  it('where its new entries say just that, whatever the file showed before', () => {
    const live = file(140, [earn(-10, 3), ARRIVED, FIRST]);
    expect(meant(REPLACED, live, file(150, []), BASE)).toEqual({ kind: 'plain' });
  });

  it('where one of its lists says just that', () => {
    const live = file(140, [earn(10, 3), FIRST], { transactions: [earn(-10, 3)] });
    expect(meant(REPLACED, live, BASE)).toEqual({ kind: 'plain' });
  });

  it('where it brings no new entry', () => {
    expect(meant(REPLACED, file(110, [FIRST]), BASE)).toEqual({ kind: 'plain' });
    expect(meant(content({ balance: 150 }), content({ balance: 110 }), content({ balance: 100 }))).toEqual({
      kind: 'plain',
    });
  });

  it('where there is no amount to compare', () => {
    expect(meant(content({}), repairable, BASE)).toEqual({ kind: 'plain' });
    expect(meant(REPLACED, content({ recent_transactions: [earn(10, 3)] }), BASE)).toEqual({ kind: 'plain' });
    expect(intentOf(undefined, repairable, [BASE], policies)).toEqual({ kind: 'plain' });
  });
});

describe('a write is doubtful', () => {
  it.each([
    ['its entries fit nothing that the file showed', file(113, [earn(10, 3), FIRST])],
    ['an entry does not say its amount', file(110, [{ ...earn(10, 3), amount: 'ten' }, FIRST])],
    ['its writer has seen what arrived', file(110, [earn(10, 3), ARRIVED, FIRST])],
    ['two lists say different amounts', file(110, [earn(10, 3), FIRST], { transactions: [earn(7, 3)] })],
  ])('where %s', (_why, live) => {
    expect(meant(REPLACED, live, BASE)).toMatchObject({ kind: 'doubtful' });
  });
});

describe('explains', () => {
  it.each([
    [100, 60, [earn(-40, 3)], true],
    [100, 0, [earn(-100, 3)], true],
    [100, 0, [earn(-60, 3), earn(-40, 4)], true],
    [100, 0, [earn(100, 3)], false],
    [100, 0, [], false],
    [100, 0, [earn(-99, 3)], false],
  ])('from %d to %d', (from, to, entries, expected) => {
    expect(explains(file(from), file(to, entries), policies)).toBe(expected);
  });

  it.each([
    [9, false],
    [10, true],
    [11, false],
    [50, true],
    [99, false],
    [120, true],
  ])('a list of %d entries, all new, may have lost some: %s', (size, expected) => {
    const entries = Array.from({ length: size }, (_, n) => earn(n % 2 === 0 ? 5 : -8, n));
    expect(explains(file(100, [earn(1, 1_000)]), file(0, entries), policies)).toBe(expected);
    expect(explains(file(100, entries.slice(-1)), file(0, entries), policies)).toBe(false);
  });

  it('takes two lists for two accounts of the same thing', () => {
    const live = file(110, [earn(10, 3)], { transactions: [{ ...earn(0, 3), type: 'credit', amount: 10 }] });
    expect(explains(file(100), live, policies)).toBe(true);
  });
});

describe('the amount of an entry', () => {
  it.each([
    [{ amount: 50 }, '50'],
    [{ amount: -20.5 }, '-20.5'],
    [{ amount: '7' }, '7'],
    [{ type: 'ad_view', amount: 3 }, '3'],
    [{ type: 'credit', change: 10 }, '10'],
    [{ type: 'debit', change: 10 }, '-10'],
    [{ type: 'debit', change: -10 }, '-10'],
    [{ net_change: -3, source: 'dice_bet' }, '-3'],
    [{ type: 'spend', amount: 5 }, '-5'],
    [{ type: 'earn', amount: 5 }, '5'],
    [{ type: 'credit', amount: -5 }, undefined],
    [{ type: 'debit', old_balance: 30, new_balance: 10, change: 20 }, '-20'],
    [{ type: 'credit', old_balance: 0, new_balance: 10, change: 10 }, '10'],
    [{ old_balance: 30, change: -20 }, '-20'],
    [{ description: 'nothing' }, undefined],
    [{ amount: null }, undefined],
    [[1], undefined],
    [5, undefined],
  ])('%j is %s', (entry, expected) => {
    expect(entryAmount(JSON.stringify(entry))).toBe(expected);
  });
});

describe('properties', () => {
  const amounts = fc.integer({ min: -40, max: 40 }).filter((n) => n !== 0);

  it('I5: what arrived meanwhile is never taken away by a writer that keeps its list', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 500 }),
        amounts,
        fc.array(amounts, { minLength: 1, maxLength: 4 }),
        (start, arrived, own) => {
          const mine = own.map((amount, n) => earn(amount, 100 + n));
          const sum = own.reduce((a, b) => a + b, 0);
          const base = file(start, [FIRST]);
          const shadow = file(start + arrived, [earn(arrived, 50), FIRST]);
          const live = file(start + sum, [...mine, FIRST]);
          const intent = meant(shadow, live, base);
          // Only where both amounts agree by chance is nothing to be repaired: then the file shows the same either way.
          if (intent.kind === 'plain') expect(sum - arrived).toBe(sum);
          else expect(intent).toMatchObject({ kind: 'repaired', meant: String(sum) });
        },
      ),
    );
  });

  it('I5: a writer that read the newest content is never second-guessed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 500 }), amounts, amounts, (start, arrived, own) => {
        const base = file(start, [FIRST]);
        const shadow = file(start + arrived, [earn(arrived, 50), FIRST]);
        const live = file(start + arrived + own, [earn(own, 100), earn(arrived, 50), FIRST]);
        expect(meant(shadow, live, base).kind).toBe('plain');
      }),
    );
  });
});
