/**
 * Hybrid logical stamps: `<milliseconds, 11 hex><counter, 4 hex>@<site>`. Fixed width, so that plain string order is
 * time order, with the site as the last word between equals. Kulkarni et al., "Logical Physical Clocks" (2014).
 */
export type Stamp = string;

const STAMP = /^[0-9a-f]{15}@[a-z0-9][a-z0-9-]{0,62}$/;
const COUNTER_MAX = 0xffff;

export function isStamp(text: unknown): text is Stamp {
  return typeof text === 'string' && STAMP.test(text);
}

export function makeStamp(ms: number, counter: number, site: string): Stamp {
  return `${ms.toString(16).padStart(11, '0')}${counter.toString(16).padStart(4, '0')}@${site}`;
}

/** The physical part, milliseconds since 1970. */
export function stampMs(stamp: Stamp): number {
  return Number.parseInt(stamp.slice(0, 11), 16);
}

export function stampSite(stamp: Stamp): string {
  return stamp.slice(16);
}

/** A site's stamp source. Pure but for what it remembers: the time comes in, the last stamp goes out to be persisted. */
export class StampClock {
  #ms: number;
  #counter: number;

  /** `last` is the newest stamp this site has issued or seen, as persisted; undefined for a new site. */
  constructor(
    readonly site: string,
    last: Stamp | undefined,
  ) {
    this.#ms = last === undefined ? 0 : stampMs(last);
    this.#counter = last === undefined ? 0 : Number.parseInt(last.slice(11, 15), 16);
  }

  /** A stamp later than every stamp issued or seen before, and not earlier than `now` (milliseconds). */
  next(now: number): Stamp {
    // Whole milliseconds before the comparison: 5.7 after 5.2 is the same instant, and must not start its counter again.
    const ms = Math.floor(now);
    if (ms > this.#ms) {
      this.#ms = ms;
      this.#counter = 0;
    } else if (this.#counter === COUNTER_MAX) {
      this.#ms += 1;
      this.#counter = 0;
    } else {
      this.#counter += 1;
    }
    return makeStamp(this.#ms, this.#counter, this.site);
  }

  /** Takes note of another site's stamp, so that what is written here after reading it is later than it. */
  see(stamp: Stamp): void {
    const ms = stampMs(stamp);
    const counter = Number.parseInt(stamp.slice(11, 15), 16);
    if (ms > this.#ms || (ms === this.#ms && counter > this.#counter)) {
      this.#ms = ms;
      this.#counter = counter;
    }
  }

  /** The newest stamp issued or seen: persist it with what was stamped. */
  get last(): Stamp {
    return makeStamp(this.#ms, this.#counter, this.site);
  }
}
