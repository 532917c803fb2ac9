/** (b) Thousands of new files at once → all of them on the other spoke, with the right content. */

import { readdirSync } from 'node:fs';
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
/** An inotify event per file would cost the measured system a core; a listing this often costs it a few percent. */
const LOOK_EVERY_MS = 20;

/** `round` keeps the names of one burst apart from those of another. */
export async function measureBurst(sites: Sites, files: number, round: number): Promise<Burst> {
  const expected = new Map<string, number>();
  for (let n = 0; n < files; n += 1) expected.set(`${round}${String(n).padStart(6, '0')}-burst.txt`, 1000 + n);

  const start = performance.now();
  for (const [name, balance] of expected) writeBalance(sites.from, name.slice(0, -'.txt'.length), balance);

  let end = start;
  while (expected.size > 0 && performance.now() < start + LIMIT_MS) {
    await sleep(LOOK_EVERY_MS);
    if (takeArrived(sites.to, expected) > 0) end = performance.now();
  }
  const total_ms = end - start;
  return { files_per_s: ((files - expected.size) / total_ms) * 1000, total_ms, missing: expected.size };
}

/** Crosses off what is there with the right content; each file is read only until it is right. */
function takeArrived(folder: string, expected: Map<string, number>): number {
  let taken = 0;
  for (const name of readdirSync(folder)) {
    const balance = expected.get(name);
    if (balance === undefined || balanceIn(contentOf(`${folder}/${name}`)) !== balance) continue;
    expected.delete(name);
    taken += 1;
  }
  return taken;
}
