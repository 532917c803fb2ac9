/** The small parts: settings, tokens, what clickforcharity remembers of tasks, and the script that is made of it all. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { NetChange } from './net-change.js';
import { settingsOf } from './settings.js';
import { MemoryBox, StorageBox } from './storage.js';
import { durationText, Tasks } from './tasks.js';
import { isTokenOf } from './token.js';

const NOW = 1_770_000_000_000;

describe('settings', () => {
  it('are those of a site with PHP unless the tag says otherwise', () => {
    expect(settingsOf({}, 'roflfaucet.example')).toEqual({
      api: '/api',
      sidecar: undefined,
      writes: 'php',
      site: 'roflfaucet.example',
      poll_ms: 10_000,
    });
    expect(settingsOf({ sidecar: '/axle/', writes: 'sidecar', pollMs: '1' }, 'x')).toMatchObject({
      sidecar: '/axle',
      writes: 'sidecar',
      poll_ms: 1000,
    });
    expect(() => settingsOf({ writes: 'sidecar' }, 'x')).toThrow(/data-sidecar/);
  });
});

describe('a token', () => {
  const token = (claims: object) => `x.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.y`;
  it('is shown for the user it names, as long as it is good', () => {
    const good = { sub: '1', username: 'andy', exp: NOW / 1000 + 60 };
    expect(isTokenOf('1-andy', token(good), NOW)).toBe(true);
    expect(isTokenOf('2-bob', token(good), NOW)).toBe(false);
    expect(isTokenOf('1-andy', token({ ...good, exp: NOW / 1000 - 1 }), NOW)).toBe(false);
    expect(isTokenOf('1-ändy', token({ ...good, username: 'ändy' }), NOW)).toBe(true);
    for (const bad of ['', 'x', 'a.b.c', token([])]) expect(isTokenOf('1-andy', bad, NOW)).toBe(false);
  });
});

describe('storage that refuses', () => {
  it('is replaced by memory for this page', () => {
    const box = new StorageBox(() => {
      throw new Error('denied');
    });
    box.set('a', '1');
    expect([box.get('a'), box.keys()]).toEqual(['1', ['a']]);
    box.remove('a');
    expect(box.get('a')).toBeNull();
  });
});

describe('what the former script left behind', () => {
  const left = (keys: Readonly<Record<string, string>>) => {
    const box = new MemoryBox();
    for (const [key, value] of Object.entries(keys)) box.set(`balance_net_change:1-andy${key}`, value);
    return { box, left: new NetChange(box, '1-andy') };
  };
  it('is a sum, or nothing', () => {
    expect(left({ '': '12.5' }).left.amount).toBe(1_250_000_000n);
    expect(left({ '': '-3' }).left.amount).toBe(-300_000_000n);
    for (const value of ['0', '', 'NaN']) expect(left({ '': value }).left.amount).toBeUndefined();
    expect(left({}).left.amount).toBeUndefined();
  });

  it('hazard 8: has to be untouched for longer than a tab of that script waits', () => {
    expect(left({ '': '5' }).left.quietFor_ms(NOW)).toBe(300_000);
    expect(left({ '': '5', _timestamp: String(NOW - 100_000) }).left.quietFor_ms(NOW)).toBe(200_000);
    expect(left({ '': '5', _timestamp: String(NOW - 900_000) }).left.quietFor_ms(NOW)).toBe(0);
    expect(left({ '': '5', _timestamp: String(NOW + 9e9) }).left.quietFor_ms(NOW)).toBe(300_000);
    const { box, left: seen } = left({ '': '5', _timestamp: '1' });
    const { mark } = seen;
    box.set('balance_net_change:1-andy', '7');
    expect(seen.mark).not.toBe(mark);
    seen.forget();
    expect(box.keys()).toEqual([]);
  });
});

describe('tasks', () => {
  it('are remembered, and an ad for 23 hours', () => {
    let now = NOW;
    const tasks = new Tasks(new MemoryBox(), () => now);
    tasks.complete('ad_1');
    tasks.complete('simple_2');
    expect(tasks.isAdCompleted('ad_1')).toBe(true);
    now += 22.5 * 3_600_000;
    expect(durationText(tasks.adTimeLeft_ms('ad_1'))).toBe('30m');
    now += 3_600_000;
    expect(tasks.isAdCompleted('ad_1')).toBe(false);
    expect(Object.keys(tasks.completed())).toEqual(['simple_2']);
    tasks.keepCompleted('simple_', ['simple_3']);
    expect(tasks.completed()).toEqual({});
    expect([tasks.countAd(), tasks.countAd(), tasks.adsCompleted()]).toEqual([1, 2, 2]);
    tasks.skip('t');
    tasks.unskip('t');
    expect(tasks.skipped()).toEqual({});
  });

  it.each([
    [0, 'Available now'],
    [30_000, 'Less than 1m'],
    [8_100_000, '2h 15m'],
    [7_200_000, '2h'],
  ])('%i ms is %s', (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });
});

describe('client/unified-balance.js', () => {
  it('is what the sources make (node client/build.mjs)', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-client-'));
    try {
      const made = path.join(folder, 'made.js');
      execFileSync(process.execPath, [path.join(import.meta.dirname, 'build.mjs'), made]);
      const kept = fs.readFileSync(path.join(import.meta.dirname, 'unified-balance.js'), 'utf8');
      expect(kept === fs.readFileSync(made, 'utf8')).toBe(true);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
});
