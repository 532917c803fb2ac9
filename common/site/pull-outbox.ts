/**
 * Hub side of pull mode: "delivered" means laid out in a folder from which the peer fetches. Batches stay there until the
 * peer's confirmation makes the link send the next ones; a few at most, because a batch is rendered when it can be sent.
 */
import fs from 'node:fs';
import path from 'node:path';
import { isBatchName } from '../link/batch-name.js';
import { type Delivery, failure, type Transport } from '../link/transport.js';

/** Batches that may lie there unfetched. */
const WAITING_MAX = 16;
/** A batch older than this was fetched, or has been rendered again since. */
const KEEP_MS = 120_000;

export class PullOutbox implements Transport {
  constructor(
    readonly outbox: string,
    /** Folder of the read-only rsync module. */
    readonly shelf: string,
    readonly now: () => number,
  ) {
    for (const name of fs.readdirSync(shelf)) if (isBatchName(name)) fs.rmSync(path.join(shelf, name), { force: true });
  }

  async deliver(name: string): Promise<Delivery> {
    const started = this.now();
    const waiting = fs.readdirSync(this.shelf).filter(isBatchName).sort();
    for (const old of waiting) {
      const stat = fs.statSync(path.join(this.shelf, old), { throwIfNoEntry: false });
      if (stat !== undefined && started - stat.mtimeMs > KEEP_MS) fs.rmSync(path.join(this.shelf, old), { force: true });
    }
    if (waiting.length >= WAITING_MAX)
      return failure('not-fetched', true, `${waiting.length} batches wait to be fetched`, 'look at the spoke: it fetches its batches from here');
    // A copy of its own: the link removes the outbox file when this returns. Hidden until it is whole.
    const hidden = path.join(this.shelf, `.${name}`);
    fs.copyFileSync(path.join(this.outbox, name), hidden);
    fs.chmodSync(hidden, 0o640);
    const owner = fs.statSync(this.shelf);
    try {
      fs.chownSync(hidden, owner.uid, owner.gid);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    }
    fs.renameSync(hidden, path.join(this.shelf, name));
    return { ok: true, ms: this.now() - started };
  }

  async close(): Promise<void> {}
}
