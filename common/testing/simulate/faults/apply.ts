/** Makes one fault in a copy of the sources, and builds the copy. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from './faults.js';

/** The fault's file contents by path below `common/`. Throws where a change does not match exactly once. */
export function changed(root: string, { name, changes }: Fault): Map<string, string> {
  const contents = new Map<string, string>();
  for (const { file, search, replace } of changes) {
    const text = contents.get(file) ?? readFileSync(join(root, 'common', file), 'utf8');
    const matches = text.split(search).length - 1;
    if (matches !== 1) throw new Error(`fault "${name}": ${matches} matches in common/${file} of: ${search}`);
    contents.set(
      file,
      text.replace(search, () => replace),
    );
  }
  return contents;
}

/** Builds the simulation with the fault in it; returns the worker's script. */
export function build(root: string, fault: Fault): string {
  const folder = join(root, 'dist', 'faults', fault.name.replaceAll(/\W+/g, '-'));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(join(root, 'common'), join(folder, 'common'), {
    recursive: true,
    filter: (file) => !file.endsWith('.test.ts'),
  });
  for (const [file, text] of changed(root, fault)) writeFileSync(join(folder, 'common', file), text);
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: '../../../tsconfig.simulate.json',
      compilerOptions: { rootDir: '.', outDir: 'out', noCheck: true },
      include: ['common/testing/simulate/worker.ts', 'common/runtime/*.d.ts', 'common/link/*.d.ts'],
    }),
  );
  execFileSync(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', folder], {
    stdio: 'inherit',
  });
  return join(folder, 'out', 'common', 'testing', 'simulate', 'worker.js');
}
