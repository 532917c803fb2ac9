/** For long tables of tests that mostly wait: while one is awaited, the next few are under way already. */
import { it } from 'vitest';

export class Ahead {
  readonly #jobs: (() => Promise<void>)[] = [];
  readonly #started: Promise<void>[] = [];
  #running = 0;

  /** `width` tests at a time. */
  constructor(readonly width: number) {}

  it(title: string, run: () => Promise<void>): void {
    const index = this.#jobs.push(run) - 1;
    it(title, () => {
      this.#fill(index);
      // Where earlier tests were filtered out, nothing has reached this one yet.
      if (this.#started[index] === undefined) this.#begin(index);
      return this.#started[index];
    });
  }

  #fill(from: number): void {
    for (let i = from; i < this.#jobs.length && this.#running < this.width; i++)
      if (this.#started[i] === undefined) this.#begin(i);
  }

  #begin(index: number): void {
    this.#running++;
    const job = (this.#jobs[index] as () => Promise<void>)();
    // Its own test reports the failure; until then nobody listens.
    job
      .catch(() => {})
      .finally(() => {
        this.#running--;
        this.#fill(index + 1);
      });
    this.#started[index] = job;
  }
}
