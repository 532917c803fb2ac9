/**
 * `npm run simulate:faults [-- --runs 2000] [--jobs J] [--only WORD] [--table FILE]`
 *
 * The hunter is hunted: runs the simulation on each deliberate fault until it is found, and prints after how many seeds
 * and by which check. A fault that is not found is a hole in the simulation, and the exit code says so.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { workTogether } from '../crew.js';
import type { Report } from '../worker.js';
import { build } from './apply.js';
import { FAULTS } from './faults.js';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '2000' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    only: { type: 'string', default: '' },
    table: { type: 'string' },
  },
});

const root = process.cwd();
const runs = Number(values.runs);
const rows: string[] = [];
let missed = 0;
for (const fault of FAULTS.filter(({ name }) => name.includes(values.only))) {
  const found: Report[] = [];
  let seeds = 0;
  await workTogether({
    script: build(root, fault),
    from: 1,
    runs,
    jobs: Number(values.jobs),
    isOne: true,
    onReport: (report) => {
      seeds++;
      if (report.findings.length > 0) found.push(report);
    },
  });
  const first = found.sort((a, b) => a.seed - b.seed)[0];
  if (first === undefined) missed++;
  const row =
    first === undefined
      ? `| ${fault.name} | **not found in ${seeds}** | |`
      : `| ${fault.name} | ${first.seed} | ${first.findings[0]?.check} |`;
  rows.push(row);
  process.stdout.write(`${row}\n`);
}
if (values.table !== undefined) {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const head = `# Deliberate faults, and how soon the simulation finds them\n\n\`npm run simulate:faults\`, ${new Date().toISOString().slice(0, 10)}, commit ${commit}. Seeds are tried from 1 on.\n\n| fault | found by seed | check |\n|---|---|---|\n`;
  writeFileSync(values.table, `${head}${rows.join('\n')}\n`);
}
process.exitCode = missed > 0 ? 1 : 0;
