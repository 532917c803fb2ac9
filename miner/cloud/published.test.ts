import { describe, expect, it } from 'vitest';
import type { Fleet } from '../fleet/fleet.js';
import { snapshotOf, snapshotText } from '../relay/snapshot.js';
import { readPublished } from './published.js';

const AT = Date.UTC(2025, 11, 13, 10, 30, 4, 123);

/** As sync_to_gist.py writes it. */
const OLD = JSON.stringify({
  last_updated: '2025-12-13T10:30:04.123456Z',
  sync_interval: 60,
  miner_count: 2,
  miners: {
    A: {
      name: 'A',
      type: 'BG02',
      hashrate_1m: 8.5,
      temp: 45.2,
      power: 150,
      sharesAccepted: 7,
      alive: true,
      status: 'OK',
      ip: '192.168.179.5',
    },
    B: {
      name: 'B',
      type: 'OFFLINE',
      hashrate_1m: 0,
      temp: 0,
      power: 0,
      alive: false,
      status: 'Offline',
      ip: '192.168.179.6',
    },
  },
});

describe('what was published', () => {
  it('is the fleet again', () => {
    const reading = {
      family: 'antminer',
      hashrate_hps: 104.123e12,
      hashrate_avg_hps: 103e12,
      hashrate_nominal_hps: 104e12,
      temperature_c: 71,
      power_w: 3_068,
      voltage_v: 12.5,
      frequency_hz: 525e6,
      uptime_s: 1_000,
      shares_accepted: 12,
      shares_rejected: 1,
      best_share: 4.29e9,
      rssi_dbm: -60,
      pools: [{ active: true, difficulty: 65_536 }],
      fans: [{ rpm: 5_880 }],
      boards: [],
    } as const;
    const fleet: Fleet = {
      at: AT,
      poll_interval_s: 20,
      miners: [
        {
          id: 3,
          name: 'rig3',
          miner_type: 'antminer',
          model: 'Antminer S19',
          firmware: '2.1',
          state: 'online',
          at: AT - 900,
          reading,
        },
        {
          id: 4,
          name: 'rig4',
          miner_type: 'antminer',
          model: 'Antminer S19',
          state: 'offline',
          at: AT - 9_000,
          reading,
        },
        {
          id: 5,
          name: 'rig5',
          miner_type: 'nerdminer',
          model: 'Nerd',
          state: 'online',
          at: AT,
          reading: { ...reading, family: 'nerdminer', hashrate_hps: 61_234 },
        },
      ],
    };
    const read = readPublished(snapshotText(snapshotOf(fleet, { addresses: false, interval_s: 60 })));
    expect(read).toMatchObject({ updated_at: AT, interval_s: 60, poll_interval_s: 20, left_out: 0 });
    expect(read.miners).toEqual(fleet.miners);
  });

  it('may be of sync_to_gist.py', () => {
    expect(readPublished(OLD)).toEqual({
      updated_at: AT,
      interval_s: 60,
      poll_interval_s: 30,
      left_out: 0,
      miners: [
        {
          id: 1,
          name: 'A',
          miner_type: 'BG02',
          model: 'BG02',
          address: '192.168.179.5',
          state: 'online',
          at: AT,
          reading: {
            family: 'axeos',
            hashrate_hps: 8.5e12,
            temperature_c: 45.2,
            power_w: 150,
            shares_accepted: 7,
            pools: [],
            fans: [],
            boards: [],
          },
        },
        { id: 2, name: 'B', miner_type: 'OFFLINE', address: '192.168.179.6', state: 'offline' },
      ],
    });
  });

  it.each([
    ['', 'it is no JSON'],
    ['<html>', 'it is no JSON'],
    ['[]', 'no group'],
    ['{}', 'no agent has written to it yet'],
    ['{"miners":[],"last_updated":"2025-12-13T10:30:04Z"}', '"miners" are no group'],
    ['{"miners":{}}', 'when it was written'],
    ['{"miners":{},"last_updated":"yesterday"}', 'when it was written'],
  ])('%s is refused', (text, message) => {
    expect(() => readPublished(text)).toThrow(message);
  });

  it('leaves out values that are none', () => {
    const miners = {
      a: 5,
      b: {
        alive: true,
        hashrate_1m: '9',
        temp: null,
        power: -1,
        uptime: true,
        type: 7,
        axle: { state: 'glowing', id: -2, at: 'x' },
      },
      'c\u001b[31m\n\u202e': { alive: 'yes', name: 'x'.repeat(999), type: 'T'.repeat(999), axle: [] },
      __proto__x: null,
    };
    const text = JSON.stringify({ last_updated: '2025-12-13T10:30:04Z', sync_interval: -4, miners }).replace(
      '__proto__x',
      '__proto__',
    );
    const read = readPublished(text);
    expect(read.interval_s).toBe(60);
    expect(read.miners).toEqual([
      {
        id: 2,
        name: 'b',
        miner_type: 'unknown',
        state: 'online',
        at: AT - 123,
        reading: { family: 'axeos', pools: [], fans: [], boards: [] },
      },
      { id: 3, name: 'c [31m', miner_type: 'T'.repeat(120), model: 'T'.repeat(120), state: 'offline' },
    ]);
  });
});
