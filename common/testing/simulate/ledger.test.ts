import { beforeEach, describe, expect, it } from 'vitest';
import { Ledger } from './ledger.js';

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
