/** Waiting until a system has finished: the files of interest equal everywhere and unchanged for a while. */

import { setTimeout as sleep } from 'node:timers/promises';
import { contentOf } from '../folder-watch.js';

/** Resolves when none of the files has changed for `stillMs`, or after `limitMs` in any case. */
export async function waitForQuiet(paths: readonly string[], stillMs: number, limitMs: number): Promise<void> {
  const end = performance.now() + limitMs;
  let before = '';
  let since = performance.now();
  while (performance.now() < end) {
    const now = JSON.stringify(paths.map(contentOf));
    if (now !== before) since = performance.now();
    if (performance.now() - since >= stillMs) return;
    before = now;
    await sleep(100);
  }
}
