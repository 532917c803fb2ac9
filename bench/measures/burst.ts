/** (b) Thousands of new files at once → all of them on the other spoke, with the right content. */

import { setTimeout as sleep } from 'node:timers/promises';
import { balanceIn, writeBalance } from '../balance-file.js';
import { contentOf } from '../folder-watch.js';
import type { Sites } from '../sites.js';

export interface Burst {
  files_per_s: number;
  total_ms: number;
  /** Files that were not there, or not right, at the limit. The rate counts only those that were. */
  missing: number;
}

const LIMIT_MS = 120_000;
/** An inotify event per file, or listing the folder again and again, would cost the measured system half a core. */
const LOOK_EVERY_MS = 5;

/** `round` keeps the names of one burst apart from those of another. */
export async function measureBurst(sites: Sites, files: number, round: number): Promise<Burst> {
  const balances = Array.from({ length: files }, (_, n) => 1000 + n);
  const user = (n: number): string => `${round}${String(n).padStart(6, '0')}-burst`;
  const isThere = (n: number): boolean => balanceIn(contentOf(`${sites.to}/${user(n)}.txt`)) === balances[n];

  const start = performance.now();
  for (const [n, balance] of balances.entries()) writeBalance(sites.from, user(n), balance);

  // One after the other: the next that is missing is looked at now and then, and what is there is not read again.
  let arrived = 0;
  while (arrived < files && performance.now() < start + LIMIT_MS) {
    if (isThere(arrived)) arrived += 1;
    else await sleep(LOOK_EVERY_MS);
  }
  const total_ms = performance.now() - start;
  const missing = balances.filter((_, n) => n >= arrived && !isThere(n)).length;
  return { files_per_s: ((files - missing) / total_ms) * 1000, total_ms, missing };
}
