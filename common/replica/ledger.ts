/**
 * Changes of amounts by programs instead of by writing a file: exact, durable when answered, and a debit only within this
 * site's spending rights. Many changes share one commit. A debit that lacks rights waits a bounded time for them.
 */
import { type Amount, compare, isAmount, subtract, ZERO } from '../core/amount.js';
import { canonicalText } from '../core/canonical.js';
import { isDocumentName } from '../core/names.js';
import { counterValue } from '../core/render.js';
import { change as changed, rightsOf, spendableAtHub, spendableAtSpoke } from '../core/rights.js';
import type { CounterState, DocState, ReplicaId } from '../core/state.js';
import { type AbsorbResult, absorb } from './absorb.js';
import type { Replica, Transaction } from './replica.js';

export type Change = {
  readonly document: string;
  /** JSON pointer of a counter: `/balance`. */
  readonly path: string;
  /** Positive: a credit. Negative: a debit. Never zero. */
  readonly amount: Amount;
};

export type Refusal = {
  readonly ok: false;
  /** There is not so much, or there is, but the rights to it lie with `site`, which is away. */
  readonly reason: 'insufficient_funds' | 'rights_elsewhere';
  readonly balance: Amount;
  readonly site?: string;
};

export type Changed = { readonly ok: true; readonly seq: number; readonly balance: Amount } | Refusal;

export type LedgerEvents = {
  /** Committed: files are to be written, peers are owed something. */
  readonly onChanged: (documents: readonly string[]) => void;
  readonly onAbsorbed: (results: readonly AbsorbResult[]) => void;
  /** Debits of a counter lack rights to `missing` in all; zero: not any more. */
  readonly onShort: (document: string, path: string, missing: Amount) => void;
  /** Hub: whether a spoke has answered since the start, so that this state is no old copy which forgot what it spent. */
  readonly isSure: () => boolean;
  /** The site that a debit waited for in vain. */
  readonly whoHolds: (document: string, path: string) => string | undefined;
};

export class BadChange extends Error {
  readonly code = 'AXL-BAD-CHANGE';
}

/** How long a debit waits for rights from elsewhere. */
export const WAIT_MS = 2_000;
const GROUP = 500;

type Pending = {
  readonly change: Change;
  readonly waitMs: number;
  readonly resolve: (outcome: Changed) => void;
  readonly reject: (error: unknown) => void;
  timer: NodeJS.Timeout | undefined;
  /** Its time ran out while it was in hand. */
  isLate: boolean;
};

export class Ledger {
  #queue: Pending[] = [];
  /** Debits that wait for rights, by document. */
  readonly #short = new Map<string, Pending[]>();
  #running: Promise<void> | undefined;

  /** `isHubs`: whose rights are the hub's; undefined at a spoke. */
  constructor(
    readonly replica: Replica,
    readonly isHubs: ((replica: ReplicaId) => boolean) | undefined,
    readonly events: LedgerEvents,
  ) {}

  /** Resolves once the change is on disk, or refused. Rejects with BadChange where it can never be made. */
  change(change: Change, waitMs = WAIT_MS): Promise<Changed> {
    this.#check(change);
    return new Promise((resolve, reject) => {
      this.#queue.push({ change, waitMs, resolve, reject, timer: undefined, isLate: false });
      this.#running ??= this.#run();
    });
  }

  /** Something may have brought rights to these documents: their waiting debits are tried again. */
  retry(documents: Iterable<string>): void {
    if (this.#short.size === 0) return;
    for (const document of documents) {
      const waiting = this.#short.get(document);
      if (waiting === undefined) continue;
      this.#short.delete(document);
      this.#queue.push(...waiting);
    }
    if (this.#queue.length > 0) this.#running ??= this.#run();
  }

  /** No rights are to be had: what waits for them is refused. */
  deny(document: string, path: string, reason: Refusal['reason'], site?: string): void {
    const waiting = this.#short.get(document) ?? [];
    for (const pending of waiting.filter(({ change }) => change.path === path)) this.#refuse(pending, reason, site);
  }

  /** Whether there is as much as the waiting debits of a counter come to, wherever the rights to it lie. */
  isEnough(document: string, path: string): boolean {
    let needed = ZERO;
    for (const { change } of this.#short.get(document) ?? [])
      if (change.path === path) needed = subtract(needed, change.amount);
    return compare(this.#balance(document, path), needed) >= 0;
  }

  isShort(document: string): boolean {
    return this.#short.has(document);
  }

  /** Refuses what waits, and resolves when the work in hand is done. */
  async close(): Promise<void> {
    for (const waiting of [...this.#short.values()].flat()) this.#giveUp(waiting);
    await this.#running;
  }

  #check({ document, path, amount }: Change): void {
    const { replica } = this;
    if (!isDocumentName(document) || !replica.knows(document)) throw new BadChange(`${document} is no document here`);
    if (replica.ruleOf(document) !== 'restore' || replica.policiesOf(document).of(path) !== 'counter')
      throw new BadChange(`${path} of ${document} is no amount of money`);
    if (!isAmount(amount) || amount === ZERO) throw new BadChange(`${amount} is no amount`);
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const group = this.#queue.splice(0, GROUP);
      try {
        await this.replica.exclusive(() => this.#settle(group));
      } catch (error) {
        for (const pending of group) this.#end(pending, () => pending.reject(error));
      }
    }
    this.#running = undefined;
  }

  async #settle(group: readonly Pending[]): Promise<void> {
    const { replica, events } = this;
    const names = [...new Set(group.map(({ change }) => change.document))];
    // What stands in the files counts before a debit is judged.
    events.onAbsorbed(await absorb(replica, names));
    replica.world.steps('change: absorbed');
    const outcomes = replica.commit((tx) => group.map(({ change }) => this.#apply(change, tx)));
    replica.world.steps('change: committed');
    const done: string[] = [];
    for (const [index, pending] of group.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined) this.#wait(pending);
      else if (outcome instanceof BadChange) this.#end(pending, () => pending.reject(outcome));
      else {
        this.#end(pending, () => pending.resolve(outcome));
        done.push(pending.change.document);
      }
    }
    if (done.length > 0) events.onChanged(done);
    for (const name of names) this.#tellShort(name);
  }

  /** undefined: a debit that lacks rights. */
  #apply({ document, path, amount }: Change, { nextSeq }: Transaction): Changed | BadChange | undefined {
    const { store, site, now } = this.replica.world;
    const row = this.replica.sound(store.document(document));
    if (this.replica.losses.isOutOfUse(document, row))
      return new BadChange(`${document} is being rebuilt from other sites`);
    const state = this.replica.stateOf(row);
    const counter = counterOf(state, path);
    if (compare(amount, ZERO) < 0 && compare(subtract(ZERO, amount), this.#free(counter)) > 0) return undefined;
    const next = changed(counter, this.replica.author, amount);
    const [added, taken] = next.by[this.replica.author] as readonly [Amount, Amount];
    if (!isAmount(added) || !isAmount(taken)) return new BadChange(`the totals of ${document} grow too large`);
    const seq = nextSeq();
    const after: DocState = { ...state, counters: { ...state.counters, [path]: next } };
    const id = store.putDocument(
      { name: document, seq, origin: '', at: now(), by_site: site, state: canonicalText(after) },
      row?.id,
    );
    store.markDirty(id);
    this.replica.noteBalance(document, id, state, after);
    return { ok: true, seq, balance: counterValue(next) };
  }

  #free(counter: CounterState): Amount {
    if (this.isHubs === undefined) return spendableAtSpoke(counter, this.replica.author);
    return this.events.isSure() ? spendableAtHub(counter, this.isHubs) : ZERO;
  }

  #wait(pending: Pending): void {
    const { document } = pending.change;
    this.#short.set(document, [...(this.#short.get(document) ?? []), pending]);
    if (pending.isLate) {
      this.#giveUp(pending);
      return;
    }
    pending.timer ??= setTimeout(() => {
      if (this.#short.get(document)?.includes(pending)) this.#giveUp(pending);
      else pending.isLate = true;
    }, pending.waitMs);
  }

  #giveUp(pending: Pending): void {
    const { document, path } = pending.change;
    if (this.isEnough(document, path)) this.#refuse(pending, 'rights_elsewhere', this.events.whoHolds(document, path));
    else this.#refuse(pending, 'insufficient_funds');
  }

  #refuse(pending: Pending, reason: Refusal['reason'], site?: string): void {
    const { document, path } = pending.change;
    const left = (this.#short.get(document) ?? []).filter((one) => one !== pending);
    if (left.length > 0) this.#short.set(document, left);
    else this.#short.delete(document);
    const balance = this.#balance(document, path);
    this.#end(pending, () => pending.resolve({ ok: false, reason, balance, ...(site !== undefined && { site }) }));
    this.#tellShort(document);
  }

  #end(pending: Pending, answer: () => void): void {
    clearTimeout(pending.timer);
    answer();
  }

  #balance(document: string, path: string): Amount {
    const { store } = this.replica.world;
    return counterValue(counterOf(this.replica.stateOf(this.replica.sound(store.document(document))), path));
  }

  /** Says for each counter of the document how much its waiting debits lack. */
  #tellShort(document: string): void {
    const wanted = new Map<string, Amount>();
    for (const { change } of this.#short.get(document) ?? [])
      wanted.set(change.path, subtract(wanted.get(change.path) ?? ZERO, change.amount));
    for (const path of new Set([...wanted.keys(), ...(this.#told.get(document) ?? [])])) {
      const state = this.replica.stateOf(this.replica.sound(this.replica.world.store.document(document)));
      const counter = counterOf(state, path);
      // A spoke that raw writes have brought into debt needs rights for that too.
      const rights = this.isHubs === undefined ? rightsOf(counter, this.replica.author) : this.#free(counter);
      this.events.onShort(document, path, subtract(wanted.get(path) ?? rights, rights));
    }
    if (wanted.size > 0) this.#told.set(document, [...wanted.keys()]);
    else this.#told.delete(document);
  }

  /** Paths for which a lack was told. */
  readonly #told = new Map<string, string[]>();
}

const NOTHING: CounterState = { by: {} };

export function counterOf(state: DocState, path: string): CounterState {
  const counters = state.counters ?? {};
  return Object.hasOwn(counters, path) ? (counters[path] as CounterState) : NOTHING;
}
