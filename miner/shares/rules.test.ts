/** Rates, rules, names, bands and the config of them. */
import Big from 'big.js';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigError } from '../../common/runtime/config-problems.js';
import { parseMinerConfig } from '../config/config.js';
import { FleetStore } from '../store/store.js';
import { doubtOf } from './plausible.js';
import { type Carry, NO_CARRY, priceOf, worthOfDifficulty } from './rate.js';
import { starsOf, tableOf, userOf } from './users.js';
import { wordOf, workerNameOf } from './words.js';

describe('the worth of difficulty', () => {
  it('is what the config says, or what a pool would pay', () => {
    expect(worthOfDifficulty({ per_difficulty: '0.000001' })).toBe('0.000001');
    const pps = { network_difficulty: '150000000000000', block_reward: '3.125', fee: 0.01, per_coin: '1000000' };
    expect(worthOfDifficulty({ pps })).toBe(new Big('3093750').div('150000000000000').toFixed());
    const third = worthOfDifficulty({ pps: { network_difficulty: '3', block_reward: '1', fee: 0, per_coin: '1' } });
    expect(third).toBe(`0.${'3'.repeat(40)}`);
  });

  it('loses nothing over many periods, and pays nothing twice', () => {
    const amount = fc
      .tuple(fc.integer({ min: 1, max: 1e9 }), fc.integer({ min: 0, max: 14 }))
      .map(([digits, places]) => new Big(digits).div(new Big(10).pow(places)).toFixed());
    fc.assert(
      fc.property(
        fc.array(fc.array(amount, { minLength: 1, maxLength: 3 }), { maxLength: 30 }),
        amount,
        (periods, worth) => {
          let carry: Carry = NO_CARRY;
          const total = { amount: new Big(0), difficulty: new Big(0) };
          for (const difficulties of periods) {
            const priced = priceOf(difficulties, worth, carry);
            expect(priced.amount).toMatch(/^\d+(\.\d{1,8})?$/);
            expect(priced.difficulty).toMatch(/^\d+(\.\d{1,8})?$/);
            total.amount = total.amount.plus(priced.amount);
            total.difficulty = total.difficulty.plus(priced.difficulty);
            carry = priced.carry;
            expect(new Big(carry.amount).gte(0) && new Big(carry.amount).lt('0.00000001')).toBe(true);
          }
          const mined = periods.flat().reduce((sum, one) => sum.plus(one), new Big(0));
          expect(total.difficulty.plus(carry.difficulty).toFixed()).toBe(mined.toFixed());
          expect(total.amount.plus(carry.amount).toFixed()).toBe(mined.times(worth).toFixed());
        },
      ),
    );
  });
});

describe('whose a worker is', () => {
  let store: FleetStore;
  beforeEach(() => {
    store = FleetStore.open(':memory:');
  });
  afterEach(() => store.close());
  const worker = {
    worker: 'andy.rig7',
    worker_key: 'aa:bb:cc:00:11:22',
    pool_url: 'stratum+tcp://p:1',
    pool_user: 'bc1q.andy.rig7',
  };
  const of = (table = {}, rules: Parameters<typeof userOf>[2]['rules'] = []) =>
    userOf(worker, store.workerUsers, { table, rules });

  it('a person says first, then the table, then the first rule that fits', () => {
    const rules = [
      { worker: 'eve.*', user: '2-eve' },
      { worker: '*.rig*', miner: 'aa:*', user: '7-$1' },
      { user: '9-house' },
    ];
    expect(of()).toBeUndefined();
    expect(of({}, rules)).toBe('7-andy');
    expect(of({}, rules.slice(0, 1))).toBeUndefined();
    expect(of({}, rules.slice(2))).toBe('9-house');
    expect(of({}, [{ miner: 'AA-BB-CC-00-11-22', user: '8-mac' }])).toBe('8-mac');
    expect(of({ 'aa:bb:cc:00:11:22': '3-mac' }, rules)).toBe('3-mac');
    expect(of({ 'aa:bb:cc:00:11:22': '3-mac', 'andy.rig7': '4-name' }, rules)).toBe('4-name');
    store.workerUsers.put({ worker: 'aa:bb:cc:00:11:22', user: '5-told', created_at: 0 });
    expect(of({ 'andy.rig7': '4-name' }, rules)).toBe('5-told');
  });

  it('is found by a MAC in any spelling, and by a name that the sites could not take', () => {
    const table = tableOf({ 'AA-BB-CC-00-11-22': '3-mac', 'rig 1': '4-name' });
    expect(of(table)).toBe('3-mac');
    expect(userOf({ ...worker, worker: wordOf('rig 1') }, store.workerUsers, { table, rules: [] })).toBe('4-name');
    const named = { ...worker, worker: 'AA-BB-CC-00-11-33' };
    store.workerUsers.put({ worker: workerNameOf('AA:bb:CC:00:11:33'), user: '5-told', created_at: 0 });
    expect(userOf(named, store.workerUsers, { table, rules: [] })).toBe('5-told');
  });

  it('is never a name that no user can have', () => {
    expect(of({}, [{ pool_user: 'bc1q*', user: '$1' }])).toBeUndefined();
    expect(of({}, [{ worker: 'andy*', user: '$1$2' }])).toBeUndefined();
    expect(of({ constructor: 'x' }, [])).toBeUndefined();
  });

  it.each([
    ['*', 'any', ['any']],
    ['rig', 'rig', []],
    ['rig', 'rigs', undefined],
    ['a*c', 'ac', ['']],
    ['a*c', 'abcbc', ['bcb']],
    ['*.rig*', 'x.rig.rig2', ['x', '.rig2']],
    ['ab*ba', 'aba', undefined],
    ['*-*-*', 'a-b', undefined],
  ])('%s fits %s: %j', (pattern, text, stars) => {
    expect(starsOf(pattern, text)).toEqual(stars);
  });
});

describe('a word of the sites', () => {
  it('stays as it is where it is one, and else is always the same other one', () => {
    expect(wordOf('aa:bb:cc:00:11:22')).toBe('aa:bb:cc:00:11:22');
    expect(wordOf('küche 1')).toBe('k%c3%bcche%201');
    expect(wordOf('x'.repeat(65))).not.toBe(wordOf('x'.repeat(66)));
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: 'binary' }), (one, other) => {
        for (const text of [one, other]) expect(wordOf(text)).toMatch(/^[\x21-\x7e]{1,64}$/);
      }),
    );
  });
});

describe('a doubt', () => {
  const band = { min: 0.5, max: 1.5 };
  /** As many shares of difficulty 1 as these, where the hashrate makes `expected`. */
  const of = (shares: number, expected: number) =>
    doubtOf({ hashes: expected * 2 ** 32, shares, difficulty: shares }, band);

  it.each([
    [100, 100],
    [140, 100],
    [60, 100],
    [3, 0.1],
    [8, 3],
    [1, 20],
    [10_000, 10_500],
    [1, 0.001],
    [0, 1_000],
    [0, 0],
  ])('is none of %i shares where %f are expected', (shares, expected) => {
    expect(of(shares, expected)).toBeUndefined();
  });

  it.each([
    [300, 100, /^mined 3\.0 times/],
    [17_000, 10_000, /^mined 1\.7 times/],
    [12, 0.1, /^mined 120 times/],
    [100, 0, /^counts 100 shares and reports no hashrate/],
    [1, 0, /^counts 1 share and reports no hashrate/],
    [1, 1e-12, /^mined 1000000000000 times .* over 1 share$/],
    [Number.MAX_VALUE, 1, /^counts more than can be/],
    [4_000, 10_000, /^mined 0\.40 times/],
    [1, 100, /^mined 0\.010 times/],
  ])('is one of %i shares where %f are expected', (shares, expected, words) => {
    expect(of(shares, expected)).toMatch(words);
  });

  it('comes to an honest miner less often than once in a hundred thousand periods', () => {
    // Poisson by adding up exponential waits; seeded, so that it is the same each time.
    let seed = 7;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    let doubts = 0;
    for (let period = 0; period < 100_000; period += 1) {
      const expected = [0.05, 1, 4, 20][period % 4] as number;
      let shares = 0;
      let left = expected + Math.log(random());
      while (left > 0) {
        shares += 1;
        left += Math.log(random());
      }
      if (of(shares, expected) !== undefined) doubts += 1;
    }
    expect(doubts).toBe(0);
  });
});

describe('credit: of miner.yaml', () => {
  const mistakes = (text: string): string => {
    try {
      parseMinerConfig(text, 'miner.yaml');
    } catch (error) {
      return (error as ConfigError).problems.join('\n');
    }
    return '';
  };
  const GOOD = 'credit:\n  sidecar: {socket: /run/s.sock}\n  rate: {per_difficulty: "0.000001"}\n';

  it('needs to say where to and how much, and nothing else', () => {
    expect(parseMinerConfig(GOOD, 'miner.yaml').credit).toEqual({
      sidecar: { socket: '/run/s.sock' },
      rate: { per_difficulty: '0.000001' },
      period_s: 600,
      users: { table: {}, rules: [] },
      plausible: { min: 0.5, max: 1.5 },
      shares_d: 32,
    });
  });

  it.each([
    ['a float', GOOD.replaceAll('"', ''), /per_difficulty: must be a number above 0 in quotes/],
    ['nothing for something', GOOD.replace('0.000001', '0'), /per_difficulty: must be a number above 0/],
    ['no rate', GOOD.replace('per_difficulty: "0.000001"', ''), /rate: must be either per_difficulty or pps/],
    [
      'both ways',
      GOOD.replace('socket: /run/s.sock', 'socket: /run/s.sock, url: "https://x"'),
      /sidecar: must be either socket or url/,
    ],
    ['a password in the address', GOOD.replace('socket: /run/s.sock', 'url: "https://a:b@x"'), /must be an address/],
    ['no such user', `${GOOD}  users: {table: {rig: "../x"}}`, /users\.table\.rig: must be a user/],
    [
      'one MAC in two spellings, of two users',
      `${GOOD}  users: {table: {"AA-bb-cc-00-11-22": 1-andy, "aa:bb:cc:00:11:22": 2-eve}}`,
      /users\.table\["aa:bb:cc:00:11:22"\]: must be named once \(AA-bb-cc-00-11-22 is the same, and 1-andy's\)/,
    ],
    [
      'a rule that asks for more stars than it has',
      `${GOOD}  users: {rules: [{worker: "a*", user: "$2"}]}`,
      /rules\[0\]\.user: must have \$1 to \$9 only for a \* of the rule, which has 1 \(got "\$2"\)/,
    ],
    [
      'a rule that asks for none of its stars',
      `${GOOD}  users: {rules: [{worker: "*.*", miner: "*", user: "1-$0"}]}`,
      /rules\[0\]\.user: must .* which has 3 /,
    ],
    ['a rule without any', `${GOOD}  users: {rules: [{user: "$1"}]}`, /user: must .* which has 0 /],
    ['a $ that is nothing', `${GOOD}  users: {rules: [{worker: "*", user: "1-$x"}]}`, /user: must .* which has 1 /],
    ['an unknown key', `${GOOD}  percent: 3`, /percent: is not a known key/],
  ])('says what is wrong: %s', (_what, text, words) => {
    expect(mistakes(text)).toMatch(words);
  });

  it.each([
    'users: {table: {"AA-bb-cc-00-11-22": 1-andy, "aa:bb:cc:00:11:22": 1-andy, "aa:bb:cc:00:11:23": 2-eve}}',
    'users: {rules: [{worker: "*.*", miner: "*:22", user: "$2-$1$3"}, {worker: "*", user: "$12"}, {user: 1-andy}]}',
  ])('takes %s', (section) => {
    expect(mistakes(`${GOOD}  ${section}`)).toBe('');
  });

  it.each([
    ['http://site.example/axle', false],
    ['http://8.8.8.8', false],
    ['http://[2001:db8::1]/', false],
    ['http://10.0.0.5.example/', false],
    ['https://site.example/axle', true],
    ['http://localhost:8123', true],
    ['http://127.0.0.1:8123/axle', true],
    ['http://[::1]:8123', true],
    ['http://192.168.1.5/axle', true],
    ['http://172.31.0.1', true],
    ['http://[fd00::5]:80/', true],
  ])('lets the token go to %s: %s', (url, isTaken) => {
    const text = GOOD.replace('socket: /run/s.sock', `url: "${url}"`);
    expect(mistakes(text)).toBe('');
    expect(mistakes(`${text.replace(/https?:/, 'ftp:')}  token_file: /t\n`)).not.toContain('the token');
    const found = mistakes(`${text}  token_file: /t\n`);
    if (isTaken) expect(found).toBe('');
    else expect(found).toMatch(/credit\.sidecar\.url: must begin with https:\/\/.*because the token goes there/);
  });
});
