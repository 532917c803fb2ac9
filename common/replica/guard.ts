/** Guards (I8) at work: the facts of a local change, put before the rules of core. */
import type { Valid } from '../core/content.js';
import { readContent } from '../core/content.js';
import { Burst, type BurstLimits, type HeldReason, judge, takes } from '../core/guard.js';
import { explains } from '../core/intent.js';
import { isAlive } from '../core/render.js';
import type { DocState } from '../core/state.js';
import type { Replica } from './replica.js';

export type GuardOptions = {
  /** Whether a write to zero and a stub are held. */
  readonly zero: boolean;
  readonly burst: BurstLimits;
};

export const DEFAULT_GUARDS: GuardOptions = { zero: true, burst: { documents: 50, percent: 10, windowMs: 60_000 } };

export type Facts = {
  readonly name: string;
  /** What the change is measured from; undefined where nothing was there. */
  readonly base: Valid | undefined;
  /** Undefined: the file was removed. */
  readonly live: Valid | undefined;
  readonly from: DocState;
  readonly to: DocState;
  /** Milliseconds since 1970. */
  readonly at: number;
};

/** What the guards remember of the last minute. In memory: a restart begins a new window. */
export class Guards {
  readonly #bursts = new Map<string, Burst>();
  /** Kind → how many documents it is known to have at least, and when that was seen. */
  readonly #sizes = new Map<string, { readonly documents: number; readonly at: number }>();

  #options: GuardOptions;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  get options(): GuardOptions {
    return this.#options;
  }

  /** Other limits from now on; what was counted under the former ones is forgotten. */
  set options(options: GuardOptions) {
    this.#options = options;
    this.#bursts.clear();
    this.#sizes.clear();
  }

  /** Why a change must be held; undefined where it may be counted. Call inside a commit. */
  judge(replica: Replica, facts: Facts): HeldReason | undefined {
    const { name, base, live, from, to } = facts;
    const policies = replica.policiesOf(name);
    if (live === undefined) {
      const { delete: rule } = policies.kind;
      return isAlive(from, rule) && !isAlive(to, rule) && this.#isBurst(replica, facts, 'deletes')
        ? 'deletes'
        : undefined;
    }
    if (base === undefined) return undefined;
    const isTaking = takes(from, to);
    if (this.options.zero) {
      const zeroed = isTaking ? this.#zeroed(replica, facts) : undefined;
      const harm = judge({ base, live, from, to, zeroed }, policies);
      if (harm !== undefined) return harm;
    }
    if (!isTaking || explains(base, live, policies)) return undefined;
    return this.#isBurst(replica, facts, 'decreases') ? 'decreases' : undefined;
  }

  #isBurst(replica: Replica, { name, at }: Facts, sort: 'decreases' | 'deletes'): boolean {
    const { missing, world } = replica;
    const kind = name.slice(0, name.lastIndexOf('/'));
    const key = `${sort} ${kind}`;
    const burst = this.#bursts.get(key) ?? new Burst(this.options.burst);
    this.#bursts.set(key, burst);
    return burst.isOver({
      name,
      at,
      waiting: sort === 'deletes' ? missing.count(kind) - (missing.has(name) ? 1 : 0) : 0,
      hasAtLeast: (documents) => this.#hasAtLeast(replica, kind, documents, at),
      ...(sort === 'deletes' && { isEmptied: () => world.files.isEmptied(kind) }),
    });
  }

  /** Counted a window's length apart at most, or where more are asked for: a kind may have a million documents. */
  #hasAtLeast(replica: Replica, kind: string, documents: number, at: number): boolean {
    const known = this.#sizes.get(kind);
    const isFresh = known !== undefined && Math.abs(at - known.at) <= this.options.burst.windowMs;
    if (isFresh && known.documents >= documents) return true;
    const counted = replica.world.store.countFiles(kind, documents * 2);
    this.#sizes.set(kind, { documents: counted, at });
    return counted >= documents;
  }

  #zeroed(replica: Replica, { name, at }: Facts): Valid | undefined {
    const held = replica.world.store.heldOf(name).find(({ reason }) => reason === 'zero');
    if (held === undefined || Math.abs(at - held.at) > this.options.burst.windowMs) return undefined;
    const content = readContent(held.live, replica.policiesOf(name));
    return content.kind === 'invalid' ? undefined : content;
  }
}
