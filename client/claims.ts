/**
 * What a guest earned becomes the member's, once. At sign-in the guest's transactions move to a list that belongs to this
 * user alone, before anything is sent: when the answer is lost, the same list is sent again, and whoever signs in next on
 * this machine does not get it too. What the guest spent is taken off what they earned as the list moves: nothing that is
 * sent takes anything from the member.
 */
import { textOf, type Units, unitsOf } from './amount.js';
import { type GuestTransaction, type GuestTransactions, parseGuest } from './guest.js';
import { isUser } from './session.js';
import type { Box } from './storage.js';

/** As the sidecar takes it. */
export type ClaimedTransaction = {
  readonly id: string;
  readonly type: 'earn' | 'spend';
  readonly amount: string;
  readonly source: string;
  readonly description: string;
  readonly timestamp: string;
};

export type ClaimAnswer = {
  readonly claimed: readonly string[];
  readonly skipped: readonly { readonly id: string; readonly reason: string }[];
};

const PREFIX = 'axle_claim:';
/** The sidecar takes 200 at once, and bodies of 64 KiB. */
const CLAIM_MAX = 200;
const CLAIM_CHARS_MAX = 16_000;
/** The one reason that passes; all others are the last word. */
const FOR_LATER = 'over_cap';
/** It was credited at an earlier try. */
const PAID = 'already_claimed';
const NOTHING = '0';
/** In parts of 100, so that a cap on what is claimed in a day lets a larger sum through over days. */
const PART: Units = 10_000_000_000n;
const PARTS_MAX = 100;

export type Dropped = { readonly transaction: ClaimedTransaction; readonly reason: string };

export class Claims {
  constructor(
    readonly box: Box,
    readonly now: () => number,
  ) {}

  /** Takes over what the guest has; returns whether there is anything of this user's to send. */
  take(user: string, guest: GuestTransactions): boolean {
    const promised = this.#promisedIds();
    const news = claimable(guest.list(), this.now()).filter(({ id }) => !promised.has(id));
    if (news.length > 0) this.#write(user, [...this.#stored(user), ...spendOff(news)]);
    // Only now: between the two writes they are in both lists, and ids tell that they are the same.
    guest.clear();
    const left = this.of(user);
    if (left.length < this.#stored(user).length) this.#write(user, left);
    return left.length > 0;
  }

  /** Adds a sum that is no guest's. `mark`: the same for the same sum, so that it is added and credited once. */
  adopt(user: string, sum: Units, mark: string): void {
    const promised = this.#promisedIds();
    const timestamp = new Date(this.now()).toISOString();
    const parts: ClaimedTransaction[] = [];
    for (let left = sum; left > 0n; ) {
      const part = left > PART && parts.length < PARTS_MAX - 1 ? PART : left;
      left -= part;
      const id = `${wordOf(mark)}+${parts.length}`;
      parts.push({ id, type: 'earn', amount: textOf(part), source: 'net_change', description: '', timestamp });
    }
    const news = parts.filter(({ id }) => !promised.has(id));
    if (news.length > 0) this.#write(user, [...this.#stored(user), ...news]);
  }

  /** In order of time, as they are to be sent. */
  of(user: string): ClaimedTransaction[] {
    return this.#stored(user).filter(({ amount }) => amount !== NOTHING);
  }

  /** As many of them as one request takes, without those that have been `offered` already. */
  next(user: string, offered: ReadonlySet<string>): ClaimedTransaction[] {
    let chars = 0;
    return this.of(user)
      .filter(({ id }) => !offered.has(id))
      .slice(0, CLAIM_MAX)
      .filter((one, index) => {
        chars += JSON.stringify(one).length;
        return index === 0 || chars <= CLAIM_CHARS_MAX;
      });
  }

  /** Keeps what may be credited another day. Returns what the member will never get. */
  settle(user: string, { claimed, skipped }: ClaimAnswer): Dropped[] {
    const reasons = new Map(skipped.map(({ id, reason }) => [id, reason]));
    for (const id of claimed) reasons.set(id, PAID);
    const reasonOf = ({ id }: ClaimedTransaction): string => reasons.get(id) ?? FOR_LATER;
    const list = this.of(user);
    this.#write(
      user,
      list.filter((one) => reasonOf(one) === FOR_LATER),
    );
    return list
      .map((transaction) => ({ transaction, reason: reasonOf(transaction) }))
      .filter(({ reason }) => reason !== FOR_LATER && reason !== PAID);
  }

  /** With those of which nothing is left, as long as the guest's list may still hold them. */
  #stored(user: string): ClaimedTransaction[] {
    return parseGuest(this.box.get(PREFIX + user)) as unknown as ClaimedTransaction[];
  }

  #write(user: string, list: readonly ClaimedTransaction[]): void {
    if (list.length === 0) this.box.remove(PREFIX + user);
    else this.box.set(PREFIX + user, JSON.stringify(list));
  }

  #promisedIds(): Set<string> {
    const lists = this.box
      .keys()
      .filter((key) => key.startsWith(PREFIX) && isUser(key.slice(PREFIX.length)))
      .map((key) => this.#stored(key.slice(PREFIX.length)));
    return new Set(lists.flat().map(({ id }) => id));
  }
}

/** The guest's list in the form that the sidecar takes, the same at every call: an id of an old list may be there twice. */
export function claimable(list: readonly GuestTransaction[], now: number): ClaimedTransaction[] {
  const times = new Map<string, number>();
  return list.flatMap(({ id: given, type, amount, source, description, timestamp }) => {
    const units = unitsOf(amount) ?? 0n;
    if (units <= 0n) return [];
    const word = wordOf(given) || 'none';
    const time = times.get(word) ?? 0;
    times.set(word, time + 1);
    return {
      id: time === 0 ? word : `${word}+${time}`,
      type,
      amount: textOf(units),
      source: sourceOf(source),
      description: descriptionOf(description),
      timestamp: momentOf(timestamp, word, now),
    };
  });
}

/** The same list with what was spent taken off what was earned, the oldest first. */
function spendOff(list: readonly ClaimedTransaction[]): ClaimedTransaction[] {
  let spent = list.reduce((sum, { type, amount }) => sum + (type === 'spend' ? (unitsOf(amount) ?? 0n) : 0n), 0n);
  return list.map((one) => {
    if (one.type === 'spend') return { ...one, amount: NOTHING };
    const earned = unitsOf(one.amount) ?? 0n;
    const taken = spent < earned ? spent : earned;
    spent -= taken;
    return { ...one, amount: textOf(earned - taken) };
  });
}

/** An id as the sidecar takes it, with room for a number. */
function wordOf(given: unknown): string {
  return String(given ?? '')
    .replace(/[^\x21-\x7e]/g, '_')
    .slice(0, 56);
}

/** A source as the sidecar takes it; pages have put any text there. */
export function sourceOf(text: unknown): string {
  const word = String(text ?? '')
    .replace(/[^A-Za-z0-9_.:-]+/g, '_')
    .replace(/^[_.:-]+/, '')
    .slice(0, 64);
  return word || 'unknown';
}

export function descriptionOf(text: unknown): string {
  return [...String(text ?? '')].slice(0, 200).join('');
}

/** An id used to be the time in milliseconds. */
function momentOf(timestamp: unknown, id: string, now: number): string {
  const told = Date.parse(String(timestamp));
  const time = Number.isNaN(told) ? Number.parseInt(id, 10) : told;
  return new Date(Number.isFinite(time) && Math.abs(time) < 8e15 ? time : now).toISOString();
}
