/** What single models and firmwares write in another way than their family, each with a reply written from its protocol. */
import { describe, expect, it } from 'vitest';
import type { Device, HttpRequest } from '../readers/device.js';
import { DeviceSilentError } from '../readers/errors.js';
import type { Adapter } from './adapter.js';
import { antminer } from './antminer.js';
import { braiins } from './braiins.js';
import { identify, parseReplies } from './identify.js';
import { luxos } from './luxos.js';
import type { Json } from './tolerant-json.js';

function read(replies: Record<string, Json>) {
  return parseReplies(replies);
}

/** An Antminer's `stats`: a head and the measurements. */
function stats(Type: string, measured: { readonly [name: string]: Json }): Record<string, Json> {
  return {
    stats: {
      STATS: [
        { Miner: '1.0.0.9', Type },
        { STATS: 0, Elapsed: 3_600, ...measured },
      ],
    },
  };
}

/** What a device answers, by command or path; anything else fails as on a device without it, or `hangs`. */
async function readFrom(adapter: Adapter, answers: Readonly<Record<string, Json>>, hangs = /^$/) {
  const asked: string[] = [];
  const answer = async (question: string) => {
    asked.push(question);
    if (hangs.test(question)) throw new DeviceSilentError(`${question} does not answer`);
    const reply = answers[question];
    if (reply === undefined) throw new Error(`${question}: refused`);
    return JSON.stringify(reply);
  };
  const device: Device = {
    address: '192.0.2.1',
    rpc: (command) => answer(command),
    whatsminer: (command, parameter) => answer(`${command} ${parameter ?? ''}`.trim()),
    http: (request: HttpRequest) => answer(request.path),
  };
  return { reading: adapter.parse(await adapter.read(device)), asked };
}

describe('what an Antminer means by a rate', () => {
  it.each([
    ['L3+', 'Antminer L3+', { 'GHS 5s': '500.5', 'GHS av': 499.25 }, 500.5e6, 499.25e6],
    ['D3', 'Antminer D3 Blissz v2.06', { 'GHS 5s': '16000', 'GHS av': 15_900 }, 16e9, 15.9e9],
    ['E3', 'Antminer E3', { 'GHS 5s': '190', 'GHS av': 189 }, 190e6, 189e6],
    ['Z9', 'Antminer Z9-Mini', { 'GHS 5s': '10.5', 'GHS av': 10.25 }, 10_500, 10_250],
    ['Z15, which says it', 'Antminer Z15', { 'GHS 5s': 410, 'GHS av': 409, rate_unit: 'KSol' }, 410_000, 409_000],
    ['S9', 'Antminer S9', { 'GHS 5s': '13500', 'GHS av': 13_400 }, 13.5e12, 13.4e12],
    ['scrypt by another maker', 'Hammer D10', { 'MHS 5s': '4800', 'MHS av': '4700' }, 4.8e9, 4.7e9],
  ] as const)('%s', (_name, type, rates, now_hps, avg_hps) => {
    const board: Json = 'GHS 5s' in rates ? rates['GHS 5s'] : rates['MHS 5s'];
    const reading = read(stats(type, { ...rates, chain_acn1: 60, chain_rate1: board }));
    expect(reading).toMatchObject({ family: 'antminer', hashrate_hps: now_hps, hashrate_avg_hps: avg_hps });
    // Its boards count in the same.
    expect(reading?.boards).toEqual([{ index: 1, chips: 60, hashrate_hps: now_hps }]);
  });

  it('the summary of an L3+ too, where that is all there is', () => {
    expect(
      read({
        version: { VERSION: [{ Type: 'Antminer L3+' }] },
        summary: { SUMMARY: [{ 'GHS 5s': '500.5', 'GHS av': 499.25, Elapsed: 9 }] },
      }),
    ).toMatchObject({ hashrate_hps: 500.5e6, hashrate_avg_hps: 499.25e6 });
  });

  it('L9: boards and nominal rate are in GH/s where the rate is in MH/s', () => {
    const reading = read(
      stats('Antminer L9', {
        'MHS 5s': 16_000,
        rate_unit: 'MH',
        total_rateideal: 16.5,
        ...{ chain_acn1: 110, chain_rate1: '5.5', chain_acn2: 110, chain_rate2: '5.25' },
      }),
    );
    expect(reading).toMatchObject({ hashrate_hps: 16e9, hashrate_nominal_hps: 16.5e9 });
    expect(reading?.boards.map((board) => board.hashrate_hps)).toEqual([5.5e9, 5.25e9]);
  });

  it('a frequency with its unit, and where it stands by board', () => {
    expect(read(stats('Antminer E3', { 'GHS 5s': '190', chain_acn1: 2, frequency: '1600M' }))?.frequency_hz).toBe(
      1.6e9,
    );
    expect(read(stats('Antminer D3', { 'GHS 5s': '1', chain_acn1: 2, frequency1: '450' }))?.frequency_hz).toBe(450e6);
    // An S9k leaves one of two empty.
    const s9k = stats('Antminer S9k', { 'GHS 5s': '1', chain_acn1: 60, freq_avg1: 0, freq1: '375' });
    expect(read(s9k)?.boards).toMatchObject([{ frequency_hz: 375e6 }]);
  });
});

describe('firmware for Antminers by others', () => {
  const board = { 'GHS 5s': 90_000, chain_acn1: 88, chain_rate1: 30_000 };

  it('who wrote it', () => {
    const made = (type: string) => read(stats(type, board));
    expect(made('Antminer S19 Pro')).toMatchObject({ make: 'Antminer', model: 'Antminer S19 Pro' });
    expect(made('S19-88 v.2.6')).toMatchObject({ make: 'Antminer' });
    expect(made('Hammer D10')).not.toHaveProperty('make');
  });

  it('Hiveon: its power, of the boards that it lists or of all', () => {
    const power = { chain_power1: 1_100, chain_power2: 1_090, total_power: 2_195 };
    expect(read(stats('Antminer S19 Hiveon', { ...board, ...power }))?.power_w).toBe(2_195);
    const named = { chain_power1: 234.5, chain_power: '234.50 (AB)' };
    expect(read(stats('Antminer S9 Hiveon', { ...board, ...named }))?.power_w).toBe(234.5);
  });

  it('Bitmain: power stands in the newer of two kinds of stats, where the firmware is new', async () => {
    const newer = { STATS: [{ chain: [{ index: 0, asic_num: 88, rate_real: 30_000 }], rate_5s: 90_000, watt: 3_300 }] };
    const version = (CompileTime: string) => ({ VERSION: [{ Type: 'Antminer S21', CompileTime, Miner: '2024.1' }] });
    const answers = { ...stats('Antminer S21', board), '/cgi-bin/stats.cgi': newer };
    const now = await readFrom(antminer, { ...answers, version: version('Fri Jan 26 09:24:23 CST 2024') });
    expect(now.reading).toMatchObject({ power_w: 3_300, boards: [{ index: 1, chips: 88 }] });
    const before = await readFrom(antminer, { ...answers, version: version('Tue Dec  6 16:12:30 CST 2022') });
    expect(before.reading).not.toHaveProperty('power_w');
    expect(before.asked).not.toContain('/cgi-bin/stats.cgi');
  });

  it('pages that hang beside a cgminer protocol that answers are asked for one thing', async () => {
    const version = { VERSION: [{ Type: 'Antminer S21', CompileTime: 'Fri Jan 26 09:24:23 CST 2024' }] };
    const answers = { ...stats('Antminer S21', board), version, summary: {}, pools: {} };
    const { reading, asked } = await readFrom(antminer, answers, /^\//);
    expect(reading).toMatchObject({ hashrate_hps: 90e12 });
    expect(asked.filter((question) => question.startsWith('/'))).toHaveLength(1);
  });

  it('VNish: its pages say MAC and power, and its model is without its name', async () => {
    const version = { VERSION: [{ Miner: 'uart_trans.1.3', Type: 'Antminer S19 (Vnish 1.2.0)' }] };
    const { reading, asked } = await readFrom(antminer, {
      version,
      ...stats('Antminer S19 (Vnish 1.2.0)', { ...board, chain_consumption1: 0 }),
      '/api/v1/info': { fw_name: 'Vnish', system: { network_status: { mac: '02:00:00:00:00:07', hostname: 'rig7' } } },
      '/api/v1/summary': { miner: { miner_status: { miner_state: 'mining' }, power_consumption: 2_950 } },
    });
    expect(reading).toMatchObject({
      model: 'Antminer S19',
      firmware: 'Vnish 1.2.0',
      mac: '02:00:00:00:00:07',
      hostname: 'rig7',
      power_w: 2_950,
    });
    expect(asked).not.toContain('/cgi-bin/get_system_info.cgi');
    // And nobody else is asked for them.
    const other = await readFrom(antminer, stats('Antminer S19', board));
    expect(other.asked.filter((question) => question.startsWith('/api'))).toEqual([]);
  });

  describe('LuxOS', () => {
    const answers = {
      version: {
        STATUS: [{ STATUS: 'S', Code: 22, Description: 'LUXminer 2025.4.8' }],
        VERSION: [{ API: '3.7', LUXminer: '2025.4.8', Miner: 'uart_trans.1.3', Type: 'Antminer S19' }],
      },
      summary: {
        SUMMARY: [
          { Elapsed: 3_453, 'GHS 5s': 60_000.5, 'GHS av': 57_000, Accepted: 4, 'Difficulty Accepted': 131_072 },
        ],
      },
      // The newest says nothing of its boards here.
      stats: {
        STATS: [
          { Type: 'Antminer S19', Miner: 'uart_trans.1.3' },
          { STATS: 0, 'GHS 5s': 60_000.5 },
        ],
      },
      pools: { POOLS: [{ URL: 'stratum+tcp://p:1', User: 'a.b', Accepted: 4, 'Difficulty Accepted': 131_072 }] },
      devs: {
        DEVS: [1, 0].map((ID) => ({
          ...{ ASC: ID, ID, 'MHS 5s': 30_000_250, 'Nominal MHS': 31_000_000, Temperature: 47, SerialNumber: `S${ID}` },
        })),
      },
      temps: {
        TEMPS: [
          { ID: 0, TEMP: 90, TopLeft: 55, BottomRight: 58.5, WaterInlet: 99, TopLeftChip: 71 },
          { ID: 1, TEMP: 91, TopLeft: 0, BottomRight: 52 },
        ],
      },
      fans: { FANS: [{ FAN: 'FAN4', ID: 0, RPM: 1_920, Speed: 20 }] },
      power: { POWER: [{ PSU: true, Watts: 1_845 }] },
      config: { CONFIG: [{ Hostname: 'rig9', MACAddr: '02-00-00-00-00-09', SerialNumber: 'L9' }] },
    };

    it('says what it is in words of its own commands', async () => {
      expect(identify({ version: answers.version })).toBe(luxos);
      const { reading } = await readFrom(luxos, answers);
      expect(reading).toMatchObject({
        family: 'antminer',
        make: 'Antminer',
        model: 'Antminer S19',
        firmware: 'LuxOS 2025.4.8',
        hostname: 'rig9',
        mac: '02:00:00:00:00:09',
        serial: 'L9',
        hashrate_hps: 60_000_500_000_000,
        hashrate_nominal_hps: 62e12,
        temperature_c: 71,
        power_w: 1_845,
        difficulty_accepted: 131_072,
        fans: [{ name: 'FAN4', rpm: 1_920, percent: 20 }],
      });
      expect(reading.boards).toEqual([
        { index: 1, hashrate_hps: 30_000_250_000_000, board_c: 52, serial: 'S1' },
        { index: 0, hashrate_hps: 30_000_250_000_000, chip_c: 71, board_c: 58.5, serial: 'S0' },
      ]);
    });

    it('and without them it is the Antminer that it imitates', async () => {
      const imitated = stats('Antminer S19', { ...board, fan1: 4_000, fan_num: 1, temp_chip1: '60-61' });
      const { reading } = await readFrom(luxos, { version: answers.version, ...imitated });
      expect(reading).toMatchObject({
        hashrate_hps: 90e12,
        temperature_c: 61,
        fans: [{ name: '1', rpm: 4_000 }],
        boards: [{ index: 1, chips: 88 }],
      });
    });
  });
});

describe('fans of a miner without fans', () => {
  const still = { fan1: 0, fan2: 0, fan_num: 2, chain_acn1: 100, chain_rate1: '1' };

  it('an Antminer in water has none; one that stands still has them', () => {
    expect(read(stats('Antminer S21 Hyd.', { ...still, 'GHS 5s': 300_000 }))?.fans).toEqual([]);
    expect(read(stats('Antminer S19', { ...still, 'GHS 5s': 0 }))?.fans).toHaveLength(2);
  });

  it('a Whatsminer in oil', () => {
    const summary = { 'HS RT': 60_000_000, 'Fan Speed In': 0, 'Fan Speed Out': 0 };
    expect(read({ summary: { SUMMARY: [summary] } })).toMatchObject({ family: 'whatsminer', fans: [] });
    expect(read({ summary: { SUMMARY: [{ ...summary, 'HS RT': 0 }] } })?.fans).toHaveLength(2);
  });
});

it('the oldest Whatsminers call themselves cgminer; their fans tell', () => {
  const reading = read({
    summary: {
      STATUS: [{ STATUS: 'S', Description: 'cgminer 4.9.2' }],
      SUMMARY: [{ Elapsed: 9, 'MHS 5s': 12_000_000, 'MHS av': 11_500_000, 'Fan Speed In': 5_700, Temperature: 85.5 }],
    },
  });
  expect(reading).toMatchObject({ family: 'whatsminer', hashrate_hps: 12e12, temperature_c: 85.5 });
});

describe('Braiins OS', () => {
  it('older versions count frequencies in Hz', () => {
    const replies = (Frequency: number) => ({
      version: { VERSION: [{ 'BOSminer+': '0.2.0' }] },
      devs: { DEVS: [{ ID: 6, 'MHS 5s': 4_500_000 }] },
      devdetails: { DEVDETAILS: [{ ID: 6, Chips: 63, Frequency }] },
    });
    expect(read(replies(650_000_000))?.boards).toMatchObject([{ index: 6, frequency_hz: 650e6 }]);
    expect(read(replies(650))?.boards).toMatchObject([{ index: 6, frequency_hz: 650e6 }]);
  });

  it('pools and rates come from its pages where the cgminer protocol is off', async () => {
    const rate = { gigahash_per_second: 95_000 };
    const { reading } = await readFrom(braiins, {
      '/api/v1/auth/login': { token: 't' },
      '/api/v1/miner/stats': { miner_stats: { real_hashrate: { last_5s: rate } }, power_stats: {} },
      '/api/v1/pools/': [{ pools: [{ url: 'stratum+tcp://p:1', user: 'a.b', stats: { accepted_shares: 7 } }] }],
    });
    expect(reading).toMatchObject({
      hashrate_hps: 95e12,
      pools: [{ url: 'stratum+tcp://p:1', user: 'a.b', shares_accepted: 7 }],
    });
  });
});

it('Braiins OS: pages that hang do not cost what the cgminer protocol says, nor the other way round', async () => {
  const answers = {
    '/api/v1/auth/login': { token: 't' },
    '/api/v1/miner/stats': {
      miner_stats: { real_hashrate: { last_5s: { gigahash_per_second: 95_000 } } },
      power_stats: {},
    },
    '/api/v1/pools/': [{ pools: [{ url: 'stratum+tcp://p:1', user: 'a.b', stats: { accepted_shares: 7 } }] }],
    version: { VERSION: [{ BOSer: '1' }] },
    summary: { SUMMARY: [{ 'MHS 5s': 95e6, Elapsed: 60 }] },
    pools: { POOLS: [{ URL: 'stratum+tcp://p:1', User: 'a.b', Accepted: 7, 'Difficulty Accepted': 70_000 }] },
  };
  const commands = await readFrom(braiins, answers, /^\/api\/v1\/(miner|cooling|pools)/);
  expect(commands.reading).toMatchObject({
    hashrate_hps: 95e12,
    uptime_s: 60,
    pools: [{ difficulty_accepted: 70_000 }],
  });
  expect(commands.asked.filter((question) => question.startsWith('/'))).toHaveLength(2);
  const pages = await readFrom(braiins, answers, /^[^/]/);
  expect(pages.reading).toMatchObject({ hashrate_hps: 95e12, pools: [{ shares_accepted: 7 }] });
  await expect(readFrom(braiins, { '/api/v1/auth/login': { token: 't' } }, /^(?!.*login)/)).rejects.toThrow(
    'does not answer',
  );
});

describe('counters that are none', () => {
  const pool = { URL: 'a', User: 'b', Accepted: 1_000, 'Difficulty Accepted': 65_536_000 };

  it('a summary that says less than its pools is nonsense', () => {
    const reading = (summary: { readonly [name: string]: Json }) =>
      read({ summary: { SUMMARY: [{ 'MHS av': 1, ...summary }] }, pools: { POOLS: [pool] } });
    expect(reading({ Accepted: '  0.0000', 'Difficulty Accepted': 15.84 })).toMatchObject({
      shares_accepted: 1_000,
      difficulty_accepted: 65_536_000,
    });
    // A pool that was removed is still in it.
    expect(reading({ Accepted: 1_200, 'Difficulty Accepted': 70_000_000 })).toMatchObject({
      shares_accepted: 1_200,
      difficulty_accepted: 70_000_000,
    });
  });

  it.each([
    ['0 of many shares', 0],
    ['the difficulty of the last one', 65_536],
  ])('a sum of difficulties that is %s is none', (_name, said) => {
    const reading = (Accepted: number) =>
      read({ pools: { POOLS: [{ ...pool, Accepted, 'Difficulty Accepted': said, 'Last Share Difficulty': 65_536 }] } });
    expect(reading(1_000)).not.toHaveProperty('difficulty_accepted');
    expect(reading(1_000)?.pools).toEqual([{ url: 'a', user: 'b', shares_accepted: 1_000, difficulty: 65_536 }]);
    expect(reading(1)).toMatchObject({ difficulty_accepted: said });
  });
});

describe('other forks of cgminer', () => {
  it('Goldshell: two sensors a board', () => {
    expect(
      read({ devs: { DEVS: [{ PGA: 0, 'MHS 20s': 2_500_000.5, 'tstemp-1': 77.5, 'tstemp-2': 55, fan0: 2_100 }] } }),
    ).toMatchObject({
      family: 'cgminer',
      hashrate_hps: 2_500_000_500_000,
      temperature_c: 77.5,
      fans: [{ name: '0', rpm: 2_100 }],
      boards: [{ index: 0, chip_c: 77.5, board_c: 55 }],
    });
  });

  it('Innosilicon, Aixin: the hottest chip of a chain, and fans', () => {
    expect(
      read({
        devs: { DEVS: [{ ASC: 0, 'MHS av': 8_000_000, Temperature: 73 }] },
        stats: {
          STATS: [{ STATS: 0, 'Temp max': 85, 'Temp min': 62, Temp: 73, 'Fan0 rpm': 6_270, 'Fan1 rpm': 6_810 }],
        },
      }),
    ).toMatchObject({ temperature_c: 85, fans: [{ rpm: 6_270 }, { rpm: 6_810 }] });
  });
});
