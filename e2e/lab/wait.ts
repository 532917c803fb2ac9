/** Bounded waiting: every wait in a test has a limit and says what it was waiting for. */

import { setTimeout as sleep } from 'node:timers/promises';

export { sleep };

export interface WaitOptions {
  timeoutMs: number;
  everyMs?: number;
}

/** Asks `probe` until it returns something other than undefined or false; rejects with `what` after the limit. */
export async function waitFor<T>(
  what: string,
  { timeoutMs, everyMs = 50 }: WaitOptions,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() >= end) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await sleep(everyMs);
  }
}
