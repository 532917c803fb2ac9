/**
 * Inputs that are nearly right, for fuzzing: states in which a value is replaced, removed or put under another key,
 * texts in which a piece is, and junk as real machines leave it. And the laws that whatever is accepted must obey.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { foreignIn, ownPart } from '../core/authority.js';
import { readContent } from '../core/content.js';
import { BadState, decodeState, stampAhead } from '../core/decode.js';
import { diff } from '../core/diff.js';
import { merge } from '../core/merge.js';
import type { PathPolicies } from '../core/policy.js';
import { render, viewText } from '../core/render.js';
import type { DocState } from '../core/state.js';
import { detectStyle } from '../core/style.js';
import { history } from './arbitraries.js';
import { policiesOf } from './simulation.js';

const S = '000000000010000@a';
const R = 'a~00000001';

/** undefined for what is refused as it should be; every other exception is passed on. */
export function decodeOrRefuse(value: unknown): DocState | undefined {
  try {
    return decodeState(value);
  } catch (error) {
    if (error instanceof BadState) return undefined;
    throw error;
  }
}

const odd = fc.constantFrom<unknown>(
  ...[null, true, -1, 0.5, 1e308, '', '-0', '1e999', S, R, '~', [], {}, [1, S, 0], ['1', '0'], '{"time":1}', '[[[['],
  JSON.parse('{"__proto__":{"x":1},"constructor":["1","2"]}'),
);
const oddKey = fc.constantFrom(
  ...['', '/', '/balance', '/balance/coins', '/balance/x', '__proto__', 'constructor', R, '~', '5', '{"time":1}'],
  ...['/a/b', '/a', '/stats'],
);

export type Mutation = { where: number[]; how: number; value: unknown; key: string };
export const mutation: fc.Arbitrary<Mutation> = fc.record({
  where: fc.array(fc.nat(7), { maxLength: 6 }),
  how: fc.nat(3),
  value: odd,
  key: oddKey,
});

/** Changes a JSON value in place, somewhere inside. */
export function mutate(root: unknown, { where, how, value, key }: Mutation): void {
  let at = root as Record<string, unknown>;
  let parent: Record<string, unknown> | undefined;
  let last = '';
  for (const step of where) {
    const keys = Object.keys(at);
    const next = keys[step % Math.max(1, keys.length)];
    if (next === undefined || typeof at[next] !== 'object' || at[next] === null) break;
    [parent, last, at] = [at, next, at[next] as Record<string, unknown>];
  }
  const keys = Object.keys(at);
  const own = keys[(where[0] ?? 0) % Math.max(1, keys.length)];
  // Each time a value of its own: the same object twice in one tree would be no JSON.
  const put = (name: string, thing: unknown): void => {
    Object.defineProperty(at, name, {
      value: structuredClone(thing),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  };
  if (how === 0 && own !== undefined) put(own, value);
  else if (how === 1 && own !== undefined && !Array.isArray(at)) delete at[own];
  else if (how === 2 && own !== undefined && !Array.isArray(at)) put(key, at[own]);
  else if (parent !== undefined) parent[last] = structuredClone(value);
}

export type MutatedStates = { readonly kind: string; readonly states: readonly unknown[] };

/** Three states of one document, as JSON; the first is mutated. */
export const mutatedStates: fc.Arbitrary<MutatedStates> = fc
  .tuple(history, fc.array(mutation, { minLength: 1, maxLength: 3 }))
  .map(([{ kind, replicas }, mutations]) => {
    const states = replicas.map(({ state }) => JSON.parse(JSON.stringify(state)) as unknown);
    for (const one of mutations) mutate(states[0], one);
    return { kind, states };
  });

/** True where the first state is accepted, and then it obeys the laws of merging and shows a file that can be read again. */
export function obeysLaws({ kind, states }: MutatedStates): boolean {
  const a = decodeOrRefuse(structuredClone(states[0]));
  if (a === undefined) return false;
  const [b, c] = [decodeState(structuredClone(states[1])), decodeState(structuredClone(states[2]))];
  assert.deepEqual(merge(a, b), merge(b, a));
  assert.deepEqual(merge(merge(a, b), c), merge(a, merge(b, c)));
  assert.equal(merge(a, decodeState(JSON.parse(JSON.stringify(a)))), a);
  foreignIn(a, 'roflfaucet');
  ownPart(a, 'roflfaucet');
  stampAhead(a, 5);
  showsReadable(merge(a, b), policiesOf(kind));
  return true;
}

/** The view of a state can be read again, and what is then made of it is a state that peers accept. */
export function showsReadable(state: DocState, policies: PathPolicies): void {
  const view = render(state, policies.kind.delete);
  if (view === undefined) return;
  const text = viewText(view, undefined, state);
  const live = readContent(text, policies);
  if (view.kind === 'json' && view.value.kind === 'object') assert.equal(live.kind, 'json', text);
  if (live.kind === 'invalid') return;
  const author = { replica: 'roflfaucet~00000001', stamp: `${'f'.repeat(10)}00000@roflfaucet` };
  const next = diff(state, undefined, live, detectStyle(text), policies, author);
  assert.deepEqual(decodeState(JSON.parse(JSON.stringify(next))), next);
  render(next, policies.kind.delete);
}

/** What miners, proxies and broken writers leave: NULs, answers cut short, HTML, two documents in one. */
export const JUNK = [
  '',
  '\0',
  '\0\0\0\0{"balance":1}',
  '{"balance":1}\0',
  '\ufeff{"balance":1}',
  '{"balance":1}{"balance":2}',
  '{"balance":NaN}',
  '{"balance":1e400}',
  '{"balance":-1e-400}',
  '{"balance":"0x10"}',
  '{"balance":1,"balance":2}',
  '{"balance":{"coins":{"coins":1}}}',
  '[',
  '['.repeat(200),
  `${'{"a":'.repeat(70)}1${'}'.repeat(70)}`,
  '"\ud800"',
  '{"STATUS":[{"STATUS":"S","When":1700000000,"Code":11,"Msg":"Summary"}],"SUMMARY":[{"Elapsed":61,"GHS 5s":"95.1"}],"id":1}\0',
  '{"STATUS":[{"STATUS":"S","When":1700000000,"Code":9}],"DEVS":[{"ASC":0,"Temp',
  'STATUS=S,When=1700000000,Code=70|STATS=0,ID=MM0[Ver[x] FW[Release] MTavg[69] PS[0 1214 1286]]|\0',
  '{"ASICModel":"BM1368","power":11.6,"hashRate":478.2,"stratumURL":"pool.example","fallback":null}',
  '{"socket_path":"inproc", inf: Infinity, "temp": -nan}',
  '<!DOCTYPE html><html><head><title>401 Unauthorized</title></head><body><h1>401</h1></body></html>',
  '<br />\n<b>Fatal error</b>:  Uncaught JsonException in write_balance.php:12\n{"balance": 5}',
  'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n',
] as const;

type Edit = { at: number; length: number; how: number; piece: string };
const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(4_096),
  length: fc.integer({ min: 1, max: 40 }),
  how: fc.nat(4),
  piece: fc.oneof(
    fc.constantFrom(...JUNK),
    fc.constantFrom('"', '{', '}', '[', ']', ',', ':', '\\', '\n', '\0', '-', '0', 'e9', '\\u0000', '\u2028', '\ud83d'),
    fc.string({ maxLength: 8, unit: 'binary' }),
  ),
});

/** The text with a few pieces put in, taken out, overwritten, said twice or cut off; one in five stays as it is. */
export function mutatedText(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(text, fc.array(edit, { maxLength: 3 })).map(([original, edits]) => edits.reduce(apply, original));
}

function apply(text: string, { at, length, how, piece }: Edit): string {
  const from = at % (text.length + 1);
  const [before, part, after] = [text.slice(0, from), text.slice(from, from + length), text.slice(from + length)];
  if (how === 0) return before + piece + part + after;
  if (how === 1) return before + after;
  if (how === 2) return before + piece + after;
  if (how === 3) return before + part + part + after;
  return before;
}
