/** Runs one target for a number of inputs, in stretches that each have a seed of their own, so that a failure replays soon. */
import { performance } from 'node:perf_hooks';
import fc from 'fast-check';
import type { AnyTarget } from './target.js';

export type Report = {
  readonly target: string;
  readonly inputs: number;
  /** How many were accepted as valid: a target that refuses everything, or nothing, proves little. */
  readonly accepted: number;
  readonly seconds: number;
  readonly slowest_ms: number;
  /** The first failure, shrunk, and how to see it again. */
  readonly failure?: string;
};

/** Inputs of one stretch: what a target leaves behind (a store that grows) is thrown away after it. */
export const STRETCH = 2_000;
/** One input takes a millisecond or so. */
export const INPUT_MS_MAX = 2_000;

/** `onInput` is called before each input, with its number: a watchdog on another thread sees a hang by it. */
export async function fuzz(
  target: AnyTarget,
  inputs: number,
  seed: number,
  onInput: (n: number) => void = () => {},
): Promise<Report> {
  const began = performance.now();
  let [done, accepted, slowest_ms] = [0, 0, 0];
  let failure: string | undefined;
  for (let stretch = 0; done < inputs && failure === undefined; stretch += 1) {
    const runs = Math.min(STRETCH, inputs - done);
    const stretchSeed = (seed + stretch * 7_919) | 0;
    const check = target.open();
    try {
      const property = fc.asyncProperty(target.input, async (input) => {
        done += 1;
        onInput(done);
        const start = performance.now();
        if (await check.run(input)) accepted += 1;
        const ms = performance.now() - start;
        slowest_ms = Math.max(slowest_ms, ms);
        if (ms > INPUT_MS_MAX) throw new Error(`one input took ${Math.round(ms)} ms`);
      });
      const details = await fc.check(property, { numRuns: runs, seed: stretchSeed });
      if (details.failed)
        failure = `${fc.defaultReportMessage(details)}\n${(details.errorInstance as Error | null)?.stack ?? ''}\nagain: npm run fuzz -- --target '${target.name}' --runs ${runs} --seed ${stretchSeed}`;
    } finally {
      check.close?.();
    }
  }
  const seconds = (performance.now() - began) / 1000;
  return { target: target.name, inputs: done, accepted, seconds, slowest_ms, ...(failure && { failure }) };
}
