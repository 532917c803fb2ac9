/** The boundary for states from outside: refuse with BadState, or hold a state that can be merged, rendered and read again. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeOrRefuse, mutatedStates, obeysLaws } from '../testing/mutations.js';
import { BadState, decodeState, stampAhead } from './decode.js';
import { render, viewText } from './render.js';

const S = '00000000001' + '0000@a';
const R = 'a~00000001';

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
    ['a scalar in place of a whole document', { registers: { '': ['1e999', S] } }],
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

describe('decodeState, given mutated states', () => {
  it('I6: throws nothing but BadState, and what it accepts obeys the laws and shows a file that can be read again', () => {
    let accepted = 0;
    fc.assert(
      fc.property(mutatedStates, (input) => {
        if (obeysLaws(input)) accepted += 1;
      }),
      { numRuns: 800 },
    );
    expect(accepted).toBeGreaterThan(50);
    expect(({} as Record<string, unknown>).polluted ?? ({} as Record<string, unknown>).x).toBeUndefined();
  });

  it('takes any JSON at all without another exception', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        decodeOrRefuse(JSON.parse(text));
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

  it.each<[string, object]>([
    ['a text', { whole: ['nothing here', 'fffffffffff0000@b'] }],
    ...['', '/balance', '/balance/coins'].flatMap((path): [string, object][] => [
      [`a plain value at "${path}"`, { registers: { [path]: ['[]', 'fffffffffff0000@b'] } }],
      [`a set at "${path}"`, { sets: { [path]: { '"x"': [1, 'fffffffffff0000@b', 0] } } }],
      [`a log at "${path}"`, { logs: { [path]: { added: { 'b~00000001': { '{"time":1}': [1, S, 0] } } } } }],
      [`a maximum at "${path}"`, { max: { [path]: { b: '999' } } }],
    ]),
  ])('I1: cannot hide an amount behind %s', (_, forged) => {
    for (const shape of ['number', 'box'] as const) {
      const counters = { '/balance': { by: { [R]: ['50', '0'] }, shape: [shape, S] } };
      const view = render(decodeState(JSON.parse(JSON.stringify({ counters, ...forged }))), 'restore');
      const shown = JSON.parse(view === undefined ? '' : viewText(view, undefined, {})) as { balance: unknown };
      expect(shown.balance, shape).toEqual(shape === 'number' ? 50 : { coins: 50 });
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
