/**
 * How many things happen at once: one more for each that went well, half for trouble. With too many connections at once a
 * network drops some, and a scan that only counts answers misses devices without noticing.
 */
export interface GateOptions {
  readonly start: number;
  readonly min: number;
  readonly max: number;
  /** In milliseconds. */
  readonly now: () => number;
}

/** What was under way when trouble came has the same trouble: it counts once in this time. */
const TROUBLE_LASTS_MS = 500;

export class Gate {
  readonly #options: GateOptions;
  readonly #waiting: (() => void)[] = [];
  #limit: number;
  #active = 0;
  #troubled_at = Number.NEGATIVE_INFINITY;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#limit = Math.min(Math.max(options.start, options.min), options.max);
  }

  get limit(): number {
    return Math.floor(this.#limit);
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#active >= this.limit) await new Promise<void>((enter) => this.#waiting.push(enter));
    else this.#active += 1;
    try {
      return await task();
    } finally {
      this.#active -= 1;
      this.#admit();
    }
  }

  wentWell(): void {
    this.#limit = Math.min(this.#limit + 1, this.#options.max);
    this.#admit();
  }

  hadTrouble(): void {
    const now = this.#options.now();
    if (now - this.#troubled_at < TROUBLE_LASTS_MS) return;
    this.#troubled_at = now;
    this.#limit = Math.max(this.#limit / 2, this.#options.min);
  }

  #admit(): void {
    while (this.#active < this.limit) {
      const enter = this.#waiting.shift();
      if (enter === undefined) return;
      this.#active += 1;
      enter();
    }
  }
}
