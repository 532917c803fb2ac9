/** (d) Two writes of the same size within the same second: rsync's quick check takes the second for the first. */

import { setTimeout as sleep } from 'node:timers/promises';
import { readBalance, writeBalance } from '../balance-file.js';
import type { Sites } from '../sites.js';

export interface SameSecond {
  rounds: number;
  /** Rounds whose last content reached the other spoke. */
  arrived: number;
}

const FIRST = 1111;
const LAST = 9999;
const LIMIT_MS = 20_000;

/** Each round has a user of its own, so that no later write can repair an earlier round. */
export async function measureSameSecond(sites: Sites, rounds: number): Promise<SameSecond> {
  const users = Array.from({ length: rounds }, (_, n) => `${300 + n}-twice`);
  for (const [n, user] of users.entries()) {
    await sleep(1020 - (Date.now() % 1000)); // just after the start of a second
    writeBalance(sites.from, user, FIRST);
    // From before the first write can have left to well after it has arrived, still within the second.
    await sleep(50 + (n / rounds) * 800);
    writeBalance(sites.from, user, LAST);
  }
  const limit = performance.now() + LIMIT_MS;
  const missing = new Set(users);
  while (missing.size > 0 && performance.now() < limit) {
    for (const user of missing) if (readBalance(sites.to, user) === LAST) missing.delete(user);
    await sleep(100);
  }
  return { rounds, arrived: rounds - missing.size };
}
