/** The books against what the miners know: nothing is counted twice, and what can be known is counted. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MinerReading, PoolReading } from '../adapters/reading.js';
import { MODELS, SimulatedMiner } from '../simulate/miner-state.js';
import { seeded } from '../simulate/random.js';
import type { MinerRow } from '../store/miners.js';
import { FleetStore } from '../store/store.js';
import { Accounts } from './accounts.js';

const AT = 1_700_000_400_000;
const URL = 'stratum+tcp://solo.ckpool.org:3333';
const USER = 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4.rig.1';
const HASHRATE_HPS = 100 * 2 ** 32;

let store: FleetStore;
let accounts: Accounts;
let miner: MinerRow;
const lost: string[] = [];
beforeEach(() => {
  open();
});
afterEach(() => store.close());

function open(): void {
  store = FleetStore.open(':memory:');
  lost.length = 0;
  accounts = booksOf(store);
  miner = addMiner(store);
}

function booksOf(of: FleetStore, clock?: () => number): Accounts {
  const onLost = (_: MinerRow, { pool_user }: { pool_user: string }) => lost.push(pool_user);
  return new Accounts(of, { period_ms: 600_000, plausible: { min: 0.5, max: 1.5 }, onLost, ...(clock && { clock }) });
}

function addMiner(of: FleetStore): MinerRow {
  return of.miners.add({ name: 'Rig', miner_type: 'cgminer', ip_address: '192.168.1.9', created_at: AT });
}

interface Shown {
  readonly url?: string;
  readonly user?: string;
  readonly accepted?: number;
  readonly difficulty_accepted?: number;
}

/** By seconds since AT. */
function reading(uptime_s: number, ...pools: Shown[]): MinerReading {
  return {
    family: 'cgminer',
    hashrate_hps: HASHRATE_HPS,
    uptime_s,
    pools: pools.map(
      ({ url = URL, user = USER, accepted, difficulty_accepted }): PoolReading => ({
        url,
        user,
        shares_accepted: accepted ?? Math.floor((difficulty_accepted ?? 0) / 1_000),
        shares_rejected: 0,
        ...(difficulty_accepted !== undefined && { difficulty_accepted }),
        difficulty: 1_000,
      }),
    ),
    fans: [],
    boards: [],
  };
}

const take = (second: number, of: MinerReading) =>
  store.transaction(() => accounts.take(miner, of, AT + second * 1_000));
const works = () =>
  store.db
    .prepare<
      [],
      { worker: string; pool_url: string; difficulty: string; state: string; from_at: number; to_at: number }
    >('SELECT * FROM works ORDER BY id')
    .all();
/** No second of the worker is in two periods, and each period is one of whole seconds. */
function expectNoOverlap(): void {
  const periods = works()
    .filter(({ state }) => state !== 'open')
    .sort((one, other) => one.from_at - other.from_at);
  for (const [index, { from_at, to_at }] of periods.entries()) {
    expect(from_at).toBeLessThan(to_at);
    expect(from_at).toBeGreaterThanOrEqual(periods[index - 1]?.to_at ?? 0);
    expect([from_at % 1_000, to_at % 1_000]).toEqual([0, 0]);
  }
}
const total = (of = works()) => of.reduce((sum, { difficulty }) => sum + Number(difficulty), 0);

describe('the books', () => {
  it('tell the table of readings what is new, and name the worker whole', () => {
    expect(take(0, reading(1_000, { difficulty_accepted: 50_000 }))).toEqual({});
    expect(take(30, reading(1_030, { difficulty_accepted: 53_000 }))).toEqual({
      shares: 3,
      rejected: 0,
      difficulty: 3_000,
    });
    expect(works()).toMatchObject([{ worker: 'rig.1', difficulty: '3000', state: 'open' }]);
  });

  it('add up one pool that is listed three times, and know no pool by its place', () => {
    const other = { url: 'stratum+tcp://pool.example:1', difficulty_accepted: 7_000 };
    const of = (second: number, ...shown: number[]) =>
      reading(1_000 + second, ...shown.map((difficulty_accepted) => ({ difficulty_accepted })), other);
    take(0, of(0, 1_000, 2_000, 3_000));
    expect(take(30, of(30, 2_000, 2_000, 4_000))).toMatchObject({ difficulty: 2_000 });
    const { pools, ...rest } = of(60, 2_000, 2_000, 5_000);
    expect(take(60, { ...rest, pools: pools.toReversed() })).toMatchObject({ difficulty: 1_000 });
    expect(total()).toBe(3_000);
  });

  it('credit nothing twice where one of the entries is missing once', () => {
    take(0, reading(1_000, { difficulty_accepted: 10_000 }, { difficulty_accepted: 9_000 }));
    take(30, reading(1_030, { difficulty_accepted: 10_000 }));
    take(60, reading(1_060, { difficulty_accepted: 10_000 }, { difficulty_accepted: 9_000 }));
    expect(total()).toBe(0);
    expect(lost).toHaveLength(2);
  });

  it('wait for a list of pools that is missing, and do not take the whole for it', () => {
    take(0, reading(1_000, { difficulty_accepted: 10_000 }));
    take(30, { ...reading(1_030), shares_accepted: 13, difficulty_accepted: 13_000 });
    expect(take(60, reading(1_060, { difficulty_accepted: 16_000 }))).toMatchObject({ difficulty: 6_000 });
  });

  it('take a new pool as a baseline, and go on with the old one where it was', () => {
    const old = (second: number, difficulty_accepted: number) =>
      take(second, reading(1_000 + second, { difficulty_accepted }));
    old(0, 10_000);
    take(30, reading(1_030, { url: 'stratum+tcp://b:1', difficulty_accepted: 3_000 }));
    take(60, reading(1_060, { url: 'stratum+tcp://b:1', difficulty_accepted: 6_000 }));
    expect(old(90, 11_000)).toMatchObject({ difficulty: 1_000 });
    expect(works().map(({ pool_url, difficulty }) => [pool_url, difficulty])).toEqual([
      ['stratum+tcp://b:1', '3000'],
      [URL, '1000'],
    ]);
  });

  it('count once what an AxeOS miner counts for all its pools together', () => {
    const of = (second: number, shares_accepted: number, url: string): MinerReading => ({
      ...reading(1_000 + second),
      family: 'axeos',
      shares_accepted,
      shares_rejected: 0,
      pools: [
        { url: 'stratum+tcp://a:1', user: USER, active: url === 'a', difficulty: 1_000 },
        { url: 'stratum+tcp://b:1', user: USER, active: url === 'b', difficulty: 1_000 },
      ],
    });
    take(0, of(0, 100, 'a'));
    take(30, of(30, 103, 'a'));
    // Between these it changes pools: whose the shares are is not known.
    take(60, of(60, 106, 'b'));
    take(90, of(90, 109, 'b'));
    take(120, of(120, 112, 'a'));
    take(150, of(150, 115, 'a'));
    expect(total()).toBe(9_000);
    expect(works()).toMatchObject([{ is_estimate: 1 }, { is_estimate: 1 }]);
  });

  it('count once what an AxeOS miner counts by the place of a pool, whichever pool is in it', () => {
    const of = (second: number, first: string, shares: number): MinerReading => ({
      ...reading(1_000 + second, { url: first, accepted: shares }, { url: 'stratum+tcp://two:1', accepted: 7 }),
      family: 'axeos',
    });
    take(0, of(0, 'stratum+tcp://one:1', 100));
    take(30, of(30, 'stratum+tcp://one:1', 101));
    // Another pool is given to it, and the counter goes on; then the first one again.
    take(60, of(60, 'stratum+tcp://three:1', 102));
    take(90, of(90, 'stratum+tcp://three:1', 104));
    take(120, of(120, 'stratum+tcp://one:1', 105));
    take(150, of(150, 'stratum+tcp://one:1', 106));
    expect(total()).toBe(4_000);
    // And with their places changed.
    const { pools, ...rest } = of(180, 'stratum+tcp://one:1', 7);
    const [one, two] = pools as [PoolReading, PoolReading];
    take(180, { ...rest, pools: [{ ...two, shares_accepted: 107 }, one] });
    expect(total()).toBe(4_000);
  });

  it('credit of an AxeOS miner never more than it mined, whatever its pools and its ways of counting are', () => {
    const acts = fc.constantFrom(
      'mine',
      'mine',
      'other pool',
      'swap',
      'half an answer',
      'other mode',
      'restart',
      'reset',
    );
    fc.assert(
      fc.property(fc.array(acts, { minLength: 5, maxLength: 40 }), fc.integer(), (all, seed) => {
        store.close();
        open();
        const random = seeded(seed);
        const shares: [number, number] = [500, 40];
        const names: [string, string] = ['a', 'b'];
        let [mined, uptime_s, isDual] = [0, 100_000, true];
        for (const [step, act] of all.entries()) {
          uptime_s += 30;
          for (const place of [0, 1] as const) {
            const more = Math.floor(random() * 2);
            shares[place] += more;
            mined += more;
          }
          if (act === 'other pool') names[0] = ['a', 'c', 'd'][Math.floor(random() * 3)] ?? '';
          if (act === 'swap') names.reverse();
          if (act === 'other mode') isDual = !isDual;
          if (act === 'restart') uptime_s = 5;
          if (act === 'restart' || act === 'reset') shares.fill(0);
          const isHalf = act === 'half an answer';
          const pools = names.map((name, place): PoolReading => {
            const isCounted = isDual ? !isHalf || place === 0 : place === 0;
            return {
              ...{ url: `stratum+tcp://${name}:1`, user: USER, active: isDual || place === 0, difficulty: 1_000 },
              ...(isCounted && { shares_accepted: isDual ? (shares[place] ?? 0) : shares[0] + shares[1] }),
            };
          });
          take(step * 30, { ...reading(uptime_s), family: 'axeos', shares_accepted: shares[0] + shares[1], pools });
        }
        expect(total()).toBeLessThanOrEqual(mined * 1_000);
      }),
      { numRuns: 300 },
    );
  });

  it('count once what is told for the whole miner in between, each time that its list of pools is missing for long', () => {
    const whole = (second: number, difficulty_accepted: number) =>
      take(second, { ...reading(second), shares_accepted: 0, difficulty_accepted });
    const pool = (second: number, difficulty_accepted: number) =>
      take(second, reading(second, { difficulty_accepted }));
    pool(1_000, 10_000);
    whole(5_000, 20_000);
    pool(5_060, 26_000);
    pool(5_090, 29_000);
    whole(9_000, 99_000);
    expect(total()).toBe(3_000);
  });

  it('count nothing twice after an answer that is older than the one before', () => {
    take(0, reading(1_000, { difficulty_accepted: 10_000 }));
    take(30, reading(1_030, { difficulty_accepted: 13_000 }));
    take(60, reading(1_000, { difficulty_accepted: 10_000 }));
    take(90, reading(1_090, { difficulty_accepted: 19_000 }));
    expect([total(), lost]).toEqual([9_000, []]);
  });

  it('end a period with the clock, each behind the one before it', () => {
    for (let second = 0; second <= 1_860; second += 30)
      take(second, reading(1_000 + second, { difficulty_accepted: 10_000 + second * 100 }));
    const closed = works().filter(({ state }) => state !== 'open');
    expect(closed.map(({ from_at, to_at }) => [(from_at - AT) / 1_000, (to_at - AT) / 1_000])).toEqual([
      [0, 600],
      [600, 1_200],
      [1_200, 1_800],
    ]);
    expect(total()).toBe(186_000);
  });

  it('never give two credits a second of the same worker, though the clock goes back', () => {
    let difficulty_accepted = 10_000;
    for (const [step, second] of [0, 700, 1_400, -5_000, -4_300, -3_600, 2_000, 2_700].entries()) {
      difficulty_accepted += 1_000;
      take(second, reading(1_000 + step * 700, { difficulty_accepted }));
      accounts.close(miner.id);
    }
    expect(works()).toHaveLength(7);
    expectNoOverlap();
    expect(total()).toBe(7_000);
  });

  it('give no credit for the time that our clock jumped over, and go on where it really was', () => {
    const ahead = (second: number) => (second >= 900 && second < 990 ? 86_400 : 0);
    let second = 0;
    accounts = booksOf(store, () => second * 1_000);
    for (; second <= 1_800; second += 30)
      take(second + ahead(second), reading(1_000 + second, { difficulty_accepted: 10_000 + second * 100 }));
    accounts.close(miner.id);
    expect(total()).toBe(180_000);
    expectNoOverlap();
    const periods = works().map(({ from_at, to_at }) => [(from_at - AT) / 1_000, (to_at - AT) / 1_000]);
    expect(periods.sort(([one = 0], [other = 0]) => one - other)).toEqual([
      [0, 600],
      [600, 870],
      [990, 1_200],
      [1_200, 1_800],
      [87_270, 87_360],
    ]);
  });

  it('hold a period in which far more was mined than the hashrate allows, and say so', () => {
    for (let second = 0; second <= 600; second += 30)
      take(second, reading(1_000 + second, { difficulty_accepted: 10_000 + second * 400 }));
    expect(works()).toMatchObject([
      { state: 'held', reason: expect.stringMatching(/^mined 4\.0 times .*at most 1\.5/) },
    ]);
  });

  it.each<[string, (second: number) => object]>([
    ['never says a hashrate', () => ({ hashrate_hps: undefined })],
    ['says one only while nothing is mined', (second) => (second % 300 === 0 ? { hashrate_hps: undefined } : {})],
    ['says that its hashrate is 0', () => ({ hashrate_hps: 0 })],
    ['says that it runs for longer', (second) => ({ uptime_s: 1_000 + second * 1_000 })],
  ])('hold few shares of a giant difficulty of a miner that %s', (_what, more) => {
    for (let second = 0; second <= 600; second += 30) {
      const shares = Math.floor(second / 300);
      const { hashrate_hps, ...rest } = reading(1_000 + second, {
        accepted: shares,
        difficulty_accepted: shares * 1e12,
      });
      take(second, JSON.parse(JSON.stringify({ ...rest, hashrate_hps, ...more(second) })));
    }
    expect(works()).toMatchObject([{ state: 'held', difficulty: '2000000000000' }]);
  });

  it('hold nothing where some answers say no hashrate, or one that was measured while nothing was done', () => {
    for (let second = 0; second <= 600; second += 30) {
      const { hashrate_hps = 0, ...rest } = reading(1_000 + second, { difficulty_accepted: 10_000 + second * 100 });
      const none = second % 90 === 0 ? { hashrate_hps: 0, hashrate_avg_hps: hashrate_hps } : {};
      take(second, { ...rest, ...(second % 60 === 0 ? { hashrate_hps } : none) });
    }
    expect(works()).toMatchObject([{ state: 'unassigned', difficulty: '60000' }]);
  });

  it('hold nothing for the luck of a few shares', () => {
    for (let second = 0; second <= 600; second += 30)
      take(
        second,
        reading(1_000 + second, {
          difficulty_accepted: 10_000 + (second >= 300 ? 600_000 : 0),
          accepted: second >= 300 ? 12 : 10,
        }),
      );
    expect(works()).toMatchObject([{ state: 'unassigned', difficulty: '600000' }]);
  });

  it('end the period of a miner that has gone', () => {
    take(0, reading(1_000, { difficulty_accepted: 10_000 }));
    take(30, reading(1_030, { difficulty_accepted: 13_000 }));
    expect(accounts.closeStale(AT + 1_200_000)).toBe(0);
    expect(accounts.closeStale(AT + 1_300_000)).toBe(1);
    expect(works()).toMatchObject([{ state: 'unassigned', difficulty: '3000' }]);
  });

  it('list shares by wallet, one row for some minutes', () => {
    const wallet = store.wallets.add({ name: 'W', address: 'x', pool: 'ckpool_btc', currency: 'BTC', created_at: 0 });
    const [config] = store.configs.observe(miner.id, [{ pool_url: URL, pool_user: USER }], AT);
    store.configs.link(config?.id as number, {
      wallet_id: wallet.id,
      worker_name: 'rig.1',
      linked: 'auto',
      reason: null,
    });
    for (let second = 0; second <= 660; second += 30)
      take(second, reading(1_000 + second, { difficulty_accepted: 10_000 + second * 100 }));
    expect(store.submissions.list(wallet.id)).toMatchObject([
      { count: 9, difficulty: '9000', accepted: 1, pool_name: 'Solo CKPool', worker_name: 'rig.1', at: AT + 660_000 },
      { count: 57, difficulty: '57000', at: AT + 570_000 },
    ]);
  });

  it('write no works where nothing is credited', () => {
    accounts = new Accounts(store, { isCredited: false, period_ms: 600_000, plausible: { min: 0.5, max: 1.5 } });
    take(0, reading(1_000, { difficulty_accepted: 10_000 }));
    expect(take(30, reading(1_030, { difficulty_accepted: 13_000 }))).toMatchObject({ difficulty: 3_000 });
    expect(works()).toEqual([]);
  });
});

type Event =
  | { readonly kind: 'read' | 'lost reply' | 'restart' | 'reset' | 'agent dies' }
  | { readonly kind: 'pass'; readonly seconds: number }
  | { readonly kind: 'our clock'; readonly seconds: number }
  | { readonly kind: 'difficulty'; readonly difficulty: number };

const events = (isClockSound: boolean): fc.Arbitrary<Event[]> =>
  fc.array(
    fc.oneof(
      { weight: 12, arbitrary: fc.constant<Event>({ kind: 'read' }) },
      { weight: 2, arbitrary: fc.constantFrom<Event>({ kind: 'lost reply' }, { kind: 'restart' }, { kind: 'reset' }) },
      { weight: 1, arbitrary: fc.constant<Event>({ kind: 'agent dies' }) },
      { weight: 3, arbitrary: fc.integer({ min: 1, max: 4_000 }).map((seconds): Event => ({ kind: 'pass', seconds })) },
      {
        weight: 2,
        arbitrary: fc
          .constantFrom(512, 1_024, 4_096, 0.001)
          .map((difficulty): Event => ({ kind: 'difficulty', difficulty })),
      },
      ...(isClockSound
        ? []
        : [
            {
              weight: 2,
              arbitrary: fc
                .integer({ min: -100_000, max: 100_000 })
                .map((seconds): Event => ({ kind: 'our clock', seconds })),
            },
          ]),
    ),
    { maxLength: 80 },
  );

/** Lives through the events; returns what was credited, what was mined since the first sight, and what nobody could see. */
function live(happened: readonly Event[]): { credited: number; mined: number; unseen: number } {
  store.close();
  open();
  let true_ms = AT;
  let ahead_ms = 0;
  const device = new SimulatedMiner({
    model: { ...MODELS.cgminer, hashrate_hps: HASHRATE_HPS, difficulty: 1_024 },
    name: 'rig',
    mac: '02:00:00:00:00:01',
    pool_url: URL,
    user: USER,
    now: () => true_ms,
    random: seeded(1),
  });
  let seen: number | undefined;
  let first = 0;
  let unseen = 0;
  const read = (isKept: boolean): void => {
    true_ms += 30_000;
    const state = device.state();
    const of: MinerReading = {
      ...reading(state.uptime_s),
      hashrate_hps: state.hashrate_hps,
      pools: [
        {
          url: URL,
          user: USER,
          shares_accepted: state.accepted,
          shares_rejected: state.rejected,
          difficulty_accepted: state.difficulty_accepted,
          difficulty: state.difficulty,
        },
      ],
    };
    const dies = new Error('the agent dies');
    try {
      store.transaction(() => {
        accounts.take(miner, of, true_ms + ahead_ms);
        if (!isKept) throw dies;
      });
    } catch (error) {
      if (error !== dies) throw error;
      accounts = booksOf(store);
      return;
    }
    if (seen === undefined) first = device.difficulty_ever;
    seen = device.difficulty_ever;
  };
  const hide = (): void => {
    if (seen === undefined) return;
    unseen += device.difficulty_ever - seen;
    seen = device.difficulty_ever;
  };
  for (const event of happened) {
    if (event.kind === 'read') read(true);
    if (event.kind === 'agent dies') read(false);
    if (event.kind === 'lost reply') true_ms += 30_000;
    if (event.kind === 'pass') true_ms += event.seconds * 1_000;
    if (event.kind === 'our clock') ahead_ms += event.seconds * 1_000;
    if (event.kind === 'difficulty') device.assign(event.difficulty);
    if (event.kind === 'restart') hide();
    if (event.kind === 'restart') device.restart();
    if (event.kind === 'reset') hide();
    if (event.kind === 'reset') device.resetCounters();
  }
  if (seen === undefined) first = device.difficulty_ever;
  hide();
  return { credited: total(), mined: device.difficulty_ever - first, unseen };
}

const near = (value: number) => Number(value.toFixed(6));

describe('whatever happens to miner, network and agent', () => {
  it('never more is credited than was mined', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(events(false), (happened) => {
        const { credited, mined } = live(happened);
        expect(near(credited)).toBeLessThanOrEqual(near(mined));
        expectNoOverlap();
      }),
      { numRuns: 150 },
    );
  });

  it('all is credited that the counters still show when they are read next', { timeout: 60_000 }, () => {
    // Read at once after a restart or a reset, before the counters have passed where they were.
    const plain = events(true).map((list) =>
      list.flatMap((event): Event[] =>
        event.kind === 'restart' || event.kind === 'reset'
          ? [
              { kind: 'pass', seconds: 20_000 },
              { kind: 'read' },
              { kind: 'pass', seconds: 30 },
              event,
              { kind: 'read' },
            ]
          : [event],
      ),
    );
    fc.assert(
      fc.property(plain, (happened) => {
        const { credited, mined, unseen } = live([
          { kind: 'pass', seconds: 5_000 },
          { kind: 'read' },
          ...happened,
          { kind: 'read' },
        ]);
        expect([near(credited), lost]).toEqual([near(mined - unseen), []]);
      }),
      { numRuns: 150 },
    );
  });
});
