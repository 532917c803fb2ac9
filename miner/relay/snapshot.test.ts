import { describe, expect, it } from 'vitest';
import type { MinerReading } from '../adapters/reading.js';
import type { Fleet, FleetMember } from '../fleet/fleet.js';
import { countOnline, type Snapshot, snapshotOf, snapshotText } from './snapshot.js';

const AT = Date.UTC(2025, 11, 13, 10, 30, 4, 123);
const OPTIONS = { addresses: false, interval_s: 60 };

const reading = (more: Partial<MinerReading> = {}): MinerReading => ({
  family: 'axeos',
  hostname: 'bitaxe-of-andy',
  mac: '02:ae:1e:00:00:07',
  hashrate_hps: 1.2034e12,
  hashrate_avg_hps: 1.19e12,
  temperature_c: 58.25,
  power_w: 18.05,
  voltage_v: 5.09375,
  frequency_hz: 525e6,
  uptime_s: 86_400,
  shares_accepted: 1_234,
  shares_rejected: 5,
  best_share: 4.29e9,
  rssi_dbm: -52,
  pools: [{ url: 'stratum+tcp://192.168.1.9:3333', user: 'bc1qsecret.rig', active: true, difficulty: 1_000 }],
  fans: [{ rpm: 4_000 }, { rpm: 4_200 }],
  boards: [],
  ...more,
});

const member = (id: number, more: Partial<FleetMember> = {}): FleetMember => ({
  id,
  name: `rig${id}`,
  miner_type: 'axeos',
  model: 'Bitaxe BM1370',
  address: `192.168.1.${id % 250}`,
  mac: '02:ae:1e:00:00:07',
  state: 'online',
  at: AT - 5_000,
  reading: reading(),
  ...more,
});

const fleet = (...miners: FleetMember[]): Fleet => ({ at: AT, poll_interval_s: 30, miners });

describe('the snapshot', () => {
  it('has the fields of the former script, in its units', () => {
    expect(snapshotOf(fleet(member(7)), OPTIONS)).toEqual({
      last_updated: '2025-12-13T10:30:04.123Z',
      sync_interval: 60,
      miner_count: 1,
      miners: {
        rig7: {
          name: 'rig7',
          type: 'Bitaxe BM1370',
          hashrate_1m: 1.2034,
          hashrate_24h: 1.19,
          efficiency: 14.999,
          temp: 58.25,
          power: 18.05,
          sharesAccepted: 1_234,
          sharesRejected: 5,
          uptime: 86_400,
          fanrpm: 4_200,
          frequency: 525,
          voltage: 5_093.75,
          wifiRSSI: -52,
          bestDiff: 4.29e9,
          poolDifficulty: 1_000,
          alive: true,
          status: 'OK',
          axle: { id: 7, state: 'online', at: AT - 5_000, miner_type: 'axeos' },
        },
      },
      axle: { version: 1, poll_interval_s: 30 },
    });
  });

  it('says nothing of what is not known', () => {
    const bare = member(1, { model: undefined as never, reading: reading({ hashrate_hps: 0, pools: [], fans: [] }) });
    const { rig1 } = snapshotOf(fleet(bare), OPTIONS).miners;
    expect(rig1).toMatchObject({ type: 'axeos', hashrate_1m: 0 });
    expect(rig1).not.toHaveProperty('efficiency');
    expect(rig1).not.toHaveProperty('fanrpm');
    expect(rig1).not.toHaveProperty('poolDifficulty');
  });

  it.each(['stale', 'offline', 'unknown', 'disabled'] as const)(
    'gives a miner that is %s no hashrate of now',
    (state) => {
      const taken = snapshotOf(fleet(member(1, { state })), OPTIONS);
      expect(taken.miners.rig1).toMatchObject({
        alive: false,
        axle: { state, last: { hashrate_1m: 1.2034, temp: 58.25 } },
      });
      expect(taken.miners.rig1).not.toHaveProperty('hashrate_1m');
      expect(countOnline(taken)).toBe(0);
    },
  );

  it('tells nothing of the local network', () => {
    const text = snapshotText(
      snapshotOf(
        fleet(
          member(1, { error: 'connect ECONNREFUSED 192.168.1.1:80', worker: 'bc1qsecret.rig' }),
          member(2, { name: '192.168.1.2' }),
          member(3, { name: 'miner at 192-168-1-3' }),
          member(4, { name: '02:AE:1E:00:00:07' }),
          member(5, { name: 'bitaxe-000007' }),
          member(6, { name: 'fe80::1c2d', firmware: 'v2 on 10.0.0.6' }),
        ),
        OPTIONS,
      ),
    );
    for (const secret of [
      '192.168',
      '192-168',
      '10.0.0.6',
      '02:ae',
      '02:AE',
      '000007',
      'fe80',
      'bc1q',
      'andy',
      'ECONN',
    ])
      expect(text).not.toContain(secret);
    expect(Object.keys((JSON.parse(text) as Snapshot).miners)).toEqual([
      'rig1',
      ...[2, 3, 4, 5, 6].map((id) => `axeos-${id}`),
    ]);
  });

  it('keeps versions and times that only look a little like addresses', () => {
    const taken = snapshotOf(fleet(member(1, { name: 'S19 12:30', firmware: 'v2.9.0.1-rc' })), OPTIONS);
    expect(Object.keys(taken.miners)).toEqual(['S19 12:30']);
  });

  it('tells addresses where asked to', () => {
    const { rig1 } = snapshotOf(fleet(member(1)), { ...OPTIONS, addresses: true }).miners;
    expect(rig1).toMatchObject({ ip: '192.168.1.1', mac: '02:ae:1e:00:00:07', dashboard_url: 'http://192.168.1.1/' });
  });

  it('gives every miner a name of its own', () => {
    const names = ['a', 'a', 'a-2', 'a', '__proto__', 'constructor', ''];
    const taken = snapshotOf(fleet(...names.map((name, id) => member(id + 1, { name }))), OPTIONS);
    const read = JSON.parse(snapshotText(taken)) as Snapshot;
    expect(Object.keys(read.miners)).toEqual(['a', 'a-2', 'a-2-3', 'a-4', '__proto__', 'constructor', 'miner-7']);
    expect(read.miner_count).toBe(7);
  });
});

describe("the snapshot's file", () => {
  const many = (count: number): Snapshot =>
    snapshotOf(
      fleet(
        ...Array.from({ length: count }, (_, id) => member(id + 1, { state: id % 3 === 0 ? 'offline' : 'online' })),
      ),
      OPTIONS,
    );

  it('is what JSON makes of it', () => {
    const taken = snapshotOf(fleet(member(1), member(2, { name: 'zwei "2"\n' })), OPTIONS);
    expect(JSON.parse(snapshotText(taken))).toEqual(taken);
    expect(JSON.parse(snapshotText(snapshotOf(fleet(), OPTIONS)))).toMatchObject({ miner_count: 0, miners: {} });
  });

  it('holds 1,000 miners with all that is known of them', () => {
    const text = snapshotText(many(1_000));
    expect(Buffer.byteLength(text)).toBeLessThan(700_000);
    expect(JSON.parse(text)).toEqual(many(1_000));
  });

  it('says less of each miner before it leaves one out', () => {
    const read = JSON.parse(snapshotText(many(4_000))) as Snapshot;
    expect(Object.keys(read.miners)).toHaveLength(4_000);
    expect(read.miners.rig2).toMatchObject({ hashrate_1m: 1.2034, alive: true });
    expect(read.miners.rig2).not.toHaveProperty('bestDiff');
  });

  it('says how many it leaves out', () => {
    const text = snapshotText(many(20_000));
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(950_000);
    const read = JSON.parse(text) as Snapshot;
    expect(read.miner_count).toBe(20_000);
    expect(Object.keys(read.miners).length + (read.axle.left_out ?? 0)).toBe(20_000);
    expect(Object.keys(read.miners).length).toBeGreaterThan(5_000);
  });
});
