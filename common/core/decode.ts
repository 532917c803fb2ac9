/**
 * The boundary for states from outside: every shape, every length, every text is checked before a state is merged or
 * rendered. Limits are far above what the sites write and far below what would hurt.
 */
import { isAmount, parseAmount } from './amount.js';
import { parseJson } from './json.js';
import { entryTime } from './log.js';
import { isStamp, type Stamp, stampMs } from './stamp.js';
import { type DocState, GENESIS, isReplicaId, isSite } from './state.js';
import { parseStyle } from './style.js';

const PATHS_MAX = 20_000;
const PATH_LENGTH_MAX = 1_024;
const TEXT_LENGTH_MAX = 16 * 1024 * 1024;
const COUNT_MAX = 1_000_000;

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
    else if (key === 'sets') state.sets = paths(part, key, (set, at) => entries(set, at, jsonText, element));
    else if (key === 'logs') state.logs = paths(part, key, log);
    else if (key === 'max') state.max = paths(part, key, (numbers, at) => entries(numbers, at, site, number));
    else if (key === 'whole') state.whole = wholeRegister(part, key);
    else if (key === 'form') state.form = form(part, key);
    else if (key === 'life') state.life = integer(part, key);
    else if (key === 'dead') {
      const [life, at] = tuple(part, key, 2);
      state.dead = [integer(life, key), stamp(at, key)];
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

/** The first stamp later than `limitMs`; undefined where all are earlier. Log floors count as stamps. */
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

type Check<T> = (value: unknown, at: string) => T;

function entries<T>(value: unknown, at: string, checkKey: (key: string, at: string) => void, check: Check<T>): Record<string, T> {
  const input = record(value, at);
  const keys = Object.keys(input);
  if (keys.length > PATHS_MAX) fail(at, `more than ${PATHS_MAX} entries`);
  for (const key of keys) {
    checkKey(key, at);
    input[key] = check(input[key], at);
  }
  return input as Record<string, T>;
}

function paths<T>(value: unknown, at: string, check: Check<T>): Record<string, T> {
  return entries(value, at, path, check);
}

function path(key: string, at: string): void {
  if ((key !== '' && key[0] !== '/') || key.length > PATH_LENGTH_MAX) fail(at, 'a key is no path');
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

function jsonText(value: unknown, at: string): string {
  if (typeof value !== 'string' || value.length > TEXT_LENGTH_MAX) fail(at, 'a value is no JSON text');
  if (/^(?:-?[1-9]\d{0,17}|0|true|false|null|"[^"\\\p{Cc}]*")$/u.test(value)) return value;
  if (parseJson(value) === undefined) fail(at, 'a value is no JSON text');
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
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > max) fail(at, 'not a whole number in range');
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
  const { genesis, by, shape, ...rest } = record(value, at);
  if (Object.keys(rest).length > 0) fail(at, 'unknown part of a counter');
  if (genesis !== undefined) {
    const pair = tuple(genesis, at, 2);
    amount(pair[0], at);
    stamp(pair[1], at);
  }
  if (shape !== undefined) {
    const pair = tuple(shape, at, 2);
    if (pair[0] !== 'number' && pair[0] !== 'string' && pair[0] !== 'box') fail(at, 'unknown shape');
    stamp(pair[1], at);
  }
  entries(by, `${at}.by`, replica, (totals) => {
    const pair = tuple(totals, `${at}.by`, 2);
    return [total(pair[0], `${at}.by`), total(pair[1], `${at}.by`)] as const;
  });
  return value as NonNullable<DocState['counters']>[string];
}

function register(value: unknown, at: string): readonly [string | null, Stamp] {
  const [text, when] = tuple(value, at, 2);
  return [text === null ? null : jsonText(text, at), stamp(when, at)];
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

function timedText(key: string, at: string): void {
  if (parseJson(key) === undefined || entryTime(key) === undefined) fail(at, 'an entry has no time');
}

function log(value: unknown, at: string): NonNullable<DocState['logs']>[string] {
  const { added, removed, floor, form: logForm, ...rest } = record(value, at);
  if (Object.keys(rest).length > 0) fail(at, 'unknown part of a log');
  entries(added, at, owner, (cells) =>
    entries(cells, at, timedText, (cell) => {
      const [count, when, position] = tuple(cell, at, 3);
      return [integer(count, at), stamp(when, at), integer(position, at)] as const;
    }),
  );
  if (removed !== undefined) entries(removed, at, replica, (cells) => entries(cells, at, timedText, (n) => integer(n, at)));
  if (floor !== undefined) integer(floor, at, Number.MAX_SAFE_INTEGER);
  if (logForm !== undefined) {
    const [shape, when] = tuple(logForm, at, 2);
    const { newest, cap } = record(shape, at);
    if (newest !== 'first' && newest !== 'last') fail(at, 'unknown order');
    integer(cap, at);
    stamp(when, at);
  }
  return value as NonNullable<DocState['logs']>[string];
}

function form(value: unknown, at: string): NonNullable<DocState['form']> {
  const [shape, when] = tuple(value, at, 2);
  const { order, style } = record(shape, at);
  if (!Array.isArray(order) || order.length > PATHS_MAX) fail(at, 'order must be a list of paths');
  for (const key of order) {
    if (typeof key !== 'string') fail(at, 'order must be a list of paths');
    path(key, at);
  }
  return [{ order, style: parseStyle(style) }, stamp(when, at)];
}
