/** One sample of each family, written from its protocol, and the traps that are known of it. */
import { describe, expect, it } from 'vitest';
import { ADAPTERS, adapterOf, identify, parseReplies } from './identify.js';
import { readReplies } from './replies.js';
import type { Json } from './tolerant-json.js';

function read(replies: Record<string, Json | string>) {
  return parseReplies(
    readReplies(
      Object.fromEntries(
        Object.entries(replies).map(([name, reply]) => [
          name,
          typeof reply === 'string' ? reply : `${JSON.stringify(reply)}\0`,
        ]),
      ),
    ),
  );
}

const OK = (text: string) => [{ STATUS: 'S', When: 1_790_000_000, Code: 11, Msg: 'Summary', Description: text }];

describe('Antminer', () => {
  const s9 = {
    version: {
      STATUS: OK('cgminer 4.9.0'),
      VERSION: [{ CGMiner: '4.9.0', API: '3.1', Miner: '16.8.1.3', CompileTime: 'Fri', Type: 'Antminer S9' }],
    },
    stats:
      '{"STATUS":[{"STATUS":"S","Code":70,"Description":"cgminer 4.9.0"}],"STATS":[{"CGMiner":"4.9.0","Type":"Antminer S9"}' +
      '{"STATS":0,"ID":"BC50","Elapsed":3600,"GHS 5s":"13,546.67","GHS av":13500.5,"miner_count":3,"fan_num":2,"fan1":0,"fan2":0,"fan3":5880,"fan4":0,"fan5":0,"fan6":4440,' +
      '"temp_num":3,"temp1":0,"temp6":62,"temp7":61,"temp8":63,"temp2_6":78,"temp2_7":76,"temp2_8":80,"temp_max":63,' +
      '"chain_acn6":63,"chain_acn7":63,"chain_acn8":62,"chain_acn1":0,"chain_rate6":"4500.12","chain_rate7":"4500.00","chain_rate8":"4400","chain_rate1":"","chain_acs1":""}],"id":1}\0',
    pools: {
      STATUS: OK('cgminer 4.9.0'),
      POOLS: [
        {
          POOL: 0,
          URL: 'stratum+tcp://a:3333',
          Status: 'Deed',
          User: 'bc1qa.rig.01',
          Accepted: '12',
          'Stratum Active': 'true',
          'Difficulty Accepted': '393216.00000000',
          'Last Share Time': '0',
        },
      ],
    },
  };

  it('S9: no comma between records, commas in numbers, boards and fans at any number', () => {
    const reading = read(s9);
    expect(reading).toMatchObject({
      family: 'antminer',
      model: 'Antminer S9',
      hashrate_hps: 13_546_670_000_000,
      hashrate_avg_hps: 13_500_500_000_000,
      temperature_c: 80,
      uptime_s: 3_600,
      shares_accepted: 12,
      difficulty_accepted: 393_216,
      fans: [
        { name: '3', rpm: 5_880 },
        { name: '6', rpm: 4_440 },
      ],
    });
    expect(reading?.boards.map((board) => [board.index, board.chips, board.chip_c])).toEqual([
      [6, 63, 78],
      [7, 63, 76],
      [8, 62, 80],
    ]);
    expect(reading?.pools).toEqual([
      {
        url: 'stratum+tcp://a:3333',
        user: 'bc1qa.rig.01',
        active: true,
        alive: false,
        shares_accepted: 12,
        difficulty_accepted: 393_216,
      },
    ]);
    expect(reading).not.toHaveProperty('power_w');
    expect(reading).not.toHaveProperty('mac');
  });

  it('L7: rate_unit says what stands under GHS', () => {
    expect(
      read({
        stats: {
          STATS: [
            { Type: 'Antminer L7' },
            { 'GHS 5s': 9_500, 'GHS av': 9_400, rate_unit: 'MH', chain_acn1: 120, chain_rate1: '3100' },
          ],
        },
      }),
    ).toMatchObject({
      hashrate_hps: 9_500_000_000,
      hashrate_avg_hps: 9_400_000_000,
      boards: [{ hashrate_hps: 3_100_000_000 }],
    });
  });

  it('S21: MHS of its devs is not believed', () => {
    const replies = {
      version: { VERSION: [{ Type: 'Antminer S21', Miner: 'uart' }] },
      devs: { DEVS: [{ ASC: 0, Name: 'BTM_SOC', 'MHS av': 200_123 }] },
    };
    expect(read(replies)).not.toHaveProperty('hashrate_hps');
  });

  it('by its web pages', () => {
    const reading = read({
      get_system_info: {
        minertype: 'Antminer S19j Pro',
        macaddr: 'AA:BB:CC:00:11:22',
        hostname: 'rig7',
        system_filesystem_version: 'Mon Dec 26',
      },
      stats: {
        STATUS: { STATUS: 'S', Msg: 'stats', api_version: '1.0.0' },
        INFO: { miner_version: 'uart_trans.1.3', CompileTime: 'x', type: 'Antminer S19j Pro' },
        STATS: [
          {
            elapsed: 88,
            rate_5s: 104_000.5,
            rate_30m: 103_000,
            rate_avg: 102_000.5,
            rate_ideal: 104_000,
            rate_unit: 'GH/s',
            chain_num: 2,
            fan_num: 4,
            fan: [5_880, 5_760, 0, 5_400],
            chain: [
              {
                index: 0,
                freq_avg: 525,
                rate_ideal: 34_666,
                rate_real: 34_700.1,
                asic_num: 126,
                temp_pcb: [60, 61, 55, 54],
                temp_chip: [75, 76, 60, 59],
                sn: 'S1',
              },
              { index: 1, rate_real: 0, asic_num: 0, temp_pcb: [0, 0, 0, 0], temp_chip: ['', '', '', ''] },
            ],
          },
        ],
      },
      summary: { SUMMARY: [{ elapsed: 88, rate_5s: 104_000.5, rate_unit: 'GH/s', hw_all: 3, bestshare: 123_456 }] },
      pools: {
        POOLS: [
          {
            index: 0,
            url: 'stratum+tcp://p:1',
            user: 'u.w',
            status: 'Alive',
            accepted: 7,
            rejected: 1,
            diff: '65.5K',
            diffa: 458_752,
            lsdiff: 65_536,
            lstime: '0:00:09',
          },
        ],
      },
    });
    expect(reading).toMatchObject({
      family: 'antminer',
      model: 'Antminer S19j Pro',
      mac: 'aa:bb:cc:00:11:22',
      hostname: 'rig7',
      hashrate_hps: 104_000_500_000_000,
      hashrate_avg_hps: 102_000_500_000_000,
      temperature_c: 76,
      uptime_s: 88,
      best_share: 123_456,
      shares_accepted: 7,
      difficulty_accepted: 458_752,
      pools: [{ url: 'stratum+tcp://p:1', alive: true, difficulty: 65_536, last_share_age_s: 9 }],
    });
    expect(reading?.fans).toHaveLength(4);
    expect(reading?.boards).toEqual([
      {
        index: 0,
        hashrate_hps: 34_700_100_000_000,
        hashrate_nominal_hps: 34_666_000_000_000,
        chip_c: 76,
        board_c: 61,
        chips: 126,
        frequency_hz: 525_000_000,
        serial: 'S1',
      },
    ]);
  });
});

describe('Avalon', () => {
  const nano = (line: string, version: Json = {}) =>
    read({
      version: { STATUS: OK('cgminer 4.11.1'), VERSION: [version] },
      stats: { STATS: [{ STATS: 0, ID: 'AVALON0', Elapsed: 9, 'MM ID0': line }] },
    });

  it.each([
    ['Nano 3s', 'Ver[Nano3s-25021401_56abae7] PS[0 0 27541 4 0 3756 133]', 133],
    ['Nano 3', 'Ver[Nano3-24071001_de44f73] PS[0 0 0 4 2756 126 330]', 126],
    ['Q', 'Ver[Q-25052801_14a19a2] PS[0 1220 2230 71 1595 2234 1660]', 1_660],
    ['A1246', 'Ver[1246-83-21072802] PS[0 1214 1316 242 3189 1320 3504]', 3_189],
  ])('%s: the watts in PS[]', (_name, line, power_w) => {
    expect(nano(line)).toMatchObject({ family: 'avalon', power_w });
  });

  it('no sensor, no power and no hashrate stay absent', () => {
    const reading = nano('Ver[1066-1] ITemp[-273] TMax[0] TAvg[0] PS[0 0 0 0 0 0 0] Fan1[0] FanR[0%] DNA[]');
    expect(reading).toEqual({
      family: 'avalon',
      make: 'Avalon',
      model: 'Avalon 1066',
      firmware: '1066-1',
      pools: [],
      fans: [{ name: '1', rpm: 0, percent: 0 }],
      boards: [],
    });
  });

  it('several modules behind one controller', () => {
    const reading = read({
      summary: { SUMMARY: [{ Elapsed: 5, 'MHS av': 22_000_000.5, 'MHS 5s': 21_000_000 }] },
      stats: {
        STATS: [
          {
            ID: 'AV80',
            'MM ID1': 'Ver[851] DNA[a] GHSmm[7600.1] Temp[30] TMax[80] Fan1[4000]',
            'MM ID2': 'Ver[851] GHSmm[7600] Temp[31] TMax[84] Fan1[4100]',
          },
        ],
      },
    });
    expect(reading).toMatchObject({
      family: 'avalon',
      hashrate_hps: 21e12,
      hashrate_avg_hps: 22_000_000_500_000,
      temperature_c: 84,
      ambient_c: 31,
      fans: [{ rpm: 4_000 }, { rpm: 4_100 }],
    });
    expect(reading?.hashrate_nominal_hps).toBeCloseTo(15_200_100_000_000, -3);
  });
});

describe('Whatsminer', () => {
  const summary = {
    STATUS: [{ STATUS: 'S', Msg: 'Summary' }],
    SUMMARY: [
      {
        Elapsed: 2_648,
        'MHS av': 84_983_730.62,
        'MHS 5s': 102_423_869.64,
        'MHS 1m': 86_361_423.06,
        'MHS 15m': 84_941_366.02,
        'HS RT': 84_941_366.02,
        Accepted: 804,
        Rejected: 0,
        'Total MH': 225_043_191_209,
        Temperature: 80,
        freq_avg: 646,
        'Fan Speed In': 4_530,
        'Fan Speed Out': 4_500,
        Voltage: 1_292,
        Power: 3_593,
        Power_RT: 3_592,
        'Power Rate': 42.31,
        'Factory GHS': 84_773,
        'Env Temp': 29.5,
        'Power Limit': 3_600,
        'Chip Temp Min': 75.17,
        'Chip Temp Max': 101.25,
        'Chip Temp Avg': 89.6,
        'Error Code Count': 0,
        'Firmware Version': "'20210322.22.REL'",
        MAC: 'C6:07:20:00:1E:C2',
        'Difficulty Accepted': 52_690_944,
        'Best Share': 1_234,
      },
    ],
  };

  it('API 2', () => {
    const reading = read({
      summary,
      pools: {
        STATUS: [{ STATUS: 'S' }],
        POOLS: [
          {
            POOL: 1,
            URL: 'stratum+tcp://btc.ss.poolin.com:443',
            Status: 'Alive',
            User: 'x.y',
            Accepted: 804,
            'Stratum Active': true,
            'Stratum Difficulty': 65_536,
            'Difficulty Accepted': 52_690_944,
            'Last Share Time': 1_790_000_000,
          },
        ],
      },
      edevs: {
        DEVS: [
          {
            ASC: 0,
            Slot: 0,
            Status: 'Alive',
            Temperature: 80,
            'Chip Frequency': 587,
            'MHS av': 10_342_284.8,
            'MHS 5s': 10_298_000,
            'HS RT': 10_300_000,
            'Effective Chips': 156,
            'PCB SN': 'BE2',
            'Chip Temp Max': 101.2,
          },
        ],
      },
      devdetails: { DEVDETAILS: [{ DEVDETAILS: 0, Name: 'SM', ID: 0, Driver: 'bitmicro', Model: 'M30S+_VE40' }] },
      get_version: {
        STATUS: 'S',
        When: 1,
        Code: 131,
        Msg: { api_ver: '2.0.3', fw_ver: '20220101.22.REL', platform: 'H6OS' },
        Description: 'whatsminer v1.1',
      },
      get_miner_info: {
        STATUS: 'S',
        Code: 131,
        Msg: { ip: '10.0.0.9', mac: 'C6:07:20:00:1E:C2', hostname: 'WhatsMiner', minersn: 'HT1' },
      },
    });
    expect(reading).toMatchObject({
      family: 'whatsminer',
      model: 'M30S+_VE40',
      firmware: '20220101.22.REL',
      mac: 'c6:07:20:00:1e:c2',
      hostname: 'WhatsMiner',
      serial: 'HT1',
      power_w: 3_593,
      power_limit_w: 3_600,
      temperature_c: 101.25,
      ambient_c: 29.5,
      uptime_s: 2_648,
      shares_accepted: 804,
      difficulty_accepted: 52_690_944,
      fans: [
        { name: 'in', rpm: 4_530 },
        { name: 'out', rpm: 4_500 },
      ],
      pools: [{ difficulty: 65_536, last_share_at: 1_790_000_000 }],
    });
    expect((reading?.hashrate_hps ?? 0) / 1e12).toBeCloseTo(84.94, 1);
    expect((reading?.hashrate_avg_hps ?? 0) / 1e12).toBeCloseTo(84.98, 1);
    expect(reading?.hashrate_nominal_hps).toBe(84_773e9);
    expect(reading?.boards[0]).toMatchObject({ chips: 156, serial: 'BE2', chip_c: 101.2 });
  });

  it('API 1: a STATUS that is a string, power unknown, and imitated Antminer stats', () => {
    const reading = read({
      summary: { ...summary, SUMMARY: [{ ...summary.SUMMARY[0], Power: -1, Power_RT: -1 }] },
      version: '{"STATUS":"E","When":1771351973,"Code":14,"Msg":"invalid cmd","Description":"whatsminer v1.1"}',
      stats: { STATS: [{ Type: 'Antminer S9', ID: 'BTM_SOC0', 'GHS 5s': 1 }] },
    });
    expect(reading?.family).toBe('whatsminer');
    expect(reading?.firmware).toBe('20210322.22.REL');
    expect(reading).not.toHaveProperty('power_w');
  });

  it('API 3', () => {
    const reading = read({
      a: {
        code: 0,
        when: 1,
        desc: 'get.device.info',
        msg: {
          network: { ip: '10.0.0.9', proto: 'dhcp', mac: 'C4:11:04:01:3C:75', hostname: 'WM' },
          miner: { working: 'true', type: 'M50S_VH30', 'miner-sn': 'HTM3', pcbsn0: 'x' },
          system: { api: '3.0.1', fwversion: '20240101.REL', platform: 'H616' },
          power: { fanspeed: 9_000 },
        },
      },
      b: {
        code: 0,
        desc: 'get.miner.status',
        msg: {
          summary: {
            elapsed: 977,
            'freq-avg': 579,
            'factory-hash': 126,
            'hash-average': 124.5,
            'hash-1min': 126.1,
            'hash-15min': 125,
            'hash-realtime': 125.75,
            'power-realtime': 3_300,
            'power-5min': 3_290,
            'environment-temperature': 25.5,
            'board-temperature': [60, 61.5, 62],
            'chip-temp-min': 60,
            'chip-temp-avg': 70,
            'chip-temp-max': 78.5,
            'power-limit': 3_600,
            'fan-speed-in': 4_000,
            'fan-speed-out': 3_990,
          },
        },
      },
      c: {
        code: 0,
        desc: 'get.miner.status',
        msg: {
          pools: [
            {
              id: 1,
              url: 'stratum+tcp://p:3333',
              status: 'alive',
              account: 'a.b',
              'stratum-active': true,
              'reject-rate': 0,
              'last-share-time': 3,
            },
          ],
        },
      },
      d: {
        code: 0,
        desc: 'get.miner.status',
        msg: {
          edevs: [
            {
              id: 0,
              slot: 1,
              'hash-average': 41.5,
              'factory-hash': 42,
              freq: 579,
              'effective-chips': 111,
              'chip-temp-max': 78.5,
            },
          ],
        },
      },
    });
    expect(reading).toMatchObject({
      family: 'whatsminer',
      model: 'M50S_VH30',
      mac: 'c4:11:04:01:3c:75',
      firmware: '20240101.REL',
      hashrate_hps: 125_750_000_000_000,
      hashrate_avg_hps: 124_500_000_000_000,
      hashrate_nominal_hps: 126e12,
      power_w: 3_300,
      temperature_c: 78.5,
      uptime_s: 977,
      pools: [{ url: 'stratum+tcp://p:3333', user: 'a.b', active: true, alive: true }],
      boards: [{ index: 1, hashrate_avg_hps: 41.5e12, chips: 111 }],
    });
    expect(reading).not.toHaveProperty('shares_accepted');
  });
});

describe('Braiins OS', () => {
  it('by the cgminer protocol', () => {
    const reading = read({
      version: {
        STATUS: OK('BOSer boser-openwrt 0.1.0-26ba61b9'),
        VERSION: [{ API: '3.7', BOSer: 'boser-openwrt 0.1.0-26ba61b9' }],
      },
      summary: {
        SUMMARY: [
          {
            Elapsed: 100,
            'MHS 5s': 95_000_000,
            'MHS 24h': 94_000_000,
            'MHS av': 93_000_000,
            Accepted: 5,
            'Difficulty Accepted': 327_680,
            'Best Share': 99,
          },
        ],
      },
      devs: { DEVS: [{ ASC: 0, ID: 6, 'MHS 5s': 31_000_000, 'Nominal MHS': 32_000_000 }] },
      temps: { TEMPS: [{ Board: 55, Chip: 71, ID: 6, TEMP: 0 }] },
      fans: {
        FANS: [
          { FAN: 0, ID: 0, RPM: 4_320, Speed: 70 },
          { FAN: 1, ID: 1, RPM: 0, Speed: 0 },
        ],
      },
      devdetails: { DEVDETAILS: [{ Chips: 114, Frequency: 545, ID: 6, Model: 'Antminer S19' }] },
      tunerstatus: { TUNERSTATUS: [{ ApproximateMinerPowerConsumption: 3_100, PowerLimit: 3_250 }] },
    });
    expect(reading).toMatchObject({
      family: 'braiins',
      model: 'Antminer S19',
      hashrate_hps: 95e12,
      power_w: 3_100,
      power_limit_w: 3_250,
      temperature_c: 71,
      boards: [{ index: 6, chips: 114, board_c: 55, hashrate_nominal_hps: 32e12 }],
    });
    expect(reading?.fans).toEqual([
      { name: '0', rpm: 4_320, percent: 70 },
      { name: '1', rpm: 0, percent: 0 },
    ]);
  });

  it('by HTTP, in either spelling of its names', () => {
    const stats = {
      miner_stats: {
        real_hashrate: { last_5s: { gigahash_per_second: 95_123.5 }, since_restart: { gigahash_per_second: 90_000 } },
        nominal_hashrate: { gigahash_per_second: 96_000 },
        found_blocks: 0,
      },
      pool_stats: { accepted_shares: { number: 10 }, best_share: 77 },
      power_stats: { approximated_consumption: { watt: 3_050 } },
    };
    const replies = {
      details: {
        miner_identity: { brand: 1, miner_model: 'S19 Pro' },
        bos_version: { current: '25.03' },
        hostname: 'h',
        mac_address: 'aa:bb:cc:dd:ee:01',
        bosminer_uptime_s: 50,
      },
      stats,
      boards: {
        hashboards: [
          {
            id: '1',
            chips_count: 114,
            board_temp: { degree_c: 50 },
            highest_chip_temp: { temperature: { degree_c: 70.5 } },
            stats: { real_hashrate: { last_1m: { gigahash_per_second: 31_000 } } },
          },
        ],
      },
      cooling: {
        fans: [{ position: 1, rpm: 4_000, target_speed_ratio: 0.5 }],
        highest_temperature: { location: 1, temperature: { degree_c: 70.5 } },
      },
      pools: [
        {
          uid: 'g',
          pools: [
            {
              url: 'stratum+tcp://x:1',
              user: 'a.b',
              active: true,
              alive: true,
              stats: { accepted_shares: 10, last_difficulty: 65_536, last_share_time: { seconds: 1_741_260_910 } },
            },
          ],
        },
      ],
    };
    const wanted = {
      family: 'braiins',
      model: 'S19 Pro',
      mac: 'aa:bb:cc:dd:ee:01',
      hashrate_hps: 95_123_500_000_000,
      hashrate_avg_hps: 90e12,
      power_w: 3_050,
      temperature_c: 70.5,
      uptime_s: 50,
      shares_accepted: 10,
      fans: [{ name: '1', rpm: 4_000, percent: 50 }],
      pools: [{ active: true, difficulty: 65_536, shares_accepted: 10 }],
    };
    expect(read(replies)).toMatchObject(wanted);
    expect(
      read({
        ...replies,
        stats: JSON.stringify(stats).replaceAll(/_(\w)/g, (_all, letter: string) => letter.toUpperCase()),
      }),
    ).toMatchObject(wanted);
  });
});

it('Braiins OS by GraphQL, as versions before 25 have it', () => {
  const workSolver = {
    realHashrate: { mhs5S: 95_000_000, mhs1M: 94_000_000 },
    power: { limitW: 3_250, approxConsumptionW: 3_100 },
  };
  expect(read({ graphql: { data: { bos: { hostname: 'h' }, bosminer: { info: { workSolver } } } } })).toMatchObject({
    family: 'braiins',
    hashrate_hps: 95e12,
    power_w: 3_100,
    power_limit_w: 3_250,
  });
});

describe('AxeOS', () => {
  it('NerdQAxe with pools that count for themselves', () => {
    const reading = read({
      info: {
        deviceModel: 'NerdQAxe++',
        ASICModel: 'BM1370',
        asicCount: 4,
        hashRate: 4_800.5,
        hashRate_1m: 4_790,
        hashRate_1h: 4_700,
        temp: 61.5,
        vrTemp: 50,
        power: 75.5,
        voltage: 12_100,
        frequency: 600,
        fanrpm: 0,
        fans: [
          { rpm: 3_000, speed: 50 },
          { rpm: 0, speed: 0 },
        ],
        macAddr: 'AA:BB:CC:DD:EE:FF',
        uptimeSeconds: 86_400,
        bestDiff: '4.29G',
        sharesAccepted: 30,
        sharesRejected: 1,
        wifiRSSI: -55,
        stratumURL: 'a.pool',
        stratumPort: 3_333,
        stratumUser: 'bc1qa.x',
        stratum: {
          activePoolMode: 1,
          pools: [
            {
              host: 'a.pool',
              port: 3_333,
              user: 'bc1qa.x',
              connected: true,
              accepted: 20,
              rejected: 1,
              poolDifficulty: 1_000,
            },
            { host: 'b.pool', port: 1, user: 'bc1qb', connected: true, accepted: 10, rejected: 0, poolDifficulty: 500 },
          ],
        },
      },
    });
    expect(reading).toMatchObject({
      family: 'axeos',
      model: 'NerdQAxe++',
      hashrate_hps: 4_800_500_000_000,
      hashrate_avg_hps: 4_700e9,
      voltage_v: 12.1,
      best_share: 4.29e9,
      rssi_dbm: -55,
      fans: [{ rpm: 3_000 }, { rpm: 0 }],
    });
    expect(reading?.pools.map((pool) => [pool.url, pool.active, pool.shares_accepted, pool.difficulty])).toEqual([
      ['stratum+tcp://a.pool:3333', true, 20, 1_000],
      ['stratum+tcp://b.pool:1', true, 10, 500],
    ]);
  });

  it('older firmware: what it counts is counted for the pool in use', () => {
    const reading = read({
      info: {
        ASICModel: 'BM1366',
        hashRate: 480.25,
        temp: -1,
        fanrpm: 4_000,
        power: 12,
        bestDiff: 65_536,
        stratumDiff: 2_048,
        sharesAccepted: 9,
        isUsingFallbackStratum: 1,
        stratumURL: 'a',
        stratumPort: 1,
        stratumUser: 'u',
        fallbackStratumURL: 'stratum+tcp://b:2',
        fallbackStratumPort: 2,
        fallbackStratumUser: 'v',
      },
    });
    expect(reading?.pools).toEqual([
      { url: 'stratum+tcp://a:1', user: 'u', active: false },
      { url: 'stratum+tcp://b:2', user: 'v', active: true, shares_accepted: 9, difficulty: 2_048 },
    ]);
    expect(reading).not.toHaveProperty('temperature_c');
    expect(reading?.best_share).toBe(65_536);
  });
});

describe('NerdMiner', () => {
  it('axehub', () => {
    expect(
      read({
        info: {
          firmware: { name: 'NerdMiner', version: 'V1.8.7', axehub_compat: 'v1' },
          device: { mac: 'AA:BB:CC:DD:EE:01', hostname: 'nerdminer-ddee01', board: 'ESP32-2432S028R', chip: 'ESP32' },
          hashing: {
            current_khs: 78.5,
            average_5m_khs: 77,
            expected_khs: null,
            shares_accepted: 3,
            shares_rejected: 0,
            best_diff: 0.5,
            valid_blocks: 0,
          },
          pool: {
            primary: { url: 'public-pool.io', port: 21_496, user: 'bc1qa.n1', active: true, difficulty: 0.0014 },
            fallback: { url: '', port: 0, user: '', active: false, difficulty: 0 },
          },
          hardware: {
            temp_asic_c: null,
            temp_board_c: 51.5,
            uptime_s: 70,
            wifi_rssi_dbm: -60,
            power_consumption_w: null,
            cpu_freq_mhz: 240,
          },
        },
      }),
    ).toEqual({
      family: 'nerdminer',
      make: 'NerdMiner',
      model: 'ESP32-2432S028R',
      firmware: 'V1.8.7',
      hostname: 'nerdminer-ddee01',
      mac: 'aa:bb:cc:dd:ee:01',
      hashrate_hps: 78_500,
      hashrate_avg_hps: 77_000,
      temperature_c: 51.5,
      frequency_hz: 240e6,
      uptime_s: 70,
      shares_accepted: 3,
      shares_rejected: 0,
      best_share: 0.5,
      blocks_found: 0,
      rssi_dbm: -60,
      fans: [],
      boards: [],
      pools: [
        {
          url: 'stratum+tcp://public-pool.io:21496',
          user: 'bc1qa.n1',
          active: true,
          alive: true,
          shares_accepted: 3,
          shares_rejected: 0,
          difficulty: 0.0014,
        },
      ],
    });
  });
});

describe('cgminer', () => {
  it('any other fork', () => {
    expect(
      read({
        summary: {
          STATUS: OK('sgminer 5.6'),
          SUMMARY: [{ Elapsed: 10, 'KHS 5s': 500, 'KHS av': '480.5', Accepted: 2, 'Hardware Errors': 1 }],
        },
        devs: { DEVS: [{ GPU: 0, Temperature: 66, 'Fan Speed': 3_000, 'KHS av': 480 }] },
        version: { VERSION: [{ SGMiner: '5.6', API: '4.0' }] },
      }),
    ).toEqual({
      family: 'cgminer',
      firmware: '5.6',
      hashrate_hps: 500_000,
      hashrate_avg_hps: 480_500,
      uptime_s: 10,
      shares_accepted: 2,
      hardware_errors: 1,
      temperature_c: 66,
      pools: [],
      fans: [],
      boards: [{ index: 0, hashrate_hps: 480_000, board_c: 66 }],
    });
  });

  it('all in one reply', () => {
    expect(
      read({
        all: {
          summary: [{ STATUS: OK('cgminer'), SUMMARY: [{ 'GHS 20s': 7, Accepted: 1 }] }],
          pools: [{ POOLS: [{ URL: 'a', User: 'b' }] }],
          id: 1,
        },
      }),
    ).toMatchObject({ hashrate_hps: 7e9, shares_accepted: 1, pools: [{ url: 'a', user: 'b' }] });
  });
});

it('a user may be called anything', () => {
  const pools = ['none', '-', 'unknown', "'a'"].map((User) => ({ URL: 'a', User }));
  expect(read({ pools: { POOLS: pools } })?.pools.map(({ user }) => user)).toEqual(['none', '-', 'unknown', "'a'"]);
});

it('what is no miner has no family', () => {
  for (const reply of ['<html>', '{}', '{"printer":"ready"}', '[1,2]', ''])
    expect(identify(readReplies({ reply }))).toBeUndefined();
});

it('every adapter is found again by its key', () => {
  expect(ADAPTERS.map(({ key }) => adapterOf(key))).toEqual(ADAPTERS);
  expect(new Set(ADAPTERS.map(({ key }) => key)).size).toBe(ADAPTERS.length);
  expect(adapterOf('toaster')).toBeUndefined();
});
