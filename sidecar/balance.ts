/** A user's balance as it stands in a document. */
import { type Amount, ZERO } from '../common/core/amount.js';
import { timeOf } from '../common/core/entry.js';
import { counterValue } from '../common/core/render.js';
import type { DocState } from '../common/core/state.js';
import { counterOf } from '../common/replica/booking.js';
import { Unread } from '../common/replica/replica.js';
import type { DocumentRow } from '../common/replica/store.js';
import type { Books } from './books.js';

export const BALANCES = 'balances';
export const BALANCE = '/balance';

export type BalanceNow = { readonly balance: Amount; readonly known: boolean; readonly last_updated: number | null };

/** A document that is not known, or holds no amount, is not zero: it is unknown (see `readBalance`). `last_updated` in milliseconds. */
export function balanceOf(row: DocumentRow | undefined): BalanceNow {
  const state = row === undefined ? {} : (JSON.parse(row.state) as DocState);
  if (row === undefined || state.counters?.[BALANCE] === undefined)
    return { balance: ZERO, known: false, last_updated: null };
  const written = state.registers?.['/last_updated']?.[0];
  const updated = written ? timeOf(JSON.parse(written)) : undefined;
  return { balance: counterValue(counterOf(state, BALANCE)), known: true, last_updated: updated ?? row.at };
}

/** Rejects as `Books.read`, and with Unread where there is a file that shows no amount: that is not 0. */
export async function readBalance(
  books: Books,
  document: string,
): Promise<{ row: DocumentRow | undefined; now: BalanceNow }> {
  const row = await books.read(document);
  const now = balanceOf(row);
  if (!now.known && books.replica.hasFile(document)) throw new Unread(document);
  return { row, now };
}
