/**
 * The digests of buckets, groups and kinds over what the store holds: a cache of the store's index. What a commit writes
 * makes its bucket stale, and only stale buckets are read again, so that a comparison costs what has changed.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { childrenOf, nodeDigest, parseNode, type ShortDigest } from '../core/digest-tree.js';
import { sha256 } from './sha256.js';
import type { Store } from './store.js';

/** Buckets read between two turns of the event loop: 2 ms where a kind has a million documents. */
const BUCKETS_A_TURN = 16;

export class Digests {
  readonly #buckets = new Map<string, ShortDigest>();
  readonly #stale = new Set<string>();
  readonly #kinds = new Set<string>();

  constructor(readonly store: Store) {}

  /** Brings the digests of these kinds up to date, in pieces; what is written meanwhile counts the next time. */
  async refresh(kinds: readonly string[]): Promise<void> {
    for (const bucket of this.store.changedBuckets) this.#stale.add(bucket);
    this.store.changedBuckets.clear();
    for (const kind of kinds) {
      if (this.#kinds.has(kind)) continue;
      this.#kinds.add(kind);
      for (const group of childrenOf(kind, 'kind'))
        for (const bucket of childrenOf(group, 'group')) this.#stale.add(bucket);
    }
    let read = 0;
    for (const bucket of this.#stale) {
      this.#stale.delete(bucket);
      this.#buckets.set(bucket, nodeDigest(this.store.digestsIn(bucket), sha256));
      if (++read % BUCKETS_A_TURN === 0) await turn();
    }
  }

  /** Digest of a node as of the last refresh. */
  of(node: string): ShortDigest {
    const level = parseNode(node)?.level;
    if (level === undefined) return '';
    if (level === 'bucket') return this.#buckets.get(node) ?? '';
    return nodeDigest(
      childrenOf(node, level).map((child) => this.of(child)),
      sha256,
    );
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
