/**
 * Changes that no server has confirmed yet. Each is an entry of its own in storage: tabs add and remove entries without
 * reading and rewriting each other's, so that two at once lose nothing.
 */
import { textOf, type Units, unitsOf } from './amount.js';
import type { Box } from './storage.js';

export type Pending = {
  /** The idempotency key: the same at every try. */
  readonly key: string;
  /** Decimal text, negative for a debit. */
  readonly amount: string;
  readonly source: string;
  readonly description: string;
};

const PREFIX = 'axle_pending:';
/** Digits of a time in milliseconds, so that names sort as times do. */
const TIME_DIGITS = 15;

export class PendingChanges {
  readonly #prefix: string;
  #last = 0;

  /** `uuid`: a name that nobody else gives. */
  constructor(
    readonly box: Box,
    readonly user: string,
    readonly now: () => number,
    readonly uuid: () => string,
  ) {
    this.#prefix = `${PREFIX}${user}:`;
  }

  add(amount: Units, source: string, description: string): Pending {
    // Two changes in one millisecond stay in their order.
    this.#last = Math.max(this.#last + 1, this.now());
    const change = { key: this.uuid(), amount: textOf(amount), source, description };
    const name = `${String(this.#last).padStart(TIME_DIGITS, '0')}-${change.key}`;
    this.box.set(this.#prefix + name, JSON.stringify(change));
    return change;
  }

  /** In the order in which they were made. */
  list(): Pending[] {
    return this.#names().flatMap((name) => {
      const change = parsePending(this.box.get(name));
      // Under another name it could never be removed.
      return change !== undefined && name.endsWith(`-${change.key}`) ? [change] : [];
    });
  }

  /** What they come to together. */
  total(): Units {
    return this.list().reduce((sum, { amount }) => sum + (unitsOf(amount) ?? 0n), 0n);
  }

  remove(key: string): void {
    for (const name of this.#names()) if (name.endsWith(`-${key}`)) this.box.remove(name);
  }

  /** Whether a storage key is one of these. */
  owns(name: string): boolean {
    return name.startsWith(this.#prefix);
  }

  #names(): string[] {
    return this.box
      .keys()
      .filter((name) => this.owns(name))
      .sort();
  }
}

function parsePending(text: string | null): Pending | undefined {
  try {
    const { key, amount, source, description } = JSON.parse(text ?? '') as Record<string, unknown>;
    if (typeof key !== 'string' || typeof amount !== 'string' || unitsOf(amount) === undefined) return undefined;
    return { key, amount, source: String(source), description: String(description) };
  } catch {
    return undefined;
  }
}

/**
 * Those that may be sent at once, in whatever order they arrive: as many from the front as the balance bears even where
 * every debit comes first. A page that is being left has no time to wait for one answer after the other.
 */
export function sendableTogether(changes: readonly Pending[], balance: Units | undefined, max: number): Pending[] {
  let left = balance ?? 0n;
  const sendable: Pending[] = [];
  for (const change of changes.slice(0, max)) {
    const amount = unitsOf(change.amount) ?? 0n;
    if (amount < 0n) left += amount;
    if (amount < 0n && left < 0n) break;
    sendable.push(change);
  }
  return sendable;
}
