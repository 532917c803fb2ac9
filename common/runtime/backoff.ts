/**
 * Exponential backoff with full jitter: each delay is uniform in [0, ceiling), and the ceiling doubles up to a limit.
 * Full jitter, because spokes that lost the same hub at the same instant must not come back at the same instant.
 */
export type BackoffOptions = {
  /** Ceiling of the first delay. */
  readonly first_ms: number;
  /** No delay is ever longer. */
  readonly limit_ms: number;
  /** Growth per failure, default 2. */
  readonly factor?: number;
  /** Uniform in [0, 1), such as Math.random; passed in so that tests name the exact delays. */
  readonly random: () => number;
};

export class Backoff {
  readonly #options: BackoffOptions;
  #ceiling_ms: number;

  constructor(options: BackoffOptions) {
    this.#options = options;
    this.#ceiling_ms = Math.min(options.first_ms, options.limit_ms);
  }

  /** The delay before the next try, in whole milliseconds. */
  next(): number {
    const delay_ms = Math.floor(this.#options.random() * this.#ceiling_ms);
    this.#ceiling_ms = Math.min(this.#ceiling_ms * (this.#options.factor ?? 2), this.#options.limit_ms);
    return delay_ms;
  }

  /** After a success: the next failure starts from the beginning. */
  reset(): void {
    this.#ceiling_ms = Math.min(this.#options.first_ms, this.#options.limit_ms);
  }
}
