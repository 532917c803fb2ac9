/** What is mined between two readings, case by case. The hashrate allows 100 of difficulty a second. */
import { describe, expect, it } from 'vitest';
import { type Count, stepBetween } from './counting.js';

const HASHRATE_HPS = 100 * 2 ** 32;

const count = (more: Partial<Count> = {}): Count => ({
  at: 1_000_000,
  uptime_s: 5_000,
  accepted: 100,
  rejected: 2,
  difficulty_accepted: 100_000,
  difficulty: 1_000,
  entries: 1,
  ...more,
});
/** 30 seconds later. */
const next = (more: Partial<Count> = {}): Count =>
  count({ at: 1_030_000, uptime_s: 5_030, accepted: 103, difficulty_accepted: 103_000, ...more });

const step = (before: Count | undefined, now: Count, hashrate_hps: number | undefined = HASHRATE_HPS) =>
  stepBetween(before, now, hashrate_hps);

describe('a step', () => {
  it('is worth nothing at first sight', () => {
    expect(step(undefined, count())).toMatchObject({ kind: 'first', accepted: 0, difficulty: '0' });
  });

  it('is the difference, to the last digit', () => {
    const before = count({ difficulty_accepted: 0.1 });
    expect(step(before, next({ difficulty_accepted: 0.3, rejected: 3 }))).toMatchObject({
      kind: 'counted',
      accepted: 3,
      rejected: 1,
      difficulty: '0.2',
      is_estimate: false,
      seconds: 30,
    });
  });

  it.each<[string, Partial<Count>, string, string]>([
    [
      'the same reading again',
      { at: 1_000_000, uptime_s: 5_000, accepted: 100, difficulty_accepted: 100_000 },
      'counted',
      '0',
    ],
    ['a restart', { uptime_s: 20, accepted: 2, rejected: 0, difficulty_accepted: 2_000 }, 'restarted', '2000'],
    [
      'a restart after which more was mined than before',
      { at: 4_600_000, uptime_s: 3_000, accepted: 300, rejected: 0, difficulty_accepted: 300_000 },
      'restarted',
      '300000',
    ],
    [
      'a restart after which other pools were listed',
      { uptime_s: 20, difficulty_accepted: 2_000, entries: 3 },
      'restarted',
      '2000',
    ],
    [
      'a restart that nobody saw for long',
      { at: 90_000_000, uptime_s: 80_000, difficulty_accepted: 90_000 },
      'reset',
      '90000',
    ],
    ['a reset', { accepted: 1, rejected: 0, difficulty_accepted: 1_000 }, 'reset', '1000'],
    ['a reset to nothing', { accepted: 0, rejected: 0, difficulty_accepted: 0 }, 'reset', '0'],
    [
      'a fall that leaves more than can be new',
      { accepted: 90, rejected: 2, difficulty_accepted: 90_000 },
      'lost',
      '0',
    ],
    [
      'an answer that is older than the one before',
      { uptime_s: 4_990, accepted: 99, difficulty_accepted: 99_000 },
      'older',
      '0',
    ],
    ["the miner's clock set back", { uptime_s: 10 }, 'counted', '3000'],
    ["the miner's clock set back by hours", { uptime_s: 2_000 }, 'counted', '3000'],
    ['our clock set forward', { at: 900_000_000 }, 'counted', '3000'],
    ['our clock set back', { at: 5_000 }, 'counted', '3000'],
    ['the pool listed once more', { entries: 2, difficulty_accepted: 200_000 }, 'lost', '0'],
    ['the pool listed once less', { entries: 2 }, 'lost', '0'],
  ])('%s', (_what, more, kind, difficulty) => {
    expect(step(count(), next(more))).toMatchObject({ kind, difficulty });
  });

  it('lasts no longer than the time that has passed, whatever the clock of the miner says', () => {
    expect(step(count(), next({ uptime_s: 95_000 })).seconds).toBeCloseTo(40.3);
    expect(step(count(), next({ uptime_s: 95_000, difficulty_accepted: 90_000 }))).toMatchObject({ kind: 'lost' });
    expect(step(count(), next({ at: 5_000 })).seconds).toBe(30);
  });

  it('goes on from 0 at the end of 32 bits, and not where other counters fell too', () => {
    const before = count({ difficulty_accepted: 2 ** 32 - 1_000 });
    expect(step(before, next({ difficulty_accepted: 2_000 }))).toMatchObject({ kind: 'wrapped', difficulty: '3000' });
    expect(step(before, next({ accepted: 2, difficulty_accepted: 2_000 }))).toMatchObject({
      kind: 'reset',
      difficulty: '2000',
    });
    const far = count({ difficulty_accepted: 2 ** 31 });
    expect(step(far, next({ difficulty_accepted: 2_000 }))).toMatchObject({ kind: 'reset', difficulty: '2000' });
  });

  it('of a miner that says no hashrate counts nothing of what is left by a fall', () => {
    expect(stepBetween(count(), next({ difficulty_accepted: 1_000 }), undefined)).toMatchObject({ kind: 'lost' });
    expect(stepBetween(count(), next({ uptime_s: 20, difficulty_accepted: 1_000 }), undefined)).toMatchObject({
      kind: 'restarted',
      difficulty: '1000',
    });
  });

  it('of a counter of shares is an estimate, by the lower difficulty', () => {
    const none = { difficulty_accepted: null };
    expect(step(count(none), next(none))).toMatchObject({ difficulty: '3000', is_estimate: true });
    expect(step(count(none), next({ ...none, difficulty: 2_000 }))).toMatchObject({ difficulty: '3000' });
    expect(step(count(none), next({ ...none, difficulty: null }))).toMatchObject({ difficulty: '3000' });
    expect(step(count({ ...none, difficulty: null }), next({ ...none, difficulty: null }))).toMatchObject({
      difficulty: '0',
      accepted: 3,
      is_estimate: false,
    });
    expect(step(count(none), next({ ...none, accepted: 2, rejected: 0 }))).toMatchObject({
      kind: 'reset',
      difficulty: '2000',
    });
  });

  it('counts each share once where the counter of difficulty comes and goes', () => {
    const without = next({ difficulty_accepted: null });
    expect(step(count(), without)).toMatchObject({ difficulty: '3000', is_estimate: true });
    const back = count({ at: 1_060_000, uptime_s: 5_060, accepted: 106, difficulty_accepted: 106_000 });
    expect(step(without, back)).toMatchObject({ difficulty: '3000', is_estimate: true });
  });
});
