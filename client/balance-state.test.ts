import { describe, expect, it } from 'vitest';
import { BalanceState } from './balance-state.js';

describe('what is shown', () => {
  it('hazard 13: is nothing, and not 0, until something is known', () => {
    const state = new BalanceState();
    expect(state.shown(0n)).toBeUndefined();
    expect(state.shown(20n)).toBeUndefined();
    state.read(100n, state.beginRead());
    expect(state.shown(20n)).toBe(120n);
  });

  it('what was remembered never replaces what was heard', () => {
    const state = new BalanceState();
    state.remembered(70n);
    expect(state.shown(0n)).toBe(70n);
    state.read(100n, state.beginRead());
    state.remembered(70n);
    expect(state.shown(0n)).toBe(100n);
  });

  it('hazard 8: a read that began before an answer is out of date', () => {
    const state = new BalanceState();
    const begun = state.beginRead();
    state.answered(120n, false);
    expect(state.read(100n, begun)).toBe(false);
    expect(state.shown(0n)).toBe(120n);
  });

  it('an event that may hold what is being sent waits for the answer', () => {
    const state = new BalanceState();
    state.read(100n, state.beginRead());
    expect(state.event(120n, true)).toBe(false);
    expect(state.shown(20n)).toBe(120n);
    expect(state.answered(120n, false)).toBe(false);
    expect(state.shown(0n)).toBe(120n);
  });

  it('an event from elsewhere in between asks for a read', () => {
    const state = new BalanceState();
    state.read(100n, state.beginRead());
    state.event(150n, true);
    expect(state.answered(120n, true)).toBe(false);
    expect(state.answered(130n, false)).toBe(true);
    expect(state.read(180n, state.beginRead())).toBe(true);
    expect(state.shown(0n)).toBe(180n);
  });

  it('an event does not wait for ever', () => {
    const state = new BalanceState();
    expect(state.release()).toBe(false);
    state.event(150n, true);
    expect(state.release()).toBe(true);
    expect(state.shown(0n)).toBe(150n);
    expect(state.release()).toBe(false);
  });

  it('a refusal without a balance leaves what is known', () => {
    const state = new BalanceState();
    state.read(100n, state.beginRead());
    state.answered(undefined, false);
    expect(state.shown(0n)).toBe(100n);
  });
});
