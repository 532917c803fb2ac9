import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { history, reachable } from '../testing/arbitraries.js';
import { policiesOf } from '../testing/simulation.js';
import { ownPart } from './authority.js';
import { decodeState } from './decode.js';
import { merge } from './merge.js';
import { render } from './render.js';
import { type DocState, EMPTY } from './state.js';

const RUNS = { numRuns: 300 };
const copy = (state: DocState): DocState => decodeState(JSON.parse(JSON.stringify(state)));

describe('merge, of states that histories reach', () => {
  it('I2: is commutative', () => {
    fc.assert(
      fc.property(reachable, ([a, b]) => {
        expect(merge(a, b)).toEqual(merge(b, a));
      }),
      RUNS,
    );
  });

  it('I2: is associative', () => {
    fc.assert(
      fc.property(reachable, ([a, b, c]) => {
        expect(merge(merge(a, b), c)).toEqual(merge(a, merge(b, c)));
      }),
      RUNS,
    );
  });

  it('I1: is idempotent, and returns its left argument itself where nothing is new', () => {
    fc.assert(
      fc.property(reachable, ([a, b]) => {
        const both = merge(a, b);
        expect(merge(a, copy(a))).toBe(a);
        expect(merge(both, copy(a))).toBe(both);
        expect(merge(both, copy(b))).toBe(both);
        expect(merge(a, EMPTY)).toBe(a);
        expect(merge(EMPTY, a)).toEqual(a);
      }),
      RUNS,
    );
  });

  it('I2: renders the same text everywhere, in whatever order states arrive', () => {
    fc.assert(
      fc.property(history, ({ kind, replicas }) => {
        const [a, b, c] = replicas.map(({ state }) => state) as [DocState, DocState, DocState];
        const rule = policiesOf(kind).kind.delete;
        const one = render(merge(merge(a, b), c), rule);
        expect(render(merge(c, merge(b, a)), rule)).toEqual(one);
        expect(render(merge(copy(b), merge(c, merge(c, a))), rule)).toEqual(one);
      }),
      RUNS,
    );
  });

  it('survives storage: what JSON.stringify wrote, decodeState reads as the same state', () => {
    fc.assert(
      fc.property(reachable, ([a, b]) => {
        expect(copy(merge(a, b))).toEqual(merge(a, b));
        expect(copy(ownPart(a, 'roflfaucet'))).toEqual(ownPart(a, 'roflfaucet'));
      }),
      RUNS,
    );
  });
});

const S = (ms: number, site = 'a'): string => `${ms.toString(16).padStart(11, '0')}0000@${site}`;

describe('merge, part by part', () => {
  it.each<[string, DocState, DocState, DocState]>([
    [
      'takes the later register',
      { registers: { '/x': ['1', S(1)] } },
      { registers: { '/x': ['2', S(2)] } },
      { registers: { '/x': ['2', S(2)] } },
    ],
    [
      'prefers a text to nothing at equal stamps',
      { whole: [null, S(1)] },
      { whole: ['', S(1)] },
      { whole: ['', S(1)] },
    ],
    [
      'I1: keeps the greater of two totals of one replica, each on its own',
      { counters: { '/b': { by: { 'a~00000001': ['5', '0'] } } } },
      { counters: { '/b': { by: { 'a~00000001': ['3', '2'] } } } },
      { counters: { '/b': { by: { 'a~00000001': ['5', '2'] } } } },
    ],
    [
      'compares totals as numbers, not as texts',
      { counters: { '/b': { by: { 'a~00000001': ['9', '0'] } } } },
      { counters: { '/b': { by: { 'a~00000001': ['10', '0'] } } } },
      { counters: { '/b': { by: { 'a~00000001': ['10', '0'] } } } },
    ],
    [
      'takes the earlier genesis',
      { counters: { '/b': { genesis: ['5', S(2)], by: {} } } },
      { counters: { '/b': { genesis: ['7', S(1)], by: {} } } },
      { counters: { '/b': { genesis: ['7', S(1)], by: {} } } },
    ],
    [
      'takes the later word on each element of a set',
      { sets: { '/r': { '"x"': [1, S(1), 0], '"y"': [1, S(3), 1] } } },
      { sets: { '/r': { '"x"': [0, S(2), 0], '"y"': [0, S(2), 0] } } },
      { sets: { '/r': { '"x"': [0, S(2), 0], '"y"': [1, S(3), 1] } } },
    ],
    [
      'takes the greater maximum of a site, and of two spellings always the same one',
      { max: { '/l': { a: '9', b: '5' } } },
      { max: { '/l': { a: '10', b: '5.0' } } },
      { max: { '/l': { a: '10', b: '5.0' } } },
    ],
    [
      'takes the delete of the newer life',
      { life: 1, dead: [0, S(9)] },
      { dead: [1, S(5)] },
      { life: 1, dead: [1, S(5)] },
    ],
    [
      'takes the earlier of two imports of a log entry whole, so that every cell is one site’s own',
      { logs: { '/t': { added: { '~': { '{"time":1}': [2, S(2, 'b'), 0] } } } } },
      { logs: { '/t': { added: { '~': { '{"time":1}': [1, S(1), 0] } } } } },
      { logs: { '/t': { added: { '~': { '{"time":1}': [1, S(1), 0] } } } } },
    ],
  ])('%s', (_, a, b, joined) => {
    expect(merge(a, b)).toEqual(joined);
    expect(merge(b, a)).toEqual(joined);
  });

  it('never drops or doubles a replica because of its name', () => {
    const a: DocState = { max: { '/l': { constructor: '1' } } };
    expect(merge({ max: { '/l': { a: '2' } } }, a)).toEqual({ max: { '/l': { a: '2', constructor: '1' } } });
  });
});
