/** One demo at a time in one folder: a file with the process id of whoever has it. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../exit.js';

/**
 * Takes the folder (made if need be); returns the way to give it back. Throws UsageError where a demo is running in it.
 * What a killed demo left behind is taken over.
 */
export function claim(dir: string): () => void {
  mkdirSync(dir, { recursive: true });
  const file = join(dir, 'demo.pid');
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      writeFileSync(file, `${process.pid}\n`, { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = readOwner(file);
    if (owner !== undefined && isDemo(owner)) {
      throw new UsageError(
        `a demo is already running in ${dir} (process ${owner}): stop it with Ctrl-C there, or use another --dir`,
      );
    }
    rmSync(file, { force: true });
  }
  throw new UsageError(`${dir} is being taken by another demo at this moment: use another --dir`);
}

function readOwner(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function isDemo(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives and is somebody else's.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  // Process ids are used again. Where /proc can tell, only a demo counts as one.
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes('demo') || pid === process.pid;
  } catch {
    return true;
  }
}
