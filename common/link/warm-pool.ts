import type { Backoff } from '../runtime/backoff.js';
import type { LiveProcess } from '../runtime/spawn.js';

/**
 * A few rsync processes that have already connected and wait for a name on standard input. Starting one costs some 60 to
 * 500 ms; handing it a name costs 3. They are only ever an advantage: whoever takes one must be able to do without it.
 */
export type WarmPoolOptions = {
  readonly start: () => LiveProcess;
  /** Delay before replacing one that died by itself: a peer that is down must not cause a hot loop. */
  readonly backoff: Backoff;
  /** How many wait at a time. More than one, so that the next delivery need not wait while a successor connects. */
  readonly size: number;
  /** Age at which one is replaced, below the peer's daemon timeout and any firewall's memory. */
  readonly idle_max_ms: number;
};

/** A replaced process stays takeable this long, while its successor connects. */
const OVERLAP_MS = 2_000;

type Entry = { readonly child: LiveProcess; retiring: boolean; timer: NodeJS.Timeout };

export class WarmPool {
  readonly #options: WarmPoolOptions;
  /** Oldest first. */
  #entries: Entry[] = [];
  /** All that were started and not handed out, until they have ended. */
  readonly #ending = new Set<Promise<unknown>>();
  #refill: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: WarmPoolOptions) {
    this.#options = options;
  }

  /** How many could be taken now. */
  get waiting(): number {
    return this.#entries.length;
  }

  /** Process ids, oldest first: for tests and diagnosis. */
  get pids(): readonly (number | undefined)[] {
    return this.#entries.map((entry) => entry.child.pid);
  }

  /** Starts what is missing, unless a death of late asks for patience. */
  fill(): void {
    if (this.#closed || this.#refill !== undefined) return;
    while (this.#entries.filter((entry) => !entry.retiring).length < this.#options.size) this.#add();
  }

  /** The oldest one: it has had the most time to connect. The caller owns it from now on. */
  take(): LiveProcess | undefined {
    const entry = this.#entries.find(({ child }) => child.running);
    if (entry === undefined) return undefined;
    this.#forget(entry);
    return entry.child;
  }

  /** The peer works: forget the patience. */
  succeeded(): void {
    this.#options.backoff.reset();
    clearTimeout(this.#refill);
    this.#refill = undefined;
  }

  /** One of them turned out bad, so its siblings are suspects: same connection, same age. New ones come with patience. */
  failed(): void {
    this.#drain();
    this.#refillLater();
  }

  #drain(): void {
    for (const entry of [...this.#entries]) {
      this.#forget(entry);
      this.#end(entry.child);
    }
  }

  /** Resolves when every process has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#refill);
    this.#drain();
    await Promise.all(this.#ending);
  }

  #add(): void {
    const child = this.#options.start();
    const timer = setTimeout(() => this.#retire(entry), this.#options.idle_max_ms);
    const entry: Entry = { child, retiring: false, timer };
    this.#entries.push(entry);
    // A waiting rsync does not notice that its ssh is gone, but ssh says so. A healthy one is silent.
    child.onOutput((stream) => {
      if (stream === 'stderr') this.#lost(entry);
    });
    void child.exited.then(() => this.#lost(entry));
  }

  /** No-op for one that was taken or given up already. */
  #lost(entry: Entry): void {
    if (!this.#entries.includes(entry)) return;
    this.#forget(entry);
    this.#end(entry.child);
    this.#refillLater();
  }

  #refillLater(): void {
    if (this.#closed || this.#refill !== undefined) return;
    this.#refill = setTimeout(() => {
      this.#refill = undefined;
      this.fill();
    }, this.#options.backoff.next());
  }

  #retire(entry: Entry): void {
    // It lived to its age, so connecting works.
    this.#options.backoff.reset();
    entry.retiring = true;
    entry.timer = setTimeout(() => {
      this.#forget(entry);
      this.#end(entry.child);
    }, OVERLAP_MS);
    this.fill();
  }

  #forget(entry: Entry): void {
    clearTimeout(entry.timer);
    this.#entries = this.#entries.filter((other) => other !== entry);
  }

  /** An empty list of names is a clean end (code 0, nothing in the peer's log); one that hangs is killed. */
  #end(child: LiveProcess): void {
    if (this.#closed) child.kill();
    child.end();
    const timer = setTimeout(() => child.kill(), OVERLAP_MS);
    const ended = child.exited.then(() => {
      clearTimeout(timer);
      this.#ending.delete(ended);
    });
    this.#ending.add(ended);
  }
}
