/** I8: which changes of one file are held, and where a burst begins and ends. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { balanceText, inboxText, profileText, tokenText } from '../testing/arbitraries.js';
import { transaction } from '../testing/samples.js';
import { policiesOf, TestReplica, type Valid } from '../testing/simulation.js';
import { readContent } from './content.js';
import { Burst, EMPTIED_MIN, judge } from './guard.js';
import { intentOf } from './intent.js';

/** What the guard says of a file that held `was` and now holds `is`; `zeroed` was held a moment ago. */
function judged(was: object, is: object, kind = 'balances', zeroed?: object): 'zero' | 'stub' | undefined {
  const site = new TestReplica('roflfaucet', kind).write(JSON.stringify(was));
  const from = site.state;
  site.write(JSON.stringify(is));
  const policies = policiesOf(kind);
  const content = (value: object): Valid => readContent(JSON.stringify(value), policies) as Valid;
  const facts = { base: content(was), live: content(is), from, to: site.state };
  return judge({ ...facts, ...(zeroed && { zeroed: content(zeroed) }) }, policies);
}

const spent = (amount: number) => [transaction(9, -amount, 'Slots')];

describe('I8: a balance that goes to zero', () => {
  it.each([
    ['by a plain write', { balance: 100 }, { balance: 0 }],
    [
      'by a lazy page',
      { user_id: '1-a', balance: 100, last_updated: 1 },
      { user_id: '1-a', balance: 0, last_updated: 9 },
    ],
    ['as text', { balance: '100' }, { balance: '0' }],
    ['in its box', { balance: { coins: 100 } }, { balance: { coins: 0 } }],
    ['in another shape', { balance: 100 }, { balance: { coins: 0 } }],
    ['from a fraction', { balance: 0.5 }, { balance: 0 }],
    ['with its list', { balance: 100, recent_transactions: spent(1) }, { balance: 0, recent_transactions: [] }],
    [
      'with an old entry only',
      { balance: 100, recent_transactions: spent(100) },
      { balance: 0, recent_transactions: spent(100) },
    ],
    ['with an entry of another amount', { balance: 100 }, { balance: 0, recent_transactions: spent(99) }],
    ['with an entry that says nothing', { balance: 100 }, { balance: 0, transactions: [{ timestamp: 1770000000 }] }],
  ])('%s is held', (_how, was, is) => {
    expect(judged(was, is)).toBe('zero');
  });

  it.each([
    ['has an entry to show for it', { balance: 100 }, { balance: 0, recent_transactions: spent(100) }],
    [
      'has an entry with old and new',
      { balance: 100 },
      {
        balance: 0,
        transactions: [{ timestamp: 1770000000, type: 'debit', old_balance: 100, new_balance: 0, change: 100 }],
      },
    ],
    ['leaves something', { balance: 100 }, { balance: 1 }],
    ['leaves a fraction', { balance: 100 }, { balance: 0.01 }],
    ['was zero before', { balance: 0, last_updated: 1 }, { balance: 0, last_updated: 2 }],
    ['was below zero', { balance: -5 }, { balance: 0 }],
    ['overdraws', { balance: 100 }, { balance: -5 }],
    ['rises', { balance: 100 }, { balance: 120 }],
  ])('is counted where it %s', (_how, was, is) => {
    expect(judged(was, is)).toBeUndefined();
  });
});

describe('I8: a write that follows from a held zero', () => {
  it.each([
    [10, 'zero'],
    [49, 'zero'],
    [50, undefined],
    [90, undefined],
    [110, undefined],
  ])('to %d, where 100 was put back', (balance, expected) => {
    expect(judged({ balance: 100 }, { balance }, 'balances', { balance: 0 })).toBe(expected);
  });

  it('is counted where an entry says what it is', () => {
    expect(judged({ balance: 100 }, { balance: 10, recent_transactions: spent(90) }, 'balances', { balance: 0 })).toBe(
      undefined,
    );
  });
});

const REAL = {
  user_id: '1-a',
  level: 4,
  email: 'a@example.org',
  bio: 'hello',
  roles: ['member', 'vip'],
  stats: { total_won: 9 },
};
const STUB = { user_id: '1-a', level: 1, email: '', bio: '', roles: ['member'], stats: { total_won: 0 } };

describe('I8: a document that becomes a stub', () => {
  it.each([
    ['everything is gone', REAL, STUB],
    ['only the e-mail is gone', { ...STUB, email: 'a@example.org' }, STUB],
    ['a role is gone', { ...STUB, roles: ['member', 'vip'] }, STUB],
    ['the level falls and a text is gone', { ...STUB, level: 2, bio: 'x' }, STUB],
    ['fields are left out', REAL, { user_id: '1-a', level: 1, roles: ['member'], email: '' }],
  ])('is held where %s', (_what, was, is) => {
    expect(judged(was, is, 'profiles')).toBe('stub');
  });

  it('is held for a balance whose file loses what it knew, the amount left out', () => {
    expect(judged({ balance: 5, last_source: 'chat' }, { user_id: '1-a' })).toBe('stub');
  });

  it.each([
    ['the e-mail stays', REAL, { ...STUB, email: 'a@example.org' }],
    ['a role stays', REAL, { ...STUB, roles: ['vip'] }],
    ['something was earned', REAL, { ...STUB, stats: { total_won: 1 } }],
    ['it was a stub before', STUB, { ...STUB, level: 1, bio: 'first words' }],
    ['nothing is lost', { user_id: '1-a', level: 2 }, { user_id: '1-a', level: 1 }],
  ])('is counted where %s', (_what, was, is) => {
    expect(judged(was, is, 'profiles')).toBeUndefined();
  });

  it('is nothing that kinds without amounts know', () => {
    expect(judged({ token: 'x', email: 'y' }, { token: '' }, 'tokens')).toBeUndefined();
  });
});

describe('I8: whatever a file holds', () => {
  const kinds = fc.constantFrom('balances', 'profiles', 'tokens', 'inbox');
  const documentText = fc.oneof(balanceText, profileText, inboxText, tokenText);

  it('is judged without an error, and what does not change is never held', () => {
    fc.assert(
      fc.property(kinds, documentText, documentText, documentText, (kind, was, is, before) => {
        const policies = policiesOf(kind);
        const [base, live, former] = [was, is, before].map((text) => readContent(text, policies)) as [
          Valid,
          Valid,
          Valid,
        ];
        fc.pre([base, live, former].every((content) => (content.kind as string) !== 'invalid'));
        const site = new TestReplica('roflfaucet', kind).write(was);
        const from = site.state;
        site.write(is);
        const held = judge({ base, live, from, to: site.state, zeroed: former }, policies);
        if (held !== undefined) expect(site.state).not.toBe(from);
        if (!policies.counts) expect(held).toBeUndefined();
        const intent = intentOf(base, live, [former], policies);
        if (kind !== 'balances') expect(intent.kind).toBe('plain');
      }),
      { numRuns: 1_000 },
    );
  });
});

const LIMITS = { documents: 50, percent: 10, windowMs: 60_000 };

/** A kind of `size` documents; each call changes the next one. */
function kind(size: number): {
  burst: Burst;
  next: (at: number, more?: { waiting?: number; isEmptied?: boolean }) => boolean;
} {
  const burst = new Burst(LIMITS);
  let n = 0;
  return {
    burst,
    next: (at, { waiting = 0, isEmptied = false } = {}) =>
      burst.isOver({
        name: `balances/${n++}`,
        at,
        waiting,
        hasAtLeast: (documents) => size >= documents,
        isEmptied: () => isEmptied,
      }),
  };
}

function run(size: number, count: number, everyMs: number): number {
  const { next } = kind(size);
  for (let n = 0; n < count; n++) if (next(1_000_000 + n * everyMs)) return n + 1;
  return 0;
}

describe('I8: a burst', () => {
  it.each([
    ['begins with the 51st document of 100', 100, 200, 10, 51],
    ['begins with the 51st of 509', 509, 200, 10, 51],
    ['begins with the 52nd of 510', 510, 200, 10, 52],
    ['begins above ten per cent of 10,000', 10_000, 2_000, 10, 1_001],
    ['is not made by fifty', 100, 50, 10, 0],
    ['is not made by ten per cent', 10_000, 1_000, 10, 0],
    ['is not made by one a second', 100, 500, 1_250, 0],
  ])('%s', (_title, size, count, everyMs, expected) => {
    expect(run(size, count, everyMs)).toBe(expected);
  });

  it('counts documents, not changes', () => {
    const burst = new Burst(LIMITS);
    const sight = { at: 5, waiting: 0, hasAtLeast: () => false };
    for (let n = 0; n < 1_000; n++) expect(burst.isOver({ ...sight, name: `balances/${n % 50}` })).toBe(false);
    expect(burst.isOver({ ...sight, name: 'balances/x' })).toBe(true);
  });

  it('counts what is about to come, so that its first document is held too', () => {
    expect(kind(100).next(0, { waiting: 50 })).toBe(true);
    expect(kind(100).next(0, { waiting: 49 })).toBe(false);
  });

  it('is over when as long has passed without any, and not before', () => {
    const { next } = kind(100);
    for (let n = 0; n < 51; n++) next(1_000);
    expect(next(60_000)).toBe(true);
    expect(next(120_000)).toBe(true);
    expect(next(180_001)).toBe(false);
  });

  it('is an emptied folder, however few documents it had', () => {
    expect(kind(12).next(0, { waiting: EMPTIED_MIN - 1, isEmptied: true })).toBe(true);
    expect(kind(12).next(0, { waiting: EMPTIED_MIN - 1, isEmptied: false })).toBe(false);
    expect(kind(12).next(0, { waiting: EMPTIED_MIN - 2, isEmptied: true })).toBe(false);
  });

  it('ends although the clock is set back', () => {
    const { next } = kind(100);
    for (let n = 0; n < 51; n++) next(10_000_000);
    expect(next(1_000)).toBe(false);
  });

  it('never holds what stays below either limit, and always what goes above both at once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: 1, max: 400 }), (size, count) => {
        const { next } = kind(size);
        const held = Array.from({ length: count }, () => next(7)).filter((isHeld) => isHeld).length;
        const line = Math.max(LIMITS.documents, Math.floor((size * LIMITS.percent) / 100));
        expect(held).toBe(Math.max(0, count - line));
      }),
    );
  });
});
