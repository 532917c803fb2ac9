/**
 * What a miner answered, and how to find things in it. Parsers look for what an answer holds and not for the question it
 * came from: firmware answers `summary+devs` in one piece, `stats` with what others call `estats`, and keys with another
 * spelling in every version.
 */
import { type HashUnit, hashrate } from './quantities.js';
import { type Json, parseTolerant } from './tolerant-json.js';

/** One entry a question; the names are for people. Never changed once it has been looked into: what was found is kept. */
export type Replies = Readonly<Record<string, Json>>;

/** Reads raw answers. What holds no JSON is left out. */
export function readReplies(raw: Readonly<Record<string, string | Uint8Array>>): Replies {
  const read: Record<string, Json> = {};
  for (const [name, text] of Object.entries(raw)) {
    const value = parseTolerant(text);
    if (value !== undefined) read[name] = value;
  }
  return read;
}

/** An object's members by their names without case, spaces, dashes and underscores. */
export class Fields {
  readonly #members = new Map<string, Json>();
  /** The names as they were written. */
  readonly names: readonly string[];

  constructor(readonly source: { readonly [key: string]: Json }) {
    this.names = Object.keys(source);
    for (const [key, value] of Object.entries(source)) {
      const name = plainName(key);
      if (!this.#members.has(name)) this.#members.set(name, value);
    }
  }

  /** The first of several names that is there with a value. */
  get(...names: readonly string[]): Json | undefined {
    for (const name of names) {
      const value = this.#members.get(plainName(name));
      if (value !== undefined && value !== null && value !== '') return value;
    }
    return undefined;
  }

  has(...names: readonly string[]): boolean {
    return names.some((name) => this.#members.has(plainName(name)));
  }

  /** The first of several names that `read` makes something of. */
  read<T>(read: (value: Json | undefined) => T | undefined, ...names: readonly string[]): T | undefined {
    for (const name of names) {
      const value = read(this.#members.get(plainName(name)));
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** The object under a name; an empty one where there is none. */
  under(...names: readonly string[]): Fields {
    return fieldsOf(this.get(...names)) ?? new Fields({});
  }

  /** The objects of a list under a name. */
  list(...names: readonly string[]): readonly Fields[] {
    return recordsOf(this.get(...names));
  }
}

function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_.-]/g, '');
}

export function fieldsOf(value: Json | undefined): Fields | undefined {
  return isObject(value) ? new Fields(value) : undefined;
}

/** The objects in a list, or the one object instead of it. */
export function recordsOf(value: Json | undefined): readonly Fields[] {
  if (Array.isArray(value)) return (value as readonly Json[]).flatMap((item) => fieldsOf(item) ?? []);
  const one = fieldsOf(value);
  return one === undefined ? [] : [one];
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** How deep objects are looked for: a combined reply is a list in an object in a list. */
const DEPTH_MAX = 6;

/** The same replies are looked through by every family and for every value: each object is read once. */
const looked = new WeakMap<Replies, readonly Fields[]>();

/** Every object in the replies, outer ones first. */
export function everyObject(replies: Replies): readonly Fields[] {
  const before = looked.get(replies);
  if (before !== undefined) return before;
  const found: Fields[] = [];
  let level: readonly Json[] = Object.values(replies);
  for (let depth = 0; depth < DEPTH_MAX && level.length > 0; depth += 1) {
    for (const value of level) if (isObject(value)) found.push(new Fields(value));
    level = level.flatMap((value): readonly Json[] =>
      Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [],
    );
  }
  looked.set(replies, found);
  return found;
}

/** The records of a section of the cgminer protocol, such as SUMMARY: of all replies, in their order. */
export function section(replies: Replies, name: string): readonly Fields[] {
  return everyObject(replies).flatMap((object) => (name in object.source ? recordsOf(object.source[name]) : []));
}

/** The first object of all that `is` says yes to. */
export function findObject(replies: Replies, is: (object: Fields) => boolean): Fields | undefined {
  return everyObject(replies).find(is);
}

/** What a record says of hashrate. */
export interface Rates {
  readonly now_hps?: number;
  readonly avg_hps?: number;
}

/** "MHS 5s", "GHS av", "rate_30m", "HS RT", "hash-15min", "ghs5s". */
const RATE_NAME =
  /^(?:([kmgtpe]?)hs|rate|hash|hashrate)[\s_-]*(av|avg|average|rt|real|realtime|\d+\s*(?:sec|s|min|m|hour|h|day|d))$/i;

/**
 * The shortest and the longest time that a record reports a rate for. `unit` is of names that say none ("rate_5s"), and
 * of those that say a wrong one where `force` is set.
 */
export function ratesOf(fields: Fields, unit: HashUnit, force = false): Rates {
  const rates: { readonly seconds: number; readonly hps: number }[] = [];
  for (const name of fields.names) {
    const found = RATE_NAME.exec(name.trim());
    if (found === null) continue;
    const [, prefix, window = ''] = found;
    const named = prefix === undefined || force ? unit : namedUnit(prefix, unit);
    const hps = hashrate(fields.source[name], named);
    if (hps !== undefined) rates.push({ seconds: secondsOf(window), hps });
  }
  if (rates.length === 0) return {};
  rates.sort((one, other) => one.seconds - other.seconds);
  const first = rates[0] as { hps: number };
  const last = rates[rates.length - 1] as { hps: number };
  return { now_hps: first.hps, avg_hps: last.hps };
}

/** "HS RT" of Whatsminer has no prefix and means MH/s: the caller says so. */
function namedUnit(prefix: string, unit: HashUnit): HashUnit {
  return prefix === '' ? unit : (`${prefix.toUpperCase()}H` as HashUnit);
}

function secondsOf(window: string): number {
  const found = /^(\d+)\s*([smhd])/i.exec(window);
  if (found === null) return /^(rt|real)/i.test(window) ? 0 : Number.POSITIVE_INFINITY;
  return Number(found[1]) * ({ s: 1, m: 60, h: 3_600, d: 86_400 }[(found[2] ?? 's').toLowerCase()] ?? 1);
}
