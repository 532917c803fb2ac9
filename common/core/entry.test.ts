import { describe, expect, it } from 'vitest';
import { entryText, entryTime, hasId } from './entry.js';
import { parseJson } from './json.js';

describe('an entry’s own time', () => {
  it.each([
    ['{"timestamp":1770000000}', 1_770_000_000_000],
    ['{"timestamp":1770000000.25}', 1_770_000_000_250],
    ['{"timestamp":1770000000123}', 1_770_000_000_123],
    ['{"timestamp":"1770000000"}', 1_770_000_000_000],
    ['{"time":5}', 5_000],
    ['{"date":"2026-02-03 12:58:15"}', Date.UTC(2026, 1, 3, 12, 58, 15)],
    ['{"date":"2026-02-03 12:58"}', Date.UTC(2026, 1, 3, 12, 58)],
    ['{"date":"2026-02-03"}', Date.UTC(2026, 1, 3)],
    ['{"created_at":"2026-01-06T04:43:46+00:00"}', Date.UTC(2026, 0, 6, 4, 43, 46)],
    ['{"created_at":"2026-01-06T04:43:46+0100"}', Date.UTC(2026, 0, 6, 3, 43, 46)],
    ['{"created_at":"2026-01-06T04:43:46.123456"}', Date.UTC(2026, 0, 6, 4, 43, 46, 123)],
    ['{"timestamp":"soon","date":"2026-02-03"}', Date.UTC(2026, 1, 3)],
    ['{"timestamp":"foo 5"}', undefined],
    ['{"timestamp":"Feb 3 2026"}', undefined],
    ['{"timestamp":0}', undefined],
    ['{"timestamp":null}', undefined],
    ['{"timestamp":"1960-01-01"}', undefined],
    ['[1]', undefined],
    ['"2026-02-03"', undefined],
    ['{"__proto__":{"timestamp":5}}', undefined],
    ['{', undefined],
  ])('of %s is %s', (text, ms) => expect(entryTime(text)).toBe(ms));
});

describe('an entry’s identity', () => {
  it.each([
    ['{"b": 1.0, "a": "x\\/y", "10": [1e2, null]}', '{"b":1,"a":"x/y","10":[100,null]}'],
    ['"\\u00e9"', '"\u00e9"'],
    ['{"__proto__":1}', '{"__proto__":1}'],
  ])('of %s is %s', (text, identity) => expect(entryText(parseJson(text) as never)).toBe(identity));

  it.each([
    ['{"id":"m1","time":1}', true],
    ['{"id":5}', true],
    ['{"id":""}', false],
    ['{"id":null}', false],
    ['{"note":"\\"id\\":"}', false],
    ['{"x":{"id":1}}', false],
  ])('is its own in %s: %s', (text, own) => expect(hasId(text)).toBe(own));
});
