/** Entries of a log: their identity (a text) and their own time. Both are the same on every replica, whatever its zone. */
import { normalNumber } from './amount.js';
import { type Json, scalarType } from './json.js';

const TIME_KEYS = ['timestamp', 'time', 'date', 'created_at'] as const;
const SECONDS_BELOW = 100_000_000_000;
/** The last millisecond that a Date can hold: a time beyond it is no time. */
export const TIME_MAX_MS = 8_640_000_000_000_000;

const NUMBER_OF_SECONDS = /^\d{9,16}$/;
// Date.parse alone would read "foo 5" as a day of 2001, and a text without a zone by the zone of the machine.
const DATE =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:[.,](\d{1,3})\d*)?)?(?:(Z)|([+-]\d{2}):?(\d{2}))?)?$/;

/** Milliseconds since 1970 of an entry's own time: a number (seconds or milliseconds) or ISO-like text, UTC where it names no zone. */
export function entryTime(text: string): number | undefined {
  if (times.has(text)) return times.get(text);
  const time = readTime(text);
  if (times.size >= TIMES_MAX) times.clear();
  times.set(text, time);
  return time;
}

// A list is sorted, cut and compared by the times of all its entries at every change of one of them.
const times = new Map<string, number | undefined>();
const TIMES_MAX = 10_000;

function readTime(text: string): number | undefined {
  const entry = parsed(text);
  if (entry === undefined) return undefined;
  for (const key of TIME_KEYS) {
    const ms = timeOf(entry[key]);
    if (ms !== undefined) return ms;
  }
  return undefined;
}

/** Whether an entry names itself: two entries with one text and one id are one entry, wherever they were written. */
export function hasId(text: string): boolean {
  if (!text.includes('"id":')) return false;
  const id = parsed(text)?.id;
  return (typeof id === 'string' && id !== '') || typeof id === 'number';
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

function parsed(text: string): Record<string, unknown> | undefined {
  if (text[0] !== '{') return undefined;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** Milliseconds since 1970 of a JSON value that looks like a time; undefined for others. */
export function timeOf(value: unknown): number | undefined {
  let ms = Number.NaN;
  if (typeof value === 'number') ms = toMs(value);
  else if (typeof value === 'string') {
    const date = DATE.exec(value);
    if (date !== null) {
      const [, day, clock = '00:00', seconds = '00', fraction = '', , hours, minutes] = date;
      const zone = hours === undefined ? 'Z' : `${hours}:${minutes}`;
      ms = Date.parse(`${day}T${clock}:${seconds}.${fraction.padEnd(3, '0')}${zone}`);
    } else if (NUMBER_OF_SECONDS.test(value)) ms = toMs(Number(value));
  }
  return ms >= 1 && ms <= TIME_MAX_MS ? ms : undefined;
}

function toMs(number: number): number {
  return Math.floor(number < SECONDS_BELOW ? number * 1000 : number);
}
