/** The files that the benchmark writes: the sites' plainest balance shape, written as their PHP writes it. */

import { writeFileSync } from 'node:fs';
import { contentOf } from './folder-watch.js';

/** PHP's `json_encode($x, JSON_PRETTY_PRINT)` of a balance. */
export function balanceText(user: string, balance: number): string {
  return JSON.stringify({ user_id: user, balance, last_updated: Math.floor(Date.now() / 1000) }, null, 4);
}

/** Truncates and writes, as `file_put_contents` does: no lock, no rename. */
export function writeBalance(folder: string, user: string, balance: number): void {
  writeFileSync(`${folder}/${user}.txt`, balanceText(user, balance));
}

/** The balance in a text, or undefined while the text is torn. */
export function balanceIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  try {
    const { balance } = JSON.parse(text) as { balance?: unknown };
    return typeof balance === 'number' ? balance : undefined;
  } catch {
    return undefined;
  }
}

export function readBalance(folder: string, user: string): number | undefined {
  return balanceIn(contentOf(`${folder}/${user}.txt`));
}
