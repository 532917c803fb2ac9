import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { history } from '../testing/arbitraries.js';
import { ownPart } from './authority.js';
import { canonicalText } from './canonical.js';
import { decodeState } from './decode.js';
import { merge } from './merge.js';
import { type DocState, EMPTY } from './state.js';

/** As it comes out of a batch. */
const travelled = (state: DocState): DocState => decodeState(JSON.parse(canonicalText(state)));

describe('canonicalText', () => {
  it('is JSON of the same value, whatever the order of the keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalText(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalText(turned(value))).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    [{ b: 1, a: [{ d: 2, c: 3 }], 10: 4, 9: 5 }, '{"10":4,"9":5,"a":[{"c":3,"d":2}],"b":1}'],
    [{ a: undefined, b: null }, '{"b":null}'],
    [{}, '{}'],
    [JSON.parse('{"__proto__":1,"a":2}'), '{"__proto__":1,"a":2}'],
  ])('%j is %s', (value, text) => {
    expect(canonicalText(value)).toBe(text);
  });

  it('I2: once everything is confirmed, hub and spokes hold the same text of every document', () => {
    fc.assert(
      fc.property(history, ({ replicas }) => {
        // As on the way: a spoke sends its own part, the hub what it has merged, each in some order.
        const hub = replicas.reduce(
          (state, { state: theirs, site }) => merge(state, travelled(ownPart(theirs, site))),
          EMPTY,
        );
        for (const { state } of replicas) expect(canonicalText(merge(state, travelled(hub)))).toBe(canonicalText(hub));
      }),
      { numRuns: 600 },
    );
  });
});

/** The same value with the keys of every object the other way round. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).reverse();
  const out: Record<string, unknown> = {};
  for (const [key, item] of entries)
    Object.defineProperty(out, key, { value: turned(item), enumerable: true, configurable: true, writable: true });
  return out;
}
