/**
 * Changes of amounts by programs instead of by writing a file: exact, durable when answered, and a debit only within this
 * site's spending rights. Many changes share one commit. A debit that lacks rights waits a bounded time for them.
 */
import { hash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { type Amount, add, compare, isAmount, subtract, ZERO } from '../core/amount.js';
import { isDocumentName } from '../core/names.js';
import { counterValue } from '../core/render.js';
import { rightsOf, spendableAtHub, spendableAtSpoke } from '../core/rights.js';
import type { CounterState, ReplicaId } from '../core/state.js';
import { type AbsorbResult, absorb } from './absorb.js';
import { type Booked, Bookings, clamped, counterOf } from './booking.js';
import type { Mined } from './journal.js';
import { OutOfUse, type Replica, Unread } from './replica.js';

export type Change = {
  readonly document: string;
  /** JSON pointer of a counter: `/balance`. */
  readonly path: string;
  /** Positive: a credit. Negative: a debit. Never zero. */
  readonly amount: Amount;
  /** What it is for: `faucet`. */
  readonly source?: string;
  readonly description?: string;
  /** A debit that takes what is there, down to nothing, instead of being refused. */
  readonly isClamped?: boolean;
  /** Who asks, and by which name this change is known to them: asked again under it, it is answered again, not made again. */
  readonly asker?: string;
  readonly key?: string;
  /** Bounds of what is changed under a name. */
  readonly rule?: Rule;
  readonly mined?: Mined;
};

/** The credits of a document in `windowMs` less its debits are at most `total`, and no debit brings them below 0. */
export type Rule = { readonly name: string; readonly total: Amount; readonly windowMs: number };

export type Refusal = {
  readonly ok: false;
  /**
   * There is not so much; or there is, but the rights to it lie with `site`, which is away; or the rule's bounds are reached;
   * or the key belongs to another change; or a miner's time has been credited already.
   */
  readonly reason: 'insufficient_funds' | 'rights_elsewhere' | 'over_cap' | 'key_reused' | 'already_mined';
  readonly balance: Amount;
  readonly site?: string;
};

export type Changed = (Booked & { readonly ok: true; readonly isReplay: boolean }) | Refusal;

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
  /** Broken machinery: whoever asked is told, and may ask again. */
  readonly onError: (error: unknown) => void;
  readonly onWorking: () => void;
};

export class BadChange extends Error {
  readonly code = 'AXL-BAD-CHANGE';
}

/** How long a debit waits for rights from elsewhere. */
export const WAIT_MS = 2_000;
/** How long an answer is kept for its key. */
export const ANSWERS_MS = 30 * 86_400_000;
const GROUP = 500;
/** A commit of so many changes is a crowd, for a moment. */
const CROWD = 16;
const CROWD_LASTS_MS = 100;
/** A document that has changed twenty times is written and sent once. */
const CROWD_WAIT_MS = 1_000;
/** Old answers removed with each change: faster than new ones come. */
const DROPS = 2;

type Verdict = { readonly reason: 'insufficient_funds' | 'rights_elsewhere'; readonly site: string | undefined };

type Pending = {
  readonly change: Change;
  readonly digest: string;
  readonly waitMs: number;
  readonly resolve: (outcome: Changed) => void;
  readonly reject: (error: unknown) => void;
  /** What it comes to: less than was asked for where it is clamped. */
  amount: Amount;
  timer: NodeJS.Timeout | undefined;
  /** Its time ran out while it was in hand. */
  isLate: boolean;
  /** Its document's live file has been read for it. */
  isRead: boolean;
  /** It waits no longer: it is made now or refused so. */
  verdict: Verdict | undefined;
};

export class Ledger {
  #queue: Pending[] = [];
  /** Debits that wait for rights, by document. */
  readonly #short = new Map<string, Pending[]>();
  /** Changes with a key that are not answered yet. */
  readonly #asked = new Map<string, { readonly digest: string; readonly answer: Promise<Changed> }>();
  /** Debits of documents whose live files must be read first. */
  readonly #unread = new Map<string, Pending[]>();
  #crowdedAt = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | undefined;
  #reading: Promise<void> | undefined;

  /** `isHubs`: whose rights are the hub's; undefined at a spoke. */
  constructor(
    readonly replica: Replica,
    readonly isHubs: ((replica: ReplicaId) => boolean) | undefined,
    readonly events: LedgerEvents,
  ) {}

  /**
   * Resolves once the change is on disk, or refused. Rejects with BadChange where it can never be made, with OutOfUse
   * while its document is being rebuilt, and with Unread where a debit's file does not show yet how much there is.
   */
  change(change: Change, waitMs = WAIT_MS): Promise<Changed> {
    this.#check(change);
    if (change.key === undefined) return this.#ask(change, '', waitMs);
    const digest = digestOf(change);
    const name = JSON.stringify([change.asker, change.key]);
    const known = this.#asked.get(name);
    if (known !== undefined) {
      // The same change twice at once: one of them is made, and both are told of it.
      if (known.digest === digest)
        return known.answer.then((answer) => (answer.ok ? { ...answer, isReplay: true } : answer));
      return Promise.resolve(this.#reused(change));
    }
    const answer = this.#ask(change, digest, waitMs);
    this.#asked.set(name, { digest, answer });
    const forget = (): boolean => this.#asked.delete(name);
    answer.then(forget, forget);
    return answer;
  }

  #ask(change: Change, digest: string, waitMs: number): Promise<Changed> {
    const { amount } = change;
    return new Promise((resolve, reject) => {
      const rest = { timer: undefined, isLate: false, isRead: false, verdict: undefined };
      this.#enqueue([{ change, digest, waitMs, resolve, reject, amount, ...rest }]);
    });
  }

  #enqueue(pending: readonly Pending[]): void {
    for (const one of pending) this.#queue.push(one);
    if (this.#queue.length > 0) this.#running ??= this.#run();
  }

  /** Something may have brought rights to these documents: their waiting debits are tried again. */
  retry(documents: Iterable<string>): void {
    if (this.#short.size === 0) return;
    for (const document of documents) {
      const waiting = this.#short.get(document);
      if (waiting === undefined) continue;
      this.#short.delete(document);
      // Somebody may have written the file while they waited.
      for (const pending of waiting) pending.isRead = false;
      this.#enqueue(waiting);
    }
  }

  /** No rights are to be had: what waits for them is refused. */
  deny(document: string, path: string, reason: Verdict['reason'], site?: string): void {
    const waiting = this.#short.get(document) ?? [];
    for (const pending of waiting.filter(({ change }) => change.path === path)) this.#end(pending, { reason, site });
  }

  /** Whether there is as much as the waiting debits of a counter come to, wherever the rights to it lie. */
  isEnough(document: string, path: string): boolean {
    let needed = ZERO;
    for (const { change, amount } of this.#short.get(document) ?? [])
      if (change.path === path) needed = subtract(needed, amount);
    return compare(counterValue(this.#counter(document, path)), needed) >= 0;
  }

  /** For how long files and batches do best to wait, because so much is being changed again and again; else 0. */
  get crowdMs(): number {
    return this.replica.world.steady() - this.#crowdedAt < CROWD_LASTS_MS ? CROWD_WAIT_MS : 0;
  }

  isShort(document: string): boolean {
    return this.#short.has(document);
  }

  /** Refuses what waits, and resolves when the work in hand is done. */
  async close(): Promise<void> {
    while (this.#reading !== undefined || this.#running !== undefined || this.#short.size > 0) {
      await this.#reading;
      for (const pending of [...this.#short.values()].flat()) {
        pending.isLate = true;
        this.#giveUp(pending);
      }
      await this.#running;
    }
  }

  #check({ document, path, amount, isClamped, asker, key }: Change): void {
    const { replica } = this;
    if (!isDocumentName(document) || !replica.knows(document)) throw new BadChange(`${document} is no document here`);
    if (replica.ruleOf(document) !== 'restore' || replica.policiesOf(document).of(path) !== 'counter')
      throw new BadChange(`${path} of ${document} is no amount of money`);
    if (!isAmount(amount) || amount === ZERO) throw new BadChange(`${amount} is no amount`);
    const isCredit = compare(amount, ZERO) > 0;
    if (isClamped && isCredit) throw new BadChange('only a debit can be clamped');
    if (key !== undefined && asker === undefined) throw new BadChange('a key needs somebody who asks');
  }

  /**
   * Commits beside whatever else is at work on the store: a commit is one synchronous transaction, and nobody writes a
   * state that was read before it.
   */
  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      // What arrives in this turn of the loop shares the commit.
      await turn();
      const group = this.#queue.splice(0, GROUP);
      const ready: Pending[] = [];
      for (const pending of group) this.#try([pending], () => !this.#mustRead(pending) && ready.push(pending));
      if (ready.length > 0) this.#try(ready, () => this.#settle(ready));
    }
    this.#running = undefined;
  }

  /**
   * What stands in the file counts before a debit is judged. A credit is the same whatever stands there, except in a file on
   * which nothing is agreed yet: what that one means depends on what was known before it was read.
   */
  #mustRead(pending: Pending): boolean {
    const { document, amount } = pending.change;
    const { replica } = this;
    if (pending.isRead) return false;
    const isDue = amount.startsWith('-') ? replica.isUnread(document) : replica.isNewFile(document);
    if (!isDue) return false;
    pending.isRead = true;
    const waiting = this.#unread.get(document);
    if (waiting !== undefined) waiting.push(pending);
    else this.#unread.set(document, [pending]);
    this.#reading ??= this.#readAll();
    return true;
  }

  async #readAll(): Promise<void> {
    const { replica, events } = this;
    while (this.#unread.size > 0) {
      const waiting: Pending[] = [];
      try {
        await replica.exclusive(async () => {
          const names = [...this.#unread.keys()];
          waiting.push(...[...this.#unread.values()].flat());
          this.#unread.clear();
          events.onAbsorbed(await absorb(replica, names));
        });
        this.#enqueue(waiting);
      } catch (error) {
        this.#fail(waiting, error);
      }
    }
    this.#reading = undefined;
  }

  #try(pending: readonly Pending[], work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(pending, error);
    }
  }

  /** Broken machinery: nothing was made, and whoever asked may ask again. */
  #fail(pending: readonly Pending[], error: unknown): void {
    for (const { timer, reject } of pending) {
      clearTimeout(timer);
      reject(error);
    }
    this.events.onError(error);
  }

  #settle(group: readonly Pending[]): void {
    const { replica, events } = this;
    const names = [...new Set(group.map(({ change }) => change.document))];
    replica.world.steps('change: read');
    const { journal } = replica.world.store;
    const outcomes = replica.commit((tx) => {
      const bookings = new Bookings(replica, tx);
      const all = group.map((pending) => this.#judge(pending, bookings));
      bookings.write();
      journal.dropAnswers(replica.world.now() - ANSWERS_MS, group.length * DROPS);
      return all;
    });
    replica.world.steps('change: committed');
    events.onWorking();
    if (group.length >= CROWD) this.#crowdedAt = replica.world.steady();
    const done = new Set<string>();
    for (const [index, pending] of group.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined) {
        this.#wait(pending);
        continue;
      }
      clearTimeout(pending.timer);
      if (outcome instanceof Error) pending.reject(outcome);
      else pending.resolve(outcome);
      if ('ok' in outcome && outcome.ok && !outcome.isReplay) done.add(pending.change.document);
    }
    if (done.size > 0) events.onChanged([...done]);
    for (const name of names) this.#tellShort(name);
  }

  /** undefined: a debit that lacks rights. */
  #judge(pending: Pending, bookings: Bookings): Changed | BadChange | OutOfUse | Unread | undefined {
    const { change, digest, verdict } = pending;
    const { document, path, key, asker = '', rule } = change;
    const kept = key === undefined ? undefined : this.replica.world.store.journal.answer(asker, key);
    if (kept !== undefined) return kept.digest === digest ? replay(kept.answer) : this.#reused(change);
    if (bookings.isOutOfUse(document)) return new OutOfUse(document);
    const isDebit = change.amount.startsWith('-');
    if (isDebit && !bookings.isKnown(document, path) && this.replica.hasFile(document)) return new Unread(document);
    const counter = bookings.counter(document, path);
    const balance = counterValue(counter);
    if (change.mined !== undefined && this.replica.world.store.journal.isMined(change.mined))
      return { ok: false, reason: 'already_mined', balance };
    const amount = change.isClamped ? clamped(change.amount, balance) : change.amount;
    if (rule !== undefined) {
      const sum = add(bookings.sumUnder(rule.name, document, rule.windowMs), amount);
      const isWithin = amount.startsWith('-') ? !sum.startsWith('-') : compare(sum, rule.total) <= 0;
      if (!isWithin) return { ok: false, reason: 'over_cap', balance };
    }
    if (compare(amount, ZERO) < 0 && compare(subtract(ZERO, amount), this.#free(counter)) > 0) {
      const isNew = amount !== pending.amount;
      pending.amount = amount;
      // A clamped debit that comes to less than what was denied is tried with that.
      if (verdict === undefined || (isNew && verdict.reason === 'insufficient_funds' && !pending.isLate)) {
        pending.verdict = undefined;
        return undefined;
      }
      const { reason, site } = verdict;
      const refusal: Refusal = { ok: false, reason, balance, ...(site !== undefined && { site }) };
      if (reason === 'insufficient_funds') this.#keep(pending, refusal);
      return refusal;
    }
    const { source = '', description = '', mined } = change;
    const booked = bookings.book({ document, path, amount, source, description, asker, rule: rule?.name ?? '', mined });
    if (booked === undefined) return new BadChange(`the totals of ${document} grow too large`);
    this.#keep(pending, { ok: true, ...booked, isReplay: false });
    return { ok: true, ...booked, isReplay: false };
  }

  #keep({ change: { key, asker }, digest }: Pending, answer: Changed): void {
    if (key === undefined || asker === undefined) return;
    const { store, now } = this.replica.world;
    store.journal.putAnswer({ asker, key, digest, at: now(), answer: JSON.stringify(answer) });
  }

  #reused({ document, path }: Change): Refusal {
    return { ok: false, reason: 'key_reused', balance: counterValue(this.#counter(document, path)) };
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
      pending.isLate = true;
      if (this.#short.get(document)?.includes(pending)) this.#giveUp(pending);
    }, pending.waitMs);
  }

  #giveUp(pending: Pending): void {
    const { document, path } = pending.change;
    const isEnough = this.isEnough(document, path);
    const site = isEnough ? this.events.whoHolds(document, path) : undefined;
    this.#end(pending, { reason: isEnough ? 'rights_elsewhere' : 'insufficient_funds', site });
  }

  /** It waits no longer. The last word is spoken in a transaction, where a refusal that is kept can be kept. */
  #end(pending: Pending, verdict: Verdict): void {
    const { document } = pending.change;
    const left = (this.#short.get(document) ?? []).filter((one) => one !== pending);
    if (left.length > 0) this.#short.set(document, left);
    else this.#short.delete(document);
    pending.verdict = verdict;
    this.#enqueue([pending]);
  }

  #counter(document: string, path: string): CounterState {
    const { store } = this.replica.world;
    return counterOf(this.replica.stateOf(this.replica.sound(store.document(document))), path);
  }

  /** Says for each counter of the document how much its waiting debits lack. */
  #tellShort(document: string): void {
    const waiting = this.#short.get(document) ?? [];
    const told = this.#told.get(document) ?? [];
    if (waiting.length === 0 && told.length === 0) return;
    const wanted = new Map<string, Amount>();
    for (const { change, amount } of waiting)
      wanted.set(change.path, subtract(wanted.get(change.path) ?? ZERO, amount));
    for (const path of new Set([...wanted.keys(), ...told])) {
      const counter = this.#counter(document, path);
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

/** What makes a request this request and no other. */
function digestOf({ document, path, amount, source, description, isClamped, mined }: Change): string {
  const parts = [document, path, amount, source, description, isClamped, mined];
  return hash('sha256', JSON.stringify(parts), 'base64url');
}

function replay(answer: string): Changed {
  const kept = JSON.parse(answer) as Changed;
  return kept.ok ? { ...kept, isReplay: true } : kept;
}
