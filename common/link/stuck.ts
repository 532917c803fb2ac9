/** Differences that no repair removed: said once, and tried again ever more rarely. */
import type { ShortDigest } from '../core/digest-tree.js';

/** A document of which the two sides hold different things; '' where a side has none. */
export type Difference = { readonly name: string; readonly mine: ShortDigest; readonly theirs: ShortDigest };

/** A document that stays different is asked for again after this, doubling. */
const STUCK_FIRST_MS = 600_000;
const STUCK_LIMIT_MS = 24 * 3_600_000;
const STUCK_MAX = 10_000;

type Stuck = {
  readonly mine: ShortDigest;
  readonly theirs: ShortDigest;
  readonly waitMs: number;
  readonly due: number;
};

export class StuckDifferences {
  readonly #stuck = new Map<string, Stuck>();

  /** Whether it is to be left alone now. One that has become another one is not. `now`: milliseconds since 1970. */
  isStuck({ name, mine, theirs }: Difference, now: number): boolean {
    const stuck = this.#stuck.get(name);
    return stuck !== undefined && stuck.mine === mine && stuck.theirs === theirs && now < stuck.due;
  }

  /** A repair did not remove it. Returns whether it is news. */
  note({ name, mine, theirs }: Difference, now: number): boolean {
    const before = this.#stuck.get(name);
    const waitMs = before === undefined ? STUCK_FIRST_MS : Math.min(before.waitMs * 2, STUCK_LIMIT_MS);
    if (this.#stuck.size >= STUCK_MAX) this.#stuck.clear();
    this.#stuck.set(name, { mine, theirs, waitMs, due: now + waitMs });
    return before?.mine !== mine || before.theirs !== theirs;
  }

  forget(name: string): void {
    this.#stuck.delete(name);
  }
}
