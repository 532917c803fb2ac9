import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Json, parseTolerant, repairJson } from './tolerant-json.js';

describe('what miners send instead of JSON', () => {
  it.each<[string, string, Json | undefined]>([
    ['a trailing NUL', '{"a":1}\0', { a: 1 }],
    ['a newline and garbage behind', '{"a":1}\n#!x{{', { a: 1 }],
    ['a trailing comma', '{"a":[1,2,],}', { a: [1, 2] }],
    ['a comma in front of an entry', '{"STATS":[,{"a":1}]}', { STATS: [{ a: 1 }] }],
    ['no comma between two entries', '{"STATS":[{"a":1}{"b":2}]}', { STATS: [{ a: 1 }, { b: 2 }] }],
    ['no comma between two members', '{"a":"x""temp0":35}', { a: 'x', temp0: 35 }],
    ['no comma and half the quotes', '{"a":""temp0":35}', { a: '', temp0: 35 }],
    ['a raw newline in a string', '{"a":"x\ny"}', { a: 'x\ny' }],
    ['bare nan and inf', '{"a":nan,"b":-inf,"c":Infinity,"d":-nan,"e":1}', { e: 1 }],
    ['nan in a string', '{"user":"poolbinance.info"}', { user: 'poolbinance.info' }],
    [
      'a list of errors shaped like a dict',
      '{"error_code":["110":"2023-01-01","111":5]}',
      { error_code: [{ '110': '2023-01-01' }, { '111': 5 }] },
    ],
    [
      'a dict of errors shaped like a list',
      '{"error_code":{"110","111"}}',
      { error_code: { '110': null, '111': null } },
    ],
    ['a reply that lost its first brace', ',"STATUS":"S","id":1}', { STATUS: 'S', id: 1 }],
    ['HTML', '<html><script>var a = {"b":1};</script></html>', undefined],
    ['nothing', ' \0', undefined],
    ['words', 'Access denied', undefined],
    ['a number beyond all numbers', '{"a":1e999,"b":2,}', { b: 2 }],
    ['a name that is no name', '{"__proto__":{"x":1},"a":1,}', { a: 1 }],
    ['bad escapes', '{"a":"\\x\\u12","b":"\\u0041",}', { a: 'xu12', b: 'A' }],
    ['a closer of the wrong kind', '{"a":[{"b":1],"c":2}', { a: [{ b: 1 }], c: 2 }],
  ])('%s', (_name, text, value) => {
    expect(parseTolerant(text)).toEqual(value);
  });

  it('drops what a cut reply ends with, because half of a number is another number', () => {
    expect(parseTolerant('{"POOLS":[{"User":"a","Accepted":4057},{"User":"b","Accepted":40')).toEqual({
      POOLS: [{ User: 'a', Accepted: 4057 }, { User: 'b' }],
    });
    expect(parseTolerant('{"a":1,"b":tru')).toEqual({ a: 1 });
    expect(parseTolerant('{"a":1,"User":"bc1qexam')).toEqual({ a: 1 });
    expect(parseTolerant('{"a":1,"Acc')).toEqual({ a: 1 });
  });

  it('survives a reply that only opens', () => {
    expect(() => parseTolerant('['.repeat(100_000))).not.toThrow();
    expect(() => parseTolerant('{"a":'.repeat(100_000))).not.toThrow();
  });

  it('reads bytes, also bytes that are no UTF-8', () => {
    expect(parseTolerant(Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d, 0]))).toEqual({
      a: '\ufffd',
    });
  });
});

const records = fc.dictionary(fc.stringMatching(/^[a-zA-Z][\w %]{0,9}$/), fc.jsonValue({ maxDepth: 3 }), {
  minKeys: 1,
  maxKeys: 6,
});

describe('for any text', () => {
  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc
            .array(fc.constantFrom(...'{}[]",:\\ \n\0naif-1.e'.split('')), { maxLength: 60 })
            .map((parts) => parts.join('')),
        ),
        (text) => {
          parseTolerant(text);
          repairJson(text);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('valid JSON is read as it is', () => {
    fc.assert(
      fc.property(records, (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('__proto__'));
        expect(repairJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('broken as miners break it, it is read as it was meant', () => {
    const meant = fc
      .oneof(records, fc.array(fc.jsonValue({ maxDepth: 3 }), { minLength: 1, maxLength: 6 }))
      .filter((value) => !JSON.stringify(value).includes('__proto__'));
    fc.assert(
      fc.property(
        meant,
        fc.infiniteStream(fc.nat(2)),
        fc.constantFrom('', '\0', '\0\n', '\n#x{{'),
        (value, dice, tail) => {
          const text = broken(value as Json, () => dice.next().value === 0) + tail;
          expect(parseTolerant(text), text).toEqual(JSON.parse(JSON.stringify(value)));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it.each([
    '[',
    '{',
    '"',
    ',',
    ':',
    '{"a":',
    '[,',
    '}{',
    '{}',
    '[],',
    '""',
    '"a",',
    '\\',
    'nan,',
    '1',
    ' ',
    '\0',
    '<',
    '{:[',
  ])('a megabyte of %j is read in time', (part) => {
    for (const start of ['', '{', '[', '{"a":"', '{"a":[']) {
      const began = performance.now();
      parseTolerant(start + part.repeat(Math.ceil(1e6 / part.length)));
      expect(performance.now() - began).toBeLessThan(5_000);
    }
  });

  it('a cut at any place leaves only what was whole', () => {
    fc.assert(
      fc.property(records, fc.nat(), (value, at) => {
        const text = JSON.stringify(value);
        const whole = JSON.parse(text);
        const part = repairJson(text.slice(0, at % text.length));
        if (part !== undefined) expect(isPartOf(part, whole)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

/** The same in JSON as miners write it, with each fault where `isNext` says so. */
function broken(value: Json, isNext: () => boolean): string {
  if (typeof value === 'string') {
    const letters = [...value].map((one) =>
      /[\n\r\t]/.test(one) && isNext() ? one : JSON.stringify(one).slice(1, -1),
    );
    return `"${letters.join('')}"`;
  }
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const comma = () => (isNext() ? ',' : '');
  if (Array.isArray(value)) {
    const items = (value as readonly Json[]).map((item): string => {
      if (item === null) return isNext() ? 'nan' : 'null';
      const text = broken(item, isNext);
      // A list shaped like a dict.
      const isPair = text.startsWith('{') && Object.keys(item).length === 1 && isNext();
      return isPair
        ? `${broken(Object.keys(item)[0] as string, isNext)}:${broken(Object.values(item)[0], isNext)}`
        : text;
    });
    return `[${comma()}${joined(items, isNext)}${comma()}]`;
  }
  const members = Object.entries(value).map(([key, item]) => `${broken(key, isNext)}:${broken(item, isNext)}`);
  // What is no value is no member.
  if (isNext()) members.push('"not a value":-inf');
  return `{${comma()}${joined(members, isNext)}${comma()}}`;
}

/** Without the comma where both its neighbours show where they end. */
function joined(parts: readonly string[], isNext: () => boolean): string {
  return parts.reduce((all, part) => {
    if (all === '') return part;
    if (!/[}\]"]$/.test(all) || !/^[{["]/.test(part) || !isNext()) return `${all}${isNext() ? ',,' : ','}${part}`;
    // `"a":""temp0":35`: half of the quotes is lost with it.
    const isBare = all.endsWith(':""') && /^"\w+":/.test(part) && isNext();
    return all + (isBare ? part.slice(1) : part);
  }, '');
}

function isPartOf(part: Json, whole: Json): boolean {
  if (Array.isArray(part)) {
    return Array.isArray(whole) && part.every((item, index) => isPartOf(item, whole[index] ?? null));
  }
  if (part !== null && typeof part === 'object') {
    if (whole === null || typeof whole !== 'object' || Array.isArray(whole)) return false;
    const other = whole as { readonly [key: string]: Json };
    return Object.entries(part).every(([key, item]) => key in other && isPartOf(item, other[key] ?? null));
  }
  return Object.is(part, whole) || part === whole;
}
