/** A JSON object taken apart by policy: what `diff` compares, path by path. */
import { type Amount, parseAmount } from './amount.js';
import { entryText, logTexts } from './entry.js';
import { compactText, type Json, type JsonObject, scalarType, stringOf } from './json.js';
import { COUNTER_BOX_KEY, childPath, PATH_DEPTH_MAX, type PathPolicies } from './policy.js';
import type { Shape } from './state.js';

export type CounterField = { readonly policy: 'counter'; readonly value: Amount; readonly shape: Shape };
export type RegisterField = { readonly policy: 'register'; readonly text: string; readonly value: Json };
export type SetField = { readonly policy: 'set'; readonly elements: readonly string[] };
export type LogField = { readonly policy: 'log'; readonly entries: readonly string[] };
export type MaxField = { readonly policy: 'max'; readonly text: string };
export type Field = CounterField | RegisterField | SetField | LogField | MaxField;

/** Fields by JSON pointer, in file order. */
export type Fields = ReadonlyMap<string, Field>;

/**
 * Takes a document apart. A value that does not fit its path's policy (a set that is no array, a counter that is no
 * amount) is a plain register; `render` shows it only where the counter is not known, so money is never set by mistake.
 */
export function fieldsOf(document: Json, policies: PathPolicies): Fields {
  const known = taken.get(document);
  if (known?.policies === policies) return known.fields;
  const fields = new Map<string, Field>();
  collect('', document, policies, fields, 0);
  taken.set(document, { policies, fields });
  return fields;
}

// The guards, the intent and the difference all look at the same documents, one after the other.
const taken = new WeakMap<Json, { readonly policies: PathPolicies; readonly fields: Fields }>();

function collect(path: string, value: Json, policies: PathPolicies, fields: Map<string, Field>, depth: number): void {
  const policy = policies.of(path);
  if (policy === 'counter') {
    const counter = counterField(value);
    if (counter !== undefined) {
      fields.set(path, counter);
      if (value.kind === 'object') collectKeys(path, value, policies, fields, depth, COUNTER_BOX_KEY);
      return;
    }
  }
  if (policy === 'set' && value.kind === 'array') {
    fields.set(path, { policy, elements: [...new Set(value.items.map(entryText))] });
    return;
  }
  if (policy === 'log') {
    const entries = logTexts(value);
    if (entries !== undefined) {
      fields.set(path, { policy, entries });
      return;
    }
  }
  if (
    policy === 'max' &&
    value.kind === 'scalar' &&
    scalarType(value) === 'number' &&
    parseAmount(value.text) !== undefined
  ) {
    fields.set(path, { policy, text: value.text });
    return;
  }
  if (value.kind === 'object' && (value.entries.size > 0 || depth === 0) && depth < PATH_DEPTH_MAX)
    collectKeys(path, value, policies, fields, depth);
  else fields.set(path, { policy: 'register', text: compactText(value), value });
}

function collectKeys(
  path: string,
  object: JsonObject,
  policies: PathPolicies,
  fields: Map<string, Field>,
  depth: number,
  except?: string,
): void {
  for (const [key, item] of object.entries)
    if (key !== except) collect(childPath(path, key), item, policies, fields, depth + 1);
}

/** `5000`, `"5000"` and `{"coins": 5000}` are the same counter. */
function counterField(value: Json): CounterField | undefined {
  if (value.kind === 'object') {
    const coins = value.entries.get(COUNTER_BOX_KEY);
    const inner = coins?.kind === 'scalar' ? counterField(coins) : undefined;
    return inner && { ...inner, shape: inner.shape === 'string' ? 'box-string' : 'box' };
  }
  if (value.kind !== 'scalar') return undefined;
  const inString = stringOf(value);
  const amount = parseAmount(inString ?? value.text);
  return amount === undefined
    ? undefined
    : { policy: 'counter', value: amount, shape: inString === undefined ? 'number' : 'string' };
}
