/**
 * What is known of the member's balance, and what the page shows of it: confirmed + pending. Reads, answers and events
 * overtake each other; the rule is that nothing older replaces anything newer, and that an amount is never counted both
 * as pending and as confirmed.
 */
import type { Units } from './amount.js';

export class BalanceState {
  /** What the server said last; undefined: nothing yet, which is not 0. */
  #confirmed: Units | undefined;
  /** An event's balance that may hold what is still pending here. */
  #held: Units | undefined;
  /** Counts what makes a read in flight out of date. */
  #epoch = 0;

  get confirmed(): Units | undefined {
    return this.#confirmed;
  }

  /** Undefined while nothing is known. */
  shown(pending: Units): Units | undefined {
    return this.#confirmed === undefined ? undefined : this.#confirmed + pending;
  }

  /** What this page remembers from an earlier one: better than nothing, worse than everything else. */
  remembered(balance: Units): void {
    this.#confirmed ??= balance;
  }

  /** To be given back with what the read comes to. */
  beginRead(): number {
    return this.#epoch;
  }

  /** False: something newer has been heard since the read began, and it counts for nothing. */
  read(balance: Units, begun: number): boolean {
    if (begun !== this.#epoch) return false;
    this.#confirmed = balance;
    this.#held = undefined;
    return true;
  }

  /**
   * A change was answered: its amount is in `balance`. Returns whether to read anew: an event came meanwhile, and nobody
   * knows whether before or after this.
   */
  answered(balance: Units | undefined, isMorePending: boolean): boolean {
    this.#epoch += 1;
    if (balance !== undefined) this.#confirmed = balance;
    if (isMorePending || this.#held === undefined) return false;
    const isSame = this.#held === this.#confirmed;
    this.#held = undefined;
    return !isSame;
  }

  /** Returns whether it counts at once. It waits while changes are being sent: they may be in it already. */
  event(balance: Units, isSending: boolean): boolean {
    if (isSending) {
      this.#held = balance;
      return false;
    }
    this.#epoch += 1;
    this.#confirmed = balance;
    this.#held = undefined;
    return true;
  }

  /** The waiting has been too long: what is held counts now. Returns whether there was anything. */
  release(): boolean {
    return this.#held !== undefined && this.event(this.#held, false);
  }
}
