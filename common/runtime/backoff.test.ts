import { describe, expect, it } from 'vitest';
import { Backoff } from './backoff.js';

describe('backoff', () => {
  it('doubles its ceiling up to the limit, and takes the drawn part of it', () => {
    const draws = [0.5, 0.5, 0.999, 0, 0.25, 0.75];
    const backoff = new Backoff({ first_ms: 100, limit_ms: 1000, random: () => draws.shift() ?? 0.5 });
    const delays = Array.from({ length: 7 }, () => backoff.next());
    expect(delays).toEqual([50, 100, 399, 0, 250, 750, 500]);
  });

  it('starts again after a success', () => {
    const backoff = new Backoff({ first_ms: 100, limit_ms: 1000, random: () => 0.5 });
    expect([backoff.next(), backoff.next(), backoff.next()]).toEqual([50, 100, 200]);
    backoff.reset();
    expect([backoff.next(), backoff.next()]).toEqual([50, 100]);
  });

  it('grows by another factor, and never beyond the limit even at first', () => {
    const tripled = new Backoff({ first_ms: 10, limit_ms: 80, factor: 3, random: () => 0.9 });
    expect([tripled.next(), tripled.next(), tripled.next(), tripled.next()]).toEqual([9, 27, 72, 72]);
    expect(new Backoff({ first_ms: 500, limit_ms: 100, random: () => 0.5 }).next()).toBe(50);
  });
});
