import { describe, expect, it } from 'vitest';
import * as units from './units.js';

describe('figures for people', () => {
  it.each([
    ['Avalon', 'Avalon Q', 'Avalon Q'],
    ['Bitmain', 'Antminer S19', 'Bitmain Antminer S19'],
    ['Antminer', undefined, 'Antminer'],
    [undefined, 'Gamma', 'Gamma'],
    [undefined, undefined, undefined],
  ])('make %s and model %s are %s', (make, model, text) => {
    expect(units.makeAndModel(make, model)).toBe(text);
  });

  it.each([
    [0, '0 H/s'],
    [1, '1 H/s'],
    [999, '999 H/s'],
    [999.6, '1.00 kH/s'],
    [78_500, '78.5 kH/s'],
    [1.2e12, '1.20 TH/s'],
    [9.996e12, '10.0 TH/s'],
    [110e12, '110 TH/s'],
    [45.31e15, '45.3 PH/s'],
    [3e24, '3000 ZH/s'],
    [undefined, '–'],
    [null, '–'],
    [Number.NaN, '–'],
  ])('hashrate %s is %s', (value, text) => {
    expect(units.hashrate(value)).toBe(text);
  });

  it.each([
    [units.temperature(0), '0 °C'],
    [units.temperature(undefined), '–'],
    [units.power(2.53), '2.5 W'],
    [units.power(3_250), '3,250 W'],
    [units.power(812_000), '812 kW'],
    [units.power(null), '–'],
    [units.efficiency(3_250, 110e12), '29.5 J/TH'],
    [units.efficiency(1, 78_500), '–'],
    [units.efficiency(undefined, 110e12), '–'],
    [units.share(0, 100), '0 %'],
    [units.share(1, 2_000), '0.05 %'],
    [units.share(4, 1_000), '0.4 %'],
    [units.share(1, 0), '–'],
    [units.duration(59), '59 s'],
    [units.duration(3_600), '60 min'],
    [units.duration(86_400 * 3), '3 days'],
    [units.ago(1_000), 'just now'],
    [units.short(65_536), '65.5 k'],
  ])('%s is %s', (made, wanted) => {
    expect(made).toBe(wanted);
  });

  it('money keeps every digit', () => {
    expect(units.amount('123456789012345678.00000001')).toBe('123,456,789,012,345,678.00000001');
    expect(units.amount('-1234.5')).toBe('-1,234.5');
    expect(units.amount('0.12345678')).toBe('0.12345678');
    expect(units.amount(undefined)).toBe('–');
  });

  it('pools and addresses are short', () => {
    expect(units.poolName('stratum+tcp://solo.ckpool.org:3333')).toBe('solo.ckpool.org:3333');
    expect(units.poolName('solo.ckpool.org:3333')).toBe('solo.ckpool.org:3333');
    expect(units.shortened('bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4')).toBe('bc1qw508…v8f3t4');
  });
});
