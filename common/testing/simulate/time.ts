/**
 * Virtual time: every timer of the process waits here, and the next due one runs as soon as the one before it has come
 * to rest. What runs belongs to an owner (a daemon, the people of a site, the director); an owner that is dead runs no
 * more. A timer belongs to whoever started it, so that a daemon dies with everything that it had in hand.
 */
import type { Machine } from './machine.js';

/** Thrown out of the simulated system calls of the dead. */
export class Death extends Error {}

export class Owner {
  isDead = false;

  constructor(
    readonly name: string,
    readonly machine?: Machine,
  ) {}
}

type Due = {
  at: number;
  order: number;
  readonly owner: Owner;
  readonly run: () => void;
  readonly every: number | undefined;
  isOff: boolean;
};

/** What setTimeout returns. */
export class Timer {
  constructor(
    readonly time: Time,
    public due: Due,
  ) {}
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  hasRef(): boolean {
    return false;
  }
  refresh(): this {
    const { owner, run, every } = this.due;
    const ms = this.ms;
    this.due.isOff = true;
    this.due = this.time.add(ms, run, owner, every);
    return this;
  }
  ms = 0;
  close(): void {
    this.due.isOff = true;
  }
}

/** 2026-01-01, about. */
const EPOCH_MS = 1_767_225_600_000;
const native = { setImmediate: globalThis.setImmediate };
/** Real turns asked for together: each runs one due event and everything that follows from it. */
const TURNS = 64;

export class Time {
  now = EPOCH_MS;
  readonly director = new Owner('director');
  current: Owner = this.director;
  /** Events run since the start: what a hanging run is known by. */
  turns = 0;
  #heap: Due[] = [];
  #order = 0;
  #running = false;
  #pending = 0;
  onError: (error: unknown, owner: Owner) => void = () => {};

  get elapsed(): number {
    return this.now - EPOCH_MS;
  }

  add(ms: number, run: () => void, owner: Owner = this.current, every?: number): Due {
    const wait = ms > 0 && ms < 2 ** 31 ? ms : 0;
    const due: Due = { at: this.now + wait, order: this.#order++, owner, run, every, isOff: false };
    this.#push(due);
    if (this.#running) this.#fill();
    return due;
  }

  timer(ms: number | undefined, run: () => void, every?: number): Timer {
    // Node's own rule: less than a millisecond is one.
    const wait = Math.max(1, Math.trunc(Number(ms)) || 1);
    const timer = new Timer(this, this.add(wait, run, this.current, every));
    timer.ms = wait;
    return timer;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.add(ms, resolve));
  }

  /** Runs `work` and everything that it starts, until it has ended. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.#running = true;
    this.current = this.director;
    try {
      const result = work();
      this.#fill();
      return await result;
    } finally {
      this.#running = false;
      this.#heap = [];
    }
  }

  #fill(): void {
    while (this.#pending < Math.min(TURNS, this.#heap.length)) {
      this.#pending++;
      native.setImmediate(() => this.#turn());
    }
  }

  #turn(): void {
    this.#pending--;
    if (!this.#running) return;
    const due = this.#pop();
    if (due === undefined) return;
    this.turns++;
    if (due.at > this.now) this.now = due.at;
    this.current = due.owner;
    if (due.every !== undefined) {
      due.at = this.now + due.every;
      due.order = this.#order++;
      this.#push(due);
    }
    try {
      due.run();
    } catch (error) {
      if (!(error instanceof Death)) this.onError(error, due.owner);
    }
    this.#fill();
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(due);
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (!isBefore(due, heap[up] as Due)) break;
      heap[i] = heap[up] as Due;
      i = up;
    }
    heap[i] = due;
  }

  /** The next that is still wanted. */
  #pop(): Due | undefined {
    for (;;) {
      const heap = this.#heap;
      const first = heap[0];
      const last = heap.pop();
      if (first === undefined || last === undefined) return undefined;
      if (heap.length > 0) this.#sink(last);
      if (!first.isOff && !first.owner.isDead) return first;
    }
  }

  #sink(due: Due): void {
    const heap = this.#heap;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Due, heap[child] as Due)) child++;
      if (!isBefore(heap[child] as Due, due)) break;
      heap[i] = heap[child] as Due;
      i = child;
    }
    heap[i] = due;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
