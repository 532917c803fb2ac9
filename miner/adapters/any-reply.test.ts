import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ADAPTERS, parseReplies } from './identify.js';
import { readReplies } from './replies.js';
import { MAY_BE_NEGATIVE, numbersIn } from './testing/numbers.js';
import type { Json } from './tolerant-json.js';

/** The names that the families use, so that what is made up is looked at. */
const NAMES = [
  ...[
    'STATUS',
    'SUMMARY',
    'STATS',
    'DEVS',
    'POOLS',
    'VERSION',
    'DEVDETAILS',
    'TEMPS',
    'FANS',
    'TUNERSTATUS',
    'INFO',
    'Msg',
    'msg',
  ],
  ...[
    'MHS 5s',
    'GHS av',
    'HS RT',
    'KHS 1m',
    'GHS 5s',
    'rate_5s',
    'rate_unit',
    'hash-average',
    'hash-realtime',
    'hashRate',
    'current_khs',
  ],
  ...[
    'Accepted',
    'Rejected',
    'Difficulty Accepted',
    'Best Share',
    'Elapsed',
    'Last Share Time',
    'Stratum Difficulty',
    'URL',
    'User',
  ],
  ...[
    'Type',
    'PROD',
    'MM ID0',
    'MM ID0:Summary',
    'HBinfo',
    'chain',
    'chain_acn1',
    'chain_rate1',
    'temp_chip1',
    'temp2_1',
    'fan1',
    'fan',
    'fan_num',
  ],
  ...[
    'Temperature',
    'Chip Temp Max',
    'Power',
    'Fan Speed In',
    'MAC',
    'Factory GHS',
    'ASICModel',
    'temp',
    'power',
    'bestDiff',
    'voltage',
  ],
  ...[
    'stratum',
    'pools',
    'hashing',
    'firmware',
    'axehub_compat',
    'hardware',
    'pool',
    'primary',
    'miner_stats',
    'power_stats',
    'real_hashrate',
  ],
  ...[
    'last_5s',
    'gigahash_per_second',
    'hashboards',
    'summary',
    'edevs',
    'miner-sn',
    'desc',
    'BOSer',
    'Description',
    'macaddr',
    'minertype',
  ],
  ...[
    'boardVersion',
    'fans',
    'fanSpeed',
    'totalHashes',
    'poolMode',
    'dualPoolStats',
    'primaryAccepted',
    'poolDifficulty',
    'stratumURLUSED',
    'identity',
    'miner',
    'sAccepted',
    'vbus',
    'ibus',
  ],
];

const value: fc.Arbitrary<Json> = fc.letrec<{ any: Json; object: Json; list: Json }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom<Json>(
      null,
      true,
      -1,
      0,
      Number.POSITIVE_INFINITY,
      -273,
      1e308,
      65_536,
      'nan',
      '-inf',
      '1,234',
      '4.29G',
      '12 TH/s',
      '0:00:03',
      '78-50-0',
      'Y',
      'get.miner.status',
      'Antminer S9',
      'avalon',
      '',
    ),
    fc.double(),
    fc.string(),
    fc.constant("'STATS':{Ver[Nano3s-1] TMax[-273] PS[0 0 1 2 3 4 5] Fan1[x] MGHS[nan 1] GHSspd[-1] PVT_T0[ 1 2]}"),
    tie('object'),
    tie('list'),
  ),
  object: fc.dictionary(fc.constantFrom(...NAMES), tie('any'), { maxKeys: 6 }),
  list: fc.array(tie('any'), { maxLength: 3 }),
})).object;

describe('whatever a device answers', () => {
  it('no adapter throws, and every number is finite and not negative', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('version', 'summary', 'stats', 'pools', 'info'), value, { minKeys: 1 }),
        (replies) => {
          for (const adapter of ADAPTERS) {
            adapter.recognises(replies);
            const reading = adapter.parse(replies);
            for (const [path, read] of numbersIn(reading)) {
              expect(Number.isFinite(read), path).toBe(true);
              if (!MAY_BE_NEGATIVE.test(path)) expect(read, path).toBeGreaterThanOrEqual(0);
            }
            expect(Object.values(reading)).not.toContain(undefined);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('what nothing was said of is absent: an empty answer is an empty reading', () => {
    for (const adapter of ADAPTERS) {
      const { family, make, ...rest } = adapter.parse({});
      expect(family).toBe(adapter.family);
      expect([undefined, 'Antminer', 'Avalon', 'Whatsminer', 'NerdMiner']).toContain(make);
      expect(rest).toEqual({ pools: [], fans: [], boards: [] });
    }
  });

  it('of a reply that was cut off anywhere, counters are right or absent', () => {
    const pool = { URL: 'a', User: 'b', Accepted: 40_571, 'Difficulty Accepted': 1_305_083_904, 'Best Share': 12_904 };
    const whole = JSON.stringify({ POOLS: [pool, { ...pool, User: 'c' }], id: 1 });
    const right = { shares_accepted: 81_142, difficulty_accepted: 2_610_167_808 };
    expect(parseReplies(readReplies({ pools: whole }))).toMatchObject(right);
    for (let at = 0; at < whole.length - 8; at += 1) {
      const reading = parseReplies(readReplies({ pools: whole.slice(0, at) }));
      expect(reading ?? {}).not.toHaveProperty('shares_accepted');
      expect(reading ?? {}).not.toHaveProperty('difficulty_accepted');
      for (const each of reading?.pools ?? []) {
        expect([undefined, 40_571]).toContain(each.shares_accepted);
        expect([undefined, 1_305_083_904]).toContain(each.difficulty_accepted);
      }
    }
  });

  it('any bytes are read without throwing', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 3 }), (answers) => {
        parseReplies(readReplies(Object.fromEntries(answers.map((bytes, place) => [String(place), bytes]))));
      }),
    );
  });
});

it.each([
  ['blanks', `1${' '.repeat(50_000)}y`],
  ['one letter', 'a'.repeat(50_000)],
  ['brackets', 'a['.repeat(25_000)],
])('a text of many %s takes no longer than another one', (_name, long) => {
  const record = { Type: long, PROD: long, 'MM ID0': long, Elapsed: long, 'GHS 5s': long, chain_acn1: long };
  const replies = { stats: { VERSION: [record], SUMMARY: [record], STATS: [record], DEVS: [record], POOLS: [record] } };
  const began_ms = performance.now();
  for (const adapter of ADAPTERS) adapter.parse(replies);
  expect(performance.now() - began_ms).toBeLessThan(2_000);
});
