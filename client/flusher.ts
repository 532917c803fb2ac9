/**
 * Sends what is pending, in order, one after the other: a bet and its prize must not overtake each other. Every tab may
 * call it at any time; one at a time sends. A change leaves storage only when it was answered for good.
 */
import { unitsOf } from './amount.js';
import { backoff_ms } from './backoff.js';
import type { Outcome } from './outcome.js';
import { type Pending, type PendingChanges, sendableTogether } from './pending.js';
import type { Server } from './server.js';

export type FlusherWorld = {
  readonly pending: PendingChanges;
  readonly server: Server;
  /** Runs the work unless another tab is at it. */
  readonly alone: (work: () => Promise<void>) => Promise<boolean>;
  /** An answer for good: done or refused. Called after the change has left storage. */
  readonly onSettled: (change: Pending, outcome: Outcome) => void;
  /** Opens the server's session; whether that helped. */
  readonly signIn: () => Promise<boolean>;
  /** The server does not know who this is, and will not: everything stays pending until somebody signs in. Said at each try. */
  readonly onSignedOut: () => void;
  readonly now: () => number;
  readonly random: () => number;
  readonly later: (ms: number, run: () => void) => () => void;
};

/** More than anybody makes in one sitting; what is left waits for the next round. */
const ROUND_MAX = 500;
/** Requests of a page that is being left share 64 KiB. */
const LEAVING_MAX = 40;
/** When to look again where another tab is sending. */
const BUSY_MS = 1_000;
const SIGN_IN_EVERY_MS = 30_000;

export class Flusher {
  #running: Promise<void> | undefined;
  #again = false;
  #failures = 0;
  #cancel: (() => void) | undefined;
  #isStopped = false;
  /** Not before this a session is asked for once more. */
  #maySignInAt = 0;
  /** Credits that the server wants later, and when: they let others pass. */
  readonly #deferred = new Map<string, number>();

  constructor(readonly world: FlusherWorld) {}

  /** Whether the next round is already set. */
  get isWaiting(): boolean {
    return this.#cancel !== undefined;
  }

  /** Sends all that may be sent now. Resolves when that is done; whatever goes wrong is tried again later. */
  flush(): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#running !== undefined) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#rounds().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** The network is back, or somebody looks at the page again: no more waiting. */
  wake(): void {
    this.#failures = 0;
    this.#maySignInAt = 0;
    void this.flush();
  }

  /** The page is being left: everything that needs no order is sent at once. Answers may come to nobody. */
  leave(confirmed: bigint | undefined): void {
    const { pending, server } = this.world;
    for (const change of sendableTogether(pending.list(), confirmed, LEAVING_MAX))
      void server.change(pending.user, change).then((outcome) => this.#settle(change, outcome));
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  async #rounds(): Promise<void> {
    let blocked_ms: number | undefined;
    do {
      this.#again = false;
      const isOurs = await this.world.alone(async () => {
        blocked_ms = await this.#round();
      });
      if (!isOurs) blocked_ms = BUSY_MS;
    } while (this.#again && blocked_ms === undefined && !this.#isStopped);
    if (this.world.pending.list().length === 0) return;
    const due = Math.min(...this.#deferred.values());
    this.#wakeIn(blocked_ms ?? (due === Number.POSITIVE_INFINITY ? BUSY_MS : Math.max(0, due - this.world.now())));
  }

  /** Returns how long to wait before the next one; undefined: nothing is left that may be sent now. */
  async #round(): Promise<number | undefined> {
    const { pending, now, random } = this.world;
    for (let sent = 0; sent < ROUND_MAX && !this.#isStopped; sent += 1) {
      const change = pending.list().find(({ key }) => (this.#deferred.get(key) ?? 0) <= now());
      if (change === undefined) return undefined;
      const outcome = await this.#send(change);
      if (this.#settle(change, outcome)) {
        this.#failures = 0;
        continue;
      }
      this.#failures += 1;
      const asked_ms = outcome.kind === 'later' ? (outcome.after_ms ?? 0) : 0;
      const delay_ms = Math.max(asked_ms, backoff_ms(this.#failures, random()));
      if (outcome.kind !== 'later' || (unitsOf(change.amount) ?? 0n) < 0n) return delay_ms;
      // A credit that is not due yet must not keep a spend waiting.
      this.#deferred.set(change.key, now() + delay_ms);
    }
    return undefined;
  }

  async #send(change: Pending): Promise<Outcome> {
    const { pending, server, signIn, onSignedOut, now } = this.world;
    let outcome = await server.change(pending.user, change);
    if (outcome.kind !== 'unauthorized' || now() < this.#maySignInAt) return outcome;
    this.#maySignInAt = now() + SIGN_IN_EVERY_MS;
    const isSignedIn = await signIn().catch(() => undefined);
    if (isSignedIn === true) outcome = await server.change(pending.user, change);
    // Where nothing was answered it may yet be opened.
    if (isSignedIn !== undefined && outcome.kind === 'unauthorized') onSignedOut();
    return outcome;
  }

  /** Whether the change is over and done with. */
  #settle(change: Pending, outcome: Outcome): boolean {
    if (outcome.kind !== 'done' && outcome.kind !== 'refused') return false;
    this.#deferred.delete(change.key);
    this.world.pending.remove(change.key);
    this.world.onSettled(change, outcome);
    return true;
  }

  #wakeIn(ms: number): void {
    if (this.#isStopped) return;
    this.#cancel?.();
    this.#cancel = this.world.later(ms, () => void this.flush());
  }
}
