/** What a site changed in a list: entries added, entries removed, and entries that fell off the old end at the cap. */
import { entryTime, hasId } from './entry.js';
import { DEFAULT_CAP, logEntries, pruneLog, type Tally, tallies } from './log.js';
import type { Stamp } from './stamp.js';
import { ENTRY_COUNT_MAX, type LogCells, type LogForm, type LogState } from './state.js';

/** No writer keeps fewer: what is missing from a shorter list was removed, it did not fall off. */
const CAP_MIN = 10;

type Cell = LogCells[string];

/** Adds to `log` what `owner` (`remover` for what is gone) changed: `shadow` and `live` are entry texts in file order. */
export function diffLog(
  log: LogState | undefined,
  shadow: readonly string[],
  live: readonly string[],
  owner: string,
  remover: string,
  stamp: Stamp,
): LogState {
  const base: LogState = log ?? { added: {} };
  const before = base.form?.[0];
  const newest = direction(live) ?? before?.newest ?? 'first';
  const was = count(shadow);
  const is = count(live);
  const incoming = [...is].filter(([text, n]) => n > (was.get(text) ?? 0));
  const outgoing = lost(was, is);

  const isDrop =
    live.length >= CAP_MIN &&
    (incoming.length > 0 || live.length === before?.cap) &&
    fellOff(shadow, before?.newest ?? newest, outgoing);
  const floor = isDrop ? Math.max(base.floor ?? 0, floorOf(outgoing, live)) : base.floor;
  const cap = isDrop && incoming.length > 0 ? live.length : Math.max(live.length, before?.cap ?? DEFAULT_CAP);

  const books = tallies(base);
  const shown = count(logEntries(base, books));
  const cells: Record<string, Cell> = { ...base.added[owner] };
  const oldestFirst = newest === 'first' ? [...live].reverse() : live;
  const positions = new Map<string, number>();
  for (const [position, text] of oldestFirst.entries()) if (!positions.has(text)) positions.set(text, position);
  for (const [text, n] of incoming) {
    const missing = unknownOf(text, n, was.get(text) ?? 0, shown.get(text) ?? 0, books.get(text));
    if (missing <= 0 || (entryTime(text) ?? 0) < (floor ?? 0)) continue;
    const mine = cells[text];
    const total = Math.min((hasId(text) ? (books.get(text)?.added ?? 0) : (mine?.[0] ?? 0)) + missing, ENTRY_COUNT_MAX);
    cells[text] = mine === undefined ? [total, stamp, positions.get(text) ?? 0] : [total, mine[1], mine[2]];
  }
  const form: LogForm = { newest, cap };
  const isSameForm = before !== undefined && before.newest === newest && before.cap === cap;
  const next: LogState = {
    added: { ...base.added, ...(Object.keys(cells).length > 0 && { [owner]: cells }) },
    ...withRemoved(base, outgoing, books, remover),
    ...(base.floor !== undefined && { floor: base.floor }),
    form: isSameForm && base.form ? base.form : [form, stamp],
  };
  return pruneLog(next, floor);
}

/** The log without anything that is in it now: its document was deleted. */
export function clearLog(log: LogState, remover: string): LogState {
  const books = tallies(log);
  const all = [...books].map(([text, { added, removed }]) => [text, added - removed] as const).filter(([, n]) => n > 0);
  return all.length === 0 ? log : { ...log, ...withRemoved(log, all, books, remover) };
}

type Counted = readonly (readonly [text: string, count: number])[];

function withRemoved(
  log: LogState,
  gone: Counted,
  books: ReadonlyMap<string, Tally>,
  remover: string,
): Pick<LogState, 'removed'> {
  if (gone.length === 0) return log.removed === undefined ? {} : { removed: log.removed };
  const levels: Record<string, number> = { ...log.removed?.[remover] };
  for (const [text, n] of gone) {
    const { added, removed } = books.get(text) ?? { added: 0, removed: 0 };
    // Somebody else may have removed it already: never more than there ever were, or a later one would be swallowed.
    levels[text] = Math.max(levels[text] ?? 0, Math.min(removed + n, added));
  }
  return { removed: { ...log.removed, [remover]: levels } };
}

/** How many of the `n` entries in live the books do not hold yet. */
function unknownOf(text: string, n: number, was: number, shown: number, tally: Tally | undefined): number {
  const held = tally === undefined ? 0 : Math.max(0, tally.added - tally.removed);
  // An entry that names itself is the one that the books hold, even if this file did not show it yet.
  if (hasId(text)) return n - held;
  // What the books hold beyond what is shown (hidden by the cap) is not new.
  return n - was - (held - shown);
}

function count(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

function lost(was: ReadonlyMap<string, number>, is: ReadonlyMap<string, number>): Counted {
  return [...was].map(([text, n]) => [text, n - (is.get(text) ?? 0)] as const).filter(([, n]) => n > 0);
}

/** Whether the newest entry stands first or last; undefined where the times do not tell. */
function direction(texts: readonly string[]): 'first' | 'last' | undefined {
  const first = entryTime(texts[0] ?? '');
  const last = entryTime(texts[texts.length - 1] ?? '');
  if (first === undefined || last === undefined || first === last) return undefined;
  return first > last ? 'first' : 'last';
}

/** Whether what is missing is just the old end of the former list. */
function fellOff(shadow: readonly string[], newest: 'first' | 'last', gone: Counted): boolean {
  const size = gone.reduce((sum, [, n]) => sum + n, 0);
  if (size === 0 || size === shadow.length) return false;
  const oldEnd = count(newest === 'first' ? shadow.slice(shadow.length - size) : shadow.slice(0, size));
  return gone.every(([text, n]) => oldEnd.get(text) === n);
}

/**
 * The newest time that is gone, but never above an entry that is still there: lists are in order of writing, and one
 * entry with a wrong date far ahead must not take all others with it when its turn comes to fall off.
 */
function floorOf(gone: Counted, live: readonly string[]): number {
  const newestGone = Math.max(...gone.map(([text]) => entryTime(text) ?? 0));
  return Math.min(newestGone, ...live.map((text) => entryTime(text) ?? 0));
}
