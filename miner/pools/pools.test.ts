/** What pools say, and what is made of it, against servers that answer as the pools do. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FleetStore } from '../store/store.js';
import type { WorkGroup } from '../store/works.js';
import type { Pool } from '../wallets/pools.js';
import { PoolCheck } from './pool-check.js';
import { PoolClient } from './pool-client.js';
import { PoolReplyError, parseView, readingOf } from './view.js';

const ADDRESS = 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4';
const AT = 1_700_000_400_000;

const CKPOOL = {
  hashrate1m: '1.21T',
  hashrate5m: '1.19T',
  hashrate1hr: '1.2T',
  hashrate1d: '1.2T',
  hashrate7d: '900G',
  lastshare: 1_700_000_000,
  workers: 2,
  shares: 5_123_456,
  bestshare: 1_234_567.89,
  bestever: 98_765_432,
  authorised: 1_690_000_000,
  worker: [
    {
      workername: `${ADDRESS}.garage.1`,
      hashrate1m: '1.21T',
      hashrate5m: '1.1T',
      hashrate1hr: '990G',
      lastshare: 1_700_000_000,
      shares: 5_000_000,
      bestshare: 1_234_567.89,
      bestever: 98_765_432,
    },
    {
      workername: ADDRESS,
      hashrate1m: '0',
      hashrate5m: '78.5K',
      hashrate1hr: '60K',
      lastshare: 1_699_999_000,
      shares: 123_456,
      bestshare: 0.01,
    },
  ],
};
const PUBLIC_POOL = {
  bestDifficulty: '4290000000.12',
  workersCount: 3,
  workers: [
    {
      sessionId: 'a1',
      name: 'garage.1',
      bestDifficulty: '12.34',
      hashRate: 600_000_000_000,
      startTime: '2023-11-14T20:00:00.000Z',
      lastSeen: '2023-11-14T22:13:20.000Z',
    },
    {
      sessionId: 'a2',
      name: 'garage.1',
      bestDifficulty: '99.00',
      hashRate: 400_000_000_000,
      startTime: '2023-11-14T21:00:00.000Z',
      lastSeen: '2023-11-14T22:10:00.000Z',
    },
    {
      sessionId: 'b1',
      name: 'nerd',
      bestDifficulty: '0.01',
      hashRate: 78_000,
      startTime: '2023-11-14T21:00:00.000Z',
      lastSeen: '2023-11-14T22:10:00.000Z',
    },
  ],
};
const TWO_MINERS = {
  currentHashrate: 1_000_000_000_000,
  hashrate: 1_100_000_000_000,
  workersOnline: 1,
  workers: {
    'Garage.1': { lastBeat: 1_700_000_000, hr: 1_000_000_000_000, hr2: 1_100_000_000_000, offline: false, rhr: 0 },
    0: { lastBeat: 1_600_000_000, hr: 0, hr2: 0, offline: true },
  },
};

describe('a pool’s answer', () => {
  it('of ckpool names workers behind the address, with their difficulty', () => {
    expect(parseView('ckpool', CKPOOL, ADDRESS)).toEqual({
      hashrate_hps: 1.21e12,
      workers: [
        {
          worker: 'garage.1',
          hashrate_hps: 1.21e12,
          best_share: 98_765_432,
          difficulty_accepted: 5_000_000,
          last_share_at: 1_700_000_000,
        },
        {
          worker: '',
          hashrate_hps: 78_500,
          best_share: 0.01,
          difficulty_accepted: 123_456,
          last_share_at: 1_699_999_000,
        },
      ],
    });
  });

  it('of public-pool adds up the connections of a worker', () => {
    expect(parseView('public_pool', PUBLIC_POOL, ADDRESS)).toMatchObject({
      hashrate_hps: 1_000_000_078_000,
      workers: [
        { worker: 'garage.1', hashrate_hps: 1e12, best_share: 99, last_share_at: 1_700_000_000 },
        { worker: 'nerd', hashrate_hps: 78_000 },
      ],
    });
  });

  it('of 2miners keeps names as they are written', () => {
    expect(parseView('2miners', TWO_MINERS, ADDRESS).workers).toMatchObject([
      { worker: '', hashrate_hps: 0 },
      { worker: 'Garage.1', hashrate_hps: 1.1e12, last_share_at: 1_700_000_000 },
    ]);
  });

  it.each([[[]], ['no'], [null], [{}], [{ error: 'x' }], [{ workers: 'x' }]])('that is none: %j', (reply) => {
    for (const api of ['ckpool', 'public_pool', '2miners'] as const)
      try {
        expect(parseView(api, reply, ADDRESS).workers).toEqual([]);
      } catch (error) {
        expect(error).toBeInstanceOf(PoolReplyError);
      }
  });

  it('stands for a miner that cannot be asked itself', () => {
    const pool = { pool_url: 'stratum+tcp://solo.ckpool.org:3333', pool_user: `${ADDRESS}.garage.1` };
    const view = parseView('ckpool', CKPOOL, ADDRESS);
    expect(readingOf(view, 'garage.1', pool)).toMatchObject({
      family: 'nerdminer',
      hashrate_hps: 1.21e12,
      difficulty_accepted: 5_000_000,
      pools: [{ user: pool.pool_user, difficulty_accepted: 5_000_000, active: true }],
    });
    expect(readingOf(view, 'other', pool)).toBeUndefined();
  });
});

describe('asking a pool', () => {
  let server: http.Server;
  let pool: Pool;
  let asked: string[];
  let answer: (response: http.ServerResponse) => void;
  let now: number;
  let store: FleetStore;
  beforeAll(async () => {
    server = http.createServer((request, response) => {
      asked.push(request.url ?? '');
      answer(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    asked = [];
    now = AT;
    answer = (response) => response.end(JSON.stringify(CKPOOL));
    const { port } = server.address() as AddressInfo;
    pool = {
      id: 'own',
      name: 'Own',
      hosts: ['pool.example'],
      currency: 'BTC',
      api: 'ckpool',
      api_url: `http://127.0.0.1:${port}`,
    };
    store = FleetStore.open(':memory:');
  });
  afterEach(() => store.close());
  const open = (timeout_ms = 10_000) => new PoolClient({ interval_ms: 300_000, timeout_ms, now: () => now });

  it('asks once for as long as its answer is good', async () => {
    const client = open();
    await client.ask(pool, ADDRESS);
    await client.ask(pool, ADDRESS);
    expect(asked).toEqual([`/users/${ADDRESS}`]);
    now += 300_000;
    expect(await client.ask(pool, ADDRESS)).toMatchObject({ at: now, view: { hashrate_hps: 1.21e12 } });
    expect(asked).toHaveLength(2);
  });

  it('takes an unknown address for what it is', async () => {
    answer = (response) => response.writeHead(404).end('Not Found');
    expect(await open().ask(pool, ADDRESS)).toMatchObject({ view: { workers: [] } });
  });

  it.each<[string, (response: http.ServerResponse) => void, RegExp]>([
    ['silence', () => {}, /no answer in time/],
    ['a page', (response) => response.end('<html>'), /no JSON/],
    ['trouble', (response) => response.writeHead(503).end(), /answers 503/],
    ['another place', (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(), /fetch failed/],
    ['too much', (response) => response.end('x'.repeat(5_000_000)), /too long/],
  ])('leaves it alone for a while after %s', async (_what, how, words) => {
    answer = how;
    const client = open(words.source.includes('in time') ? 300 : undefined);
    expect(await client.ask(pool, ADDRESS)).toBeUndefined();
    expect(client.failures.join()).toMatch(words);
    expect(await client.ask(pool, 'another')).toBeUndefined();
    expect(asked.length).toBeLessThanOrEqual(1);
  });

  /** An hour of work by 1 TH/s, in six periods. */
  const work = (worker: string, hashrate_hps = 1e12, shares = 20): WorkGroup => {
    const difficulty = (hashrate_hps * 600) / 2 ** 32;
    for (let period = 0; period < 6; period += 1)
      store.works.add({
        miner_id: 1,
        worker_key: 'aa:bb:cc:00:11:22',
        worker,
        pool_url: 'stratum+tcp://pool.example:3333',
        pool_user: worker === '' ? ADDRESS : `${ADDRESS}.${worker}`,
        from_at: AT - 3_600_000 + period * 600_000,
        to_at: AT - 3_000_000 + period * 600_000,
        difficulty: difficulty.toFixed(),
        shares,
        is_estimate: 0,
      });
    store.db.prepare("UPDATE works SET state = 'unassigned' WHERE worker = ?").run(worker);
    return store.works.groupsOf('unassigned', 'aa:bb:cc:00:11:22', worker, 100).at(-1) as WorkGroup;
  };
  const checked = async (group: WorkGroup) => {
    const check = new PoolCheck(store, { client: open(), pools: [pool], min: 0.5, now: () => now });
    await check.refresh();
    return check.doubtOf(group);
  };

  it('raises no doubt where the pool has seen it', async () => {
    expect(await checked(work('garage.1'))).toBeUndefined();
    expect(await checked(work('garage.1'))).toBeUndefined();
  });

  it('says so where the pool has seen far less, or nothing', async () => {
    expect(await checked(work('garage.1', 50e12))).toMatch(
      /^Own has seen 2\.4 % of what the worker garage\.1 counts \(at least 50 %\)/,
    );
    expect(await checked(work('stranger'))).toMatch(
      /^Own knows nothing of the worker stranger, which counts 120 shares/,
    );
  });

  it('says so where few shares are harder than any that the pool has seen', async () => {
    expect(await checked(work('garage.1', 1e21, 1))).toMatch(
      /^Own has seen no share of the worker garage\.1 as hard as/,
    );
    expect(await checked(work('stranger', 1e12, 1))).toBeUndefined();
  });

  it('knows a worker by what the pool makes of its name, and takes those that it makes the same for one', async () => {
    const view = { workersCount: 1, workers: [{ name: 'garage', hashRate: 1.9e12, bestDifficulty: '1e9' }] };
    answer = (response) => response.end(JSON.stringify(view));
    pool = { ...pool, api: 'public_pool' };
    const one = work('garage.1');
    expect(await checked(one)).toBeUndefined();
    work('garage.2');
    expect(await checked(one)).toBeUndefined();
    work('garage.3', 10e12);
    expect(await checked(one)).toMatch(/^Own has seen 16 % of what the worker garage\.1 counts/);
    expect(await checked(work('shed.1'))).toMatch(/knows nothing of the worker shed\.1/);
  });

  it('raises no doubt where the pool does not answer, or cannot be asked', async () => {
    answer = (response) => response.destroy();
    expect(await checked(work('garage.1', 50e12))).toBeUndefined();
    pool = { ...pool, api_url: undefined } as unknown as Pool;
    expect(await checked(work('garage.1', 50e12))).toBeUndefined();
    expect(asked).toHaveLength(1);
  });
});
