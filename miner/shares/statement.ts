/** What was mined and credited, by user and miner, and by day: the days agree with the site's own to the last digit. */
import Big from 'big.js';
import type { CreditSums } from '../store/credits.js';
import type { FleetStore } from '../store/store.js';

export interface StatementQuery {
  readonly user?: string;
  /** Its `worker_key`: what the sites call the miner. */
  readonly miner?: string;
  /** Whole seconds since 1970, of the ends of periods: `from` and later, before `to`. */
  readonly from?: number;
  readonly to?: number;
  /** One row for each day (UTC), or for all of the time. */
  readonly group?: 'day';
}

export interface StatementRow {
  /** 2026-01-31, UTC, on which the periods ended. */
  readonly day?: string;
  readonly user: string;
  readonly miner: string;
  /** Taken by the site: decimal text, as all amounts and difficulties. */
  readonly amount: string;
  readonly difficulty: string;
  /** How many credits that are. */
  readonly credits: number;
  /** Not taken yet. */
  readonly owed: string;
  readonly refused: string;
  /** Some of it is an estimate: the miner counts shares, not difficulty. */
  readonly is_estimate: boolean;
}

type Sums = { -readonly [K in keyof StatementRow]: StatementRow[K] };

const SECONDS_MAX = 253_402_300_800;

/** In order of day, user and miner. */
export function statementOf(store: FleetStore, query: StatementQuery = {}): StatementRow[] {
  const rows = new Map<string, Sums>();
  const { from = 0, to = SECONDS_MAX, user, miner, group } = query;
  for (const sums of store.credits.sums(from, to, user, miner, group === 'day')) {
    const key = JSON.stringify([sums.day ?? '', sums.user, sums.miner]);
    const row = rows.get(key) ?? emptyRow(sums);
    addTo(row, sums);
    rows.set(key, row);
  }
  return [...rows].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, row]) => row);
}

export function dayOf(at_s: number): string {
  return new Date(at_s * 1_000).toISOString().slice(0, 10);
}

/** False of text that begins with a day like 2026-02-31, which `Date.parse` takes for one in March. */
export function hasRealDay(text: string): boolean {
  const [day] = /^\d{4}-\d\d-\d\d/.exec(text) ?? [];
  if (day === undefined) return true;
  const at = Date.parse(day);
  return !Number.isNaN(at) && dayOf(at / 1_000) === day;
}

function emptyRow({ day, user, miner }: CreditSums): Sums {
  const sums = { amount: '0', difficulty: '0', credits: 0, owed: '0', refused: '0', is_estimate: false };
  return { ...(day !== null && { day }), user, miner, ...sums };
}

function addTo(
  row: Sums,
  { state, amount, amount_e8, difficulty, difficulty_e8, credits, is_estimate }: CreditSums,
): void {
  const plus = (total: string, whole: string, e8: string) =>
    new Big(e8).times('1e-8').plus(whole).plus(total).toFixed();
  if (state === 'owed') row.owed = plus(row.owed, amount, amount_e8);
  if (state === 'refused') row.refused = plus(row.refused, amount, amount_e8);
  if (state !== 'paid') return;
  row.amount = plus(row.amount, amount, amount_e8);
  row.difficulty = plus(row.difficulty, difficulty, difficulty_e8);
  row.credits += credits;
  row.is_estimate ||= is_estimate === 1;
}
