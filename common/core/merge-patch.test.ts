import { describe, expect, it } from 'vitest';
import { compactText, type Json, parseJson } from './json.js';
import { mergePatch } from './merge-patch.js';

/** The table of RFC 7396, appendix A. */
const TABLE = [
  ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
  ['{"a":"b"}', '{"a":null}', '{}'],
  ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
  ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
  ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
  ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
  ['["a","b"]', '["c","d"]', '["c","d"]'],
  ['{"a":"b"}', '["c"]', '["c"]'],
  ['{"a":"foo"}', 'null', 'null'],
  ['{"a":"foo"}', '"bar"', '"bar"'],
  ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
  ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
  ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  ['{"n":5.0,"m":1}', '{"m":9007199254740993}', '{"n":5.0,"m":9007199254740993}'],
] as const;

describe('mergePatch', () => {
  it.each(TABLE)('%s with %s is %s', (target, patch, result) => {
    expect(compactText(mergePatch(parseJson(target), parseJson(patch) as Json))).toBe(result);
  });
});
