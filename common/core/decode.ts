/**
 * The boundary for states from outside: every shape, every length, every text is checked before a state is merged or
 * rendered. What it accepts can be merged and rendered, and its view read again. The limits lie above everything that
 * `diff` makes of a file that `readContent` accepts: a site must never build a state that its peers refuse.
 */
import { isAmount, parseAmount } from './amount.js';
import { entryTime, TIME_MAX_MS } from './entry.js';
import { JSON_DEPTH_MAX, parseJson } from './json.js';
import { withoutOlder } from './log.js';
import { PATH_DEPTH_MAX, PATH_LENGTH_MAX, pathKeys } from './policy.js';
import { isStamp, type Stamp, stampMs } from './stamp.js';
import { type DocState, ENTRY_COUNT_MAX, GENESIS, isReplicaId, isSite, SHAPES } from './state.js';
import { parseStyle } from './style.js';

// Of a merged state: what many sites bring adds up, so this is far above what one file may hold.
const ENTRIES_MAX = 1_000_000;
const TEXT_LENGTH_MAX = 16 * 1024 * 1024;
const COUNT_MAX = 1_000_000;
/** The key of a counter's box comes below the path. */
const STATE_PATH_DEPTH_MAX = PATH_DEPTH_MAX + 1;
const STATE_PATH_LENGTH_MAX = PATH_LENGTH_MAX + 16;

/** Why a state was refused, with the place: `counters./balance.by: …`. */
export class BadState extends Error {}

/** Parses an untrusted value as a state; throws BadState with the address of the first fault. */
export function decodeState(value: unknown): DocState {
  const input = record(value, 'state');
  const state: { -readonly [K in keyof DocState]: DocState[K] } = {};
  for (const key of Object.keys(input)) {
    const part = input[key];
    if (key === 'counters') state.counters = paths(part, key, counter);
    else if (key === 'registers') state.registers = paths(part, key, register);
    else if (key === 'sets')
      state.sets = paths(part, key, (set, at, depth) =>
        entries(set, at, (text) => jsonText(text, at, depth + 1), element),
      );
    else if (key === 'logs') state.logs = paths(part, key, log);
    else if (key === 'max') state.max = paths(part, key, siteNumbers);
    else if (key === 'whole') state.whole = wholeRegister(part, key);
    else if (key === 'form') state.form = form(part, key);
    else if (key === 'life') state.life = integer(part, key, Number.MAX_SAFE_INTEGER - 1);
    else if (key === 'dead') {
      const [life, at] = tuple(part, key, 2);
      state.dead = [integer(life, key, Number.MAX_SAFE_INTEGER - 2), stamp(at, key)];
    } else fail(key, 'unknown part');
  }
  return state;
}

/** Every stamp in a state. */
export function* stampsOf(state: DocState): Generator<Stamp> {
  for (const { genesis, shape } of Object.values(state.counters ?? {})) {
    if (genesis) yield genesis[1];
    if (shape) yield shape[1];
  }
  for (const [, at] of Object.values(state.registers ?? {})) yield at;
  for (const set of Object.values(state.sets ?? {})) for (const [, at] of Object.values(set)) yield at;
  for (const { added, form } of Object.values(state.logs ?? {})) {
    for (const cells of Object.values(added)) for (const [, at] of Object.values(cells)) yield at;
    if (form) yield form[1];
  }
  if (state.whole) yield state.whole[1];
  if (state.form) yield state.form[1];
  if (state.dead) yield state.dead[1];
}

/** The first stamp later than `limitMs`; undefined where all are earlier. */
export function stampAhead(state: DocState, limitMs: number): Stamp | undefined {
  for (const at of stampsOf(state)) if (stampMs(at) > limitMs) return at;
  return undefined;
}

function fail(at: string, message: string): never {
  throw new BadState(`${at}: ${message}`);
}

function record(value: unknown, at: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(at, 'must be an object');
  return value as Record<string, unknown>;
}

type Check<T> = (value: unknown, at: string, depth: number) => T;

function entries<T>(
  value: unknown,
  at: string,
  checkKey: (key: string, at: string) => unknown,
  check: Check<T>,
): Record<string, T> {
  const input = record(value, at);
  const keys = Object.keys(input);
  if (keys.length > ENTRIES_MAX) fail(at, `more than ${ENTRIES_MAX} entries`);
  for (const key of keys) {
    const depth = checkKey(key, at);
    input[key] = check(input[key], at, typeof depth === 'number' ? depth : 0);
  }
  return input as Record<string, T>;
}

function paths<T>(value: unknown, at: string, check: Check<T>): Record<string, T> {
  return entries(value, at, path, check);
}

/** Returns how many keys deep the path is. A view must not be nested deeper than what a site can read again. */
function path(key: string, at: string): number {
  if (key === '') return 0;
  if (key[0] !== '/' || key.length > STATE_PATH_LENGTH_MAX || /~(?![01])/.test(key)) fail(at, 'a key is no path');
  const depth = pathKeys(key).length;
  if (depth > STATE_PATH_DEPTH_MAX) fail(at, 'a path is too deep');
  return depth;
}

function site(key: string, at: string): void {
  if (!isSite(key)) fail(at, 'a key is no site name');
}

function replica(key: string, at: string): void {
  if (!isReplicaId(key)) fail(at, 'a key is no replica id');
}

function owner(key: string, at: string): void {
  if (key !== GENESIS) replica(key, at);
}

function jsonText(value: unknown, at: string, depth: number): string {
  if (typeof value !== 'string' || value.length > TEXT_LENGTH_MAX) fail(at, 'a value is no JSON text');
  if (/^(?:-?[1-9]\d{0,17}|0|true|false|null|"[^"\\\p{Cc}]*")$/u.test(value)) return value;
  if (parseJson(value, JSON_DEPTH_MAX - depth) === undefined) fail(at, 'a value is no JSON text');
  return value;
}

function tuple(value: unknown, at: string, length: number): unknown[] {
  if (!Array.isArray(value) || value.length !== length) fail(at, `must be an array of ${length}`);
  return value;
}

function stamp(value: unknown, at: string): Stamp {
  if (!isStamp(value)) fail(at, 'not a stamp');
  return value;
}

function integer(value: unknown, at: string, max = COUNT_MAX): number {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > max)
    fail(at, 'not a whole number in range');
  return value as number;
}

function amount(value: unknown, at: string): string {
  if (!isAmount(value)) fail(at, 'not an exact amount');
  return value;
}

function total(value: unknown, at: string): string {
  const text = amount(value, at);
  if (text.startsWith('-')) fail(at, 'a total is negative');
  return text;
}

function counter(value: unknown, at: string): NonNullable<DocState['counters']>[string] {
  const { genesis, by, given, shape, ...rest } = record(value, at);
  if (Object.keys(rest).length > 0) fail(at, 'unknown part of a counter');
  if (genesis !== undefined) {
    const pair = tuple(genesis, at, 2);
    amount(pair[0], at);
    stamp(pair[1], at);
  }
  if (shape !== undefined) {
    const pair = tuple(shape, at, 2);
    if (!SHAPES.some((known) => known === pair[0])) fail(at, 'unknown shape');
    stamp(pair[1], at);
  }
  entries(by, `${at}.by`, replica, (totals) => {
    const pair = tuple(totals, `${at}.by`, 2);
    return [total(pair[0], `${at}.by`), total(pair[1], `${at}.by`)] as const;
  });
  if (given !== undefined)
    entries(given, `${at}.given`, replica, (to) =>
      entries(to, `${at}.given`, replica, (sum) => total(sum, `${at}.given`)),
    );
  return value as NonNullable<DocState['counters']>[string];
}

function register(value: unknown, at: string, depth: number): readonly [string | null, Stamp] {
  const [text, when] = tuple(value, at, 2);
  if (text === null) return [null, stamp(when, at)];
  const json = jsonText(text, at, depth);
  // An object has its fields below, and a scalar document is a whole text: a file that shows one reads as something else.
  if (depth === 0 && !/^\s*\[/.test(json)) fail(at, 'the value of a whole document is no list');
  return [json, stamp(when, at)];
}

function wholeRegister(value: unknown, at: string): readonly [string | null, Stamp] {
  const [text, when] = tuple(value, at, 2);
  if (text !== null && (typeof text !== 'string' || text.length > TEXT_LENGTH_MAX)) fail(at, 'not a text');
  return [text as string | null, stamp(when, at)];
}

function element(value: unknown, at: string): readonly [0 | 1, Stamp, number] {
  const [present, when, position] = tuple(value, at, 3);
  if (present !== 0 && present !== 1) fail(at, 'present must be 0 or 1');
  return [present, stamp(when, at), integer(position, at)];
}

function number(value: unknown, at: string): string {
  if (typeof value !== 'string' || parseAmount(value) === undefined) fail(at, 'not a number');
  return value;
}

function siteNumbers(value: unknown, at: string): Record<string, string> {
  const numbers = entries(value, at, site, number);
  if (Object.keys(numbers).length === 0) fail(at, 'a maximum of nothing');
  return numbers;
}

type Log = NonNullable<DocState['logs']>[string];

function log(value: unknown, at: string, depth: number): Log {
  const { added, removed, floor, form: logForm, ...rest } = record(value, at);
  if (Object.keys(rest).length > 0) fail(at, 'unknown part of a log');
  const timedText = (key: string): void => {
    if (entryTime(key) === undefined) fail(at, 'an entry has no time');
    if (parseJson(key, JSON_DEPTH_MAX - depth - 1) === undefined) fail(at, 'an entry is no JSON text');
  };
  const cell = (input: unknown): Log['added'][string][string] => {
    const [count, when, position] = tuple(input, at, 3);
    return [integer(count, at, ENTRY_COUNT_MAX), stamp(when, at), integer(position, at)];
  };
  const decoded: Log = {
    added: entries(added, at, owner, (cells) => entries(cells, at, timedText, cell)),
    ...(removed !== undefined && {
      removed: entries(removed, at, replica, (cells) => entries(cells, at, timedText, (n) => integer(n, at))),
    }),
    ...(logForm !== undefined && { form: logFormAt(logForm, at) }),
  };
  return floor === undefined ? decoded : withoutOlder(decoded, integer(floor, at, TIME_MAX_MS));
}

function logFormAt(value: unknown, at: string): NonNullable<Log['form']> {
  const [shape, when] = tuple(value, at, 2);
  const { newest, cap } = record(shape, at);
  if (newest !== 'first' && newest !== 'last') fail(at, 'unknown order');
  return [{ newest, cap: integer(cap, at) }, stamp(when, at)];
}

function form(value: unknown, at: string): NonNullable<DocState['form']> {
  const [shape, when] = tuple(value, at, 2);
  const { order, style } = record(shape, at);
  if (!Array.isArray(order) || order.length > ENTRIES_MAX) fail(at, 'order must be a list of paths');
  for (const key of order) {
    if (typeof key !== 'string') fail(at, 'order must be a list of paths');
    path(key, at);
  }
  return [{ order, style: parseStyle(style) }, stamp(when, at)];
}
