/**
 * The log policy: lists of timed entries with a cap, such as `recent_transactions`. A list is a multiset of entry texts:
 * each replica counts what it added and what it removed, so equal entries of one second stay two, and the same entry
 * arriving twice stays one. A floor remembers what has been dropped at the cap: nothing older comes back.
 */
import { normalNumber } from './amount.js';
import { type Json, type JsonArray, parseJson, scalarType } from './json.js';
import { mergeRecords, optional } from './merge.js';
import type { Stamp } from './stamp.js';
import type { LogCells, LogForm, LogState } from './state.js';

/** What a list keeps until a writer is seen dropping entries at a smaller size. */
export const DEFAULT_CAP = 100;

const TIME_KEYS = ['timestamp', 'time', 'date', 'created_at'] as const;
const SECONDS_BELOW = 100_000_000_000;

/** Milliseconds since 1970 of an entry's own time: a number (seconds or milliseconds), ISO text, or "Y-m-d H:i:s" as UTC. */
export function entryTime(text: string): number | undefined {
  let entry: unknown;
  try {
    entry = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof entry !== 'object' || entry === null) return undefined;
  for (const key of TIME_KEYS) {
    const value = (entry as Record<string, unknown>)[key];
    if (typeof value === 'number' && value > 0) return Math.floor(value < SECONDS_BELOW ? value * 1000 : value);
    if (typeof value === 'string') {
      const bare = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})$/.exec(value);
      const ms = Date.parse(bare === null ? value : `${bare[1]}T${bare[2]}Z`);
      if (Number.isFinite(ms)) return ms;
    }
  }
  return undefined;
}

/** The identity of an entry: compact JSON with numbers in one spelling. */
export function entryText(entry: Json): string {
  if (entry.kind === 'scalar') return scalarType(entry) === 'number' ? normalNumber(entry.text) : entry.text;
  if (entry.kind === 'array') return `[${entry.items.map(entryText).join(',')}]`;
  return `{${[...entry.entries].map(([key, item]) => `${JSON.stringify(key)}:${entryText(item)}`).join(',')}}`;
}

/** The entries of a list, in file order; undefined where any has no time of its own: then the list is a plain value. */
export function logTexts(list: Json): string[] | undefined {
  if (list.kind !== 'array') return undefined;
  const texts = list.items.map(entryText);
  return texts.every((text) => entryTime(text) !== undefined) ? texts : undefined;
}

export function mergeLog(a: LogState, b: LogState): LogState {
  const floor = optional(a.floor, b.floor, Math.max);
  const mine = prune(a, floor);
  const theirs = prune(b, floor);
  const added = mergeRecords(mine.added, theirs.added, mergeCells) ?? mine.added;
  const removed = mergeRecords(mine.removed, theirs.removed, mergeCounts);
  const form = optional(mine.form, theirs.form, laterForm);
  if (added === a.added && removed === a.removed && floor === a.floor && form === a.form) return a;
  return { added, ...(removed && { removed }), ...(floor !== undefined && { floor }), ...(form && { form }) };
}

function mergeCells(a: LogCells, b: LogCells): LogCells {
  return mergeRecords(a, b, mergeCell) ?? a;
}

type Cell = LogCells[string];

/** The greater count, the earlier birth. */
function mergeCell(a: Cell, b: Cell): Cell {
  const count = Math.max(a[0], b[0]);
  const bEarlier = b[1] < a[1] || (b[1] === a[1] && b[2] < a[2]);
  if (!bEarlier) return count === a[0] ? a : [count, a[1], a[2]];
  return [count, b[1], b[2]];
}

function mergeCounts(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>) {
  return mergeRecords(a, b, Math.max) ?? a;
}

type FormEntry = NonNullable<LogState['form']>;

function laterForm(a: FormEntry, b: FormEntry): FormEntry {
  if (a[1] !== b[1]) return b[1] > a[1] ? b : a;
  return JSON.stringify(b[0]) > JSON.stringify(a[0]) ? b : a;
}

/** Without what is older than the floor. An entry's time is part of its text, so every replica drops the same. */
function prune(log: LogState, floor: number | undefined): LogState {
  if (floor === undefined) return log;
  const keep = (text: string): boolean => (entryTime(text) ?? Number.POSITIVE_INFINITY) >= floor;
  const added = pruneRecords(log.added, keep);
  const removed = log.removed && pruneRecords(log.removed, keep);
  if (added === log.added && removed === log.removed) return log;
  const { removed: _, ...rest } = log;
  return { ...rest, added, ...(removed && { removed }) };
}

function pruneRecords<T>(
  owners: Readonly<Record<string, Readonly<Record<string, T>>>>,
  keep: (text: string) => boolean,
): Readonly<Record<string, Readonly<Record<string, T>>>> {
  let changed = false;
  const pruned: Record<string, Readonly<Record<string, T>>> = {};
  for (const [owner, cells] of Object.entries(owners)) {
    const kept = Object.entries(cells).filter(([text]) => keep(text));
    if (kept.length < Object.keys(cells).length) changed = true;
    if (kept.length > 0) pruned[owner] = kept.length === Object.keys(cells).length ? cells : Object.fromEntries(kept);
    else changed = true;
  }
  return changed ? pruned : owners;
}

/** How many of each entry there are by the books, which a double removal can take below zero. */
function totals(log: LogState): Map<string, number> {
  const counts = new Map<string, number>();
  for (const cells of Object.values(log.added))
    for (const [text, [count]] of Object.entries(cells)) counts.set(text, (counts.get(text) ?? 0) + count);
  for (const cells of Object.values(log.removed ?? {}))
    for (const [text, count] of Object.entries(cells)) counts.set(text, (counts.get(text) ?? 0) - count);
  return counts;
}

/**
 * All entries the list shows, oldest first: by own time, then by when and where in the file they were first seen.
 * Entries first seen up to `since` (an outlived tombstone) stay hidden.
 */
export function logEntries(log: LogState, since: Stamp | '' = ''): string[] {
  const births = new Map<string, readonly [Stamp, number]>();
  for (const cells of Object.values(log.added))
    for (const [text, [, stamp, position]] of Object.entries(cells)) {
      const known = births.get(text);
      if (known === undefined || stamp < known[0] || (stamp === known[0] && position < known[1]))
        births.set(text, [stamp, position]);
    }
  const rows: { text: string; time: number; stamp: Stamp; position: number; count: number }[] = [];
  for (const [text, count] of totals(log)) {
    const [stamp, position] = births.get(text) ?? ['', 0];
    if (count > 0 && stamp > since) rows.push({ text, time: entryTime(text) ?? 0, stamp, position, count });
  }
  rows.sort((a, b) => a.time - b.time || order(a.stamp, b.stamp) || a.position - b.position || order(a.text, b.text));
  const texts: string[] = [];
  for (const row of rows) for (let i = 0; i < row.count; i++) texts.push(row.text);
  const cap = log.form?.[0].cap ?? DEFAULT_CAP;
  return texts.length > cap ? texts.slice(texts.length - cap) : texts;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The list as the file holds it. */
export function renderLog(log: LogState, since: Stamp | '' = ''): JsonArray {
  const texts = logEntries(log, since);
  if (log.form?.[0].newest !== 'last') texts.reverse();
  return { kind: 'array', items: texts.map((text) => parseJson(text) as Json) };
}

/**
 * Adds to `log` what `owner` changed: `shadow` and `live` are entry texts in file order. Entries that are gone are
 * removals, unless they fell off the old end of a list at its cap while new ones came in.
 */
export function diffLog(
  log: LogState | undefined,
  shadow: readonly string[],
  live: readonly string[],
  owner: string,
  stamp: Stamp,
): LogState {
  const base: LogState = log ?? { added: {} };
  const before = base.form?.[0];
  const newest = direction(live) ?? before?.newest ?? 'first';
  const was = count(shadow);
  const is = count(live);
  const incoming = [...is].filter(([text, n]) => n > (was.get(text) ?? 0));
  const outgoing = [...was].filter(([text, n]) => n > (is.get(text) ?? 0));

  const dropped = fellOff(shadow, before?.newest ?? newest, outgoing, is);
  const atCap = incoming.length > 0 || live.length === before?.cap;
  const isDrop = dropped.length > 0 && atCap;
  const cap = isDrop && incoming.length > 0 ? live.length : Math.max(live.length, before?.cap ?? DEFAULT_CAP);
  const floor = isDrop ? Math.max(base.floor ?? 0, ...dropped.map((text) => entryTime(text) ?? 0)) : base.floor;

  const counts = totals(base);
  const shown = count(logEntries(base));
  const cells: Record<string, Cell> = { ...base.added[owner] };
  const oldestFirst = newest === 'first' ? [...live].reverse() : live;
  for (const [text, n] of incoming) {
    // What the books hold beyond what is shown (hidden by the cap, or below zero after a double removal) is not new.
    const hidden = (counts.get(text) ?? 0) - (shown.get(text) ?? 0);
    const missing = n - (was.get(text) ?? 0) - hidden;
    if (missing <= 0 || (entryTime(text) ?? 0) < (floor ?? 0)) continue;
    const mine = cells[text];
    cells[text] = mine === undefined ? [missing, stamp, oldestFirst.indexOf(text)] : [mine[0] + missing, mine[1], mine[2]];
  }
  const removed: Record<string, number> = { ...base.removed?.[owner] };
  if (!isDrop)
    for (const [text, n] of outgoing) removed[text] = (removed[text] ?? 0) + n - (is.get(text) ?? 0);

  const form: LogForm = { newest, cap };
  const sameForm = before !== undefined && before.newest === newest && before.cap === cap;
  const next: LogState = {
    added: { ...base.added, ...(Object.keys(cells).length > 0 && { [owner]: cells }) },
    ...((base.removed || Object.keys(removed).length > 0) && {
      removed: { ...base.removed, ...(Object.keys(removed).length > 0 && { [owner]: removed }) },
    }),
    ...(floor !== undefined && { floor }),
    form: sameForm && base.form ? base.form : [form, stamp],
  };
  return prune(next, floor);
}

function count(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

/** Whether the newest entry stands first or last; undefined where the times do not tell. */
function direction(texts: readonly string[]): 'first' | 'last' | undefined {
  const first = entryTime(texts[0] ?? '');
  const last = entryTime(texts[texts.length - 1] ?? '');
  if (first === undefined || last === undefined || first === last) return undefined;
  return first > last ? 'first' : 'last';
}

/** The missing entries if all of them are the old end of the former list, else none. */
function fellOff(
  shadow: readonly string[],
  newest: 'first' | 'last',
  outgoing: readonly (readonly [string, number])[],
  live: ReadonlyMap<string, number>,
): string[] {
  const lost = outgoing.reduce((sum, [text, n]) => sum + n - (live.get(text) ?? 0), 0);
  if (lost === 0 || lost === shadow.length) return [];
  const oldEnd = newest === 'first' ? shadow.slice(shadow.length - lost) : shadow.slice(0, lost);
  const ends = count(oldEnd);
  const all = outgoing.every(([text, n]) => ends.get(text) === n - (live.get(text) ?? 0));
  return all ? oldEnd : [];
}
