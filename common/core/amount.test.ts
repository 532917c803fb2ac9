import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { add, compare, isAmount, larger, normalNumber, parseAmount, sameNumber, subtract } from './amount.js';

describe('parseAmount', () => {
  it.each([
    ['5000', '5000'],
    ['-20', '-20'],
    ['0', '0'],
    ['-0', '0'],
    ['-0.0', '0'],
    ['0.30000000000000004', '0.3'],
    ['0.1', '0.1'],
    ['12.50', '12.5'],
    ['5000.0', '5000'],
    ['1e3', '1000'],
    ['1.5E-3', '0.0015'],
    ['1e-99', '0'],
    ['-1e-9', '0'],
    ['0.000000015', '0.00000002'],
    ['0.000000025', '0.00000002'],
    ['0.999999999', '1'],
    ['999999999999999999', '999999999999999999'],
    ['1e17', '100000000000000000'],
  ])('reads %s as %s', (text, amount) => {
    expect(parseAmount(text)).toBe(amount);
    expect(isAmount(amount)).toBe(true);
  });

  it.each([
    '',
    ' 5',
    '5 ',
    '+5',
    '05',
    '.5',
    '5.',
    '1e',
    '0x10',
    'NaN',
    'Infinity',
    '1e999',
    '1e-999',
    '1e18',
    '5,000',
    'true',
    '1'.repeat(30),
    `0.${'1'.repeat(80)}`,
  ])('does not take %j for money', (text) => expect(parseAmount(text)).toBeUndefined());
});

it.each(['', '00', '-0', '1.0', '1.10', '1e3', '.5', '5.', '0.123456789', '1'.repeat(25), '5\n', 5, null])(
  '%j is not the form of an amount',
  (text) => expect(isAmount(text)).toBe(false),
);

const amount = fc
  .tuple(fc.bigInt({ min: -(10n ** 17n), max: 10n ** 17n }), fc.integer({ min: 0, max: 8 }))
  .map(([units, places]) => ({
    units: units * 10n ** BigInt(8 - places),
    text: parseAmount(decimal(units, places)) as string,
  }));

/** An integer of so many decimal places, as text. */
function decimal(units: bigint, places: number): string {
  const digits = (units < 0n ? -units : units).toString().padStart(places + 1, '0');
  const cut = digits.length - places;
  return `${units < 0n ? '-' : ''}${digits.slice(0, cut)}${places > 0 ? `.${digits.slice(cut)}` : ''}`;
}

describe('sums', () => {
  it('I1: are exact, in plain notation, never with an exponent', () => {
    fc.assert(
      fc.property(amount, amount, (a, b) => {
        expect(add(a.text, b.text)).toBe(parseAmount(decimal(a.units + b.units, 8)));
        expect(subtract(a.text, b.text)).toBe(parseAmount(decimal(a.units - b.units, 8)));
        expect(isAmount(add(a.text, b.text))).toBe(true);
        expect(Math.sign(compare(a.text, b.text))).toBe(a.units < b.units ? -1 : a.units > b.units ? 1 : 0);
        expect(larger(a.text, b.text)).toBe(a.units >= b.units ? a.text : b.text);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['0.1', '0.2', '0.3'],
    ['0.00000001', '-0.00000001', '0'],
    ['999999999999999999', '1', '1000000000000000000'],
    ['0', '-5', '-5'],
  ])('%s + %s = %s', (a, b, sum) => {
    expect(add(a, b)).toBe(sum);
    expect(subtract(sum, b)).toBe(a);
  });
});

describe('numbers that are not money', () => {
  it.each([
    ['5', '5.0', true],
    ['5e0', '5', true],
    ['0', '-0', true],
    ['1e99', '1e98', false],
    ['1e999', '1e999', true],
    ['1e999', '1e998', false],
    ['5', '5x', false],
  ])('%s and %s are the same: %s', (a, b, same) => expect(sameNumber(a, b)).toBe(same));

  it.each([
    ['5.0', '5'],
    ['1e3', '1000'],
    ['-0', '0'],
    ['0.30000000000000004', '0.30000000000000004'],
    ['1e99', '1e99'],
    ['1e999', '1e999'],
    ['"5.0"', '"5.0"'],
  ])('%s in one spelling is %s', (text, normal) => {
    expect(normalNumber(text)).toBe(normal);
    expect(normalNumber(normal)).toBe(normal);
  });
});
