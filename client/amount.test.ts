import { describe, expect, it } from 'vitest';
import { numberOf, shownOf, textOf, unitsOf } from './amount.js';

describe('an amount', () => {
  it.each([
    [20, '20'],
    [0.1 + 0.2, '0.3'],
    ['0.30000000000000004', '0.3'],
    ['12.50', '12.5'],
    [-0.00000001, '-0.00000001'],
    ['-7', '-7'],
    ['+3', '3'],
    ['999999999999999999.99999999', '999999999999999999.99999999'],
    [{ coins: '250.75' }, '250.75'],
    ['0.000000005', '0.00000001'],
  ])('%j is %s', (value, text) => {
    expect(textOf(unitsOf(value) as bigint)).toBe(text);
  });

  it.each([
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1e16,
    '',
    ' ',
    'abc',
    '1e5',
    '1,5',
    '0x10',
    null,
    undefined,
    true,
    [],
    {},
  ])('hazard 13: %j is none, and not 0', (value) => {
    expect(unitsOf(value)).toBeUndefined();
  });

  it('hazard 4: an object balance is that amount, and not NaN', () => {
    expect(numberOf(unitsOf({ coins: 0 }) as bigint)).toBe(0);
    expect(unitsOf({ coins: {} })).toBeUndefined();
  });

  it('is shown as whole coins', () => {
    const shown = (value: unknown) => shownOf(unitsOf(value) as bigint);
    expect(['12.99', 12, '0', -0.5, '-3', '-3.2'].map(shown)).toEqual(['12', '12', '0', '-1', '-3', '-4']);
  });

  it('hazard 9: a thousand fractions add up exactly', () => {
    const tenth = unitsOf(0.1) as bigint;
    expect(textOf(Array.from({ length: 1000 }, () => tenth).reduce((a, b) => a + b))).toBe('100');
  });
});
