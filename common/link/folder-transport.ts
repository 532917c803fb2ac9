import { constants } from 'node:fs';
import { chmod, copyFile, lstat, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isBatchName } from './batch-name.js';
import { type Clock, type Delivery, failure, type Transport } from './transport.js';

export type FolderTransportOptions = {
  readonly outboxFolder: string;
  /** The peer's inbox for this site, on the same machine. Must exist: a missing one is a failure, never made here. */
  readonly inboxFolder: string;
  readonly clock: Clock;
  /** Mode of the delivered file, default 0640: the peer's daemon shares the folder's group. */
  readonly file_mode?: number;
};

/** Delivery between sites on one machine: durable (file and folder synced) and atomic (whole under its name, or not there). */
export class FolderTransport implements Transport {
  readonly #options: FolderTransportOptions;
  #closed = false;

  constructor(options: FolderTransportOptions) {
    this.#options = options;
  }

  async deliver(name: string, signal?: AbortSignal): Promise<Delivery> {
    const started_ms = this.#options.clock.now();
    if (this.#closed || signal?.aborted) {
      return failure('stopped', true, 'the delivery was stopped', 'Nothing to do: it is sent again after the restart.');
    }
    if (!isBatchName(name)) {
      return failure(
        'bad-name',
        false,
        `not the name of a batch: ${JSON.stringify(name)}`,
        'Report this as a fault of Axle.',
      );
    }
    const source = join(this.#options.outboxFolder, name);
    const found = await lstat(source).catch((error: Error) => error);
    if (found instanceof Error || !found.isFile()) {
      const problem = found instanceof Error ? found.message : 'not a regular file';
      return failure(
        'outbox-file',
        true,
        `batch ${name} cannot be sent: ${problem}`,
        'The batch is made again from state.',
      );
    }
    const temp = join(this.#options.inboxFolder, `.${name}.tmp`);
    try {
      await this.#place(source, temp, join(this.#options.inboxFolder, name));
    } catch (error) {
      await rm(temp, { force: true }).catch(() => {});
      return this.#explain(error as NodeJS.ErrnoException);
    }
    return { ok: true, ms: this.#options.clock.now() - started_ms };
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  async #place(source: string, temp: string, target: string): Promise<void> {
    // COPYFILE_EXCL never follows a symlink that waits under the temporary name. What a crash left there goes first.
    await rm(temp, { force: true });
    await copyFile(source, temp, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    await chmod(temp, this.#options.file_mode ?? 0o640);
    await sync(temp);
    await rename(temp, target);
    await sync(this.#options.inboxFolder);
  }

  #explain(error: NodeJS.ErrnoException): Delivery {
    const folder = this.#options.inboxFolder;
    const message = `inbox ${folder}: ${error.message}`;
    switch (error.code) {
      case 'ENOENT':
      case 'ENOTDIR':
        return failure('inbox-missing', true, message, `Make the peer's inbox folder ${folder}, or correct its path.`);
      case 'EACCES':
      case 'EPERM':
      case 'EROFS':
        return failure(
          'inbox-not-writable',
          true,
          message,
          `Let this site's account write into ${folder} (ReadWritePaths).`,
        );
      case 'ENOSPC':
      case 'EDQUOT':
        return failure('disk-full', true, message, 'Free disk space. Sending goes on by itself afterwards.');
      default:
        return failure('inbox-local', true, message, `Check ${folder} and its file system: df -h, dmesg.`);
    }
  }
}

/** fsync of a file's content, or of a folder's names. */
async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
