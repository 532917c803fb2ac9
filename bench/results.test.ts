import { describe, expect, it } from 'vitest';
import { type Run, ratios, type SystemResult, summarise } from './results.js';
import { median, percentile } from './statistics.js';

describe('statistics', () => {
  it('takes the nearest rank, so a percentile is always a value that was measured', () => {
    const hundred = Array.from({ length: 100 }, (_, n) => 100 - n);
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile([7], 0.99)).toBe(7);
    expect(() => percentile([], 0.5)).toThrow(/nothing was measured/);
  });

  it('takes the middle of an even number of values between the two middle ones', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });
});

describe('results', () => {
  const system = (name: string, runs: Run[]): SystemResult => ({
    name,
    settings: '',
    version: '',
    two_way: true,
    runs,
  });
  const run = (p50_ms: number, files_per_s: number): Run => ({
    latency: { p50_ms, p95_ms: p50_ms, p99_ms: p50_ms, max_ms: p50_ms, lost: 1 },
    burst: [{ files_per_s, total_ms: 1, missing: 0 }],
    credits: { given: 100, lost: 2, agreed: true },
  });

  it('takes medians of rates and sums of losses', () => {
    const summary = summarise(system('a', [run(10, 100), run(90, 300), run(20, 200)]));
    expect(summary).toMatchObject({ p50_ms: 20, max_ms: 90, files_per_s: 200, writes_lost: 3, credits_lost: [6, 300] });
  });

  it('says nothing of a measure that no run reached', () => {
    expect(summarise(system('a', [{ error: 'does not start' }]))).toEqual({});
  });

  it('compares Axle with the best rival at each measure, whichever that is', () => {
    const rivals = [system('quick', [run(60, 10)]), system('busy', [run(500, 400)]), system('broken', [{}])];
    expect(ratios([system('axle', [run(30, 800)]), ...rivals])).toEqual({ latency_p50: 2, files_per_s: 2 });
    expect(ratios(rivals)).toEqual({});
  });
});
