/** Whole replies of every family, of which values are replaced and which are cut off anywhere: nothing is made up of them. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { KINDS, type MinerState, MODELS } from '../simulate/miner-state.js';
import { rpcAnswers } from '../simulate/replies/cgminer.js';
import { httpAnswer, SOLD_WITH } from '../simulate/replies/http.js';
import { whatsminer3Answer } from '../simulate/replies/whatsminer3.js';
import { ADAPTERS } from './identify.js';
import { readReplies } from './replies.js';
import { MAY_BE_NEGATIVE, numbersIn } from './testing/numbers.js';
import type { Json } from './tolerant-json.js';

const STATE: Omit<MinerState, 'model'> = {
  name: 'rig7',
  mac: '02:00:00:00:00:07',
  pool_url: 'stratum+tcp://pool.example:3333',
  user: 'a.rig.7',
  hashrate_hps: 1e14,
  uptime_s: 86_400,
  accepted: 40_571,
  rejected: 12,
  difficulty: 65_536,
  difficulty_accepted: 2_658_861_056,
  best_share: 12_904_207_043,
  now_s: 1_790_000_000,
  last_share_at: 1_789_999_990,
};

const PAGES = ['/api/system/info', '/api/axehub/v1/info', '/api/v1/miner/stats', '/api/v1/miner/hw/hashboards'];

/** What the simulated devices answer, and firmware that is not simulated. */
function samples(): readonly (readonly [string, Json][])[] {
  const simulated = KINDS.map((kind): [string, Json][] => {
    const state = { ...STATE, model: MODELS[kind] };
    const headers = { authorization: 'simulated', 'x-axehub-compat': '1' };
    const pages = PAGES.map((path) => httpAnswer(state, { method: 'GET', path, headers, body: '' }, SOLD_WITH))
      .filter((page) => page?.status === 200 && page.body.startsWith('{'))
      .map((page, place): [string, Json] => [`page${place}`, JSON.parse(page?.body ?? '{}') as Json]);
    const others = kind === 'whatsminer3' ? ['summary', 'pools', 'edevs'] : [];
    return [
      ...Object.entries(rpcAnswers(state) ?? {}),
      ...pages,
      ...others.map((name): [string, Json] => [name, whatsminer3Answer(state, 'get.miner.status', name)]),
    ];
  });
  const measured = {
    'GHS 5s': '500.5',
    total_power: 900,
    rate_unit: 'MH',
    fan: ['0', 0],
    chain_acn1: 72,
    freq1: '1600M',
  };
  const chain = {
    index: 0,
    rate_real: 100,
    rate_ideal: '120 MH/s',
    temp_chip: ['47125', 60, ''],
    asic_num: 204,
    sn: 7,
  };
  return [
    ...simulated,
    [
      ['version', { VERSION: [{ LUXminer: '2025.4.8', Type: 'Antminer L9' }] }],
      ['stats', { STATS: [{ Type: 'Antminer L3+ (Vnish 1.2.0)' }, { ...measured, chain_rate1: '0.1' }] }],
      ['page', { INFO: { type: 'x' }, STATS: [{ chain: [chain, chain], fan: [0, 1], watt: 3_000, elapsed: 1 }] }],
      ['temps', { TEMPS: [{ ID: 0, TopLeft: 50, TopLeftChip: 60, WaterInlet: 30 }] }],
      ['devs', { DEVS: [{ ID: 0, 'MHS 5s': 1, 'Nominal MHS': 2, 'tstemp-1': 3, 'Fan0 rpm': 0, Frequency: 650e6 }] }],
      ['power', { POWER: [{ Watts: 1 }] }],
      ['config', { CONFIG: [{ MACAddr: '02-00-00-00-00-09', Hostname: 'h' }] }],
      ['info', { system: { network_status: { mac: 'x' } }, miner_status: {}, power_consumption: 5 }],
    ],
  ];
}

const JUNK: readonly Json[] = [
  ...[null, true, '', ' ', 'nan', '-inf', 'N/A', '0', '-', '0-0--5', '1,234,5', '1e400', '65.5K', '12 TH/s', '-3 TH/s'],
  ...[0, -1, -273, 1e308, 5e-324, 2 ** 53, -0.5, 65_536, '9'.repeat(400), '\0\u001b[31m', '27:99:99', '0:00:-1'],
  ...[[], {}, [[]], [null], { a: { b: [1] } }, ['a', -1, '7'], { __proto__: null }],
];

/** The same with some of its values replaced; `pick` is asked at every value. */
function mutated(value: Json, pick: () => number): Json {
  const roll = pick();
  if (roll % 7 === 0) return JUNK[Math.floor(roll / 7) % JUNK.length] as Json;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return (value as readonly Json[]).map((item) => mutated(item, pick));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mutated(item, pick)]));
}

it('no adapter throws, and no number is none, endless or negative', () => {
  const all = samples();
  fc.assert(
    fc.property(fc.nat(all.length - 1), fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (which, seed, part) => {
      let roll = seed >>> 0;
      const pick = () => {
        roll = (Math.imul(roll, 1_664_525) + 1_013_904_223) >>> 0;
        return roll >>> 8;
      };
      const raw = Object.fromEntries(
        (all[which] ?? []).map(([name, reply]) => {
          const text = JSON.stringify(mutated(reply, pick));
          return [name, pick() % 3 === 0 ? text.slice(0, Math.floor(text.length * part)) : `${text}\0`];
        }),
      );
      const replies = readReplies(raw);
      for (const adapter of ADAPTERS) {
        adapter.recognises(replies);
        const reading = adapter.parse(replies);
        for (const [path, read] of numbersIn(reading)) {
          expect(Number.isFinite(read), path).toBe(true);
          if (!MAY_BE_NEGATIVE.test(path)) expect(read, path).toBeGreaterThanOrEqual(0);
        }
        // What is absent is no member, and no text can colour a terminal.
        expect(JSON.parse(JSON.stringify(reading))).toEqual(reading);
        expect(JSON.stringify(reading)).not.toContain('\\u001b');
      }
    }),
    { numRuns: 300 },
  );
});
