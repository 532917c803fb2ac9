/**
 * `npm run fuzz -- --runs N [--seed S] [--target NAME] [--record]`: N inputs over all targets by their shares, or over
 * one. Prints a table and the seed; exit code 1 where something failed or hung. `--record` writes record.md beside it.
 *
 * Property-based, not coverage-guided: jazzer.js (maintained, ES modules since 4.0) feeds raw bytes into one synchronous
 * or asynchronous function, needs a native add-on on every machine, and cannot get past a digest or a JSON shape by
 * itself. What guidance is for, reaching deep branches, comes here from mutating valid documents, states, headers and files.
 */
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { Report } from './campaign.js';
import { TARGETS } from './targets/index.js';
import type { Work } from './worker.js';

const RUNS = 50_000;
/** Without a new input for this long, the one in hand hangs. */
const HANG_MS = 30_000;
const LOOK_MS = 1_000;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: String(RUNS) },
    seed: { type: 'string' },
    target: { type: 'string' },
    record: { type: 'boolean', default: false },
  },
});
const runs = Number(values.runs);
const seed = Number(values.seed ?? randomInt(2 ** 31));
const chosen = TARGETS.filter(({ name }) => values.target === undefined || name === values.target);
if (!Number.isInteger(runs) || runs < 1 || !Number.isInteger(seed) || chosen.length === 0) {
  console.error(
    `--runs and --seed are whole numbers; --target is one of: ${TARGETS.map(({ name }) => name).join('; ')}`,
  );
  process.exit(2);
}

console.log(`seed ${seed}`);
const reports: Report[] = [];
const whole = chosen.reduce((sum, { share }) => sum + share, 0);
for (const { name, share } of chosen) {
  const report = await watched(name, Math.ceil((runs * share) / whole));
  reports.push(report);
  console.log(row(report));
  if (report.failure !== undefined) console.log(report.failure);
}
const table = [
  '| target | inputs | accepted | seconds | slowest input | failures |',
  '|---|---|---|---|---|---|',
  ...reports.map(row),
  row(total(reports)),
].join('\n');
console.log(`\n${table}`);
if (values.record) record(table);
process.exitCode = reports.some(({ failure }) => failure !== undefined) ? 1 : 0;

/** Runs a target on a thread of its own, and gives it up where one input does not end. */
function watched(target: string, inputs: number): Promise<Report> {
  const progress = new Int32Array(new SharedArrayBuffer(4));
  const work: Work = { target, inputs, seed, progress };
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: work });
  const began = performance.now();
  let [seen, seenAt] = [0, began];
  return new Promise((resolve) => {
    const failed = (failure: string): void =>
      resolve({
        target,
        inputs: Atomics.load(progress, 0),
        accepted: 0,
        seconds: (performance.now() - began) / 1000,
        slowest_ms: 0,
        failure,
      });
    const watchdog = setInterval(() => {
      const now = Atomics.load(progress, 0);
      if (now !== seen) [seen, seenAt] = [now, performance.now()];
      if (performance.now() - seenAt < HANG_MS) return;
      failed(`input ${now} does not end: npm run fuzz -- --target '${target}' --runs ${inputs} --seed ${seed}`);
      void worker.terminate();
    }, LOOK_MS);
    worker.on('message', (report: Report) => resolve(report));
    worker.on('error', (error) => failed(String(error.stack)));
    worker.on('exit', () => clearInterval(watchdog));
  });
}

function row({ target, inputs, accepted, seconds, slowest_ms, failure }: Report): string {
  const cells = [
    target,
    inputs,
    accepted,
    seconds.toFixed(1),
    `${slowest_ms.toFixed(0)} ms`,
    failure === undefined ? 0 : 1,
  ];
  return `| ${cells.join(' | ')} |`;
}

function total(all: readonly Report[]): Report {
  const sum = (of: (report: Report) => number): number => all.reduce((so, report) => so + of(report), 0);
  const failures = all.filter(({ failure }) => failure !== undefined).length;
  return {
    target: '**all**',
    inputs: sum(({ inputs }) => inputs),
    accepted: sum(({ accepted }) => accepted),
    seconds: sum(({ seconds }) => seconds),
    slowest_ms: Math.max(...all.map(({ slowest_ms }) => slowest_ms)),
    ...(failures > 0 && { failure: String(failures) }),
  };
}

function record(text: string): void {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const date = new Date().toISOString().slice(0, 10);
  const head = `# Fuzzing: the record\n\n${date}, commit ${commit}, Node ${process.versions.node}: \`npm run fuzz -- --runs ${runs} --seed ${seed}\``;
  const meaning =
    'Accepted: valid by the rules, and held to them (laws of merging, a view that can be read again). All others were refused as declared, and changed nothing.';
  writeFileSync('common/testing/fuzz/record.md', `${head}\n\n${text}\n\n${meaning}\n`);
}
