import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { add, compare, ZERO } from './amount.js';
import { ownPart } from './authority.js';
import { merge } from './merge.js';
import { counterValue } from './render.js';
import {
  change,
  give,
  grantableAtHub,
  holders,
  received,
  rightsOf,
  spendableAtHub,
  spendableAtSpoke,
} from './rights.js';
import type { CounterState, DocState } from './state.js';

const HUB = 'directsponsor~00000001';
const ROFL = 'roflfaucet~00000001';
const CLICK = 'clickforcharity~00000001';
const isHubs = (replica: string): boolean => replica.startsWith('directsponsor~');
const START = '000000000010000@directsponsor';

const counter = (genesis: string): CounterState => ({ genesis: [genesis, START], by: {} });

describe('spending rights', () => {
  it('of a credit lie with the replica that added it, and those of genesis with the hub', () => {
    const after = change(counter('100'), ROFL, '30');
    expect(rightsOf(after, ROFL)).toBe('30');
    expect(spendableAtSpoke(after, ROFL)).toBe('30');
    expect(spendableAtSpoke(after, CLICK)).toBe('0');
    expect(spendableAtHub(after, isHubs)).toBe('100');
  });

  it('are passed on by totals that only rise', () => {
    let state = give(counter('100'), HUB, ROFL, '40');
    state = give(state, HUB, ROFL, '5');
    expect(state.given).toEqual({ [HUB]: { [ROFL]: '45' } });
    expect(received(state, ROFL)).toBe('45');
    expect(spendableAtSpoke(state, ROFL)).toBe('45');
    expect(spendableAtHub(state, isHubs)).toBe('55');
    state = give(state, ROFL, HUB, '45');
    expect([spendableAtSpoke(state, ROFL), spendableAtHub(state, isHubs)]).toEqual(['0', '100']);
  });

  it('of an incarnation that is over are the hub’s, as soon as it says so', () => {
    const state = change(counter('10'), ROFL, '30');
    expect(spendableAtHub(state, (replica) => isHubs(replica) || replica === ROFL)).toBe('40');
  });

  it('names who holds the rest, the most first', () => {
    const state = change(change(change(counter('1'), ROFL, '30'), CLICK, '40'), HUB, '5');
    expect(holders(state, isHubs)).toEqual([
      { replica: CLICK, rights: '40' },
      { replica: ROFL, rights: '30' },
    ]);
  });

  it('that a raw debit overdrew are a debt of that replica alone, which later rights fill', () => {
    // A raw write on one site takes what the hub holds the rights to.
    let state = change(counter('100'), ROFL, '-100');
    expect(rightsOf(state, ROFL)).toBe('-100');
    expect(spendableAtHub(state, isHubs)).toBe('0');
    state = change(state, CLICK, '50');
    expect(spendableAtSpoke(state, CLICK)).toBe('50');
    expect(spendableAtHub(state, isHubs)).toBe('0');
    state = change(state, ROFL, '70');
    expect(spendableAtSpoke(state, ROFL)).toBe('0');
    expect(spendableAtHub(state, isHubs)).toBe('70');
    expect(grantableAtHub(state, isHubs, ROFL)).toBe('100');
    state = give(state, HUB, ROFL, '50');
    expect([spendableAtSpoke(state, ROFL), spendableAtHub(state, isHubs)]).toEqual(['20', '50']);
  });

  it('travel with the giver’s own part only', () => {
    const state: DocState = { counters: { '/balance': give(give(counter('9'), HUB, ROFL, '4'), ROFL, HUB, '1') } };
    expect(ownPart(state, 'roflfaucet').counters).toEqual({
      '/balance': { by: {}, given: { [ROFL]: { [HUB]: '1' } } },
    });
  });

  it('I1: never let the total fall below zero, whatever is known where, and add up to what there is', () => {
    const replicas = [HUB, ROFL, CLICK] as const;
    const at = fc.nat(2);
    const step = fc.oneof(
      fc.record({ do: fc.constant('credit' as const), at, amount: fc.integer({ min: 1, max: 50 }) }),
      fc.record({ do: fc.constant('debit' as const), at, amount: fc.integer({ min: 1, max: 120 }) }),
      fc.record({ do: fc.constant('give' as const), at, amount: fc.integer({ min: 1, max: 60 }) }),
      fc.record({ do: fc.constant('send' as const), at, amount: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), fc.array(step, { maxLength: 60 }), (genesis, steps) => {
        const start: DocState = { counters: { '/balance': counter(String(genesis)) } };
        const states: DocState[] = [start, start, start];
        const counterAt = (n: number): CounterState => states[n]?.counters?.['/balance'] as CounterState;
        const put = (n: number, next: CounterState): void => {
          states[n] = { counters: { '/balance': next } };
        };
        const free = (n: number): string =>
          n === 0 ? spendableAtHub(counterAt(0), isHubs) : spendableAtSpoke(counterAt(n), replicas[n] as string);
        for (const { do: what, at: n, amount } of steps) {
          const me = replicas[n] as string;
          const isWithin = compare(String(amount), free(n)) <= 0;
          if (what === 'credit') put(n, change(counterAt(n), me, String(amount)));
          else if (what === 'debit' && isWithin) put(n, change(counterAt(n), me, String(-amount)));
          else if (what === 'give' && isWithin)
            put(n, give(counterAt(n), me, n === 0 ? (replicas[1 + (amount % 2)] as string) : HUB, String(amount)));
          else if (what === 'send') {
            // A spoke and the hub tell each other, in one direction or the other; the third knows nothing of it.
            if (n === 0) states[1] = merge(states[1] as DocState, states[0] as DocState);
            else states[0] = merge(states[0] as DocState, states[n] as DocState);
            if (n === 2) states[2] = merge(states[2] as DocState, states[0] as DocState);
          }
          const all = states.reduce(merge);
          const total = all.counters?.['/balance'] as CounterState;
          expect(compare(counterValue(total), ZERO)).toBeGreaterThanOrEqual(0);
          const rights = replicas.reduce((sum, one) => add(sum, rightsOf(total, one)), ZERO);
          expect(add(rights, String(genesis))).toBe(counterValue(total));
        }
      }),
      { numRuns: 500 },
    );
  });
});
