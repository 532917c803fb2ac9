/**
 * JSON as the sites write it, kept exactly: numbers keep their own spelling (5000, 5000.0, 1e3), objects keep their key
 * order. `JSON.parse` would send numbers through floats, and any parser that builds plain objects would move keys that
 * look like integers to the front; hence a small tree over jsonc-parser's strict event interface.
 */
import { visit } from 'jsonc-parser';
import { sameNumber } from './amount.js';

export type JsonObject = { readonly kind: 'object'; readonly entries: ReadonlyMap<string, Json> };
export type JsonArray = { readonly kind: 'array'; readonly items: readonly Json[] };
/** A string (canonical JSON text, quotes included), number (as spelled), true, false or null. */
export type JsonScalar = { readonly kind: 'scalar'; readonly text: string };
export type Json = JsonObject | JsonArray | JsonScalar;

/** Deeper nesting is refused: no site's file comes near, and recursion must not be a way to stop a daemon. */
export const JSON_DEPTH_MAX = 64;

class Refused extends Error {}

/** Parses strict JSON. Undefined for anything else: comments, trailing commas, NaN, a torn tail, a byte order mark. */
export function parseJson(text: string, depthMax = JSON_DEPTH_MAX): Json | undefined {
  const stack: (Map<string, Json> | Json[])[] = [];
  const keys: string[] = [];
  let root: Json | undefined;
  let key = '';
  const put = (value: Json): void => {
    const top = stack[stack.length - 1];
    if (top === undefined) root = value;
    else if (Array.isArray(top)) top.push(value);
    else top.set(key, value);
  };
  const open = (container: Map<string, Json> | Json[], value: Json): void => {
    if (stack.length >= depthMax) throw new Refused();
    put(value);
    stack.push(container);
    keys.push(key);
  };
  const close = (): void => {
    stack.pop();
    key = keys.pop() ?? '';
  };
  try {
    visit(
      text,
      {
        onObjectBegin: () => {
          const entries = new Map<string, Json>();
          open(entries, { kind: 'object', entries });
        },
        onArrayBegin: () => {
          const items: Json[] = [];
          open(items, { kind: 'array', items });
        },
        onObjectEnd: close,
        onArrayEnd: close,
        onObjectProperty: (name) => {
          key = name;
        },
        onLiteralValue: (value, offset, length) => {
          put({
            kind: 'scalar',
            text: typeof value === 'string' ? JSON.stringify(value) : text.substr(offset, length),
          });
        },
        onError: () => {
          throw new Refused();
        },
      },
      { disallowComments: true },
    );
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
  return root;
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
