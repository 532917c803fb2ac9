/**
 * A bounded part of the simulation in every test run: `npm run simulate` has the rest. It runs in processes of its own,
 * because it puts its own clock and disk beneath everything.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { work } from './crew.js';
import { build, changed } from './faults/apply.js';
import { FAULTS, type Fault } from './faults/faults.js';
import { planOf } from './plan.js';
import { shrink } from './shrink.js';
import type { Report, Task } from './worker.js';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const BUILT = join(ROOT, 'dist', 'simulate', 'common', 'testing', 'simulate');
const LIMIT_MS = 170_000;

async function reports(script: string, task: Task): Promise<Report[]> {
  const all: Report[] = [];
  await work(script, task, (report) => {
    all.push(report);
    return false;
  });
  return all;
}

beforeAll(() => {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(process.execPath, [tsc, '-p', join(ROOT, 'tsconfig.simulate.json')], { stdio: 'inherit' });
}, LIMIT_MS);

describe('the simulation', () => {
  it(
    'I1, I2, I3, I4, I6, I8: crashes, power cuts, losses, restores and partitions lose nothing and double nothing',
    () => {
      const args = [join(BUILT, 'main.js'), '--seed', '1', '--runs', '300', '--seconds', '45'];
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      expect(status, stdout + stderr).toBe(0);
      expect(Number(/^(\d+) seeds/m.exec(stdout)?.[1])).toBeGreaterThan(5);
    },
    LIMIT_MS,
  );

  it(
    'one seed is one run, whatever ran before it in the same process',
    async () => {
      const script = join(BUILT, 'worker.js');
      const [together, alone] = await Promise.all([
        reports(script, { from: 40, count: 4, every: 1 }),
        reports(script, { from: 43, count: 1, every: 1 }),
      ]);
      expect(together.some(({ operations }) => operations > 0)).toBe(true);
      expect(together[3]?.digest).toBe(alone[0]?.digest);
      expect(together[2]?.digest).not.toBe(alone[0]?.digest);
    },
    LIMIT_MS,
  );

  it('a failing plan is cut down to the steps that fail', async () => {
    const plan = planOf(1);
    const last = plan.length - 1;
    const kept = await shrink(plan, async (numbers) => numbers.includes(1) && numbers.includes(last));
    expect(kept).toEqual([1, last]);
  });
});

describe('the deliberate faults', () => {
  it.each(FAULTS)('$name: matches the sources exactly once', (fault) => {
    for (const [file, text] of changed(ROOT, fault)) expect(text, file).not.toBe('');
  });

  it('one that no longer matches fails loudly', () => {
    const gone: Fault = { name: 'gone', changes: [{ file: 'core/merge.ts', search: 'no such text', replace: '' }] };
    expect(() => changed(ROOT, gone)).toThrow('0 matches in common/core/merge.ts');
  });

  it(
    'one is found, by its check',
    async () => {
      const fault = FAULTS.find(({ name }) => name === 'late writes are not read') as Fault;
      const found = (await reports(build(ROOT, fault), { from: 1, count: 40, every: 1, isOne: true })).at(-1);
      expect(found?.findings[0]?.check).toBe('I1 lost');
    },
    LIMIT_MS,
  );
});
