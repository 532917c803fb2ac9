/** What visitors earn before they sign in: the same list under the same key as ever. */
import { type Units, unitsOf } from './amount.js';
import type { Box } from './storage.js';

export type GuestTransaction = {
  readonly id: string;
  readonly type: 'earn' | 'spend';
  readonly amount: number;
  readonly source: string;
  readonly description: string;
  readonly timestamp: string;
};

export const GUEST_KEY = 'guest_transactions';

export class GuestTransactions {
  /** What this page has written: another tab that wrote at the same moment may not have seen it. */
  #mine: GuestTransaction[] = [];

  constructor(
    readonly box: Box,
    readonly now: () => number,
    readonly random: () => number,
  ) {}

  list(): GuestTransaction[] {
    return parseGuest(this.box.get(GUEST_KEY));
  }

  balance(): Units {
    return this.list().reduce((sum, { type, amount }) => {
      const units = unitsOf(amount) ?? 0n;
      return type === 'spend' ? sum - units : sum + units;
    }, 0n);
  }

  save(type: 'earn' | 'spend', amount: number, source = '', description = ''): GuestTransaction {
    const now = this.now();
    // The time alone was the same for two in one millisecond, and an id is paid once.
    const tail = Math.floor(this.random() * 1e9).toString(36);
    const made = { id: `${now}-${tail}`, type, amount, source, description, timestamp: new Date(now).toISOString() };
    this.#mine.push(made);
    this.#write([...this.list(), made]);
    return made;
  }

  /** They are the member's now, or nobody's. */
  clear(): void {
    this.#mine = [];
    this.box.remove(GUEST_KEY);
  }

  /** Another tab has written the list: what it has not seen of ours is put back. `text`: null where it was taken away. */
  heard(text: string | null): void {
    if (text === null) {
      this.#mine = [];
      return;
    }
    const ids = new Set(parseGuest(text).map(({ id }) => id));
    const lost = this.#mine.filter(({ id }) => !ids.has(id));
    if (lost.length > 0) this.#write([...this.list(), ...lost]);
  }

  #write(list: readonly GuestTransaction[]): void {
    this.box.set(GUEST_KEY, JSON.stringify(list));
  }
}

export function parseGuest(text: string | null): GuestTransaction[] {
  let value: unknown;
  try {
    value = JSON.parse(text ?? '[]');
  } catch {
    return [];
  }
  return Array.isArray(value) ? value.filter(isTransaction) : [];
}

function isTransaction(value: unknown): value is GuestTransaction {
  if (typeof value !== 'object' || value === null) return false;
  const { type, amount } = value as Record<string, unknown>;
  return (type === 'earn' || type === 'spend') && unitsOf(amount) !== undefined;
}
