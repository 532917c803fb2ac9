/**
 * The digests of buckets, groups and kinds over what the store holds: a cache of the store's index. What a commit writes
 * makes its bucket stale, and only stale buckets are read again, so that a comparison costs what has changed.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { childrenOf, groupOf, nodeDigest, parseNode, type ShortDigest } from '../core/digest-tree.js';
import { sha256 } from './sha256.js';
import type { Store } from './store.js';

/** Buckets read between two turns of the event loop: 2 ms where a kind has a million documents. */
const BUCKETS_A_TURN = 16;

export class Digests {
  /** Buckets that hold documents, once they were read; the others have no digest. */
  readonly #buckets = new Map<string, ShortDigest>();
  /** Groups none of whose buckets was read since. */
  readonly #groups = new Map<string, ShortDigest>();
  #isComplete = false;
  #refreshing: Promise<void> | undefined;

  constructor(readonly store: Store) {}

  /** Brings the digests up to date, in pieces; what is written meanwhile counts the next time. */
  async refresh(): Promise<void> {
    // One at a time: a second one would find nothing stale, and believe what the first one is still reading.
    while (this.#refreshing !== undefined) await this.#refreshing;
    this.#refreshing = this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  async #refresh(): Promise<void> {
    const { changedBuckets } = this.store;
    if (!this.#isComplete) {
      for (let after: string | undefined = ''; after !== undefined; ) {
        const buckets = this.store.bucketsAfter(after, BUCKETS_A_TURN);
        for (const bucket of buckets) this.#read(bucket);
        after = buckets.at(-1);
        await turn();
      }
      this.#isComplete = true;
    }
    let read = 0;
    for (const bucket of changedBuckets) {
      changedBuckets.delete(bucket);
      this.#read(bucket);
      if (++read % BUCKETS_A_TURN === 0) await turn();
    }
  }

  #read(bucket: string): void {
    this.#groups.delete(groupOf(bucket));
    this.#buckets.set(bucket, nodeDigest(this.store.digestsIn(bucket), sha256));
  }

  /** Digest of a node as of the last refresh. */
  of(node: string): ShortDigest {
    const level = parseNode(node)?.level;
    if (level === 'bucket') return this.#buckets.get(node) ?? '';
    if (level === 'group') return this.#ofGroup(node);
    if (level === undefined) return '';
    const groups = childrenOf(node, 'kind').map((group) => this.#ofGroup(group));
    return nodeDigest(groups, sha256);
  }

  #ofGroup(group: string): ShortDigest {
    let digest = this.#groups.get(group);
    if (digest === undefined) {
      const buckets = childrenOf(group, 'group').map((bucket) => this.#buckets.get(bucket) ?? '');
      digest = nodeDigest(buckets, sha256);
      this.#groups.set(group, digest);
    }
    return digest;
  }

  /** Digests of what is directly below these kinds or groups. */
  below(nodes: readonly string[]): Record<string, ShortDigest> {
    const digests: Record<string, ShortDigest> = {};
    for (const node of nodes) {
      const level = parseNode(node)?.level;
      if (level === undefined || level === 'bucket') continue;
      for (const child of childrenOf(node, level)) digests[child] = this.of(child);
    }
    return digests;
  }
}
