/**
 * What this site did lately, taken from its own log: how often each thing happened, how long changes took to arrive, and
 * the latest entries for whoever follows along (`axle tail`, the hub's status page, metrics).
 */
import type { Fields, Level, Log } from '../runtime/log.js';

export type ActivityEntry = {
  /** Counts up from 1 within one run of the daemon. */
  readonly id: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly level: Level;
  readonly event: string;
  readonly fields: Fields;
};

/** Of changes from other sites, from being made there until the live file here showed them. */
export type Arrivals = {
  /** Milliseconds up to and including which a bucket counts. */
  readonly bounds_ms: readonly number[];
  /** One more than bounds: the last counts what took longer. */
  readonly counts: readonly number[];
  readonly sum_ms: number;
  readonly count: number;
  /** Of the latest `LATEST_MAX`; undefined where there were none. */
  readonly p50_ms: number | undefined;
  readonly p99_ms: number | undefined;
};

export type EventsAnswer = {
  /** Another than before: the daemon has started anew, and ids with it. */
  readonly session: string;
  readonly last: number;
  readonly entries: readonly ActivityEntry[];
};

const ENTRIES_MAX = 1_000;
const LATEST_MAX = 1_000;
/** Events are constants, but a code may be a peer's own word. */
const NAMES_MAX = 500;
const BOUNDS_MS: readonly number[] = [10, 20, 30, 50, 75, 100, 150, 250, 500, 1_000, 2_500, 5_000, 10_000, 60_000];

export class Activity {
  /** Whatever is written to it is noted here and passed on. */
  readonly log: Log;
  /** How often each event was logged, and each code: `materialised`, `held AXL-HELD-ZERO`. */
  readonly counts = new Map<string, number>();
  readonly #entries: ActivityEntry[] = [];
  #last = 0;
  readonly #buckets: number[] = Array.from({ length: BOUNDS_MS.length + 1 }, () => 0);
  #sum = 0;
  #latest: number[] = [];
  #changedAt: number | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(
    readonly site: string,
    log: Log,
    readonly session: string,
    readonly now: () => number,
  ) {
    const write =
      (level: Level) =>
      (event: string, fields: Fields = {}): void => {
        this.#note(level, event, fields);
        log[level](event, fields);
      };
    this.log = { error: write('error'), warn: write('warn'), info: write('info'), debug: log.debug };
  }

  /** When a document changed last, here or by a peer; milliseconds since 1970. */
  get changedAt(): number | undefined {
    return this.#changedAt;
  }

  get arrivals(): Arrivals {
    const sorted = [...this.#latest].sort((a, b) => a - b);
    const rank = (share: number): number | undefined => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
    return {
      bounds_ms: BOUNDS_MS,
      counts: [...this.#buckets],
      sum_ms: this.#sum,
      count: this.#buckets.reduce((sum, n) => sum + n, 0),
      p50_ms: rank(0.5),
      p99_ms: rank(0.99),
    };
  }

  /**
   * Entries after `after`, oldest first; where there are none yet, waits for the first for `waitMs` at most. What was
   * dropped since (the latest 1,000 are kept) shows as a gap in the ids.
   */
  async since(after: number, waitMs: number, signal: AbortSignal): Promise<EventsAnswer> {
    if (after >= this.#last && waitMs > 0) await this.#news(waitMs, signal);
    const entries = this.#entries.filter(({ id }) => id > after);
    return { session: this.session, last: this.#last, entries };
  }

  #note(level: Level, event: string, fields: Fields): void {
    const at = this.now();
    const name = typeof fields.code === 'string' ? `${event} ${fields.code}` : event;
    const counted = this.counts.has(name) || this.counts.size < NAMES_MAX ? name : 'other';
    this.counts.set(counted, (this.counts.get(counted) ?? 0) + 1);
    if (event === 'absorbed' || event === 'received') this.#changedAt = at;
    if (event === 'materialised' && fields.from !== this.site && typeof fields.ms === 'number')
      this.#arrived(fields.ms);
    this.#last += 1;
    this.#entries.push({ id: this.#last, at, level, event, fields });
    // In pieces: moving a thousand entries up with each new one would cost more than all the rest.
    if (this.#entries.length >= 2 * ENTRIES_MAX) this.#entries.splice(0, ENTRIES_MAX);
    for (const wake of this.#waiting) wake();
  }

  #arrived(ms: number): void {
    const bucket = BOUNDS_MS.findIndex((bound) => ms <= bound);
    const index = bucket < 0 ? BOUNDS_MS.length : bucket;
    this.#buckets[index] = (this.#buckets[index] ?? 0) + 1;
    this.#sum += ms;
    this.#latest.push(ms);
    if (this.#latest.length >= 2 * LATEST_MAX) this.#latest = this.#latest.slice(-LATEST_MAX);
  }

  #news(waitMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, waitMs);
      timer.unref();
      signal.addEventListener('abort', done);
      this.#waiting.add(done);
      if (signal.aborted) done();
    });
  }
}

const WAIT_MS_MAX = 25_000;

/**
 * The control route `events`: `{ after?: number, wait_ms?: number, session?: string }`. Whoever names the session that
 * `after` counts in gets everything, at once, where that one is over.
 */
export function eventsAnswer(activity: Activity, input: unknown, signal: AbortSignal): Promise<EventsAnswer> {
  const { after, wait_ms, session } = (input ?? {}) as { after?: unknown; wait_ms?: unknown; session?: unknown };
  const number = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
  if (typeof session === 'string' && session !== activity.session) return activity.since(0, 0, signal);
  return activity.since(number(after), Math.min(number(wait_ms), WAIT_MS_MAX), signal);
}
