/**
 * One process of the simulation: runs seeds and prints a line of JSON for each. The platform is put in place before
 * anything of Axle is loaded.
 *
 *     node worker.js '{"from":1,"count":100,"every":1}'
 */
import { install } from './platform.js';

export type Task = {
  readonly from: number;
  readonly count: number;
  /** Distance between two seeds, where several processes share a range. */
  readonly every: number;
  /** Steps of the plan that are run; by default all. */
  readonly keep?: readonly number[];
  /** Ends early after this time. */
  readonly limitMs?: number;
  /** Ends at the first failure. */
  readonly isOne?: boolean;
  readonly trace?: boolean;
};

export type Report = {
  readonly seed: number;
  readonly findings: readonly { readonly check: string; readonly text: string }[];
  readonly digest: string;
  readonly operations: number;
  readonly ms: number;
  readonly trace?: readonly string[];
};

const clock = process.hrtime.bigint;
const sinceMs = (start: bigint): number => Number(clock() - start) / 1e6;

install();
const { planOf } = await import('./plan.js');
const { run } = await import('./run.js');
const task = JSON.parse(process.argv[2] as string) as Task;
// Libraries find out about the disk at first use: every seed finds them as they are then.
await run(0, []);
const begun = clock();
for (let i = 0; i < task.count && (task.limitMs === undefined || sinceMs(begun) < task.limitMs); i++) {
  const seed = task.from + i * task.every;
  const start = clock();
  const plan = planOf(seed);
  const steps = task.keep === undefined ? plan : task.keep.flatMap((number) => plan[number] ?? []);
  const { findings, digest, operations, trace } = await run(seed, steps);
  const ms = Math.round(sinceMs(start));
  const report: Report = { seed, findings, digest, operations, ms, ...(task.trace && { trace }) };
  process.stdout.write(`${JSON.stringify(report)}\n`);
  if (task.isOne && findings.length > 0) break;
}
