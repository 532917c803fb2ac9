/** `npm run simulate -- --help` says what it does. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { work, workTogether } from './crew.js';
import { planOf, printSteps } from './plan.js';
import { shrink } from './shrink.js';
import type { Report, Task } from './worker.js';

const USAGE = `npm run simulate -- [--seed N] [--runs K] [--jobs J] [--seconds S] [--record FILE]
npm run simulate -- --seed N [--keep 0,3,7] [--trace]

Runs hub and spokes as they ship on a simulated disk, clock and network, by K plans from seed N on, and checks after
every quiet period that nothing was lost, doubled or overdrawn. A failure prints its seed and the fewest of its steps
that still fail. Exit code 1: something failed.

  --seed N       the first seed (1)
  --runs K       how many seeds (1)
  --jobs J       processes at once (one a core)
  --seconds S    begins no further seed after this time
  --record FILE  adds what was run to a JSON file
  --keep 0,3,7   runs only the steps with these numbers of one seed
  --trace        prints everything that happens in one seed
`;

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h', default: false },
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    seconds: { type: 'string' },
    keep: { type: 'string' },
    trace: { type: 'boolean', default: false },
    record: { type: 'string' },
  },
});

const script = join(import.meta.dirname, 'worker.js');
const from = number('seed', values.seed);
const runs = number('runs', values.runs);
const jobs = number('jobs', values.jobs);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

if (values.help) process.stdout.write(USAGE);
else if (values.keep !== undefined || values.trace) await replay(values.keep?.split(',').map(Number));
else await search();

/** One seed, told in full. */
async function replay(keep: readonly number[] | undefined): Promise<void> {
  const report = await once({ from, count: 1, every: 1, trace: true, ...(keep && { keep }) });
  if (values.trace) say((report.trace ?? []).join('\n'));
  tell(report, keep ?? planOf(from).map((_, i) => i));
  process.exitCode = report.findings.length > 0 ? 1 : 0;
}

async function search(): Promise<void> {
  const started = Date.now();
  const failed: Report[] = [];
  let seeds = 0;
  let operations = 0;
  let nextWord = started + 10_000;
  await workTogether({
    script,
    from,
    runs,
    jobs,
    ...(values.seconds !== undefined && { limitMs: number('seconds', values.seconds) * 1000 }),
    onReport: (report) => {
      seeds++;
      operations += report.operations;
      if (report.findings.length > 0) {
        failed.push(report);
        say(`seed ${report.seed} fails: ${report.findings[0]?.check}: ${report.findings[0]?.text.slice(0, 300)}`);
      }
      if (Date.now() < nextWord) return;
      nextWord = Date.now() + 10_000;
      process.stderr.write(`${seeds} seeds, ${failed.length} failures\n`);
    },
  });
  const seconds = Math.round((Date.now() - started) / 1000);
  const first = failed.sort((a, b) => a.seed - b.seed)[0];
  if (first !== undefined) await explain(first);
  say(`${seeds} seeds from ${from}, ${operations} operations, ${failed.length} failures, ${seconds} s, ${jobs} jobs`);
  if (values.record !== undefined)
    record(values.record, { seeds, operations, failures: failed.map(({ seed }) => seed), seconds });
  process.exitCode = failed.length > 0 ? 1 : 0;
}

/** Runs a failure again, makes it smaller, and prints it. */
async function explain(failure: Report): Promise<void> {
  const { seed } = failure;
  const check = failure.findings[0]?.check;
  const again = await once({ from: seed, count: 1, every: 1 });
  if (again.digest !== failure.digest) say(`seed ${seed} did not replay: ${failure.digest}, then ${again.digest}`);
  const keep = await shrink(planOf(seed), async (numbers) => {
    const report = await once({ from: seed, count: 1, every: 1, keep: numbers });
    return report.findings[0]?.check === check;
  });
  tell(await once({ from: seed, count: 1, every: 1, keep }), keep);
  say(`again: npm run simulate -- --seed ${seed} --keep ${keep} --trace\n`);
}

function tell({ seed, findings, digest }: Report, numbers: readonly number[]): void {
  const plan = planOf(seed);
  say(`seed ${seed}, digest ${digest}`);
  say(
    printSteps(
      numbers.flatMap((one) => plan[one] ?? []),
      numbers,
    ),
  );
  for (const { check, text } of findings) say(`  ${check}: ${text}`);
}

async function once(task: Task): Promise<Report> {
  let report: Report | undefined;
  await work(script, task, (one) => {
    report = one;
    return false;
  });
  if (report === undefined) throw new Error('the worker said nothing');
  return report;
}

function record(file: string, result: object): void {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const known = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as object[]) : [];
  const entry = {
    date: new Date().toISOString().slice(0, 16),
    commit: git('rev-parse', '--short', 'HEAD'),
    from,
    ...result,
    jobs,
  };
  writeFileSync(file, `${JSON.stringify([...known, entry], null, 2)}\n`);
}

function number(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name}: a whole number from 1 (got ${text})`);
  return value;
}
