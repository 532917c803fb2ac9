/**
 * Axle beside lsyncd and Syncthing: the same three hosts, the same measuring code, in turn.
 *
 *     node dist/bench/run.js [--only axle,lsyncd] [--runs 3] [--writes 100] [--files 5000]
 *                            [--spacing 600-1000] [--measures latency,burst,credits,same-second] [--json]
 */

import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Lab } from '../e2e/lab/lab.js';
import { REPO_ROOT } from '../e2e/lab/repo.js';
import { labObstacles } from '../e2e/lab/requirements.js';
import { describeMachine } from './machine.js';
import { measureLatency } from './measures/latency.js';
import { markdown, saveReport } from './report.js';
import type { Results } from './results.js';
import { MEASURES, type Measure, measureOnce } from './session.js';
import { SITES, type System } from './system.js';
import { DEFAULT_SYSTEMS, systemNamed } from './systems.js';

const OPTIONS = {
  only: { type: 'string', default: DEFAULT_SYSTEMS.join(',') },
  runs: { type: 'string', default: '3' },
  writes: { type: 'string', default: '100' },
  files: { type: 'string', default: '5000' },
  spacing: { type: 'string', default: '600-1000' },
  measures: { type: 'string', default: MEASURES.join(',') },
  json: { type: 'boolean', default: false },
} as const;

const { values } = parseArgs({ options: OPTIONS });
const log = (line: string) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);

const systems = values.only.split(',').map(systemNamed);
const options = {
  runs: wholeNumber('runs', values.runs),
  writes: wholeNumber('writes', values.writes),
  files: wholeNumber('files', values.files),
  spacing_ms: spacingOf(values.spacing),
};
const measures = values.measures.split(',').map(measureNamed);

const obstacles = [...labObstacles(), ...systems.flatMap((system) => system.obstacles())];
if (obstacles.length > 0) {
  process.stderr.write(`The benchmark cannot run here:\n  ${obstacles.join('\n  ')}\n`);
  process.exit(2);
}

const lab = await Lab.up({ hosts: SITES });
// Hosts are processes of their own: without this, Ctrl-C would leave them running until the next lab sweeps them up.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void lab.down().finally(() => process.exit(130)));
}
try {
  const results = await measureAll(systems);
  const folder = `${REPO_ROOT}/bench`;
  mkdirSync(folder, { recursive: true });
  saveReport(results, folder);
  process.stdout.write(values.json ? `${JSON.stringify(results)}\n` : markdown(results));
} finally {
  await lab.down();
}

/** Systems take turns within each run, so that a slow minute of the machine meets all of them. */
async function measureAll(all: readonly System[]): Promise<Results> {
  const results: Results = {
    taken_at: new Date().toISOString(),
    machine: await describeMachine(),
    options,
    floor_p50_ms: await measureFloor(),
    systems: [],
  };
  for (const system of all) {
    const { name, settings, twoWay: two_way } = system;
    results.systems.push({ name, settings, two_way, version: await system.version(lab), runs: [] });
  }
  for (let n = 1; n <= options.runs; n += 1) {
    for (const [index, system] of all.entries()) {
      log(`run ${n} of ${options.runs}: ${system.name}`);
      results.systems[index]?.runs.push(await measureOnce(lab, system, { ...options, measures, log }));
    }
  }
  return results;
}

/** The latency measurement on a single folder, where nothing has to travel. */
async function measureFloor(): Promise<number> {
  const host = lab.host(SITES[0] ?? '');
  host.write('/var/bench/floor/.keep', '');
  const folder = host.path('/var/bench/floor');
  const sites = { hub: folder, from: folder, to: folder, twoWay: true };
  return (await measureLatency(sites, { writes: 50, everyMs: [20, 40] })).p50_ms;
}

function wholeNumber(option: string, text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new Error(`--${option}: must be a whole number from 1 (got ${text})`);
  return Number(text);
}

/** The least and the most time between two writes of the latency measurement. */
function spacingOf(text: string): [number, number] {
  const [, least, most] = /^(\d{1,6})-(\d{1,6})$/.exec(text) ?? [];
  if (least === undefined || most === undefined || Number(least) > Number(most)) {
    throw new Error(`--spacing: must be two numbers of milliseconds as in 600-1000 (got ${text})`);
  }
  return [Number(least), Number(most)];
}

function measureNamed(name: string): Measure {
  const measure = MEASURES.find((one) => one === name);
  if (measure === undefined) throw new Error(`--measures: there are ${MEASURES.join(', ')} (got ${name})`);
  return measure;
}
