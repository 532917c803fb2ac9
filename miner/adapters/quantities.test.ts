import { describe, expect, it } from 'vitest';
import {
  celsius,
  chipCelsius,
  count,
  difficulty,
  hashrate,
  label,
  macAddress,
  number,
  percent,
  positive,
  text,
  watts,
} from './quantities.js';

describe('a number', () => {
  it.each([
    [1.5, 1.5],
    ['1.5', 1.5],
    [' 42 ', 42],
    ['13,546.67', 13_546.67],
    ['1,234,567', 1_234_567],
    ['5880 RPM', 5_880],
    ['72%', 72],
    ['45.2 C', 45.2],
    ['-12', -12],
    ['1.5e3', 1_500],
    ['', undefined],
    ['12:30', undefined],
    ['1.2.3.4', undefined],
    ['nan', undefined],
    ['0x10', undefined],
    [Number.POSITIVE_INFINITY, undefined],
    [Number.NaN, undefined],
    [true, undefined],
    [null, undefined],
    [[1], undefined],
    [undefined, undefined],
  ])('%j is %j', (value, wanted) => {
    expect(number(value)).toBe(wanted);
  });
});

describe('units', () => {
  it.each([
    [110_566.89, 'GH', 110_566_890_000_000],
    ['14.5 TH/s', 'GH', 14_500_000_000_000],
    ['500 kH/s', 'GH', 500_000],
    ['78.3', 'KH', 78_300],
    [0, 'MH', 0],
    [-1, 'MH', undefined],
    ['', 'GH', undefined],
    [1e300, 'EH', undefined],
  ] as const)('%j in %s is %j H/s', (value, unit, wanted) => {
    const read = hashrate(value, unit);
    if (wanted === undefined) expect(read).toBeUndefined();
    else expect(read).toBeCloseTo(wanted, 0);
  });

  it.each([
    ['4.29G', 4_290_000_000],
    ['483k', 483_000],
    ['1.5 M', 1_500_000],
    ['0', 0],
    [65_536, 65_536],
    ['524K', 524_000],
    ['none', undefined],
    [-1, undefined],
  ])('difficulty %j is %j', (value, wanted) => {
    expect(difficulty(value)).toBe(wanted);
  });
});

describe('a sensor that is not there', () => {
  it.each([-273, 0, -1, 255, 'nan', '', 2_560])('says %j, which is no temperature of a chip', (value) => {
    expect(chipCelsius(value)).toBeUndefined();
  });
  it('air may be cold', () => {
    expect(celsius(-12.5)).toBe(-12.5);
    expect(celsius(-273)).toBeUndefined();
  });
  it('power that is unknown is -1, and no counter is negative', () => {
    expect(watts(-1)).toBeUndefined();
    expect(watts('3400')).toBe(3_400);
    expect(count(-5)).toBeUndefined();
    expect(count('1,234')).toBe(1_234);
    expect([count(1e300), count(1e21)]).toEqual([undefined, 1e21]);
    expect(positive(0)).toBeUndefined();
    expect(percent(130)).toBeUndefined();
  });
});

it('text has no control characters', () => {
  expect(text('\x1b[2JAntminer\r\nS19\0')).toBe('[2JAntminer S19');
  expect(label('a\x07.b')).toBe('a .b');
});

it('text that says nothing is absent', () => {
  expect(text(' a ')).toBe('a');
  expect(text("'20230101.12.REL'")).toBe('20230101.12.REL');
  expect(text('<DELETED>')).toBe('<DELETED>');
  for (const nothing of ['', ' ', null, {}, [], 'N/A', 'unknown']) expect(text(nothing)).toBeUndefined();
  expect(text(401)).toBe('401');
});

it.each([
  ['AA:BB:CC:DD:EE:0F', 'aa:bb:cc:dd:ee:0f'],
  ['aabbccddee0f', 'aa:bb:cc:dd:ee:0f'],
  ['C0-FA-38-6A-6E-B2', 'c0:fa:38:6a:6e:b2'],
  ['02:55:97:22:3M:72', undefined],
  ['00:00:00:00:00:00', undefined],
  ['ff:ff:ff:ff:ff:ff', undefined],
  ['', undefined],
])('MAC %j is %j', (value, wanted) => {
  expect(macAddress(value)).toBe(wanted);
});
