import { beforeEach, describe, expect, it } from 'vitest';
import { Ledger, UNIT } from './ledger.js';

let ledger: Ledger;

beforeEach(() => {
  ledger = new Ledger('balances/1-andy', '/balance', 1_000);
  for (const sign of [1, -1, 1] as const) ledger.add('roflfaucet', sign, 'raw', 0).standing = 'must';
});

const checks = (total: number): string[] => ledger.check(total).map(({ check }) => check);

describe('a total', () => {
  it('that counts everything once is right', () => {
    expect(checks(1_000 + 1 - 4 + 16)).toEqual([]);
  });

  it.each([
    ['a credit lost', 1_000 - 4 + 16, ['I1 lost']],
    ['a debit lost', 1_000 + 1 + 16, ['I1 lost']],
    ['a credit twice', 1_000 + 1 - 4 + 32, ['I1 counted twice']],
    ['a debit backwards', 1_000 + 1 + 4 + 16, ['I1 counted twice']],
    ['the genesis twice', 2_000 + 1 - 4 + 16, ['I1 total']],
    ['money of nobody', 1_000 + 1 - 4 + 16 + 64, ['I1 total']],
  ])('says what is wrong: %s', (_what, total, expected) => {
    expect(checks(total)).toEqual(expected);
  });

  it('may count or not count what is in doubt, and keeps to it', () => {
    const [first] = ledger.operations;
    if (first !== undefined) first.standing = 'maybe';
    expect(checks(1_000 - 4 + 16)).toEqual([]);
    expect(first?.standing).toBe('void');
    expect(checks(1_000 + 1 - 4 + 16)).toEqual(['I1 returned']);
  });
});

describe('a purse', () => {
  const purse = (): Ledger => new Ledger('balances/6-purse', '/balance', 10 * UNIT, true);
  const spend = (all: Ledger, sign: 1 | -1, units: number) => all.add('roflfaucet', sign, 'program', 0, units);

  it('tells operations apart whose amounts compete', () => {
    const all = purse();
    for (const [sign, units] of [
      [-1, 9],
      [1, 3],
      [-1, 3],
    ] as const)
      spend(all, sign, units).standing = 'must';
    expect(all.counts(UNIT + 4 - 1 - 16)).toEqual([1, 1, 1]);
    expect(all.counts(4 * UNIT + 4 - 1)).toEqual([1, 1, 0]);
    expect(all.counts(5 * UNIT + 4 - 1)).toBeUndefined();
  });

  it('is overdrawn once more was spent than there can have been', () => {
    const all = purse();
    expect(all.answered(spend(all, -1, 9), 'done')).toEqual([]);
    expect(all.answered(spend(all, -1, 9), 'refused')).toEqual([]);
    const credit = spend(all, 1, 3);
    const debit = spend(all, -1, 3);
    expect(all.answered(debit, 'done')).toEqual([]);
    expect(all.answered(credit, 'refused')).toMatchObject([{ check: 'I1 overdrawn' }]);
  });

  it('below zero is wrong, whoever says what', () => {
    const all = purse();
    spend(all, -1, 11);
    expect(all.check(-UNIT - 1)).toMatchObject([{ check: 'I1 overdrawn' }]);
  });

  it('does not hold what was refused', () => {
    const all = purse();
    const debit = spend(all, -1, 9);
    all.answered(debit, 'refused');
    expect(all.check(UNIT - 1)).toMatchObject([{ check: 'I1 returned' }]);
  });
});
