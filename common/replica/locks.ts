/**
 * The lock that cooperating writers share (I5): a folder made with mkdir, `userdata/.axle/locks/<digit>.lock`, where
 * `digit` is the first hexadecimal digit of the SHA-256 of the document's name ("balances/1-andy"). The holder renews
 * the folder's mtime; one that somebody has watched for STALE_MS without seeing it renewed belongs to nobody. What the
 * clock says of its age proves nothing: a clock that is set makes the lock of a living holder old in an instant.
 * FILE_SYNC_STRATEGY.md has it for other languages.
 *
 * Sixteen locks instead of one a document: a daemon that materialises thousands of files takes sixteen, and a writer
 * holds one for about a millisecond.
 */
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import lockfile from 'proper-lockfile';

export const STALE_MS = 10_000;
/** For proper-lockfile, which judges by the clock. */
const NEVER_MS = 2 ** 40;
const WAIT_MIN_MS = 1;
const WAIT_MAX_MS = 25;
/** About 30 s of waiting: longer than a lock of the dead can last. */
const TRIES = 1_200;

export type Release = () => Promise<void>;

/** First hexadecimal digit of the SHA-256 of the document name. */
export function lockDigit(name: string): string {
  return createHash('sha256').update(name).digest('hex')[0] as string;
}

/** Takes the locks of the given documents, each once. Rejects with code ELOCKED where a holder does not let go. */
export async function lockDocuments(own: string, names: Iterable<string>, staleMs = STALE_MS): Promise<Release> {
  const digits = [...new Set([...names].map(lockDigit))];
  // Only the daemon takes more than one, and there is one daemon a site, so no two can wait for each other.
  const taken = await Promise.allSettled(digits.map((digit) => lockOne(own, digit, staleMs)));
  const release: Release = async () => {
    await Promise.all(taken.map((one) => one.status === 'fulfilled' && one.value().catch(ignoreGone)));
  };
  const failed = taken.find((one) => one.status === 'rejected');
  if (failed === undefined) return release;
  await release();
  throw failed.reason;
}

async function lockOne(own: string, digit: string, staleMs: number): Promise<Release> {
  const file = path.join(own, 'locks', digit);
  let seen = '';
  let since = 0;
  for (let tries = 1; ; tries++)
    try {
      return await lockfile.lock(file, {
        realpath: false,
        // Its own way with stale locks (look, then remove) lets two that find the same one take each other's: see below.
        stale: NEVER_MS,
        update: STALE_MS / 4,
        // Its default throws from a timer. A lock lost to a stalled event loop is noticed by the check before the rename.
        onCompromised: () => {},
      });
    } catch (error) {
      // Its own retries would also try for 30 s what cannot succeed (EACCES).
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED' || tries === TRIES) throw error;
      const now = performance.now();
      const print = printOf(`${file}.lock`);
      if (print === '' || print !== seen) [seen, since] = [print, now];
      else if (now - since > staleMs && takeAway(`${file}.lock`, seen)) continue;
      await sleep(Math.min(WAIT_MIN_MS * 2 ** tries, WAIT_MAX_MS) * (1 + Math.random()) * 0.67);
    }
}

/** Another one where the lock was renewed, or is another's. '' where there is none. */
function printOf(lock: string): string {
  const stat = fs.lstatSync(lock, { throwIfNoEntry: false });
  return stat === undefined ? '' : `${stat.ino}:${stat.mtimeMs}`;
}

/**
 * Removes the lock of a dead holder. Renamed first and looked at again: between the look and the rename somebody else may
 * have removed it and made a lock of his own, which is put back. True where it is gone.
 */
function takeAway(lock: string, print: string): boolean {
  const aside = `${lock}.stale-${randomBytes(6).toString('hex')}`;
  try {
    fs.renameSync(lock, aside);
    if (printOf(aside) === print) {
      fs.rmdirSync(aside);
      return true;
    }
    fs.renameSync(aside, lock);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Gone meanwhile, or something that is no lock.
    if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
  return false;
}

/** Releasing a lock that was taken over as stale: there is nothing left to release. */
function ignoreGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ERELEASED' && error.code !== 'ENOTACQUIRED' && error.code !== 'ENOENT') throw error;
}
