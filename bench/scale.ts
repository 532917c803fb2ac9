/**
 * How a hub and a spoke grow with the number of balances: start, memory, rest, one change.
 *
 *     node dist/bench/scale.js [--sizes 10000,100000,1000000] [--dir /var/tmp] [--writes 60] [--idle 60] [--keep] [--json]
 *
 * 1,000,000 balances on both sites need some 15 GB of disk and 2,000,000 inodes below --dir while it runs.
 */

import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { must } from '../e2e/lab/exec.js';
import { REPO_ROOT } from '../e2e/lab/repo.js';
import { describeMachine } from './machine.js';
import { killAll } from './scale-daemon.js';
import { measureScale } from './scale-measure.js';
import { type ScaleResults, scaleMarkdown } from './scale-report.js';
import { makeSites } from './scale-sites.js';

const OPTIONS = {
  sizes: { type: 'string', default: '10000,100000,1000000' },
  dir: { type: 'string', default: process.platform === 'linux' ? '/var/tmp' : tmpdir() },
  writes: { type: 'string', default: '60' },
  idle: { type: 'string', default: '60' },
  /** Leaves files, states and logs where they are, to look at. */
  keep: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

const { values } = parseArgs({ options: OPTIONS });
const log = (line: string) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
const sizes = values.sizes.split(',').map((size) => wholeNumber('sizes', size));
const writes = wholeNumber('writes', values.writes);
const idle_s = wholeNumber('idle', values.idle);

const base = realpathSync(mkdtempSync(`${values.dir}/axle-scale-`));
const cleanUp = () => {
  if (!values.keep) rmSync(base, { recursive: true, force: true });
};
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    killAll();
    process.exit(130);
  });
process.once('exit', cleanUp);

const storage = (await must(['df', '--output=fstype', base])).trim().split('\n').at(-1) ?? 'unknown';
const machine = { ...(await describeMachine()), storage };
const results: ScaleResults = { taken_at: new Date().toISOString(), machine, idle_s, sizes: [] };
for (const documents of sizes) {
  const dir = `${base}/${documents}`;
  results.sizes.push(await measureScale(makeSites(dir), { documents, writes, idle_s, log }));
  if (!values.keep) rmSync(dir, { recursive: true, force: true });
}
writeFileSync(`${REPO_ROOT}/bench/scale.json`, `${JSON.stringify(results, null, 2)}\n`);
writeFileSync(`${REPO_ROOT}/bench/scale.md`, scaleMarkdown(results));
process.stdout.write(values.json ? `${JSON.stringify(results)}\n` : scaleMarkdown(results));

function wholeNumber(option: string, text: string): number {
  if (!/^[1-9]\d{0,7}$/.test(text)) throw new Error(`--${option}: must be a whole number from 1 (got ${text})`);
  return Number(text);
}
