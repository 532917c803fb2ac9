/** Statement rows of all devices, by day and user. Pure; sums are exact. */
import { type Amount, add, ZERO } from '../../../common/core/amount.js';
import type { StatementRow } from './types.js';

export interface DayOfUser {
  readonly day: string;
  readonly user: string;
  readonly paid: Amount;
  readonly owed: Amount;
  readonly refused: Amount;
  readonly difficulty: Amount;
  readonly is_estimate: boolean;
}

/** The latest day first. */
export function byDayAndUser(rows: readonly StatementRow[]): DayOfUser[] {
  const days = new Map<string, DayOfUser>();
  for (const { day = '', user, amount, owed = ZERO, refused = ZERO, difficulty, is_estimate = false } of rows) {
    const key = `${day} ${user}`;
    const before = days.get(key) ?? {
      day,
      user,
      paid: ZERO,
      owed: ZERO,
      refused: ZERO,
      difficulty: ZERO,
      is_estimate: false,
    };
    days.set(key, {
      day,
      user,
      paid: add(before.paid, amount),
      owed: add(before.owed, owed),
      refused: add(before.refused, refused),
      difficulty: add(before.difficulty, difficulty),
      is_estimate: before.is_estimate || is_estimate,
    });
  }
  const collator = new Intl.Collator('en', { numeric: true });
  return [...days.values()].sort(
    (one, other) => collator.compare(other.day, one.day) || collator.compare(one.user, other.user),
  );
}
