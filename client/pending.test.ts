import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Pending, PendingChanges, sendableTogether } from './pending.js';
import { MemoryBox } from './storage.js';

const COIN = 100_000_000n;

function tab(box: MemoryBox, name: string, now = () => 1_770_000_000_000): PendingChanges {
  let count = 0;
  return new PendingChanges(box, '1-andy', now, () => `${name}${++count}`);
}

describe('pending changes', () => {
  it('stay in the order in which they were made, also within a millisecond and when the clock goes back', () => {
    const times = [5000, 5000, 4000, 9000];
    const changes = tab(new MemoryBox(), 'k', () => times.shift() ?? 9000);
    for (const amount of [1n, 2n, 3n, 4n]) changes.add(amount * COIN, 'faucet', '');
    expect(changes.list().map(({ amount }) => amount)).toEqual(['1', '2', '3', '4']);
    expect(changes.total()).toBe(10n * COIN);
  });

  it('hazard 8: two tabs add and remove, and lose nothing of each other', () => {
    const box = new MemoryBox();
    const [a, b] = [tab(box, 'a'), tab(box, 'b')];
    const first = a.add(20n * COIN, 'faucet', 'x');
    b.add(-5n * COIN, 'slots_bet', '');
    a.remove(first.key);
    b.add(7n * COIN, 'slots_win', '');
    expect(a.list()).toEqual(b.list());
    expect(a.list().map(({ key, amount }) => [key, amount])).toEqual([
      ['b1', '-5'],
      ['b2', '7'],
    ]);
  });

  it('are each user’s own', () => {
    const box = new MemoryBox();
    tab(box, 'a').add(COIN, 'faucet', '');
    const bob = new PendingChanges(box, '1-andy2', Date.now, () => 'x');
    expect(bob.list()).toEqual([]);
  });

  it('what is broken in storage is left alone', () => {
    const box = new MemoryBox();
    const changes = tab(box, 'a');
    box.set('axle_pending:1-andy:000-x', '{');
    box.set('axle_pending:1-andy:002-z', '{"key":"other","amount":"1"}');
    box.set('axle_pending:1-andy:001-y', '{"key":"y","amount":"NaN"}');
    changes.add(COIN, 'faucet', '');
    expect(changes.list()).toHaveLength(1);
    expect(box.keys()).toHaveLength(4);
  });
});

describe('what a page sends when it is left', () => {
  const changes = (...amounts: number[]): Pending[] =>
    amounts.map((amount, index) => ({ key: String(index), amount: String(amount), source: 's', description: '' }));
  const sent = (balance: bigint | undefined, ...amounts: number[]) =>
    sendableTogether(changes(...amounts), balance, 40).map(({ amount }) => Number(amount));

  it('is everything that the balance bears in any order', () => {
    expect(sent(100n * COIN, 20, -60, 5, -40)).toEqual([20, -60, 5, -40]);
    expect(sent(100n * COIN, 20, -110, 5)).toEqual([20]);
    expect(sent(undefined, 20, 5, -1, 9)).toEqual([20, 5]);
    expect(sendableTogether(changes(1, 1, 1), 0n, 2)).toHaveLength(2);
  });

  it('hazard 9: never a debit that could arrive before the credit that pays for it', () => {
    const amounts = fc.array(fc.integer({ min: -50, max: 50 }), { maxLength: 12 });
    fc.assert(
      fc.property(amounts, fc.nat(100), fc.array(fc.nat(), { minLength: 12, maxLength: 12 }), (all, start, order) => {
        const chosen = sendableTogether(changes(...all), BigInt(start) * COIN, 40);
        const arriving = chosen.map((change, index) => ({ change, at: order[index] ?? 0 }));
        let balance = start;
        for (const { change } of arriving.sort((a, b) => a.at - b.at)) {
          balance += Number(change.amount);
          expect(balance).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
