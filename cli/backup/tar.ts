/** The system's tar, which every Debian has. Names are its own business: it gets folders and files of ours alone. */
import { start } from '../../common/runtime/spawn.js';
import { UsageError } from '../exit.js';

/** Compressed as the file's name says: .tar, .tar.gz, .tar.zst. */
export async function pack(folder: string, file: string, like: string): Promise<void> {
  const compress = /\.t?gz$/.test(like) ? ['--gzip'] : /\.zst$/.test(like) ? ['--zstd'] : [];
  await tar(['--create', ...compress, '--numeric-owner', '--file', file, '--directory', folder, '.']);
}

/** Owners in it count for nothing; tar itself keeps what it unpacks below the folder. */
export async function unpack(file: string, folder: string): Promise<void> {
  await tar(['--extract', '--no-same-owner', '--no-same-permissions', '--file', file, '--directory', folder]);
}

async function tar(args: readonly string[]): Promise<void> {
  const child = start('tar', ['--force-local', ...args]);
  child.end();
  const { code, stderr, failedToStart } = await child.exited;
  if (failedToStart !== undefined) throw new Error(`tar cannot be run: ${failedToStart}: apt-get install tar`);
  if (code !== 0) throw new UsageError(`tar: ${stderr.trim().split('\n')[0]}\nnothing was changed`);
}
