/** Pull mode, spoke side: fetch, process, and remember what was fetched for as long as the hub may still show it. */
import type { Fetcher } from '../link/transport.js';
import { Backoff } from '../runtime/backoff.js';
import type { Reporter } from './reporter.js';
import { sleep } from './sleep.js';

export type FetchLoopOptions = {
  /** Of whom it fetches. */
  readonly site: string;
  readonly fetcher: Fetcher;
  readonly interval_ms: number;
  /** Something came. */
  readonly wake: () => void;
  readonly reporter: Reporter;
  readonly random: () => number;
  readonly signal: AbortSignal;
};

/** Names of fetched batches that are remembered: more than a shelf holds. */
const SEEN_MAX = 256;

/** Resolves once `signal` is aborted. */
export async function fetchLoop(options: FetchLoopOptions): Promise<void> {
  const { site, fetcher, interval_ms, wake, reporter, random, signal } = options;
  const backoff = new Backoff({ first_ms: interval_ms, limit_ms: 30_000, random });
  let seen: string[] = [];
  let isDown = false;
  while (!signal.aborted) {
    const result = await fetcher.fetch(seen);
    if (result.ok) {
      backoff.reset();
      if (isDown) reporter.up(site);
      isDown = false;
      seen = [...seen, ...result.names].slice(-SEEN_MAX);
      if (result.names.length > 0) wake();
      await sleep(interval_ms, signal);
    } else if (!signal.aborted) {
      if (!isDown) reporter.down(site, result);
      isDown = true;
      await sleep(interval_ms + backoff.next(), signal);
    }
  }
}
