import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Backoff } from '../runtime/backoff.js';
import type { LiveProcess, ProcessResult } from '../runtime/spawn.js';
import { WarmPool } from './warm-pool.js';

/** A child that does what a test says. Ends when its input ends, as an rsync without names does. */
class FakeProcess implements LiveProcess {
  running = true;
  ended = false;
  killed = false;
  stubborn = false;
  #resolve: (result: ProcessResult) => void = () => {};
  readonly exited = new Promise<ProcessResult>((resolve) => {
    this.#resolve = resolve;
  });
  #listener: (stream: 'stdout' | 'stderr', text: string) => void = () => {};

  constructor(readonly pid: number) {}
  write(): void {}
  end(): void {
    this.ended = true;
    if (!this.stubborn) this.die();
  }
  onOutput(listener: (stream: 'stdout' | 'stderr', text: string) => void): void {
    this.#listener = listener;
  }
  kill(): void {
    this.killed = true;
    this.die();
  }
  say(stream: 'stdout' | 'stderr', text: string): void {
    this.#listener(stream, text);
  }
  die(): void {
    this.running = false;
    this.#resolve({ code: 0, signal: null, stdout: '', stderr: '', timedOut: false, ms: 1 });
  }
}

describe('warm pool', () => {
  let started: FakeProcess[];
  let pool: WarmPool;

  beforeEach(() => {
    vi.useFakeTimers();
    started = [];
    pool = new WarmPool({
      start: () => {
        const child = new FakeProcess(started.length + 1);
        started.push(child);
        return child;
      },
      backoff: new Backoff({ first_ms: 1_000, limit_ms: 8_000, random: () => 0.5 }),
      size: 2,
      idle_max_ms: 45_000,
    });
    pool.fill();
  });
  afterEach(async () => {
    await pool.close();
    vi.useRealTimers();
  });

  it('keeps as many as it should, and hands out the oldest', () => {
    pool.fill();
    expect(pool.pids).toEqual([1, 2]);
    expect(pool.take()?.pid).toBe(1);
    pool.fill();
    expect(pool.pids).toEqual([2, 3]);
  });

  it('never hands out one that has ended', () => {
    const first = started[0];
    if (first) first.running = false;
    expect(pool.take()?.pid).toBe(2);
    expect(pool.take()).toBeUndefined();
  });

  it('gives up one that speaks on stderr, for a healthy one is silent', async () => {
    started[0]?.say('stdout', 'a greeting');
    expect(pool.waiting).toBe(2);
    started[0]?.say('stderr', 'Connection closed');
    expect(pool.pids).toEqual([2]);
    expect(started[0]?.ended).toBe(true);
    await vi.advanceTimersByTimeAsync(500);
    expect(pool.pids).toEqual([2, 3]);
  });

  it('replaces dying ones ever more slowly, and quickly again after a success', async () => {
    const times: number[] = [];
    const begin = Date.now();
    for (let round = 0; round < 5; round++) {
      for (const child of [...started]) child.die();
      await vi.advanceTimersByTimeAsync(0);
      const before = started.length;
      for (let step = 0; step < 100 && started.length === before; step++) await vi.advanceTimersByTimeAsync(100);
      times.push(Date.now() - begin);
    }
    expect(times).toEqual([500, 1_500, 3_500, 7_500, 11_500]);
    for (const child of [...started]) child.die();
    await vi.advanceTimersByTimeAsync(0);
    pool.succeeded();
    pool.fill();
    expect(pool.waiting).toBe(2);
  });

  it('replaces an old one, which stays takeable until its successor has had time to connect', async () => {
    await vi.advanceTimersByTimeAsync(45_000);
    expect(pool.pids).toEqual([1, 2, 3, 4]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(pool.pids).toEqual([3, 4]);
    expect(started[0]).toMatchObject({ ended: true, killed: false });
  });

  it('suspects the siblings of one that failed, and kills what does not end', async () => {
    const [first, second] = started;
    if (second) second.stubborn = true;
    pool.failed();
    expect(pool.waiting).toBe(0);
    expect([first?.ended, second?.ended, second?.running]).toEqual([true, true, true]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(second?.killed).toBe(true);
    expect(pool.pids).toEqual([3, 4]);
  });

  it('starts nothing once closed', async () => {
    await pool.close();
    pool.fill();
    await vi.advanceTimersByTimeAsync(100_000);
    expect(started).toHaveLength(2);
    expect(started.every((child) => !child.running)).toBe(true);
  });
});
