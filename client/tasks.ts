/** What clickforcharity's pages remember of tasks and ads in this browser, under the keys and with the rules they have. */
import type { Box } from './storage.js';

const DONE = 'completed_tasks';
const SKIPPED = 'skipped_tasks';
const STATS = 'ptc_stats';
const HOUR_MS = 3_600_000;
/** An ad may be watched again after so long. */
const AD_AGAIN_MS = 23 * HOUR_MS;

export class Tasks {
  constructor(
    readonly box: Box,
    readonly now: () => number,
  ) {}

  completed(): Record<string, string> {
    return this.#times(DONE);
  }

  complete(id: string): void {
    this.#put(DONE, { ...this.completed(), [id]: this.#moment() });
  }

  isAdCompleted(id: string): boolean {
    if (this.completed()[id] === undefined) return false;
    if (this.adTimeLeft_ms(id) > 0) return true;
    this.#drop(DONE, (task) => task === id);
    return false;
  }

  adTimeLeft_ms(id: string): number {
    const time = Date.parse(this.completed()[id] ?? '');
    return Number.isNaN(time) ? 0 : Math.max(0, time + AD_AGAIN_MS - this.now());
  }

  /** Forgets what was completed of a sort (`ad_`, `simple_`) and is no longer offered. */
  keepCompleted(prefix: string, offered: readonly string[]): void {
    this.#drop(DONE, (task) => task.startsWith(prefix) && !offered.includes(task));
  }

  adsCompleted(): number {
    const { totalCompleted } = this.#read(STATS) as { totalCompleted?: unknown };
    return typeof totalCompleted === 'number' ? totalCompleted : 0;
  }

  countAd(): number {
    const total = this.adsCompleted() + 1;
    this.#put(STATS, { ...this.#read(STATS), totalCompleted: total });
    return total;
  }

  skipped(): Record<string, string> {
    return this.#times(SKIPPED);
  }

  skip(id: string): void {
    this.#put(SKIPPED, { ...this.skipped(), [id]: this.#moment() });
  }

  unskip(id: string): void {
    this.#drop(SKIPPED, (task) => task === id);
  }

  #times(key: string): Record<string, string> {
    return this.#read(key) as Record<string, string>;
  }

  #drop(key: string, isOver: (task: string) => boolean): void {
    const all = Object.entries(this.#read(key));
    const left = all.filter(([task]) => !isOver(task));
    if (left.length < all.length) this.#put(key, Object.fromEntries(left));
  }

  #moment(): string {
    return new Date(this.now()).toISOString();
  }

  #read(key: string): Record<string, unknown> {
    try {
      const value: unknown = JSON.parse(this.box.get(key) ?? '{}');
      return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
    } catch {
      return {};
    }
  }

  #put(key: string, value: object): void {
    this.box.set(key, JSON.stringify(value));
  }
}

/** `2h 15m` */
export function durationText(ms: number): string {
  if (ms <= 0) return 'Available now';
  const minutes = Math.floor(ms / 60_000);
  const parts = [
    ...(minutes >= 60 ? [`${Math.floor(minutes / 60)}h`] : []),
    ...(minutes % 60 > 0 ? [`${minutes % 60}m`] : []),
  ];
  return parts.join(' ') || 'Less than 1m';
}
