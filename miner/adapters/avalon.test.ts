/** What families of Avalon write differently. */
import { expect, it } from 'vitest';
import { avalon } from './avalon.js';
import { parseReplies } from './identify.js';
import type { Json } from './tolerant-json.js';

function read(lines: Record<string, string>, version: Record<string, Json> = {}) {
  const reading = parseReplies({ version: { VERSION: [version] }, stats: { STATS: [{ STATS: 0, ...lines }] } });
  expect(reading?.family).toBe('avalon');
  return reading;
}

it.each([
  ['Ver[7411801-0a1b2c3]', {}, 'Avalon 741'],
  ['Ver[8411901-0a1b2c3]', {}, 'Avalon 841'],
  ['Ver[1066-20010101_0a1b2c3]', {}, 'Avalon 1066'],
  ['Ver[1126Pro-S-64-22010101]', {}, 'Avalon 1126Pro'],
  ['Ver[15-194-25010101_0a1b2c3]', { PROD: 'AvalonMiner 15-194', MODEL: '15-194' }, 'AvalonMiner 15-194'],
  ['Ver[nano3-25010101_0a1b2c3]', { PROD: 'Avalonnano', MODEL: 'nano3' }, 'Avalon nano3'],
  ['Ver[Mini3-25020202_0a1b2c3]', { PROD: 'Avalon Mini3', MODEL: 'Mini3' }, 'Avalon Mini3'],
])('%s: the model', (line, version, model) => {
  expect(read({ 'MM ID0': line }, version)).toMatchObject({ model });
});

it('A7 to A9: one fan without a number', () => {
  expect(read({ 'MM ID1': 'Ver[7411801-1] Temp[31] TMax[91] Fan[4200] FanR[45%] PG[15]' })).toMatchObject({
    temperature_c: 91,
    ambient_c: 31,
    fans: [{ name: '1', rpm: 4_200, percent: 45 }],
  });
});

it('a controller with two cables numbers the modules of each anew', () => {
  const line = (ghs: number, t: number) => `Ver[8411801-1] DNA[${t}] GHSmm[${ghs}] TMax[${t}] Fan1[4000]`;
  const reading = parseReplies({
    stats: {
      STATS: [
        { STATS: 0, ID: 'AV80', 'MM ID1': line(13_000, 80), 'MM ID2': line(13_000, 81) },
        { STATS: 1, ID: 'AV81', 'MM ID1': line(13_500, 85) },
      ],
    },
    litestats: { STATS: [{ 'MM ID1': line(13_000, 80) }] },
  });
  expect(reading).toMatchObject({ hashrate_nominal_hps: 39.5e12, temperature_c: 85 });
  expect(reading?.fans).toHaveLength(3);
});

it('Nano 3: watts, and a serial of zeros is none', () => {
  const line = 'Ver[nano3-25010101_4] DNA[0000000000000000] HDNA[0201] PS[0 0 0 2 2780 91 321] Freq[0.00] MPO[90]';
  const version = { PROD: 'Avalonnano', MODEL: 'nano3', VERSION: '25010101_4', DNA: '0000000000000000' };
  const reading = read({ 'MM ID0': line }, version);
  expect(reading).toMatchObject({ serial: '0201', power_w: 91, power_limit_w: 90, firmware: '25010101_4' });
  expect(reading).not.toHaveProperty('frequency_hz');
});

it.each([
  ['A15: from the wall', 'Ver[15-194-25010101_2] PS[0 1210 1190 300 3500 1190 3700] WALLPOWER[3700]', 3_700],
  ['A10: six numbers', 'Ver[1066-20010101_f] PS[0 1210 1280 220 2800 1280]', 2_800],
  ['Mini 3', 'Ver[Mini3-25020202_3] PS[0 1210 2080 36 750 2080 810]', 810],
])('%s', (_name, line, power_w) => {
  expect(read({ 'MM ID0': line })).toMatchObject({ power_w });
});

it('idle Q: the chips are no longer as warm as they were', () => {
  const line = (t: number) =>
    `'STATS':{Ver[Q-1] SYSTEMSTATU[Work: In Idle] TMax[${t}] MGHS[40000] PS[0 1220 2 0 0 2240 20]}`;
  const idle = read({ 'MM ID0:Summary': line(0), HBinfo: "'HB0':{PVT_T0[ 61  66]}" });
  expect(idle).not.toHaveProperty('temperature_c');
  expect(idle).toMatchObject({ power_w: 20, boards: [{ chips: 2 }] });
  const busy = read({ 'MM ID0:Summary': line(64), HBinfo: "'HB0':{PVT_T0[ 61  66]}" });
  expect(busy).toMatchObject({ temperature_c: 66, boards: [{ chip_c: 66, chips: 2 }] });
});

it('asks once more where `stats` is there without its string', async () => {
  const answers: Record<string, Json> = {
    version: { VERSION: [{ PROD: 'Avalon Q' }] },
    stats: { STATS: [{ STATS: 0, ID: 'AVALON0', 'MM ID0:Summary': '' }] },
    estats: { STATS: [{ STATS: 0, ID: 'AVALON0', 'MM ID0:Summary': "'STATS':{Ver[Q-1] TMax[66]}" }] },
  };
  const asked: string[] = [];
  const device = {
    rpc: async (command: string) => {
      asked.push(command);
      if (!(command in answers)) throw new Error('refused');
      return JSON.stringify(answers[command]);
    },
    address: 'test',
    http: () => Promise.reject(new Error('not asked')),
    whatsminer: () => Promise.reject(new Error('not asked')),
  };
  expect(avalon.parse(await avalon.read(device))).toMatchObject({ model: 'Avalon Q', temperature_c: 66 });
  delete answers.estats;
  expect(avalon.parse(await avalon.read(device))).toMatchObject({ model: 'Avalon Q' });
  answers.stats = { STATS: [{ STATS: 0, 'MM ID0': 'Ver[Q-1] TMax[66]' }] };
  asked.length = 0;
  await avalon.read(device);
  expect(asked).not.toContain('estats');
});
