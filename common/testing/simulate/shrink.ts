/** Makes a failing plan smaller: fewer steps that still fail. */
import type { Step } from './plan.js';

/** `fails` runs the steps with these numbers. Returns the numbers that are left; at most `tries` runs. */
export async function shrink(
  steps: readonly Step[],
  fails: (numbers: readonly number[]) => Promise<boolean>,
  tries = 200,
): Promise<number[]> {
  let kept = steps.map((_, number) => number);
  let left = tries;
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let start = 0; start < kept.length && left > 0; ) {
      const without = kept.filter((_, i) => i < start || i >= start + size);
      left--;
      if (without.length > 0 && (await fails(without))) kept = without;
      else start += size;
    }
  }
  return kept;
}
