/** Follows what happens at the site, and tells every open page: at once, twice a second at most, every five seconds at least. */
import type http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Activity, ActivityEntry } from '../site/activity.js';
import type { SiteStatus } from '../site/status.js';
import { History } from './history.js';
import { type EntryView, entryOf, type HeldRow, type PageView, viewOf } from './view.js';

/** What the page needs of a site. */
export type PageSource = {
  status(): SiteStatus;
  readonly activity: Activity;
  /** The oldest held changes, at most `limit`; none while the site is not open. */
  held(limit: number): readonly HeldRow[];
};

/** One message of the stream, and the whole of /status.json. */
export type Told = PageView & { readonly session: string; readonly entries: readonly EntryView[] };

type Listener = { readonly response: http.ServerResponse; readonly isLocal: boolean };

export const LISTENERS_MAX = 50;
const ENTRIES = 100;
const HELD = 20;
const REST_MS = 500;
const BEAT_MS = 5_000;
/** Nobody looks on: the history is kept all the same. */
const ALONE_MS = 20_000;
/** A page that does not take what it is sent is let go; it comes back by itself. */
const UNSENT_BYTES_MAX = 1_048_576;

export class Live {
  readonly #abort = new AbortController();
  readonly #listeners = new Set<Listener>();
  readonly #history: History;
  #entries: ActivityEntry[] = [];
  #wake = new AbortController();
  readonly #loop: Promise<void>;

  constructor(
    readonly site: string,
    readonly source: PageSource,
    readonly onError: (error: unknown) => void,
  ) {
    this.#history = new History(site);
    this.#loop = this.#follow();
  }

  get isFull(): boolean {
    return this.#listeners.size >= LISTENERS_MAX;
  }

  /** Sends everything there is, then what comes. */
  add(response: http.ServerResponse, isLocal: boolean): void {
    const listener = { response, isLocal };
    this.#listeners.add(listener);
    response.on('close', () => this.#listeners.delete(listener));
    // Whoever looks on must not be able to end the daemon by going away at the wrong moment.
    response.on('error', () => this.#listeners.delete(listener));
    write(listener, this.told(isLocal));
    // A loop that waits long, because nobody looked on, waits no longer.
    this.#wake.abort();
  }

  told(isLocal: boolean, entries: readonly ActivityEntry[] = this.#entries): Told {
    const status = this.source.status();
    const held = status.held > 0 ? this.source.held(HELD) : [];
    const view = viewOf({ status, held, history: this.#history, isLocal });
    const shown = entries.flatMap((entry) => entryOf(entry, isLocal) ?? []).slice(-ENTRIES);
    return { ...view, session: this.source.activity.session, entries: shown };
  }

  async close(): Promise<void> {
    this.#abort.abort();
    this.#wake.abort();
    await this.#loop;
    for (const { response } of this.#listeners) response.end();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#abort;
    let after = 0;
    while (!signal.aborted) {
      try {
        this.#wake = new AbortController();
        const wait = this.#listeners.size > 0 ? BEAT_MS : ALONE_MS;
        const { entries, last } = await this.source.activity.since(after, wait, this.#wake.signal);
        after = last;
        for (const entry of entries) this.#history.note(entry);
        this.#entries = [...this.#entries, ...entries.filter((entry) => entryOf(entry, true))].slice(-ENTRIES);
        if (!signal.aborted) this.#tell(entries);
      } catch (error) {
        this.onError(error);
      }
      await sleep(REST_MS, undefined, { signal }).catch(() => {});
    }
  }

  #tell(entries: readonly ActivityEntry[]): void {
    for (const isLocal of [true, false]) {
      const listeners = [...this.#listeners].filter((listener) => listener.isLocal === isLocal);
      if (listeners.length === 0) continue;
      const told = this.told(isLocal, entries);
      for (const listener of listeners) write(listener, told);
    }
  }
}

function write({ response }: Listener, told: Told): void {
  if (response.writableLength > UNSENT_BYTES_MAX) response.destroy();
  else if (!response.writableEnded && !response.destroyed) response.write(`data: ${JSON.stringify(told)}\n\n`);
}
