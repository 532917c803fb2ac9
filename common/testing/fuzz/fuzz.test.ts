/** A short campaign over every target, with another seed each time: `npm run fuzz` is the long one. */
import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fuzz } from './campaign.js';
import { TARGETS } from './targets/index.js';

/** All together some ten seconds. */
const INPUTS = 4_000;

describe('fuzzing', () => {
  it('I6: covers every target with its share', () => {
    expect(TARGETS.reduce((sum, { share }) => sum + share, 0)).toBe(1_000);
  });

  it.each(TARGETS.map((target) => [target.name, target] as const))('I6: %s', async (_, target) => {
    const seed = randomInt(2 ** 31);
    const report = await fuzz(target, Math.max(200, (INPUTS * target.share) / 1_000), seed);
    expect(report.failure, `seed ${seed}`).toBeUndefined();
    expect(report.accepted).toBeGreaterThan(0);
    expect(report.accepted).toBeLessThan(report.inputs);
  });

  it('finds a fault, and says how to see it again', async () => {
    const [names] = TARGETS;
    const faulty = { ...names, open: () => ({ run: ({ file }: { file: string }) => !file.includes('..') || fail() }) };
    const fail = (): never => {
      throw new Error('it escapes');
    };
    const { failure } = await fuzz(faulty as (typeof TARGETS)[number], 2_000, 5);
    expect(failure).toContain('it escapes');
    expect(failure).toMatch(/again: npm run fuzz -- --target 'names and paths' --runs 2000 --seed 5/);
  });
});
