/**
 * Gathers events that come close together, so that thousands of documents are one line and not thousands. A window opens
 * with the first event and closes 200 ms later; what is shown is therefore up to 200 ms late, while the latencies in it
 * are the daemons' own.
 */
import type { DemoEvent } from './event.js';

export type Timed = { readonly time: Date; readonly event: DemoEvent };

/** Events of one sort: the same thing happened, at the same site, from the same site. In order. */
export type Group = readonly [Timed, ...Timed[]];

export const WINDOW_MS = 200;
/** A group with more documents than this is shown as one line. */
export const SHOWN_ONE_BY_ONE_MAX = 20;

export class Bursts {
  readonly #show: (groups: Group[]) => void;
  readonly #now: () => Date;
  #gathered: Timed[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(show: (groups: Group[]) => void, now: () => Date) {
    this.#show = show;
    this.#now = now;
  }

  add(event: DemoEvent): void {
    this.#gathered.push({ time: this.#now(), event });
    this.#timer ??= setTimeout(() => this.flush(), WINDOW_MS);
  }

  /** Shows at once what has been gathered. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const gathered = this.#gathered;
    this.#gathered = [];
    if (gathered.length > 0) this.#show(group(gathered));
  }
}

/** Large groups stay together; the events of small ones are given back one by one, all in the order of time. */
function group(gathered: readonly Timed[]): Group[] {
  const groups = new Map<string, [Timed, ...Timed[]]>();
  for (const timed of gathered) {
    const { event, site, from, code } = timed.event;
    const key = JSON.stringify([event, site, from, code]);
    const same = groups.get(key);
    if (same === undefined) groups.set(key, [timed]);
    else same.push(timed);
  }
  return [...groups.values()]
    .flatMap((same): Group[] => (same.length > SHOWN_ONE_BY_ONE_MAX ? [same] : same.map((timed) => [timed])))
    .sort((a, b) => a[0].time.getTime() - b[0].time.getTime());
}
