/**
 * Changes by program inside one transaction: each document is read and written once, however many changes it gets.
 */
import { type Amount, add, isAmount, subtract, ZERO } from '../core/amount.js';
import { canonicalText } from '../core/canonical.js';
import { newBalance, writeBeside } from '../core/program-write.js';
import { counterValue } from '../core/render.js';
import { change as changed } from '../core/rights.js';
import { makeStamp } from '../core/stamp.js';
import type { CounterState, DocState } from '../core/state.js';
import type { Mined } from './journal.js';
import type { Replica, Transaction } from './replica.js';

export type Booked = {
  readonly id: number;
  readonly amount: Amount;
  /** After the change. */
  readonly balance: Amount;
  /** Milliseconds since 1970. */
  readonly at: number;
};

export type Booking = {
  readonly document: string;
  readonly path: string;
  readonly amount: Amount;
  readonly source: string;
  readonly description: string;
  readonly asker: string;
  readonly rule: string;
  readonly mined?: Mined | undefined;
};

type Sheet = {
  id: number | undefined;
  readonly before: DocState;
  readonly isOutOfUse: boolean;
  state: DocState;
  isChanged: boolean;
};

export class Bookings {
  readonly #sheets = new Map<string, Sheet>();

  constructor(
    readonly replica: Replica,
    readonly tx: Transaction,
  ) {}

  /** Whether it is being rebuilt: nothing can be said of it, and nothing booked. */
  isOutOfUse(document: string): boolean {
    return this.#sheet(document).isOutOfUse;
  }

  /** Whether such an amount has ever been there. */
  isKnown(document: string, path: string): boolean {
    return this.#sheet(document).state.counters?.[path] !== undefined;
  }

  counter(document: string, path: string): CounterState {
    return counterOf(this.#sheet(document).state, path);
  }

  /** What was changed under a rule in the last `windowMs`. */
  sumUnder(rule: string, document: string, windowMs: number): Amount {
    const { store, now } = this.replica.world;
    const { id } = this.#sheet(document);
    return id === undefined ? ZERO : store.journal.sumUnder(rule, id, now() - windowMs);
  }

  /** Undefined where the change would make totals that no site accepts. Nothing is judged here. */
  book({ document, path, amount, source, description, asker, rule, mined }: Booking): Booked | undefined {
    const { replica } = this;
    const { store, now, site } = replica.world;
    const at = now();
    const sheet = this.#sheet(document);
    const next = changed(counterOf(sheet.state, path), replica.author, amount);
    const [added, taken] = next.by[replica.author] as readonly [Amount, Amount];
    if (!isAmount(added) || !isAmount(taken)) return undefined;
    const balance = counterValue(next);
    const first = { name: document, seq: 0, origin: '', at, by_site: site, state: canonicalText({}) };
    sheet.id ??= store.putDocument(first, undefined);
    if (sheet.state.form === undefined) {
      // Another site may know the document: all but the amount gives way to what anybody really wrote, as a page's stub does.
      const weak = makeStamp(0, 0, site);
      sheet.state = { ...newBalance(userOf(document), path, at, weak), ...sheet.state };
      sheet.isChanged = true;
    }
    if (amount !== ZERO) {
      const by = { replica: replica.author, stamp: replica.stamps.next(at) };
      const facts = { amount, balance: subtract(balance, amount), source, description, at };
      const beside = writeBeside(sheet.state, facts, by);
      const counter = { ...counterOf(beside, path), by: next.by };
      sheet.state = { ...beside, counters: { ...beside.counters, [path]: counter } };
      sheet.isChanged = true;
    }
    const row = { document: sheet.id, path, amount, balance, source, description, at, asker, rule };
    const id = store.journal.putChange(row);
    if (mined !== undefined) store.journal.putMined(id, mined);
    return { id, amount, balance, at };
  }

  /** Writes the documents. Call once, before the end of the transaction. */
  write(): void {
    const { store, site, now } = this.replica.world;
    for (const [name, { id, before, state, isChanged }] of this.#sheets) {
      if (!isChanged || id === undefined) continue;
      const seq = this.tx.nextSeq();
      store.putDocument({ name, seq, origin: '', at: now(), by_site: site, state: canonicalText(state) }, id);
      store.markDirty(id);
      this.replica.noteBalance(name, id, before, state);
    }
  }

  #sheet(document: string): Sheet {
    let sheet = this.#sheets.get(document);
    if (sheet === undefined) {
      const { replica } = this;
      const row = replica.sound(replica.world.store.document(document));
      const before = replica.stateOf(row);
      const isOutOfUse = replica.losses.isOutOfUse(document, row);
      sheet = { id: row?.id, before, isOutOfUse, state: before, isChanged: false };
      this.#sheets.set(document, sheet);
    }
    return sheet;
  }
}

function userOf(document: string): string {
  return document.slice(document.lastIndexOf('/') + 1);
}

const NOTHING: CounterState = { by: {} };

export function counterOf(state: DocState, path: string): CounterState {
  const counters = state.counters ?? {};
  return Object.hasOwn(counters, path) ? (counters[path] as CounterState) : NOTHING;
}

/** What a debit that takes no more than there is takes: not more than zero. */
export function clamped(amount: Amount, balance: Amount): Amount {
  if (!amount.startsWith('-')) return amount;
  if (balance.startsWith('-') || balance === ZERO) return ZERO;
  return add(amount, balance).startsWith('-') ? subtract(ZERO, balance) : amount;
}
