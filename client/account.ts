/** The balance of one signed-in user in one tab, in step with the server and with the user's other tabs. */
import { textOf, type Units, unitsOf } from './amount.js';
import { backoff_ms } from './backoff.js';
import { BalanceState } from './balance-state.js';
import { type Claims, descriptionOf, sourceOf } from './claims.js';
import { Flusher } from './flusher.js';
import { followBalance } from './live.js';
import { oneTabOnly } from './locks.js';
import { NetChange } from './net-change.js';
import type { Outcome } from './outcome.js';
import { type Pending, PendingChanges } from './pending.js';
import type { Server } from './server.js';
import type { SidecarServer } from './sidecar-server.js';
import type { Box } from './storage.js';

export type AccountWorld = {
  readonly box: Box;
  readonly server: Server;
  /** Where events come from; undefined: the balance is read every `poll_ms` instead. */
  readonly events: SidecarServer | undefined;
  readonly poll_ms: number;
  readonly claims: Claims;
  /** Something that is shown may have changed. */
  readonly onChange: () => void;
  /** For good: it is kept no longer. */
  /** True: changes stay pending until the user signs in again; said now and then. False: they are taken again. */
  readonly onSignedOut: (isSignedOut: boolean) => void;
  readonly onRefused: (change: Pick<Pending, 'amount' | 'source'>, reason: string) => void;
};

/** What one tab tells the others. */
type Message =
  | { readonly type: 'settled'; readonly key: string; readonly outcome: Told }
  | { readonly type: 'event'; readonly balance: string };
/** An outcome as text: not every browser sends BigInt between tabs. */
type Told = { readonly kind: 'done' | 'refused'; readonly reason?: string; readonly balance?: string };

const BALANCE_KEY = 'axle_balance:';
/** How long an event may wait for an answer that does not come. */
const HOLD_MS_MAX = 3_000;
const READS_MAX = 3;
/** What was over the cap is offered again. */
const CLAIM_AGAIN_MS = 3_600_000;
const CLAIM_TRIES_MAX = 6;
const WATCH_MS = 5_000;

export class Account {
  readonly state = new BalanceState();
  readonly pending: PendingChanges;
  readonly flusher: Flusher;
  readonly #channel: BroadcastChannel | undefined;
  readonly #waiting = new Map<string, (outcome: Outcome) => void>();
  #live = new AbortController();
  #timers: ReturnType<typeof setTimeout>[] = [];
  #reading: Promise<Units> | undefined;
  #signingIn: Promise<boolean> | undefined;
  #isSignedOut = false;
  #isStopped = false;
  #isLive = false;

  constructor(
    readonly world: AccountWorld,
    readonly user: string,
    readonly username: string,
  ) {
    const { box, server } = world;
    this.pending = new PendingChanges(box, user, Date.now, uuid);
    const remembered = unitsOf(box.get(BALANCE_KEY + user) ?? undefined);
    if (remembered !== undefined) this.state.remembered(remembered);
    this.flusher = new Flusher({
      pending: this.pending,
      server,
      alone: (work) => oneTabOnly(`axle-flush:${user}`, work),
      onSettled: (change, outcome) => this.#settled(change, outcome),
      signIn: () => this.signIn(),
      onSignedOut: () => {
        this.#isSignedOut = true;
        world.onSignedOut(true);
      },
      now: Date.now,
      random: Math.random,
      later: (ms, run) => {
        const timer = setTimeout(run, ms);
        return () => clearTimeout(timer);
      },
    });
    if (typeof BroadcastChannel === 'function') {
      this.#channel = new BroadcastChannel(`axle:${user}`);
      this.#channel.onmessage = ({ data }: MessageEvent<Message>) => this.#heard(data);
    }
  }

  start(): void {
    // Once for each page, and first: other endpoints of the site look at the session too.
    const signedIn = this.signIn().catch(() => false);
    void signedIn.then(() => Promise.all([this.flusher.flush(), this.claim()]));
    void this.read().catch(() => {});
    this.#adopt();
    this.resume();
  }

  /** The page is being left, perhaps for good. */
  leave(): void {
    this.flusher.leave(this.state.confirmed);
    this.#isLive = false;
    this.#live.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
  }

  /** At the start, and when a page that was left is shown again. */
  resume(): void {
    if (this.#isStopped || this.#isLive) return;
    this.#isLive = true;
    this.#live = new AbortController();
    const { events, box, poll_ms } = this.world;
    if (events !== undefined)
      void followBalance(
        events,
        this.user,
        box,
        ({ balance }) => {
          this.#tell({ type: 'event', balance: textOf(balance) });
          this.#event(balance);
        },
        () => this.#readIfSeen(),
        this.#live.signal,
      );
    const every = (ms: number, run: () => void) => this.#timers.push(setInterval(run, ms));
    every(CLAIM_AGAIN_MS, () => void this.claim());
    // Another tab may have been closed in the middle of its sending.
    every(WATCH_MS, () => {
      if (this.pending.list().length > 0 && !this.flusher.isWaiting) void this.flusher.flush();
    });
    if (events === undefined) every(poll_ms, () => this.#readIfSeen());
  }

  stop(): void {
    this.#isStopped = true;
    this.leave();
    this.flusher.stop();
    this.#channel?.close();
  }

  /** Confirmed and pending together; undefined: nothing is known yet. */
  get shown(): Units | undefined {
    return this.state.shown(this.pending.total());
  }

  /** Reads anew, a few times where that fails. Rejects where it failed and nothing is known from before. */
  async balance(): Promise<Units> {
    try {
      await this.read();
    } catch (error) {
      if (this.shown === undefined) throw error;
    }
    return this.shown ?? 0n;
  }

  /** One read at a time. Resolves with the balance that the server has confirmed. */
  read(): Promise<Units> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** Keeps the change until the server has confirmed it, and sends it. */
  add(amount: Units, source: unknown, description: unknown): Pending {
    const change = this.pending.add(amount, sourceOf(source), descriptionOf(description));
    this.world.onChange();
    // Not in this moment: a page makes several changes at once.
    queueMicrotask(() => void this.flusher.flush());
    return change;
  }

  /** What became of a change; undefined where that is not known after so long. */
  outcomeOf(key: string, within_ms: number): Promise<Outcome | undefined> {
    return new Promise((resolve) => {
      const over = (outcome?: Outcome): void => {
        clearTimeout(timer);
        this.#waiting.delete(key);
        resolve(outcome);
      };
      const timer = setTimeout(over, within_ms);
      this.#waiting.set(key, over);
    });
  }

  /** Sends what the user earned as a guest, if there is any: each transaction once, what is over the cap another hour. */
  async claim(): Promise<void> {
    const { claims, server, onRefused } = this.world;
    if (claims.of(this.user).length === 0) return;
    await oneTabOnly(`axle-claim:${this.user}`, async () => {
      let isAllowedIn = false;
      const offered = new Set<string>();
      for (let failures = 0; failures < CLAIM_TRIES_MAX && !this.#isStopped; ) {
        const sent = claims.next(this.user, offered);
        if (sent.length === 0) return;
        const answer = await server.claim(this.user, sent).catch(() => undefined);
        if (answer !== undefined) {
          for (const { id } of sent) offered.add(id);
          for (const { transaction, reason } of claims.settle(this.user, answer)) onRefused(transaction, reason);
          await this.read().catch(() => {});
          continue;
        }
        failures += 1;
        if (!isAllowedIn) isAllowedIn = await this.signIn().catch(() => false);
        await new Promise((resolve) => setTimeout(resolve, backoff_ms(failures, Math.random())));
      }
    });
  }

  /** Opens the server's session, where it has such a thing: one request at a time. Rejects where nothing was answered. */
  signIn(): Promise<boolean> {
    this.#signingIn ??= this.world.server.signIn(this.user, this.username).finally(() => {
      this.#signingIn = undefined;
    });
    return this.#signingIn;
  }

  /** Somebody looks at the page, or the network is back. */
  wake(): void {
    this.flusher.wake();
    void this.read().catch(() => {});
    void this.claim();
  }

  /** Once the sites' former script can no longer be at it in another tab, what it left behind is ours to send. */
  #adopt(): void {
    const { box, claims, server } = this.world;
    const left = new NetChange(box, this.user);
    if (left.amount === undefined) return;
    const seen = left.mark;
    const timer = setTimeout(() => {
      void oneTabOnly(`axle-adopt:${this.user}`, async () => {
        const { amount } = left;
        if (amount === undefined || left.mark !== seen || this.#isStopped) return;
        if (amount > 0n && server.hasSources) {
          // As a change it would be refused for good.
          claims.adopt(this.user, amount, seen);
          left.forget();
          void this.claim();
          return;
        }
        left.forget();
        this.add(amount, 'net_change', '');
      });
    }, left.quietFor_ms(Date.now()));
    this.#timers.push(timer);
  }

  #readIfSeen(): void {
    if (document.visibilityState === 'visible') void this.read().catch(() => {});
  }

  async #read(): Promise<Units> {
    for (let tries = 1; ; tries += 1) {
      const begun = this.state.beginRead();
      try {
        const balance = await this.world.server.read(this.user);
        if (this.state.read(balance, begun)) this.#changed();
        return this.state.confirmed ?? balance;
      } catch (error) {
        if (tries === READS_MAX || this.#isStopped) throw error;
        await new Promise((resolve) => setTimeout(resolve, backoff_ms(tries, Math.random())));
      }
    }
  }

  #settled(change: Pending, outcome: Outcome): void {
    if (outcome.kind !== 'done' && outcome.kind !== 'refused') return;
    const { balance } = outcome;
    const told: Told = {
      kind: outcome.kind,
      ...(outcome.kind === 'refused' && { reason: outcome.reason }),
      ...(balance !== undefined && { balance: textOf(balance) }),
    };
    this.#tell({ type: 'settled', key: change.key, outcome: told });
    if (outcome.kind === 'refused') this.world.onRefused(change, outcome.reason);
    this.#answered(change.key, outcome, balance);
  }

  #answered(key: string, outcome: Outcome, balance: Units | undefined): void {
    if (this.#isSignedOut) this.world.onSignedOut(false);
    this.#isSignedOut = false;
    const isMorePending = this.pending.list().length > 0;
    if (this.state.answered(balance, isMorePending)) void this.read().catch(() => {});
    this.#changed();
    this.#waiting.get(key)?.(outcome);
  }

  #event(balance: Units): void {
    if (this.state.event(balance, this.pending.list().length > 0)) {
      this.#changed();
      return;
    }
    setTimeout(() => {
      // Nobody answers: better what the server says than what this page remembers.
      if (this.state.release()) this.#changed();
    }, HOLD_MS_MAX);
  }

  #changed(): void {
    const { confirmed } = this.state;
    if (confirmed !== undefined) this.world.box.set(BALANCE_KEY + this.user, textOf(confirmed));
    this.world.onChange();
  }

  #tell(message: Message): void {
    this.#channel?.postMessage(message);
  }

  #heard(message: Message): void {
    if (message.type === 'event') {
      const balance = unitsOf(message.balance);
      if (balance !== undefined) this.#event(balance);
      return;
    }
    const { kind, reason = '', balance: text } = message.outcome;
    const balance = unitsOf(text);
    // The storage of another process may show the entry a moment longer.
    this.pending.remove(message.key);
    const outcome: Outcome = kind === 'refused' ? { kind, reason } : { kind, balance: balance ?? 0n };
    this.#answered(message.key, outcome, balance);
  }
}

/** A name that nobody else gives; also on pages without https, where randomUUID is not. */
function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
