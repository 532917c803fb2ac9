/** One target on a thread of its own: if an input never ends, the thread that waits can still say which one. */
import { parentPort, workerData } from 'node:worker_threads';
import { fuzz } from './campaign.js';
import { TARGETS } from './targets/index.js';

export type Work = {
  readonly target: string;
  readonly inputs: number;
  readonly seed: number;
  readonly progress: Int32Array;
};

const { target, inputs, seed, progress } = workerData as Work;
const found = TARGETS.find(({ name }) => name === target);
if (found === undefined) throw new Error(`no target ${target}`);
parentPort?.postMessage(
  await fuzz(found, inputs, seed, (n) => {
    Atomics.store(progress, 0, n);
  }),
);
