/**
 * Hub side of pull mode: "delivered" means laid out on a shelf from which the peer fetches. What the peer has confirmed is
 * cleared away; a few batches at most lie there, because a batch is rendered when it can be sent.
 */
import fs from 'node:fs';
import path from 'node:path';
import { isBatchName } from '../link/batch-name.js';
import { type Cover, type Delivery, failure, type Transport } from '../link/transport.js';

/** Batches that may lie there unfetched. */
const WAITING_MAX = 16;

export class PullOutbox implements Transport {
  /** What lies on the shelf, oldest first. */
  #laid: { readonly name: string; readonly cover: Cover }[] = [];

  constructor(
    readonly outbox: string,
    /** Folder of the read-only rsync module. */
    readonly shelf: string,
    readonly now: () => number,
  ) {
    for (const name of fs.readdirSync(shelf)) this.#remove(name);
  }

  async deliver(name: string, _signal: AbortSignal | undefined, cover: Cover): Promise<Delivery> {
    const started = this.now();
    // A message without documents replaces the one before it; one that begins earlier is sent anew, and replaces what
    // reached further.
    this.#clear((laid) => (laid.cover.documents === 0 ? true : laid.cover.to > cover.from && cover.documents > 0));
    if (this.#laid.length >= WAITING_MAX)
      return failure(
        'not-fetched',
        true,
        `${this.#laid.length} batches wait to be fetched`,
        'look at the spoke: it fetches its batches from here',
      );
    if (!isBatchName(name))
      return failure('bad-name', false, `not the name of a batch: ${name}`, 'report this as a fault of Axle');
    // A copy of its own, because the link removes the outbox file; hidden until it is whole.
    const hidden = path.join(this.shelf, `.${name}`);
    try {
      fs.copyFileSync(path.join(this.outbox, name), hidden);
      fs.chmodSync(hidden, 0o640);
      const owner = fs.statSync(this.shelf);
      if (process.getuid?.() === 0) fs.chownSync(hidden, owner.uid, owner.gid);
      fs.renameSync(hidden, path.join(this.shelf, name));
    } catch (error) {
      fs.rmSync(hidden, { force: true });
      throw error;
    }
    this.#laid.push({ name, cover });
    return { ok: true, ms: this.now() - started };
  }

  confirmed(seq: number): void {
    this.#clear(({ cover }) => cover.documents > 0 && cover.to <= seq);
  }

  async close(): Promise<void> {}

  #clear(isDone: (laid: { readonly cover: Cover }) => boolean): void {
    const keep = this.#laid.filter((laid) => !isDone(laid));
    if (keep.length === this.#laid.length) return;
    for (const laid of this.#laid) if (!keep.includes(laid)) this.#remove(laid.name);
    this.#laid = keep;
  }

  #remove(name: string): void {
    fs.rmSync(path.join(this.shelf, name), { force: true });
  }
}
