import { link, lstat, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Failure, failure } from './transport.js';

/**
 * The folder that rsync really sends from: `OUTBOX/.sending`, holding a hard link to each batch under way. rsync removes
 * what it has sent (that is how it confirms), and so it removes the link; the outbox stays the sync logic's own. A
 * folder apart also means that nothing but what was put there can ever be sent.
 */
export class Stage {
  readonly folder: string;
  readonly #outbox: string;

  constructor(outboxFolder: string) {
    this.#outbox = outboxFolder;
    this.folder = join(outboxFolder, '.sending');
  }

  /** Makes the link, in place of one left by an earlier attempt. `name` has passed isBatchName. */
  async add(name: string): Promise<{ ok: true; bytes: number } | Failure> {
    const source = join(this.#outbox, name);
    const target = join(this.folder, name);
    try {
      // lstat: a symlink must not be followed, and link(2) would make a second name for the symlink itself.
      const found = await lstat(source);
      if (!found.isFile()) return unusable(name, 'not a regular file');
      for (let attempt = 0; attempt < 3; attempt++) {
        const error = await link(source, target).then(
          () => undefined,
          (reason: NodeJS.ErrnoException) => reason,
        );
        if (error === undefined) return { ok: true, bytes: found.size };
        if (error.code === 'EEXIST') await rm(target, { force: true });
        else if (error.code === 'ENOENT') await mkdir(this.folder, { recursive: true, mode: 0o750 });
        else return unusable(name, error.message);
      }
      return unusable(name, 'its link could not be made');
    } catch (error) {
      return unusable(name, (error as Error).message);
    }
  }

  /** Never fails: what is left behind is replaced by the next `add`. */
  async remove(name: string): Promise<void> {
    await rm(join(this.folder, name), { force: true }).catch(() => {});
  }
}

function unusable(name: string, problem: string): Failure {
  const hint =
    'The outbox must be a folder of the service account, on one file system. The batch is made again from state.';
  return failure('outbox-file', true, `batch ${name} cannot be sent: ${problem}`, hint);
}
