/**
 * `npm run chaos [-- --minutes 10 --seed N --record]`: needs root (containers). Prints the seed and a table; exit code 1 where
 * one document on one site is not exactly what its writers counted. `--record` writes e2e/chaos/record.md.
 */

import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { installAxle, writeConfigs } from '../lab/axle.js';
import { Lab } from '../lab/lab.js';
import { setUpSsh } from '../lab/ssh.js';
import { CLICK, HUB, ROFL, ThreeSites } from '../sites/sites.js';
import { chaos, type Outcome, onSmallDisks } from './chaos.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string' },
    record: { type: 'boolean', default: false },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? randomInt(2 ** 31));
if (!(minutes > 0) || !Number.isInteger(seed)) {
  console.error('--minutes is a number, --seed a whole number');
  process.exit(2);
}

console.log(`seed ${seed}`);
const lab = await Lab.up({ hosts: [HUB, ROFL, CLICK] });
try {
  const sites = new ThreeSites(lab);
  await installAxle(lab);
  await setUpSsh(lab);
  await writeConfigs(lab);
  await onSmallDisks(sites);
  const outcome = await chaos(sites, minutes * 60, seed, (text) => console.log(text));
  const table = tableOf(outcome);
  console.log(`\n${table}`);
  if (values.record) record(table);
  if (outcome.differences.length > 0) {
    console.log(await sites.journals(300));
    process.exitCode = 1;
  }
} finally {
  await lab.down();
}

function tableOf({ writers, struck, noClocks, documents, rest_s, differences, codes }: Outcome): string {
  const all = Object.values(writers);
  const sum = (of: (writes: (typeof all)[number]) => number): number => all.reduce((so, one) => so + of(one), 0);
  const counted = (entries: Readonly<Record<string, number>>): string =>
    Object.entries(entries)
      .sort()
      .map(([name, times]) => `${name} ${times}`)
      .join(', ');
  const writes = sum(({ locked, raw }) => locked + raw);
  const rows: [string, string | number][] = [
    ['minutes', minutes],
    ['writes under the lock', sum(({ locked }) => locked)],
    ['raw writes', sum(({ raw }) => raw)],
    ['writes a second', (writes / (minutes * 60)).toFixed(0)],
    ['refused by a full disk or a missing file, not counted', sum(({ refused }) => refused)],
    ['harm', `${counted(struck)}${noClocks === undefined ? '' : `; no clock jumps: ${noClocks}`}`],
    ['told in the logs', counted(codes)],
    ['at rest after', `${rest_s.toFixed(1)} s`],
    ['documents', `${documents} on 3 sites`],
    ['**differences**', differences.length === 0 ? '**0**' : differences.join('; ')],
  ];
  return ['| | |', '|---|---|', ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n');
}

function record(table: string): void {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const date = new Date().toISOString().slice(0, 10);
  const head = `# Chaos on three real hosts: the record\n\n${date}, commit ${commit}: \`npm run chaos -- --minutes ${minutes} --seed ${seed}\``;
  const meaning =
    'Every credit is counted by the writer that was told it was written; a difference is a document that is not, on some site, exactly the sum.';
  writeFileSync('e2e/chaos/record.md', `${head}\n\n${table}\n\n${meaning}\n`);
}
