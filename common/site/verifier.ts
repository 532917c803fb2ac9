/**
 * Anti-entropy of a site: asks the peers for what was lost, compares with each of them after every reconnecting and on a
 * period, and goes over its own rows on the same period. One look (`#tick`) decides everything; the loop only waits.
 */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { CompareResult, Comparer } from '../link/comparer.js';
import type { Conversation } from '../link/conversation.js';
import type { PeerLink } from '../link/peer-link.js';
import { ALL, EVERYTHING, wholeIn } from '../replica/losses.js';
import type { Replica } from '../replica/replica.js';
import type { RepairLog } from './repair-log.js';

export type Peer = {
  readonly site: string;
  readonly conversation: Conversation;
  readonly comparer: Comparer;
  readonly link: PeerLink;
};

export type VerifierOptions = {
  readonly replica: Replica;
  readonly isHub: boolean;
  readonly peers: readonly Peer[];
  readonly intervalMs: number;
  readonly isOpen: () => boolean;
  readonly repairs: RepairLog;
  readonly signal: AbortSignal;
  /** The state of these documents changed, or the files of all. */
  readonly show: (names: readonly string[]) => void;
  readonly scan: () => void;
  readonly onError: (step: string, error: unknown) => void;
};

const TICK_MS = 250;
/** After a reconnect, what gathered meanwhile goes first. */
const SETTLE_MS = 2_000;
/** A comparison in the middle of changes says nothing: again after this, and a few times only before the next period. */
const UNSURE_MS = 1_000;
const UNSURE_MAX = 30;
const ASK_FIRST_MS = 1_000;
const ASK_LIMIT_MS = 60_000;
/** A peer that has not told for so long after another one has is away: the rest goes on without it. */
const GRACE_MS = 10_000;
/** A site that has a state to go on with waits this long for peers that do not begin to tell. */
const ALONE_MS = 1_000;
/** A fifth of a per cent of a core: 1,000,000 rows in half an hour. */
const PAGE_ROWS = 512;
const PAGE_REST_MS = 1_000;
/** Comparisons in a row, each of which repaired something: 500 documents each. */
const ROUNDS_MAX = 10_000;

/** What `rebuild` brought: who has told, who was away, and how many documents are not what they were. */
export type RebuildReport = {
  readonly told: readonly string[];
  readonly away: readonly string[];
  readonly repaired: number;
};

type Schedule = { compareAt: number; isUp: boolean; unsure: number; askAt: number; askWaitMs: number };

export class Verifier {
  readonly #schedules = new Map<string, Schedule>();
  /** When the first peer told of a lost document, milliseconds since 1970. */
  readonly #toldAt = new Map<string, number>();
  #loops: Promise<unknown>[] = [];

  constructor(readonly options: VerifierOptions) {
    for (const { site } of options.peers)
      this.#schedules.set(site, {
        compareAt: Number.POSITIVE_INFINITY,
        isUp: false,
        unsure: 0,
        askAt: 0,
        askWaitMs: ASK_FIRST_MS,
      });
    for (const { name, told } of options.replica.world.store.lost())
      if (told.length > 0) this.#toldAt.set(name, this.#now);
    // Without peers nobody can be asked.
    if (options.peers.length === 0) return;
    options.replica.losses.onDamaged = (name, isUnsent) => {
      options.repairs.damaged(name, isUnsent);
      for (const schedule of this.#schedules.values()) schedule.askAt = 0;
    };
  }

  start(): void {
    this.#loops.push(this.#tickLoop());
  }

  /** The site is open: from now on its rows are gone over as well. */
  open(): void {
    this.#loops.push(this.#rowsLoop());
  }

  async stop(): Promise<void> {
    await Promise.all(this.#loops);
  }

  /** The peer starts anew: what is under way with it is not answered any more. */
  forget(site: string): void {
    this.options.peers.find((peer) => peer.site === site)?.comparer.forget();
    const schedule = this.#schedules.get(site);
    if (schedule === undefined) return;
    schedule.compareAt = Math.min(schedule.compareAt, this.#now + SETTLE_MS);
    schedule.askAt = 0;
  }

  /** Whether peers that are there have still to tell what this site has lost altogether. */
  get isRebuilding(): boolean {
    const { losses } = this.options.replica;
    if (losses.wholeAskedOf() === undefined || !this.#isStillWaitedFor()) return false;
    return this.options.peers.some(
      ({ site, conversation, link }) => losses.wholeAskedOf(site) !== undefined && link.isUp && conversation.verified,
    );
  }

  /** Resolves when every peer has told everything, or those that are there have, and the rest has been silent for a while. */
  async rebuilt(mayBeAlone: boolean): Promise<void> {
    const { replica, repairs, signal, peers } = this.options;
    const { losses, world } = replica;
    let saidAt = Number.NEGATIVE_INFINITY;
    const startedAt = this.#now;
    while (!signal.aborted && losses.wholeAskedOf() !== undefined) {
      const waiting = peers.map(({ site }) => site).filter((site) => losses.wholeAskedOf(site) !== undefined);
      const told = peers.map(({ site }) => site).filter((site) => !waiting.includes(site));
      if (told.length > 0 && !this.#isStillWaitedFor()) return;
      if (mayBeAlone && this.#now - startedAt > ALONE_MS && !peers.some(({ comparer }) => comparer.isBusy)) return;
      if (this.#now - saidAt >= GRACE_MS) {
        saidAt = this.#now;
        repairs.rebuilding(waiting, world.store.countDocuments(), told);
      }
      await this.#sleep(20);
    }
  }

  /**
   * A person says that what other sites have of sites that are gone is to be believed: asks every peer for all it holds.
   * Resolves when those that are there have told; the others are asked when they come.
   */
  async rebuild(): Promise<RebuildReport> {
    const { replica, repairs, signal, peers } = this.options;
    const { losses } = replica;
    const before = repairs.repaired;
    replica.commit(() => losses.lose(ALL));
    this.#toldAt.delete(ALL);
    for (const schedule of this.#schedules.values()) schedule.askAt = 0;
    const waiting = (): Peer[] => peers.filter(({ site }) => losses.askedOf(site).includes(ALL));
    while (!signal.aborted && waiting().some(({ conversation, link }) => link.isUp && conversation.verified))
      await this.#sleep(50);
    const away = waiting().map(({ site }) => site);
    const told = peers.map(({ site }) => site).filter((site) => !away.includes(site));
    return { told, away, repaired: repairs.repaired - before };
  }

  /** Compares with a peer now, and repairs until nothing differs that can be repaired. Bounded. */
  async compareNow({ site, comparer, conversation, link }: Peer): Promise<CompareResult> {
    const { repairs, signal } = this.options;
    const all: { found: CompareResult['found'][number][] } = { found: [] };
    for (let round = 0; ; round++) {
      while (comparer.isBusy && !signal.aborted) await this.#sleep(20);
      if (signal.aborted || !conversation.verified || !link.isUp)
        return { outcome: 'unanswered', found: all.found, left: [], news: [] };
      const result = await comparer.compare();
      all.found.push(...result.found);
      repairs.differs(site, result.news);
      if (result.outcome === 'repaired' && round < ROUNDS_MAX) continue;
      const outcome = result.outcome === 'same' && all.found.length > 0 ? 'repaired' : result.outcome;
      return { ...result, outcome, found: all.found };
    }
  }

  /**
   * How long a message to a peer and its answer take, milliseconds: the first step of a comparison, which the peer answers at
   * once. Undefined where it does not answer.
   */
  async roundTrip({ site, comparer, conversation, link }: Peer): Promise<number | undefined> {
    const { repairs, signal } = this.options;
    while (comparer.isBusy && !signal.aborted) await this.#sleep(20);
    if (signal.aborted || !conversation.verified || !link.isUp) return undefined;
    const startedAt = this.#now;
    const { outcome, news } = await comparer.compare();
    repairs.differs(site, news);
    return outcome === 'unanswered' ? undefined : this.#now - startedAt;
  }

  /** Goes over all rows. Returns how many there are; damaged ones are set aside and asked for. */
  async checkRows(restMs: number): Promise<number> {
    const { replica, signal } = this.options;
    let count = 0;
    for (let after = 0; !signal.aborted; ) {
      const rows = replica.world.store.documentsAfterId(after, PAGE_ROWS);
      for (const row of rows) replica.sound(row);
      count += rows.length;
      if (rows.length < PAGE_ROWS) break;
      after = rows.at(-1)?.id ?? after;
      if (restMs > 0) await this.#sleep(restMs);
      else await turn();
    }
    return count;
  }

  /** A peer has told what it holds of something lost. */
  told(site: string, name: string, repaired: number): void {
    const { replica, peers, repairs, show, scan } = this.options;
    const { losses } = replica;
    if (!losses.askedOf(site).includes(name)) return;
    const isWhole = wholeIn([name]) !== undefined;
    if (isWhole && repaired > 0) repairs.rebuilt(site, repaired);
    this.#toldAt.set(name, this.#toldAt.get(name) ?? this.#now);
    replica.commit(() => losses.told(site, name));
    if (peers.some((peer) => losses.askedOf(peer.site).includes(name))) return;
    losses.release(name, true);
    this.#toldAt.delete(name);
    if (isWhole) scan();
    else show([name]);
    this.#wakeLinks();
  }

  get #now(): number {
    return this.options.replica.world.steady();
  }

  /** Whether those that have not told yet may still do so soon: one has told a moment ago, or one is about to. */
  #isStillWaitedFor(): boolean {
    const { replica, peers } = this.options;
    const { losses } = replica;
    const toldAt = this.#toldAt.get(losses.wholeAskedOf() ?? EVERYTHING);
    if (toldAt === undefined || this.#now - toldAt <= GRACE_MS) return true;
    return peers.some(({ site, comparer }) => comparer.isBusy && losses.wholeAskedOf(site) !== undefined);
  }

  async #tickLoop(): Promise<void> {
    while (!this.options.signal.aborted) {
      try {
        this.#tick();
      } catch (error) {
        this.options.onError('verify', error);
      }
      await this.#sleep(TICK_MS);
    }
  }

  #tick(): void {
    for (const peer of this.options.peers) this.#tickPeer(peer, this.#schedules.get(peer.site) as Schedule);
    this.#releaseWithoutTheAway();
  }

  #tickPeer(peer: Peer, schedule: Schedule): void {
    const { replica, isHub, isOpen, intervalMs } = this.options;
    const { site, comparer, conversation, link } = peer;
    comparer.tick();
    const isUp = conversation.verified && link.isUp;
    if (isUp && !schedule.isUp) {
      schedule.compareAt = Math.min(schedule.compareAt, this.#now + SETTLE_MS);
      schedule.askAt = 0;
    }
    schedule.isUp = isUp;
    // A clock that was set back must not put it off for hours.
    schedule.askAt = Math.min(schedule.askAt, this.#now + ASK_LIMIT_MS);
    schedule.compareAt = Math.min(schedule.compareAt, this.#now + Math.max(intervalMs, SETTLE_MS));
    if (!conversation.verified || comparer.isBusy) return;
    const lost = replica.losses.askedOf(site);
    // A peer that joins has nothing to tell, and takes what the others have told.
    if (conversation.isPeerJoining) {
      for (const name of lost) if (this.#toldAt.has(name)) this.told(site, name, 0);
      return;
    }
    if (lost.length > 0 && this.#now >= schedule.askAt) {
      schedule.askAt = this.#now + schedule.askWaitMs;
      schedule.askWaitMs = Math.min(schedule.askWaitMs * 2, ASK_LIMIT_MS);
      void comparer.askFor(lost).then(({ outcome }) => {
        if (outcome === 'repaired') schedule.askWaitMs = ASK_FIRST_MS;
      });
      return;
    }
    // One side of each link is enough.
    if (isHub || !isUp || !isOpen() || this.#now < schedule.compareAt) return;
    schedule.compareAt = this.#now + intervalMs;
    void this.compareNow(peer)
      .then(({ outcome }) => {
        schedule.unsure = outcome === 'unsure' ? schedule.unsure + 1 : 0;
        if (outcome === 'unsure' && schedule.unsure <= UNSURE_MAX) schedule.compareAt = this.#now + UNSURE_MS;
      })
      .catch((error) => this.options.onError('verify', error));
  }

  /**
   * A lost document is in use again without those that are away. They may hold more of what we contributed than anybody
   * who answered: what we contribute from now on must not be counted into the same totals.
   */
  #releaseWithoutTheAway(): void {
    const { replica, show } = this.options;
    const { losses } = replica;
    if (losses.size === 0) return;
    const ready = losses.outOfUse().filter(({ name, told }) => {
      if (told.length === 0) return false;
      const toldAt = this.#toldAt.get(name) ?? this.#now;
      this.#toldAt.set(name, toldAt);
      return this.#now - toldAt > GRACE_MS;
    });
    if (ready.length === 0) return;
    replica.takeAuthor();
    for (const { name } of ready) losses.release(name, false);
    show(ready.map(({ name }) => name));
    this.#wakeLinks();
  }

  async #rowsLoop(): Promise<void> {
    const { signal, intervalMs, onError } = this.options;
    while (!signal.aborted) {
      try {
        await this.checkRows(PAGE_REST_MS);
      } catch (error) {
        onError('verify', error);
      }
      await this.#sleep(intervalMs);
    }
  }

  #wakeLinks(): void {
    for (const { link } of this.options.peers) link.wake();
  }

  async #sleep(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.options.signal }).catch(() => {});
  }
}
