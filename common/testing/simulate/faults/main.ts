/** The hunter is hunted. `npm run simulate:faults -- --help` says what it does. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { workTogether } from '../crew.js';
import type { Report } from '../worker.js';
import { build } from './apply.js';
import { FAULTS } from './faults.js';

const USAGE = `npm run simulate:faults [-- --runs K] [--jobs J] [--only WORDS] [--table FILE]

Runs the simulation on each deliberate fault until it is found, and prints after how many seeds and by which check. A
fault that is not found is a hole in the simulation: exit code 1.

  --runs K       seeds that are tried on each fault (2000)
  --jobs J       processes at once (one a core)
  --only WORDS   only faults whose names hold these words
  --table FILE   writes what was found as a table
`;

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h', default: false },
    runs: { type: 'string', default: '2000' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    only: { type: 'string', default: '' },
    table: { type: 'string' },
  },
});

if (values.help) {
  process.stdout.write(USAGE);
  process.exit();
}

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
