/** The boundary for states from outside: refuse with BadState, or hold a state that can be merged, rendered and read again. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { history } from '../testing/arbitraries.js';
import { policiesOf } from '../testing/simulation.js';
import { foreignIn, ownPart } from './authority.js';
import { readContent } from './content.js';
import { BadState, decodeState, stampAhead } from './decode.js';
import { diff } from './diff.js';
import { merge } from './merge.js';
import { render, viewText } from './render.js';
import type { DocState } from './state.js';
import { detectStyle } from './style.js';

const S = '00000000001' + '0000@a';
const R = 'a~00000001';

function tryDecode(value: unknown): DocState | undefined {
  try {
    return decodeState(value);
  } catch (error) {
    if (error instanceof BadState) return undefined;
    throw error;
  }
}

describe('decodeState refuses', () => {
  it.each<[string, unknown]>([
    ['null', null],
    ['a list', []],
    ['an unknown part', { coins: {} }],
    ['an unknown part named __proto__', JSON.parse('{"__proto__":{}}')],
    ['a counter without contributions', { counters: { '/b': {} } }],
    ['an unknown part of a counter', { counters: { '/b': { by: {}, x: 1 } } }],
    ['a part of a counter named __proto__', { counters: { '/b': JSON.parse('{"by":{},"__proto__":{"genesis":1}}') } }],
    ['a path without a slash', { counters: { b: { by: {} } } }],
    ['a path with a wrong escape', { registers: { '/a~2': ['1', S] } }],
    ['a path deeper than a file may be', { registers: { ['/a'.repeat(18)]: ['1', S] } }],
    ['a path of endless length', { registers: { [`/${'a'.repeat(2_000)}`]: ['1', S] } }],
    ['a value nested deeper than can be read again', { registers: { '/a': ['['.repeat(64) + ']'.repeat(64), S] } }],
    ['a float as an amount', { counters: { '/b': { by: { [R]: [1, '0'] } } } }],
    ['a negative total', { counters: { '/b': { by: { [R]: ['-1', '0'] } } } }],
    ['an amount with an exponent', { counters: { '/b': { by: { [R]: ['1e3', '0'] } } } }],
    ['an amount with a trailing zero', { counters: { '/b': { by: { [R]: ['1.0', '0'] } } } }],
    ['minus zero', { counters: { '/b': { genesis: ['-0', S], by: {} } } }],
    ['one total', { counters: { '/b': { by: { [R]: ['1'] } } } }],
    ['a replica that is none', { counters: { '/b': { by: { a: ['1', '0'] } } } }],
    ['an unknown shape', { counters: { '/b': { by: {}, shape: ['cube', S] } } }],
    ['a stamp that is none', { registers: { '/a': ['1', 'now'] } }],
    ['a stamp with a newline', { registers: { '/a': ['1', `${S}\n`] } }],
    ['a register that is no JSON', { registers: { '/a': ['{', S] } }],
    ['a register of two values', { registers: { '/a': ['1 2', S] } }],
    ['an element that is no JSON', { sets: { '/s': { x: [1, S, 0] } } }],
    ['an element present twice', { sets: { '/s': { '1': [2, S, 0] } } }],
    ['an entry without a time', { logs: { '/l': { added: { [R]: { '{"a":1}': [1, S, 0] } } } } }],
    ['an entry with something after it', { logs: { '/l': { added: { [R]: { '{"time":1} x': [1, S, 0] } } } } }],
    ['an entry a million times', { logs: { '/l': { added: { [R]: { '{"time":1}': [1_000_000, S, 0] } } } } }],
    ['half an entry', { logs: { '/l': { added: { [R]: { '{"time":1}': [0.5, S, 0] } } } } }],
    ['a log without entries', { logs: { '/l': {} } }],
    ['removals by the genesis', { logs: { '/l': { added: {}, removed: { '~': {} } } } }],
    ['a floor beyond all time', { logs: { '/l': { added: {}, floor: 1e300 } } }],
    ['a floor that was infinite', { logs: { '/l': { added: {}, floor: null } } }],
    ['an unknown order', { logs: { '/l': { added: {}, form: [{ newest: 'up', cap: 1 }, S] } } }],
    ['a maximum of nothing', { max: { '/m': {} } }],
    ['a maximum that is no number', { max: { '/m': { a: '"5"' } } }],
    ['a text that is none', { whole: [5, S] }],
    ['a form without an order', { form: [{ style: {} }, S] }],
    ['a negative life', { life: -1 }],
    ['a delete without a stamp', { dead: [0] }],
  ])('%s', (_, value) => expect(() => decodeState(value)).toThrow(BadState));
});

// A value somewhere in a valid state is replaced, removed, or put under another key.
const odd = fc.constantFrom<unknown>(
  ...[null, true, -1, 0.5, 1e308, '', '-0', '1e999', S, R, '~', [], {}, [1, S, 0], ['1', '0'], '{"time":1}', '[[[['],
  JSON.parse('{"__proto__":{"x":1},"constructor":["1","2"]}'),
);
const oddKey = fc.constantFrom(
  '',
  '/',
  '/balance',
  '/balance/coins',
  '/balance/x',
  '__proto__',
  'constructor',
  R,
  '~',
  '5',
  '{"time":1}',
  '/a/b',
  '/a',
  '/stats',
);

const mutation = fc.record({ where: fc.array(fc.nat(7), { maxLength: 6 }), how: fc.nat(3), value: odd, key: oddKey });
type Mutation = { where: number[]; how: number; value: unknown; key: string };

function mutate(root: unknown, { where, how, value, key }: Mutation): void {
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
  const put = (name: string, thing: unknown): void => {
    Object.defineProperty(at, name, { value: thing, enumerable: true, configurable: true, writable: true });
  };
  if (how === 0 && own !== undefined) put(own, value);
  else if (how === 1 && own !== undefined && !Array.isArray(at)) delete at[own];
  else if (how === 2 && own !== undefined && !Array.isArray(at)) put(key, at[own]);
  else if (parent !== undefined) parent[last] = value;
}

describe('decodeState, given mutated states', () => {
  const mutated = fc
    .tuple(history, fc.array(mutation, { minLength: 1, maxLength: 3 }))
    .map(([{ kind, replicas }, mutations]) => {
      const states = replicas.map(({ state }) => JSON.parse(JSON.stringify(state)) as unknown);
      for (const one of mutations) mutate(states[0], one);
      return { kind, states };
    });

  it('I6: throws nothing but BadState, and what it accepts obeys the laws and shows a file that can be read again', () => {
    let accepted = 0;
    fc.assert(
      fc.property(mutated, ({ kind, states }) => {
        const a = tryDecode(structuredClone(states[0]));
        if (a === undefined) return;
        accepted += 1;
        const [b, c] = [decodeState(states[1]), decodeState(states[2])];
        expect(merge(a, b)).toEqual(merge(b, a));
        expect(merge(merge(a, b), c)).toEqual(merge(a, merge(b, c)));
        expect(merge(a, tryDecode(JSON.parse(JSON.stringify(a))) as DocState)).toBe(a);
        const policies = policiesOf(kind);
        foreignIn(a, 'roflfaucet');
        ownPart(a, 'roflfaucet');
        stampAhead(a, 5);
        const all = merge(a, b);
        const view = render(all, policies.kind.delete);
        if (view === undefined) return;
        const text = viewText(view, undefined, all);
        const live = readContent(text, policies);
        if (view.kind === 'json' && view.value.kind === 'object') expect(live.kind).toBe('json');
        if (live.kind === 'invalid') return;
        const author = { replica: 'roflfaucet~00000001', stamp: `${'f'.repeat(10)}00000@roflfaucet` };
        const next = diff(all, undefined, live, detectStyle(text), policies, author);
        expect(tryDecode(JSON.parse(JSON.stringify(next)))).toEqual(next);
        render(next, policies.kind.delete);
      }),
      { numRuns: 800 },
    );
    expect(accepted).toBeGreaterThan(50);
    expect(({} as Record<string, unknown>).polluted ?? ({} as Record<string, unknown>).x).toBeUndefined();
  });

  it('takes any JSON at all without another exception', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        tryDecode(JSON.parse(text));
      }),
      { numRuns: 300 },
    );
  });
});

describe('a state from outside', () => {
  it('I1: cannot hide an amount behind a plain value at its path, above it or below it', () => {
    const money = { counters: { '/balance': { by: { [R]: ['50', '0'] } } } };
    for (const shape of ['number', 'box'] as const)
      for (const path of ['/balance', '/balance/coins', '/balance/coins/x', '/balance/x']) {
        const forged = { registers: { [path]: ['0', 'fffffffffff0000@b'] } };
        const counters = { '/balance': { ...money.counters['/balance'], shape: [shape, S] } };
        const view = render(decodeState(JSON.parse(JSON.stringify({ counters, ...forged }))), 'restore');
        expect(view && viewText(view, undefined, {}), `${shape} ${path}`).toContain('50');
      }
  });

  it('loses the entries that lie below its own floor, so that a floor means the same to everybody', () => {
    const added = { [R]: { '{"time":1}': [1, S, 0], '{"time":9}': [1, S, 0] } };
    const removed = { [R]: { '{"time":1}': 1 } };
    expect(decodeState({ logs: { '/l': { added, removed, floor: 5_000 } } })).toEqual({
      logs: { '/l': { added: { [R]: { '{"time":9}': [1, S, 0] } }, floor: 5_000 } },
    });
  });

  it('finds a stamp that is ahead', () => {
    const ahead = `${(5_000).toString(16).padStart(11, '0')}0000@b`;
    expect(stampAhead(decodeState({ registers: { '/a': ['1', ahead] } }), 4_999)).toBe(ahead);
    expect(stampAhead(decodeState({ registers: { '/a': ['1', ahead] } }), 5_000)).toBeUndefined();
  });
});
