/** What releases and forks of AxeOS name differently. */
import { describe, expect, it } from 'vitest';
import { countsOf } from '../shares/counts.js';
import { parseReplies } from './identify.js';
import type { Json } from './tolerant-json.js';

function read(info: Record<string, Json>) {
  const reading = parseReplies({ info });
  expect(reading?.family).toBe('axeos');
  return reading;
}

const BITAXE = {
  ASICModel: 'BM1370',
  hashRate: 1_000,
  sharesAccepted: 9,
  sharesRejected: 1,
  poolDifficulty: 512,
  stratumURL: 'one.pool',
  stratumPort: 3_333,
  stratumUser: 'bc1qa.x',
  fallbackStratumURL: 'two.pool',
  fallbackStratumPort: 4_444,
  fallbackStratumUser: 'bc1qa.y',
};
const ONE = { url: 'stratum+tcp://one.pool:3333', user: 'bc1qa.x' };
const TWO = { url: 'stratum+tcp://two.pool:4444', user: 'bc1qa.y' };

describe('the model', () => {
  it.each([
    ['102', 'BM1397', 'Bitaxe Max'],
    ['0.11', 'BM1366', 'Bitaxe Ultra'],
    ['0.11', 'BM1397', 'Bitaxe Max'],
    ['2.2', 'BM1397', 'Bitaxe Max'],
    ['2.2', 'BM1366', 'Bitaxe Ultra'],
    ['303', 'BM1366', 'Bitaxe Hex'],
    ['401', 'BM1368', 'Bitaxe Supra'],
    ['602', 'BM1370', 'Bitaxe Gamma'],
    ['650', 'BM1370', 'Bitaxe Gamma Duo'],
    ['702', 'BM1368', 'Bitaxe Supra Hex'],
    ['801', 'BM1370', 'Bitaxe Gamma Turbo'],
    ['1201', 'BM1373', 'Bitaxe Naja Duo'],
    ['1300', 'BM1370', 'Bitaxe Gamma Hex'],
    ['999', 'BM1370', 'Bitaxe BM1370'],
    ['NMAxe', 'BM1366', 'NMAxe'],
    ['unknown', 'BM1366', 'Bitaxe BM1366'],
  ])('of board %s', (boardVersion, ASICModel, model) => {
    expect(read({ ...BITAXE, boardVersion, ASICModel })).toMatchObject({ model });
  });

  it('is what the device says where it does', () => {
    expect(read({ ...BITAXE, deviceModel: 'NerdOCTAXE', boardVersion: '602' })).toMatchObject({ model: 'NerdOCTAXE' });
  });
});

describe('fans', () => {
  it('before 2.1.4: fanSpeed is turns', () => {
    expect(read({ ...BITAXE, fanSpeed: 4_321, fanspeed: 100 })?.fans).toEqual([{ name: '1', rpm: 4_321 }]);
  });

  it('turns and percent beside each other, in the spelling of forks', () => {
    expect(read({ ...BITAXE, fanspeed: 60, fanSpeedRpm: 2_700 })?.fans).toEqual([
      { name: '1', rpm: 2_700, percent: 60 },
    ]);
  });

  it('two, in every spelling', () => {
    const two = [
      { name: '1', rpm: 3_000, percent: 50 },
      { name: '2', rpm: 2_000 },
    ];
    expect(read({ ...BITAXE, fanrpm: 3_000, fanspeed: 50, fan2rpm: 2_000 })?.fans).toEqual(two);
    expect(read({ ...BITAXE, fanrpm: 3_000, fanspeed: 50, fanrpm2: 2_000 })?.fans).toEqual(two);
    expect(read({ ...BITAXE, fans: [{ label: 'ASIC', rpm: 3_000, speedPerc: 50 }] })?.fans).toEqual([two[0]]);
  });
});

describe('pools', () => {
  it('the difficulty that the pool is asked for is not the one it has assigned', () => {
    const { poolDifficulty: _, ...silent } = BITAXE;
    const reading = read({ ...silent, stratumDifficulty: 1_000, stratumSuggestedDifficulty: 1_000 });
    expect(reading?.pools[0]).toEqual({ ...ONE, active: true, shares_accepted: 9, shares_rejected: 1 });
    expect(read({ ...silent, stratum_difficulty: 256 })?.pools[0]).toMatchObject({ difficulty: 256 });
  });

  it('NerdQAxe: an entry alone is that of the pool in use', () => {
    const entry = { connected: true, accepted: 9, rejected: 1, poolDifficulty: 512 };
    const stats = { alive: true, shares_accepted: 9, shares_rejected: 1, difficulty: 512 };
    for (const usingFallback of [false, true])
      expect(read({ ...BITAXE, stratum: { activePoolMode: 0, usingFallback, pools: [entry] } })?.pools).toEqual([
        { ...(usingFallback ? TWO : ONE), active: true, ...stats },
      ]);
  });

  it('NerdQAxe: of two entries, the one that is marked', () => {
    const pools = [
      { active: false, connected: false },
      { active: true, connected: true, accepted: 9, rejected: 1, poolDifficulty: 512 },
    ];
    expect(read({ ...BITAXE, stratum: { activePoolMode: 0, usingFallback: true, pools } })?.pools).toEqual([
      { ...ONE, active: false, alive: false },
      { ...TWO, active: true, alive: true, shares_accepted: 9, shares_rejected: 1, difficulty: 512 },
    ]);
  });

  it.each<[string, Record<string, Json>]>([
    [
      'NerdQAxe',
      {
        stratum: {
          activePoolMode: 1,
          pools: [
            { active: true, connected: true, accepted: 6, rejected: 1, poolDifficulty: 512 },
            { active: true, connected: true, accepted: 3, rejected: 0, poolDifficulty: 64 },
          ],
        },
      },
    ],
    [
      'a fork of AxeOS',
      {
        poolMode: 1,
        poolDifficultySecondary: 64,
        dualPoolStats: { primaryAccepted: 6, primaryRejected: 1, secondaryAccepted: 3, secondaryRejected: 0 },
      },
    ],
  ])('%s that works for two pools counts for each, by its own difficulty', (_name, dual) => {
    const reading = read({ ...BITAXE, ...dual });
    expect(reading?.pools).toMatchObject([
      { ...ONE, active: true, shares_accepted: 6, difficulty: 512 },
      { ...TWO, active: true, shares_accepted: 3, difficulty: 64 },
    ]);
    const { isWhole, counts } = countsOf(reading ?? { family: 'axeos', pools: [], fans: [], boards: [] }, 0);
    expect(isWhole).toBe(false);
    expect(counts).toMatchObject([
      { pool_user: 'bc1qa.x', accepted: 6, difficulty: 512 },
      { pool_user: 'bc1qa.y', accepted: 3, difficulty: 64 },
    ]);
  });

  it('the same fork with one pool in use counts for the device', () => {
    const stats = { primaryAccepted: 0, primaryRejected: 0, secondaryAccepted: 0, secondaryRejected: 0 };
    const reading = read({ ...BITAXE, poolMode: 0, isUsingFallbackStratum: true, dualPoolStats: stats });
    expect(reading?.pools).toMatchObject([
      { ...ONE, active: false },
      { ...TWO, active: true, shares_accepted: 9, difficulty: 512 },
    ]);
  });

  it('NMAxe names only the one in use', () => {
    const { stratumURL: _, stratumUser: __, stratumPort: ___, ...rest } = BITAXE;
    const used = { stratumURLUSED: 'stratum+ssl://three.pool:5555', stratumUserUSED: 'bc1qa.z', stratumURL1: 'x' };
    expect(read({ ...rest, ...used })?.pools[0]).toMatchObject({
      url: 'stratum+ssl://three.pool:5555',
      user: 'bc1qa.z',
      active: true,
    });
  });
});

it('from 2.15 on: the hashes of its life', () => {
  expect(read({ ...BITAXE, totalHashes: 2.5e19 })).toMatchObject({ total_hashes: 2.5e19 });
  expect(read({ ...BITAXE, totalHashes: 0 })).not.toHaveProperty('total_hashes');
});

it('NMAxe and NMMiner: the same in parts', () => {
  expect(
    read({
      identity: { hwModel: 'NMTest', hostName: 'nm-1', fwVersion: 'v9.1', rssi: -50 },
      power: { vbus: 12_000, ibus: 2_000 },
      temps: { vcore: 60.5, asic: 55.5 },
      asic: { count: 4, model: 'BM1370', freqReq: 600, vcoreReq: 1_100 },
      miner: {
        hashRate: 4_000.5,
        sAccepted: 7,
        sRejected: 1,
        uptimeSeconds: 60,
        bestDiffEver: '1.5M',
        poolDiff: '2.048K',
      },
      fans: [{ id: 0, speed: 40, rpm: 3_000 }],
      stratum: { url: 'one.pool:3333', user: 'bc1qa.x', primary: { url: 'one.pool:3333' } },
      ASICModel: 'BM1370',
    }),
  ).toEqual({
    family: 'axeos',
    model: 'NMTest',
    firmware: 'v9.1',
    hostname: 'nm-1',
    hashrate_hps: 4_000_500_000_000,
    temperature_c: 55.5,
    power_w: 24,
    voltage_v: 12,
    frequency_hz: 600e6,
    uptime_s: 60,
    shares_accepted: 7,
    shares_rejected: 1,
    best_share: 1.5e6,
    rssi_dbm: -50,
    pools: [{ ...ONE, active: true, shares_accepted: 7, shares_rejected: 1, difficulty: 2_048 }],
    fans: [{ name: '1', rpm: 3_000, percent: 40 }],
    boards: [{ index: 0, chip_c: 55.5, board_c: 60.5, chips: 4, frequency_hz: 600e6 }],
  });
});

it('sensors and values that are not there stay absent', () => {
  const reading = read({
    ...BITAXE,
    ...{
      temp: -1,
      temp2: -1,
      vrTemp: 0,
      power: 0,
      voltage: 0,
      hashRate: null,
      bestDiff: '',
      macAddr: '00:00:00:00:00:00',
    },
    ...{ uptimeSeconds: -1, wifiRSSI: 0, expectedHashrate: 0, fanrpm: null, frequency: 0, version: 'Unknown' },
  });
  expect(Object.keys(reading ?? {}).sort()).toEqual(
    ['boards', 'family', 'fans', 'model', 'pools', 'shares_accepted', 'shares_rejected'].sort(),
  );
  expect(reading).toMatchObject({ fans: [], boards: [] });
});
