import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compactText, JSON_DEPTH_MAX, parseJson, sameJson, stringOf } from './json.js';
import { detectStyle, PHP_PRETTY, parseStyle, printJson, reprint, type Style } from './style.js';

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

describe('parseJson', () => {
  it('takes what JSON.parse takes, and means the same', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const value = parseJson(text);
        expect(value && JSON.stringify(JSON.parse(compactText(value)))).toBe(JSON.stringify(JSON.parse(text)));
      }),
      { numRuns: 300 },
    );
  });

  it('I6: refuses what JSON.parse refuses: torn, damaged or with something added', () => {
    const damaged = fc.tuple(
      fc.json({ maxDepth: 2 }),
      fc.nat(),
      fc.nat(),
      fc.constantFrom('', ',', '}', '"', '\u0000', '\n', '\u00a0', '\ufeff', '//x', '-', '.', 'e', '0', '\\'),
    );
    fc.assert(
      fc.property(damaged, ([text, at, length, more]) => {
        const cut = at % (text.length + 1);
        const bad = text.slice(0, cut) + more + text.slice(cut + (length % 3));
        expect(parseJson(bad) !== undefined, JSON.stringify(bad)).toBe(isJson(bad));
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    '',
    ' ',
    'NaN',
    '{a:1}',
    "{'a':1}",
    '{"a":1,}',
    '[1,]',
    '[,1]',
    '1 2',
    '{} {}',
    '01',
    '1.',
    '.5',
    '+1',
    '-',
    '1e',
    '"\t"',
    '"\\x"',
    '"\\u12"',
    '/**/1',
    '\ufeff1',
    '\u00a01',
    'nul',
    'True',
    '{"a"}',
    '{"a":}',
    '{1:1}',
  ])('refuses %j', (text) => {
    expect(isJson(text)).toBe(false);
    expect(parseJson(text)).toBeUndefined();
  });

  it.each(['5000', '5000.0', '1e3', '-0', '1e999', '1e-999', '123456789012345678901234567890', '0.30000000000000004'])(
    'keeps the spelling of %s',
    (text) => {
      expect(compactText(parseJson(`{"n": ${text}}`) as never)).toBe(`{"n":${text}}`);
    },
  );

  it('keeps key order, keys like numbers and keys like object internals', () => {
    const text = '{"10":1,"b":2,"2":3,"__proto__":{"x":1},"constructor":4,"toString":5,"":6,"a":7}';
    expect(compactText(parseJson(text) as never)).toBe(text);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  it('takes the last of two equal keys, as PHP and JavaScript do', () => {
    expect(compactText(parseJson('{"a":1,"b":2,"a":3}') as never)).toBe('{"a":3,"b":2}');
  });

  it('keeps lone surrogates, in one spelling', () => {
    expect(compactText(parseJson('["\\uD83D","\\ud83d\\udc64"]') as never)).toBe('["\\ud83d","\u{1f464}"]');
  });

  it('refuses what is nested too deep, without falling over', () => {
    expect(parseJson(nested(JSON_DEPTH_MAX))).toBeDefined();
    expect(parseJson(nested(JSON_DEPTH_MAX + 1))).toBeUndefined();
    expect(parseJson('['.repeat(1_000_000))).toBeUndefined();
    expect(parseJson('{"a":'.repeat(1_000_000))).toBeUndefined();
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('sameJson', () => {
  it.each([
    ['{"a":1,"b":2}', '{"b":2.0,"a":1e0}', true],
    ['[1,2]', '[2,1]', false],
    ['{"a":1}', '{"a":1,"b":null}', false],
    ['{"a":1}', '{"b":1}', false],
    ['1', '"1"', false],
    ['null', '{}', false],
    ['[]', '{}', false],
    ['"\\u00e9"', '"\u00e9"', true],
  ])('%s and %s: %s', (a, b, same) => {
    const [x, y] = [parseJson(a), parseJson(b)] as never[];
    expect(sameJson(x as never, y as never)).toBe(same);
    expect(sameJson(y as never, x as never)).toBe(same);
  });

  it('knows a string from everything else', () => {
    expect([
      stringOf(parseJson('"x"') as never),
      stringOf(parseJson('5') as never),
      stringOf(parseJson('[]') as never),
    ]).toEqual(['x', undefined, undefined]);
  });
});

const style: fc.Arbitrary<Style> = fc.record({
  indent: fc.constantFrom<number | '\t'>(0, 1, 2, 4, 8, '\t'),
  colonSpace: fc.boolean(),
  commaSpace: fc.boolean(),
  escapeSlash: fc.boolean(),
  escapeUnicode: fc.boolean(),
  finalNewline: fc.boolean(),
});

describe('a style', () => {
  it('I7: of whatever kind prints the same document, and prints its own text again', () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: 'binary' }), style, (text, s) => {
        const value = parseJson(text) as never;
        const printed = printJson(value, s);
        expect(sameJson(parseJson(printed) as never, value)).toBe(true);
        expect(sameJson(parseJson(reprint(printed) as string) as never, value)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('I7: is read off the text that it printed', () => {
    const telling = parseJson('{"path":"a/b","name":"caf\u00e9","list":[1,2],"back":"C:\\\\","box":{"n":1}}') as never;
    fc.assert(
      fc.property(style, (s) => {
        const text = printJson(telling, s);
        expect(reprint(text)).toBe(text);
      }),
    );
  });

  it.each([
    ['a backslash before a slash', '{"a":"\\\\/"}'],
    ['a backslash before u00e9', '{"a":"\\\\u00e9 \u00e9"}'],
    ['a tab in a text that escapes nothing', '{"a":"\\u0001 \u00e9"}'],
    ['a colon in a string', '{"a":"b: c, d"}'],
    ['an indented list', '[\n  1,\n  2\n]\n'],
  ])('I7: is not misread by %s', (_, text) => expect(reprint(text)).toBe(text));

  it('is PHP’s where a text shows nothing', () => {
    expect(detectStyle('{}')).toEqual({ ...PHP_PRETTY, indent: 0 });
    for (const odd of [null, 5, [], {}, { indent: -1 }, { indent: 1e9 }, { indent: '  ' }, { colonSpace: 'x' }])
      expect(parseStyle(odd)).toEqual(PHP_PRETTY);
  });
});
