import { describe, expect, it } from 'vitest';
import type { FleetMember } from '../../fleet/fleet.js';
import { compareRows, matches, rowOf, rowsOf } from './rows.js';
import { byDayAndUser } from './statement.js';
import { summaryOf } from './summary.js';

const NOW = 1_800_000_000_000;
const member = (id: number, more: Partial<FleetMember> = {}): FleetMember => ({
  id,
  name: `m-${id}`,
  miner_type: 'antminer',
  state: 'online',
  at: NOW - 4_000,
  ...more,
});
const reading = (more: object = {}): NonNullable<FleetMember['reading']> => ({
  family: 'antminer',
  pools: [],
  fans: [],
  boards: [],
  ...more,
});
const fleet = (miners: readonly FleetMember[]) => ({ at: NOW, poll_interval_s: 30, miners });

describe('a device as a row', () => {
  it('shows what is not known as a dash, and a real 0 as 0', () => {
    const bare = rowOf(member(1, { reading: reading() }), new Map(), NOW);
    expect([bare.hashrate, bare.temperature, bare.power, bare.shares]).toEqual(['–', '–', '–', '–']);
    const idle = rowOf(
      member(1, { reading: reading({ hashrate_hps: 0, power_w: 0, shares_accepted: 0 }) }),
      new Map(),
      NOW,
    );
    expect([idle.hashrate, idle.power, idle.shares]).toEqual(['0 H/s', '0 W', '0']);
  });

  it('says by whom it is seen where it has no address', () => {
    const about = (more: Partial<FleetMember>) => rowOf(member(1, { model: 'Nano', ...more }), new Map(), NOW).about;
    expect(about({ address: '192.168.1.7' })).toBe('Nano · 192.168.1.7');
    expect(about({ seen_by: 'Solo CKPool' })).toBe('Nano · seen by Solo CKPool');
    expect(about({})).toBe('Nano');
  });

  it('says how old a stale figure is, and shows none of what is offline', () => {
    const old = { reading: reading({ hashrate_hps: 1e12 }), at: NOW - 130_000, error: 'no answer' };
    const stale = rowOf(member(1, { ...old, state: 'stale' }), new Map(), NOW);
    expect([stale.hashrate, stale.isOld, stale.trouble]).toEqual(['1.00 TH/s', true, '2 min ago: no answer']);
    const offline = rowOf(member(1, { ...old, state: 'offline' }), new Map(), NOW);
    expect([offline.hashrate, offline.trouble]).toEqual(['–', '2 min ago: no answer']);
    expect(rowOf({ id: 1, name: 'm', miner_type: 'x', state: 'unknown' }, new Map(), NOW).trouble).toBe('never read');
  });

  it('has no wallet where its pool is known, and in a copy without pools nothing is said of it', () => {
    const at = (pool: object) => rowOf(member(1, { reading: reading({ pools: [pool] }) }), new Map(), NOW);
    const [known, copied] = [
      at({ url: 'stratum+tcp://pool.example:3333', user: 'x' }),
      at({ active: true, difficulty: 64 }),
    ];
    expect([known.wallet, known.isUnmatched]).toEqual(['unmatched', true]);
    expect([copied.wallet, copied.isUnmatched]).toEqual(['–', false]);
  });

  it('is sorted by number where it is one, by name where equal, and comes last where nothing is known', () => {
    const miners = [
      member(1, { name: 'm-10', reading: reading({ hashrate_hps: 5 }) }),
      member(2, { name: 'm-9', reading: reading({ hashrate_hps: 5 }) }),
      member(3, { reading: reading() }),
      member(4, { reading: reading({ hashrate_hps: 70 }) }),
    ];
    const sorted = (isDown: boolean) =>
      rowsOf(fleet(miners), [], NOW)
        .sort(compareRows('hashrate', isDown))
        .map(({ id }) => id);
    expect(sorted(true)).toEqual([4, 2, 1, 3]);
    expect(sorted(false)).toEqual([2, 1, 4, 3]);
  });

  it('is found by every word of a filter', () => {
    const row = rowOf(member(7, { model: 'Antminer S19 Pro', address: '192.168.1.7' }), new Map(), NOW);
    expect([matches(row, ''), matches(row, 's19 168.1.7'), matches(row, 's19 m-8')]).toEqual([true, true, false]);
  });
});

describe('the fleet in a sentence', () => {
  it.each([
    [[], 'No devices yet', ''],
    [[member(1)], 'The device is online', 'ok'],
    [[member(1), member(2)], 'All 2 devices are online', 'ok'],
    [[member(1), member(2, { state: 'stale' })], '1 of 2 devices online: 1 stale', 'warn'],
    [[member(1), member(2, { state: 'offline' })], '1 of 2 devices online: 1 offline', 'bad'],
    [[member(1), member(2, { state: 'disabled' })], 'The device is online, 1 disabled', 'ok'],
    [[member(2, { state: 'disabled' })], '1 device, all disabled', ''],
    [[member(2, { state: 'unknown' })], '1 device, not read yet', ''],
  ] as const)('%#: %s', (miners, headline, health) => {
    expect(summaryOf(fleet(miners))).toMatchObject({ headline, health });
  });

  it('says of no miner that it is read that is only seen', () => {
    const rest = (...miners: FleetMember[]) => summaryOf(fleet(miners)).rest;
    const seen = (id: number) => member(id, { seen_by: 'Solo CKPool' });
    expect([rest(), rest(member(1)), rest(seen(1))]).toEqual(['', 'each read every 30 s', 'seen through its pool']);
    expect(rest(member(1), seen(2), seen(3))).toBe('1 read every 30 s, 2 seen through their pool');
  });

  it('counts nothing that is not of now', () => {
    const miners = [
      member(1, { reading: reading({ hashrate_hps: 10e12, power_w: 300 }) }),
      member(2, { state: 'stale', reading: reading({ hashrate_hps: 90e12, temperature_c: 99 }) }),
      member(3, { reading: reading({ hashrate_hps: 5e12 }) }),
    ];
    const [hashrate, temperature, power] = summaryOf(fleet(miners)).figures;
    expect(hashrate).toEqual(['15.0 TH/s', 'of 2 devices online']);
    expect(temperature).toEqual(['–', '']);
    // Of those alone whose power is known.
    expect(power).toEqual(['300 W', '30.0 J/TH']);
  });
});

describe('a statement', () => {
  it('adds up a user’s devices exactly, the latest day first', () => {
    const row = { user: '1-andy', owed: '0', refused: '0', difficulty: '1', is_estimate: false };
    const days = byDayAndUser([
      { ...row, day: '2026-01-30', amount: '1' },
      { ...row, day: '2026-01-31', amount: '0.1' },
      { ...row, day: '2026-01-31', amount: '0.2', owed: '0.00000001', is_estimate: true },
    ]);
    expect(days.map(({ day, paid, owed, is_estimate }) => [day, paid, owed, is_estimate])).toEqual([
      ['2026-01-31', '0.3', '0.00000001', true],
      ['2026-01-30', '1', '0', false],
    ]);
  });
});
