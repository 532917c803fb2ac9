/**
 * The log policy: lists of timed entries with a cap, such as `recent_transactions`. A list is a multiset of entry texts:
 * each replica counts what it added, so that equal entries of one second stay two, and the same state arriving twice
 * stays one. A floor remembers what has been dropped at the cap: nothing older comes back.
 */
import { entryTime, hasId } from './entry.js';
import { type Json, type JsonArray, parseJson } from './json.js';
import { mergeRecords, optional } from './merge.js';
import type { Stamp } from './stamp.js';
import { GENESIS, type LogCells, type LogState } from './state.js';

/** What a list keeps until a writer is seen dropping entries at a smaller size. */
export const DEFAULT_CAP = 100;
/** A list never shows more, whatever a state says: a state from outside must not become a file that fills the disk. */
export const ENTRIES_SHOWN_MAX = 10_000;

export function mergeLog(a: LogState, b: LogState): LogState {
  const floor = optional(a.floor, b.floor, Math.max);
  const mine = pruneLog(a, floor);
  const theirs = pruneLog(b, floor);
  const added = mergeAdded(mine.added, theirs.added);
  const removed = mergeRecords(mine.removed, theirs.removed, mergeCounts);
  const form = optional(mine.form, theirs.form, laterForm);
  if (added === a.added && removed === a.removed && floor === a.floor && form === a.form) return a;
  return { added, ...(removed && { removed }), ...(floor !== undefined && { floor }), ...(form && { form }) };
}

function mergeAdded(a: LogState['added'], b: LogState['added']): LogState['added'] {
  return mergeRecords(a, b, mergeCells) ?? a;
}

function mergeCells(a: LogCells, b: LogCells, owner: string): LogCells {
  return mergeRecords(a, b, owner === GENESIS ? earlierImport : mergeCell) ?? a;
}

type Cell = LogCells[string];

/** One replica's own count only rises: the greater count, the earlier birth. */
function mergeCell(a: Cell, b: Cell): Cell {
  const count = Math.max(a[0], b[0]);
  if (!isEarlier(b, a)) return count === a[0] ? a : [count, a[1], a[2]];
  return [count, b[1], b[2]];
}

/**
 * Of two imports of one entry the earlier stands as it is, count included: every cell must be one site's own, or the
 * part of it that another site brought would never be sent on.
 */
function earlierImport(a: Cell, b: Cell): Cell {
  if (a[1] !== b[1] || a[2] !== b[2]) return isEarlier(b, a) ? b : a;
  return b[0] > a[0] ? b : a;
}

function isEarlier(a: Cell, b: Cell): boolean {
  return a[1] < b[1] || (a[1] === b[1] && a[2] < b[2]);
}

function mergeCounts(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>) {
  return mergeRecords(a, b, (mine, theirs) => Math.max(mine, theirs)) ?? a;
}

type FormEntry = NonNullable<LogState['form']>;

function laterForm(a: FormEntry, b: FormEntry): FormEntry {
  if (a[1] !== b[1]) return b[1] > a[1] ? b : a;
  return JSON.stringify(b[0]) > JSON.stringify(a[0]) ? b : a;
}

/**
 * Raises the floor, and leaves out what is older. A log never holds entries below its own floor; an entry's time is
 * part of its text, so every replica leaves out the same.
 */
export function pruneLog(log: LogState, floor: number | undefined): LogState {
  return floor === undefined || floor === log.floor ? log : withoutOlder(log, floor);
}

/** As `pruneLog`, for a log that may break its own floor because it comes from outside. */
export function withoutOlder(log: LogState, floor: number): LogState {
  const keep = (text: string): boolean => (entryTime(text) ?? 0) >= floor;
  const { removed, ...rest } = log;
  const kept = removed && filterCells(removed, keep);
  return { ...rest, added: filterCells(log.added, keep) ?? {}, ...(kept && { removed: kept }), floor };
}

/** Undefined where nothing is left. */
function filterCells<T>(
  owners: Readonly<Record<string, Readonly<Record<string, T>>>>,
  keep: (text: string) => boolean,
): Record<string, Readonly<Record<string, T>>> | undefined {
  let left: Record<string, Readonly<Record<string, T>>> | undefined;
  for (const [owner, cells] of Object.entries(owners)) {
    const kept = Object.entries(cells).filter(([text]) => keep(text));
    if (kept.length === 0) continue;
    left ??= {};
    left[owner] = kept.length === Object.keys(cells).length ? cells : Object.fromEntries(kept);
  }
  return left;
}

/** What the books say of an entry. */
export type Tally = {
  /** How many there ever were. */
  readonly added: number;
  /** The first so many of them are gone: sites that remove the same one at the same time remove one. */
  readonly removed: number;
  /** When and where in the file the first of them was seen. */
  readonly stamp: Stamp;
  readonly position: number;
};

export function tallies(log: LogState): Map<string, Tally> {
  const books = new Map<string, Tally>();
  for (const cells of Object.values(log.added))
    for (const [text, cell] of Object.entries(cells)) {
      const known = books.get(text);
      const [count, stamp, position] = cell;
      if (known === undefined) books.set(text, { added: count, removed: 0, stamp, position });
      else {
        const added = hasId(text) ? Math.max(known.added, count) : known.added + count;
        const birth = isEarlier(cell, [0, known.stamp, known.position]) ? { stamp, position } : known;
        books.set(text, { added, removed: 0, stamp: birth.stamp, position: birth.position });
      }
    }
  for (const levels of Object.values(log.removed ?? {}))
    for (const [text, level] of Object.entries(levels)) {
      const known = books.get(text);
      if (known !== undefined && level > known.removed) books.set(text, { ...known, removed: level });
    }
  return books;
}

/** All entries the list shows, oldest first: by own time, then by when and where in the file they were first seen. */
export function logEntries(log: LogState, books = tallies(log)): string[] {
  const rows: { text: string; time: number; tally: Tally }[] = [];
  for (const [text, tally] of books)
    if (tally.added > tally.removed) rows.push({ text, time: entryTime(text) ?? 0, tally });
  rows.sort(
    (a, b) =>
      b.time - a.time ||
      order(b.tally.stamp, a.tally.stamp) ||
      b.tally.position - a.tally.position ||
      order(b.text, a.text),
  );
  const cap = Math.min(log.form?.[0].cap ?? DEFAULT_CAP, ENTRIES_SHOWN_MAX);
  const texts: string[] = [];
  for (const { text, tally } of rows)
    for (let n = tally.added - tally.removed; n > 0 && texts.length < cap; n--) texts.push(text);
  return texts.reverse();
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The list as the file holds it. */
export function renderLog(log: LogState): JsonArray {
  const texts = logEntries(log);
  if (log.form?.[0].newest !== 'last') texts.reverse();
  return { kind: 'array', items: texts.map((text) => parseJson(text) as Json) };
}
