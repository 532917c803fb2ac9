/**
 * Spending rights on their way between a site and its peers. A spoke whose debits lack rights asks the hub; the hub gives
 * of its own, calls in those of other spokes, or says why there are none. Nothing here must survive: a want is asked again
 * until it is fulfilled, denied, or its debit has given up, and being asked twice gives once.
 */
import { type Amount, add, compare, subtract, ZERO } from '../core/amount.js';
import type { Denial, Want } from '../core/batch.js';
import { WANTS_MAX } from '../core/batch.js';
import { canonicalText } from '../core/canonical.js';
import { give, grantableAtHub, holders, spendableAtSpoke } from '../core/rights.js';
import { type CounterState, type DocState, type ReplicaId, replicaSite } from '../core/state.js';
import { counterOf } from '../replica/booking.js';
import type { Ledger } from '../replica/ledger.js';
import type { Replica } from '../replica/replica.js';

/** A want that has not been fulfilled is asked again after this. */
const ASK_AGAIN_MS = 250;
/** What a peer has not asked for again for so long, it wants no more. */
const FORGET_MS = 1_000;
/** Rights that a spoke which is up has not brought after this are taken to be out of reach. */
const CALL_MS = 1_500;
/** Rights given back in one transaction. */
const GROUP = 500;
/** Documents whose rights are to go back; beyond that they stay until they are called in. */
const IDLE_MAX = 100_000;

export type DeskPeer = {
  readonly site: string;
  readonly isUp: boolean;
  /** Whose rights it spends now. */
  readonly replica: ReplicaId | undefined;
};

export type DeskOptions = {
  readonly replica: Replica;
  readonly ledger: Ledger;
  /** Whose rights are the hub's; undefined at a spoke. */
  readonly isHubs: ((replica: ReplicaId) => boolean) | undefined;
  readonly peers: () => readonly DeskPeer[];
  /** There is something to say to this peer. False: it could not be reached only just now. */
  readonly onNews: (site: string) => boolean;
  /** Hub: whether a spoke has answered since the start; without, nothing is given. */
  readonly isSure: () => boolean;
  /** Rights were given: peers are owed the documents. */
  readonly onGiven: () => void;
};

type Said = { readonly wants?: readonly Want[]; readonly denied?: readonly Denial[] };
type Open = { readonly want: Want; readonly since: number; heardAt: number };
type Call = Want & { readonly of: ReplicaId; askedAt: number };
type Desk = { readonly open: Map<string, Open>; readonly calls: Map<string, Call>; denied: Denial[] };

export class RightsDesk {
  readonly #options: DeskOptions;
  readonly #desks = new Map<string, Desk>();
  /** Documents that got rights here, and when. */
  readonly #idle = new Map<string, number>();

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  /** The site's own debits lack rights to `missing`, or no more. */
  short(document: string, path: string, missing: Amount): void {
    const { isHubs, peers, ledger } = this.#options;
    if (compare(missing, ZERO) <= 0) {
      for (const desk of this.#desks.values()) desk.calls.delete(key({ document, path }));
      return;
    }
    if (isHubs !== undefined) {
      const denial = this.#callIn(document, path, missing, undefined);
      if (denial !== undefined) queueMicrotask(() => ledger.deny(document, path, denial.reason, denial.site));
      return;
    }
    const [hub] = peers();
    if (hub === undefined || !this.#call(hub, document, path, missing))
      queueMicrotask(() => this.#denyAway(document, path));
  }

  /** A peer could not be reached: debits that wait for its rights are refused. */
  unreachable(site: string): void {
    for (const { document, path } of this.#desks.get(site)?.calls.values() ?? []) this.#denyAway(document, path);
  }

  #denyAway(document: string, path: string): void {
    const { ledger } = this.#options;
    const isEnough = ledger.isEnough(document, path);
    if (isEnough) ledger.deny(document, path, 'rights_elsewhere', this.whoHolds(document, path));
    else ledger.deny(document, path, 'insufficient_funds');
  }

  /** Whether something is to be said to the peer now. */
  isDue(site: string, now: number): boolean {
    const desk = this.#desks.get(site);
    return desk !== undefined && (desk.denied.length > 0 || this.#due(desk, now).length > 0);
  }

  /** Milliseconds until something may have to be said again. */
  dueInMs(site: string): number {
    return (this.#desks.get(site)?.calls.size ?? 0) > 0 ? ASK_AGAIN_MS : Number.POSITIVE_INFINITY;
  }

  /** What a message to the peer says now. */
  take(site: string, now: number): { wants?: Want[]; denied?: Denial[] } {
    const desk = this.#desks.get(site);
    if (desk === undefined) return {};
    const calls = this.#due(desk, now).slice(0, WANTS_MAX);
    for (const call of calls) call.askedAt = now;
    const denied = desk.denied.splice(0, WANTS_MAX);
    const wants = calls.map(({ document, path, total }) => ({ document, path, total }));
    return { ...(wants.length > 0 && { wants }), ...(denied.length > 0 && { denied }) };
  }

  /** What a message of the peer says, and which documents it changed. Call inside `replica.exclusive`, after merging. */
  hear(site: string, { wants = [], denied = [] }: Said, changed: readonly string[]): void {
    const { ledger, replica, isHubs } = this.#options;
    const desk = this.#desk(site);
    const now = replica.world.steady();
    for (const want of wants) {
      const known = desk.open.get(key(want));
      desk.open.set(key(want), { want, since: known?.since ?? now, heardAt: now });
    }
    this.#serve(new Set([...changed, ...wants.map(({ document }) => document)]));
    ledger.retry(changed);
    if (isHubs !== undefined) return;
    for (const { document, path, reason, site: holder } of denied) ledger.deny(document, path, reason, holder);
  }

  /** The site where most of the rights lie that are missing here. */
  whoHolds(document: string, path: string): string | undefined {
    const { isHubs, peers } = this.#options;
    if (isHubs === undefined) return peers()[0]?.site;
    const [most] = holders(counterOf(this.#state(document), path), isHubs);
    return most && replicaSite(most.replica);
  }

  /** These documents got rights here, which go back to the hub when they lie idle. */
  gained(documents: Iterable<string>): void {
    if (this.#options.isHubs !== undefined) return;
    const now = this.#options.replica.world.steady();
    for (const document of documents)
      if (this.#idle.delete(document) || this.#idle.size < IDLE_MAX) this.#idle.set(document, now);
  }

  /** Gives rights back that have lain here for `idleMs`. Call inside `replica.exclusive`, now and then. */
  giveBack(idleMs: number): number {
    const { replica, peers, ledger } = this.#options;
    const hub = peers()[0]?.replica;
    if (hub === undefined) return 0;
    const due: string[] = [];
    for (const [document, at] of this.#idle) {
      if (due.length === GROUP || replica.world.steady() - at < idleMs) break;
      due.push(document);
    }
    for (const document of due) this.#idle.delete(document);
    const gifts = due
      .filter((document) => !ledger.isShort(document))
      .flatMap((document) => {
        const counters = Object.entries(this.#state(document).counters ?? {});
        return counters.map(([path, counter]) => {
          return { document, path, to: hub, amount: spendableAtSpoke(counter, replica.author) };
        });
      });
    return this.#give(gifts);
  }

  /** Gives what is wanted of the named documents, as far as it is there. */
  #serve(documents: ReadonlySet<string>): void {
    const { peers, replica, isHubs, ledger } = this.#options;
    const now = replica.world.steady();
    for (const { site, replica: to } of peers()) {
      const desk = this.#desks.get(site);
      if (desk === undefined || to === undefined) continue;
      for (const [name, { want, since, heardAt }] of desk.open) {
        if (now - heardAt > FORGET_MS) desk.open.delete(name);
        else if (documents.has(want.document)) {
          const isKept = isHubs === undefined && ledger.isShort(want.document);
          const missing = isKept ? ZERO : this.#fulfil(want, to);
          if (compare(missing, ZERO) <= 0 && !isKept) desk.open.delete(name);
          const denial =
            isHubs && compare(missing, ZERO) > 0 && this.#callIn(want.document, want.path, missing, to, since);
          if (denial) {
            desk.open.delete(name);
            desk.denied.push(denial);
            this.#options.onNews(site);
          }
        }
      }
    }
  }

  /** Gives what is free of a want; returns what is still missing. */
  #fulfil({ document, path, total }: Want, to: ReplicaId): Amount {
    const { replica, isHubs } = this.#options;
    const counter = counterOf(this.#state(document), path);
    const missing = subtract(total, givenBy(replica.author, to, counter));
    if (compare(missing, ZERO) <= 0) return ZERO;
    const free = isHubs ? this.#grantable(counter, isHubs, to) : spendableAtSpoke(counter, replica.author);
    const amount = compare(free, missing) < 0 ? free : missing;
    this.#give([{ document, path, to, amount }]);
    return subtract(missing, amount);
  }

  #grantable(counter: CounterState, isHubs: (replica: ReplicaId) => boolean, to: ReplicaId): Amount {
    return this.#options.isSure() ? grantableAtHub(counter, isHubs, to) : ZERO;
  }

  /** Asks the spokes that hold rights to `missing`; returns why that is no use. */
  #callIn(
    document: string,
    path: string,
    missing: Amount,
    except: ReplicaId | undefined,
    since = Number.POSITIVE_INFINITY,
  ): Denial | undefined {
    const { isHubs = () => false, peers, replica, isSure } = this.#options;
    const counter = counterOf(this.#state(document), path);
    const [first] = peers();
    if (!isSure() && first !== undefined) return { document, path, reason: 'rights_elsewhere', site: first.site };
    const others = holders(counter, isHubs).filter((one) => one.replica !== except);
    const sum = (all: readonly { readonly rights: Amount }[]): Amount =>
      all.reduce((total, { rights }) => add(total, rights), ZERO);
    if (compare(sum(others), missing) < 0) return { document, path, reason: 'insufficient_funds' };
    const up = new Map(peers().flatMap((peer) => (peer.isUp && peer.replica ? [[peer.replica, peer] as const] : [])));
    const near = others.filter((one) => up.has(one.replica));
    if (compare(sum(near), missing) < 0 || replica.world.steady() - since > CALL_MS) {
      const away = others.find((one) => !up.has(one.replica)) ?? others[0];
      return { document, path, reason: 'rights_elsewhere', ...(away && { site: replicaSite(away.replica) }) };
    }
    let left = missing;
    for (const { replica: holder, rights } of near) {
      if (compare(left, ZERO) <= 0) break;
      const part = compare(rights, left) < 0 ? rights : left;
      left = subtract(left, part);
      this.#call(up.get(holder) as DeskPeer, document, path, part);
    }
    return undefined;
  }

  /** False: the peer cannot be asked. */
  #call({ site, replica: of }: DeskPeer, document: string, path: string, missing: Amount): boolean {
    const { replica, onNews } = this.#options;
    if (of === undefined) return false;
    const given = givenBy(of, replica.author, counterOf(this.#state(document), path));
    const { calls } = this.#desk(site);
    const want: Want = { document, path, total: add(given, missing) };
    const known = calls.get(key(want));
    if (known?.total === want.total) return true;
    calls.set(key(want), { ...want, of, askedAt: Number.NEGATIVE_INFINITY });
    return onNews(site);
  }

  #due(desk: Desk, now: number): Call[] {
    const due: Call[] = [];
    for (const [name, call] of desk.calls) {
      if (this.#isDone(call)) desk.calls.delete(name);
      else if (now - call.askedAt >= ASK_AGAIN_MS) due.push(call);
    }
    return due;
  }

  /** Whether nobody waits for what was called any more, or it has come. */
  #isDone({ document, path, total, of }: Call): boolean {
    const { replica, ledger } = this.#options;
    if (compare(givenBy(of, replica.author, counterOf(this.#state(document), path)), total) >= 0) return true;
    const isWanted = [...this.#desks.values()].some(({ open }) =>
      [...open.values()].some(({ want }) => want.document === document && want.path === path),
    );
    return !isWanted && !ledger.isShort(document);
  }

  #give(gifts: readonly { document: string; path: string; to: ReplicaId; amount: Amount }[]): number {
    const { replica, onGiven } = this.#options;
    const { store, now, site } = replica.world;
    const real = gifts.filter(({ amount }) => compare(amount, ZERO) > 0);
    if (real.length === 0) return 0;
    replica.commit(({ nextSeq }) => {
      for (const { document, path, to, amount } of real) {
        const row = replica.sound(store.document(document));
        if (row === undefined) continue;
        const state = replica.stateOf(row);
        const counter = give(counterOf(state, path), replica.author, to, amount);
        const after: DocState = { ...state, counters: { ...state.counters, [path]: counter } };
        store.putDocument(
          { ...row, seq: nextSeq(), origin: '', at: now(), by_site: site, state: canonicalText(after) },
          row.id,
        );
      }
    });
    replica.world.steps('rights: given');
    onGiven();
    return real.length;
  }

  #state(document: string): DocState {
    const { replica } = this.#options;
    return replica.stateOf(replica.sound(replica.world.store.document(document)));
  }

  #desk(site: string): Desk {
    const known = this.#desks.get(site) ?? { open: new Map(), calls: new Map(), denied: [] };
    this.#desks.set(site, known);
    return known;
  }
}

function key({ document, path }: { readonly document: string; readonly path: string }): string {
  return `${document} ${path}`;
}

function givenBy(giver: ReplicaId, receiver: ReplicaId, counter: CounterState): Amount {
  return counter.given?.[giver]?.[receiver] ?? ZERO;
}
