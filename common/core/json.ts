/**
 * JSON as the sites write it, kept exactly: numbers keep their own spelling (5000, 5000.0, 1e3), objects keep their key
 * order. `JSON.parse` would send numbers through floats, and any parser that builds plain objects would move keys that
 * look like integers to the front; hence a small tree and a small reader of our own, held to JSON.parse by json.test.ts.
 */
import { sameNumber } from './amount.js';

export type JsonObject = { readonly kind: 'object'; readonly entries: ReadonlyMap<string, Json> };
export type JsonArray = { readonly kind: 'array'; readonly items: readonly Json[] };
/** A string (canonical JSON text, quotes included), number (as spelled), true, false or null. */
export type JsonScalar = { readonly kind: 'scalar'; readonly text: string };
export type Json = JsonObject | JsonArray | JsonScalar;

/** Deeper nesting is refused: no site's file comes near, and recursion must not be a way to stop a daemon. */
export const JSON_DEPTH_MAX = 64;

/** Parses strict JSON. Undefined for anything else: comments, trailing commas, NaN, a torn tail, a byte order mark. */
export function parseJson(text: string, depthMax = JSON_DEPTH_MAX): Json | undefined {
  const reader = new Reader(text, depthMax);
  const value = reader.value(0);
  return value !== undefined && reader.isAtEnd() ? value : undefined;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

// A number or a literal. What follows it is the next token's business.
const WORD = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null/y;

/** Recursive descent (RFC 8259). Each method returns undefined where the text does not go on as it must. */
class Reader {
  #at = 0;

  constructor(
    readonly text: string,
    readonly depthMax: number,
  ) {}

  value(depth: number): Json | undefined {
    const next = this.#next();
    if (next === QUOTE) {
      const text = this.#string();
      return text === undefined ? undefined : scalar(text);
    }
    if (next === OPEN_OBJECT) return depth < this.depthMax ? this.#object(depth) : undefined;
    if (next === OPEN_LIST) return depth < this.depthMax ? this.#list(depth) : undefined;
    WORD.lastIndex = this.#at;
    const word = WORD.exec(this.text)?.[0];
    if (word === undefined) return undefined;
    this.#at += word.length;
    return scalar(word);
  }

  isAtEnd(): boolean {
    return Number.isNaN(this.#next());
  }

  #object(depth: number): Json | undefined {
    const entries = new Map<string, Json>();
    this.#at += 1;
    if (this.#take(CLOSE_OBJECT)) return { kind: 'object', entries };
    do {
      const key = this.#next() === QUOTE ? this.#string() : undefined;
      if (key === undefined || !this.#take(COLON)) return undefined;
      const value = this.value(depth + 1);
      if (value === undefined) return undefined;
      entries.set(key.includes('\\') ? (JSON.parse(key) as string) : key.slice(1, -1), value);
    } while (this.#take(COMMA));
    return this.#take(CLOSE_OBJECT) ? { kind: 'object', entries } : undefined;
  }

  #list(depth: number): Json | undefined {
    const items: Json[] = [];
    this.#at += 1;
    if (this.#take(CLOSE_LIST)) return { kind: 'array', items };
    do {
      const item = this.value(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
    } while (this.#take(COMMA));
    return this.#take(CLOSE_LIST) ? { kind: 'array', items } : undefined;
  }

  /** The string at the opening quote, as canonical text with its quotes. */
  #string(): string | undefined {
    const from = this.#at;
    let isPlain = true;
    for (let at = from + 1; at < this.text.length; at++) {
      const code = this.text.charCodeAt(at);
      if (code === QUOTE) {
        this.#at = at + 1;
        const text = this.text.slice(from, at + 1);
        return isPlain ? text : canonicalString(text);
      }
      if (code < 0x20) return undefined;
      // A surrogate may stand alone, which JSON.stringify escapes.
      if (code === BACKSLASH || (code >= 0xd800 && code <= 0xdfff)) isPlain = false;
      if (code === BACKSLASH) at += 1;
    }
    return undefined;
  }

  #take(code: number): boolean {
    if (this.#next() !== code) return false;
    this.#at += 1;
    return true;
  }

  /** The next character that is no white space; NaN at the end. */
  #next(): number {
    for (;;) {
      const code = this.text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
      this.#at += 1;
    }
  }
}

function canonicalString(text: string): string | undefined {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export function scalar(text: string): JsonScalar {
  return { kind: 'scalar', text };
}

/** Compact canonical text: no white space, strings in JSON.stringify's form, numbers as spelled, keys in their order. */
export function compactText(value: Json): string {
  if (value.kind === 'scalar') return value.text;
  if (value.kind === 'array') return `[${value.items.map(compactText).join(',')}]`;
  const parts: string[] = [];
  for (const [key, item] of value.entries) parts.push(`${JSON.stringify(key)}:${compactText(item)}`);
  return `{${parts.join(',')}}`;
}

/** The JSON type of a scalar by its first character. */
export function scalarType(value: JsonScalar): 'string' | 'number' | 'literal' {
  const first = value.text[0] ?? '';
  if (first === '"') return 'string';
  return first === 't' || first === 'f' || first === 'n' ? 'literal' : 'number';
}

/** The string inside a string scalar; undefined for every other value. */
export function stringOf(value: Json): string | undefined {
  return value.kind === 'scalar' && value.text[0] === '"' ? (JSON.parse(value.text) as string) : undefined;
}

/** Same meaning: numbers by value, objects without regard to key order, arrays in order. */
export function sameJson(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (a.kind === 'scalar') return b.kind === 'scalar' && sameScalar(a, b);
  if (a.kind === 'array') {
    return (
      b.kind === 'array' &&
      a.items.length === b.items.length &&
      a.items.every((item, i) => sameJson(item, b.items[i] as Json))
    );
  }
  if (b.kind !== 'object' || a.entries.size !== b.entries.size) return false;
  for (const [key, item] of a.entries) {
    const other = b.entries.get(key);
    if (other === undefined || !sameJson(item, other)) return false;
  }
  return true;
}

function sameScalar(a: JsonScalar, b: JsonScalar): boolean {
  if (a.text === b.text) return true;
  return scalarType(a) === 'number' && scalarType(b) === 'number' && sameNumber(a.text, b.text);
}
