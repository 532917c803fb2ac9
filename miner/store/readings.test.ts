/** What miners said over time: what is old becomes means, and a chart takes what is fine enough. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ReadingRow } from './readings.js';
import { resolutionFor, stepFor } from './resolutions.js';
import { FleetStore } from './store.js';

const KEEP = { raw_h: 26, ten_minutes_d: 32, hour_d: 1_100, credits_d: 400 };
const HOUR = 3_600;
const DAY = 24 * HOUR;
/** The beginning of an hour and of a day. */
const START = 19_700 * DAY;

let store: FleetStore;
beforeEach(() => {
  store = FleetStore.open(':memory:');
});
afterEach(() => store.close());

function add(miner_id: number, at_s: number, more: Partial<ReadingRow> = {}): void {
  const none = { temperature_c: null, power_w: null, fan_rpm: null, shares: null, rejected: null, difficulty: null };
  store.readings.add({ miner_id, at_s, hashrate_hps: null, ...none, ...more });
}

function age(now_s: number, keep = KEEP): number {
  let steps = 0;
  while (store.ageing.step(now_s, keep)) {
    steps += 1;
    if (steps > 10_000) throw new Error('it never ends');
  }
  return steps;
}

describe('means', () => {
  it('are made of ten minutes that are over, and of what is known only', () => {
    add(1, START, { hashrate_hps: 10, temperature_c: 60, shares: 2, difficulty: 100 });
    add(1, START + 30, { hashrate_hps: 20, shares: 3, difficulty: 50 });
    add(1, START + 600, { hashrate_hps: 99 });
    age(START + 700);
    expect(store.readings.of(1, START, START + DAY, '10m')).toEqual([
      {
        miner_id: 1,
        at_s: START,
        hashrate_hps: 15,
        temperature_c: 60,
        power_w: null,
        fan_rpm: null,
        shares: 5,
        rejected: null,
        difficulty: 150,
      },
    ]);
  });

  it('of a fleet are its sum: who was read in half of the rounds counts half', () => {
    for (let at = 0; at < 600; at += 30) add(1, START + at, { hashrate_hps: 10, temperature_c: 50, shares: 1 });
    for (let at = 0; at < 300; at += 30) add(2, START + at, { hashrate_hps: 100, temperature_c: 70, shares: 1 });
    age(START + DAY);
    expect(store.readings.of(0, START, START + DAY, '10m')).toMatchObject([
      { hashrate_hps: 60, temperature_c: 70, shares: 30 },
    ]);
    expect(store.readings.of(0, START, START + DAY, '1h')).toMatchObject([{ hashrate_hps: 60, shares: 30 }]);
  });

  it('of the hour that has begun are there already, and whole when it is over', () => {
    add(1, START, { hashrate_hps: 10, shares: 1 });
    add(1, START + 1_200, { hashrate_hps: 30, shares: 1 });
    age(START + 640);
    expect(store.readings.of(1, START, START + DAY, '1h')).toMatchObject([{ hashrate_hps: 10, shares: 1 }]);
    age(START + 2 * HOUR);
    expect(store.readings.of(1, START, START + DAY, '1h')).toMatchObject([{ hashrate_hps: 20, shares: 2 }]);
  });

  it('are made later where the agent was away, and once', () => {
    for (let at = 0; at < 3 * HOUR; at += 60) add(1, START + at, { hashrate_hps: 10, shares: 1 });
    expect(age(START + 5 * DAY, { ...KEEP, raw_h: 1_000 })).toBe(2 * 18);
    expect(age(START + 5 * DAY, { ...KEEP, raw_h: 1_000 })).toBe(0);
    expect(store.readings.of(1, START, START + DAY, '1h').map(({ shares }) => shares)).toEqual([60, 60, 60]);
  });

  it('go on after the clock was put back', () => {
    add(1, START + DAY, { hashrate_hps: 1 });
    age(START + 2 * DAY);
    add(1, START, { hashrate_hps: 2 });
    age(START + 700);
    expect(store.readings.of(1, START, START + HOUR, '10m')).toMatchObject([{ hashrate_hps: 2 }]);
  });
});

describe('what is too old', () => {
  it('goes, each in its time, and never before it has become a mean', () => {
    for (let hour = 0; hour < 48; hour += 1) add(1, START + hour * HOUR, { hashrate_hps: 10, shares: 1 });
    const now_s = START + 48 * HOUR;
    age(now_s, { ...KEEP, raw_h: 10, ten_minutes_d: 1 });
    expect(store.readings.of(1, 0, now_s, 'raw')).toHaveLength(10);
    expect(store.readings.of(1, 0, now_s, '10m')).toHaveLength(24);
    expect(store.readings.of(1, 0, now_s, '1h')).toHaveLength(48);
    age(now_s + DAY, { ...KEEP, raw_h: 10, ten_minutes_d: 1, hour_d: 2 });
    expect(store.readings.of(1, 0, now_s, '1h')).toHaveLength(24);
    expect(store.readings.of(0, 0, now_s, '1h')).toHaveLength(24);
  });

  it('goes in steps, each of some thousand rows at most', () => {
    store.transaction(() => {
      for (let at = 0; at < 12_000; at += 1) add(1, START + at, { hashrate_hps: 1 });
    });
    const now_s = START + 10 * DAY;
    let before = store.readings.of(1, 0, now_s, 'raw').length;
    let largest = 0;
    while (store.ageing.step(now_s, KEEP)) {
      const left = store.readings.of(1, 0, now_s, 'raw').length;
      largest = Math.max(largest, before - left);
      before = left;
    }
    expect(before).toBe(0);
    expect(largest).toBeLessThan(6_000);
  });
});

describe('a chart', () => {
  const now_s = START + 40 * DAY;
  const last = (length_s: number, points = 300) => ({ from_s: now_s - length_s, to_s: now_s, points });

  it('takes the coarsest that still shows enough, of what is kept', () => {
    const chosen = [HOUR, 12 * HOUR, DAY, 7 * DAY, 30 * DAY, 365 * DAY].map((length) =>
      resolutionFor(last(length), KEEP, now_s),
    );
    expect(chosen).toEqual(['raw', 'raw', '10m', '1h', '1h', '1h']);
    expect([150_000, 150_001].map((readings) => resolutionFor(last(HOUR), KEEP, now_s, readings))).toEqual([
      'raw',
      '10m',
    ]);
    const long_ago = { from_s: now_s - 20 * DAY, to_s: now_s - 20 * DAY + HOUR, points: 300 };
    expect(resolutionFor(long_ago, KEEP, now_s)).toBe('10m');
    expect(resolutionFor({ ...long_ago, from_s: now_s - 39 * DAY, to_s: now_s - 38 * DAY }, KEEP, now_s)).toBe('1h');
  });

  it('has steps of whole readings, and no more points than were asked for', () => {
    expect(stepFor('raw', last(HOUR), 30)).toBe(30);
    expect(stepFor('raw', last(12 * HOUR), 30)).toBe(150);
    expect(stepFor('1h', last(365 * DAY), 30) / HOUR).toBe(30);
  });

  it('goes on with readings where its means end, and shows each of them once', () => {
    for (let at = now_s - 2 * HOUR + 250; at < now_s + 250; at += 30)
      for (const miner_id of [1, 2]) add(miner_id, at, { hashrate_hps: 10 * miner_id, shares: 1 });
    age(now_s + 250);
    for (const miner_id of [1, undefined]) {
      const query = { from_s: now_s - DAY, to_s: now_s + 250, points: 300, ...(miner_id && { miner_id }) };
      const { resolution, at_s, hashrate_hps, shares } = store.readings.history(query, KEEP, 30, now_s + 250);
      expect([resolution, at_s.at(-1), new Set(at_s).size]).toEqual(['10m', now_s, at_s.length]);
      const miners = miner_id === undefined ? 2 : 1;
      expect(shares.reduce<number>((total, one) => total + (one ?? 0), 0)).toBe(240 * miners);
      expect(new Set(hashrate_hps)).toEqual(new Set([miners === 2 ? 30 : 10]));
    }
  });

  it('of a fleet adds its miners up, of one shows that one', () => {
    for (let at = 0; at < HOUR; at += 30) {
      add(1, now_s - HOUR + at, { hashrate_hps: 10, temperature_c: 50, power_w: 5, shares: 1 });
      add(2, now_s - HOUR + at + 1, { hashrate_hps: 30, temperature_c: 60, power_w: 7, shares: 2 });
    }
    const fleet = store.readings.history(last(HOUR), KEEP, 30, now_s);
    expect(fleet).toMatchObject({ resolution: 'raw', step_s: 60 });
    expect(fleet.at_s).toHaveLength(60);
    expect([fleet.hashrate_hps[7], fleet.temperature_c[7], fleet.power_w[7], fleet.shares[7]]).toEqual([40, 60, 12, 6]);
    expect(fleet.difficulty[7]).toBeNull();
    const one = store.readings.history({ ...last(HOUR), miner_id: 2 }, KEEP, 30, now_s);
    expect([one.step_s, one.hashrate_hps[0]]).toEqual([30, 30]);
    age(now_s + HOUR);
    expect(store.readings.history(last(DAY), KEEP, 30, now_s)).toMatchObject({
      resolution: '10m',
      hashrate_hps: [40, 40, 40, 40, 40, 40],
    });
  });
});

it('two entries that are one device become one, and nothing is counted twice', () => {
  const add_miner = (more: object) =>
    store.miners.add({ name: 'Rig', miner_type: 'axeos', ip_address: '192.168.1.9', created_at: 0, ...more });
  const known = add_miner({ mac_address: 'aa:bb:cc:00:11:22' });
  const other = add_miner({});
  const count = store.db.prepare(
    'INSERT INTO counters (miner_id, pool_url, pool_user, at, accepted, entries) VALUES (?, ?, ?, ?, ?, 1)',
  );
  count.run(known.id, 'pool', 'user', 1, 100);
  count.run(other.id, 'pool', 'user', 2, 170);
  store.miners.unite(other.id, known.id);
  expect(store.miners.list().map(({ id }) => id)).toEqual([known.id]);
  expect(store.db.prepare('SELECT miner_id, accepted FROM counters').all()).toEqual([
    { miner_id: known.id, accepted: 170 },
  ]);
});
