import { describe, expect, it } from 'vitest';
import type { Device } from '../readers/device.js';
import { HttpStatusError } from '../readers/errors.js';
import { spreadOver, stateOf, waitAfter } from './schedule.js';
import { watched } from './watched.js';

describe('the schedule', () => {
  it('asks who fails in every round for a while, then less and less, and still every few minutes', () => {
    const waits = [0, 1, 9, 10, 11, 12, 13, 50, 5_000].map((failures) => waitAfter(failures, 30_000, () => 1));
    expect(waits).toEqual([30_000, 30_000, 30_000, 60_000, 120_000, 240_000, 300_000, 300_000, 300_000]);
    expect(waitAfter(50, 30_000, () => 0)).toBe(240_000);
    expect(waitAfter(50, 3_600_000, () => 0)).toBe(3_600_000);
  });

  it('spreads a round over a tenth of the interval, and not over more than three seconds', () => {
    expect([5_000, 30_000, 600_000].map(spreadOver)).toEqual([500, 3_000, 3_000]);
  });

  it.each([
    [false, 0, 'disabled'],
    [true, undefined, 'unknown'],
    [true, 89_999, 'online'],
    [true, 90_000, 'stale'],
    [true, 300_000, 'offline'],
    // The clock was put back.
    [true, -5_000, 'online'],
  ] as const)('enabled %s, read %s ms ago: %s', (is_enabled, age_ms, state) => {
    expect(stateOf(is_enabled, age_ms, { stale_after_ms: 90_000, offline_after_ms: 300_000 })).toBe(state);
  });
});

describe('a device that is watched', () => {
  const device = (rpc: () => Promise<string>): Device => ({
    address: '192.168.1.9',
    rpc,
    whatsminer: rpc,
    http: () => Promise.reject(new HttpStatusError(401, 'antMiner Configuration', 'answers 401')),
  });

  it('tells that it refused the login', async () => {
    const one = watched(device(() => Promise.resolve('{}')));
    await one.rpc('version');
    expect(one.isLoginRefused).toBe(false);
    await expect(one.http({ path: '/' })).rejects.toThrow('401');
    expect(one.isLoginRefused).toBe(true);
  });
});
