/** Miners that only their pool sees, over a real store and its accounts; the pools are servers here. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SILENT } from '../../common/runtime/log.js';
import type { Adapter } from '../adapters/adapter.js';
import { adapterOf } from '../adapters/identify.js';
import type { MinerReading } from '../adapters/reading.js';
import { shareView } from '../api/views.js';
import { parseMinerConfig } from '../config/config.js';
import type { FleetMember } from '../fleet/fleet.js';
import { Keeper } from '../fleet/keeper.js';
import { FleetReporter } from '../fleet/reporter.js';
import { type Money, openMoney } from '../shares/money.js';
import type { MinerRow } from '../store/miners.js';
import { FleetStore } from '../store/store.js';

const ADDRESS = 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4';
const INTERVAL_MS = 300_000;
const BEGIN = 1_700_000_400_000;
const HASHES = 2 ** 32;

interface Worker {
  readonly name: string;
  shares?: number;
  hashrate: number;
  share_at: number;
}

let server: http.Server;
let asked: string[];
let broken = false;
let workers: Worker[];
let now: number;
let store: FleetStore;
let keeper: Keeper;
let money: Money;

beforeAll(async () => {
  server = http.createServer((request, response) => {
    asked.push(request.url ?? '');
    if (broken) response.writeHead(503).end();
    else response.end(JSON.stringify(request.url?.startsWith('/users/') ? ckpoolSays() : publicPoolSays()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  asked = [];
  broken = false;
  now = BEGIN;
  workers = [];
  store = FleetStore.open(':memory:');
});
afterEach(async () => {
  await keeper.stop();
  store.close();
});

function ckpoolSays() {
  const worker = workers.map(({ name, shares, hashrate, share_at }) => ({
    workername: name === '' ? ADDRESS : `${ADDRESS}.${name}`,
    hashrate1m: `${hashrate / 1_000}K`,
    lastshare: Math.floor(share_at / 1_000),
    shares,
    bestshare: 1.5,
  }));
  return { hashrate1m: '1K', workers: worker.length, worker };
}

function publicPoolSays() {
  const list = workers.map(({ name, hashrate, share_at }) => ({
    sessionId: name,
    name,
    bestDifficulty: '1.5',
    hashRate: hashrate,
    lastSeen: new Date(share_at).toISOString(),
  }));
  return { workersCount: list.length, workers: list };
}

function keep({ api = 'ckpool', watched = ['nerd*'], more = '' } = {}): Keeper {
  const { port } = server.address() as AddressInfo;
  const config = parseMinerConfig(
    `pools: [{id: own, name: Own, hosts: [pool.lan], currency: BTC, api: ${api}, api_url: "http://127.0.0.1:${port}"}]
pool_miners: {workers: ${JSON.stringify(watched)}}
credit:
  sidecar: {socket: /nowhere}
  rate: {per_difficulty: "1"}
  users: {table: {nerd1: 1-andy}}
${more}`,
    'miner.yaml',
  );
  const { credit, pools } = config;
  money = openMoney({ store, credit, pools, log: SILENT, now: () => now, random: () => 0 });
  keeper = new Keeper({
    store,
    config,
    money,
    reporter: new FleetReporter(SILENT),
    now: () => now,
    polling: { neighbours: async () => new Map() },
  });
  return keeper;
}

function wallet(pool = 'own', address = ADDRESS): void {
  store.wallets.add({ name: pool, address, pool, currency: 'BTC', created_at: now });
}

/** As time passes; those that work find shares. */
async function round({ mined = 0, hashrate }: { mined?: number; hashrate?: number } = {}): Promise<void> {
  now += INTERVAL_MS;
  for (const worker of workers) {
    if (worker.hashrate === 0) continue;
    if (worker.shares !== undefined) worker.shares += mined;
    worker.share_at = now - 1_000;
    worker.hashrate = hashrate ?? worker.hashrate;
  }
  await keeper.pools.round();
  keeper.fleet.look();
}

const members = () => keeper.fleet.show().miners as readonly FleetMember[];
const works = () =>
  store.db.prepare('SELECT miner_id, worker, pool_user, difficulty, is_estimate FROM works ORDER BY id').all() as {
    miner_id: number;
    worker: string;
    difficulty: string;
    is_estimate: number;
  }[];
const credited = () => works().reduce((sum, { difficulty }) => sum + Number(difficulty), 0);

/** A device here says this; the scan or the poller has it from now. */
function device(mac = 'aa:bb:cc:00:00:01'): MinerRow {
  return (
    store.miners.withMac(mac) ??
    store.miners.add({
      ...{
        name: mac,
        miner_type: 'axeos',
        adapter: 'axeos',
        ip_address: '192.168.1.5',
        mac_address: mac,
        created_at: now,
      },
    })
  );
}
function reads(row: MinerRow, mined: number, user = `${ADDRESS}.nerd1`): void {
  const pool = { url: 'stratum+tcp://pool.lan:3333', user, active: true, alive: true, difficulty_accepted: mined };
  const reading: MinerReading = {
    ...{ family: 'cgminer', hashrate_hps: 1e12, uptime_s: now / 1_000 - 1e6 },
    ...{ pools: [pool], fans: [], boards: [] },
  };
  const at = now;
  keeper.poller.adopt(row.id, {
    ...{ address: row.ip_address, reading },
    adapter: adapterOf('cgminer') as Adapter,
    open: ['rpc'],
  });
  keeper.poller.flush();
  keeper.fleet.look();
  expect(store.miners.get(row.id)?.seen_at).toBe(at);
}

const nerd = (name = 'nerd1', shares: number | undefined = 1_000): Worker => ({
  ...{ name, hashrate: 78_000, share_at: BEGIN },
  ...(shares === undefined ? {} : { shares }),
});

describe('a worker that a device here has', () => {
  it('is never counted by its pool as well, whichever was seen first', async () => {
    wallet();
    workers = [nerd()];
    const row = device();
    keep();
    reads(row, 100);
    for (let rounds = 0; rounds < 5; rounds += 1) await round({ mined: 10 });
    now += 1_000;
    reads(row, 150);
    expect(members().map(({ id }) => id)).toEqual([row.id]);
    expect(credited()).toBe(50);
  });

  it('is no longer seen through its pool from the moment that it is read, and what is counted is not counted again', async () => {
    wallet();
    workers = [nerd()];
    keep();
    const row = device();
    reads(row, 100);
    // It goes to another pool for longer than a day; then nobody can read it while it mines under its old name again.
    reads(row, 7, `${ADDRESS}.other`);
    now += 86_400_000;
    for (let rounds = 0; rounds < 5; rounds += 1) await round({ mined: 10 });
    expect(credited()).toBe(30);
    reads(row, 150);
    expect(members().map(({ id }) => id)).toEqual([row.id]);
    expect(credited()).toBe(30);
    await round({ mined: 10 });
    reads(row, 160);
    expect(credited()).toBe(40);
  });

  it('stays its own while it is switched off or disabled, and for a day at another pool', async () => {
    wallet();
    workers = [nerd()];
    keep();
    const row = device();
    reads(row, 100);
    store.miners.change(row.id, { enabled: 0 });
    for (let rounds = 0; rounds < 3; rounds += 1) await round({ mined: 10 });
    expect(members()).toHaveLength(1);
    store.miners.change(row.id, { enabled: 1 });
    reads(row, 100, `${ADDRESS}.other`);
    await round({ mined: 10 });
    expect(members()).toHaveLength(1);
    now += 86_400_000;
    await round({ mined: 10 });
    expect(members()).toHaveLength(2);
  });

  it('is not counted at once when its device is gone: what the pool says may be from before', async () => {
    wallet();
    workers = [nerd()];
    keep();
    const row = device();
    reads(row, 100);
    store.miners.remove(row.id);
    await round({ mined: 10 });
    await round({ mined: 10 });
    expect([members().length, credited()]).toEqual([1, 0]);
    await round({ mined: 10 });
    expect(credited()).toBe(10);
  });

  it('may be any of them where a device does not say what it logs in with', async () => {
    wallet();
    workers = [nerd()];
    keep();
    reads(device(), 100, '');
    await round();
    expect(members()).toHaveLength(1);
  });
});

describe('a worker that no device here has', () => {
  it('is a miner without an address, as its pool sees it', async () => {
    wallet();
    workers = [nerd(), nerd('other')];
    keep();
    await round({ mined: 10 });
    expect(members()).toMatchObject([{ state: 'online', worker: 'nerd1', wallet_id: 1 }]);
    await round({ mined: 10 });
    expect(members()).toEqual([
      {
        ...{ id: 1, name: 'NerdMiner', miner_type: 'nerdminer', seen_by: 'Own', state: 'online', at: now },
        ...{
          worker: 'nerd1',
          wallet_id: 1,
          reading: expect.objectContaining({ hashrate_hps: 78_000, best_share: 1.5 }),
        },
      },
    ]);
    expect(asked).toEqual([`/users/${ADDRESS}`, `/users/${ADDRESS}`]);
    expect(await keeper.poller.readNow(1)).toMatchObject({ reading: { difficulty_accepted: 1_020 } });
    expect(keeper.scans.start(['127.45.9.0/30'])).toBeDefined();
  });

  it('is counted by the difficulty that the pool counts, to the last share, over restarts and lost answers', async () => {
    wallet();
    workers = [nerd()];
    keep();
    for (let rounds = 0; rounds < 4; rounds += 1) await round({ mined: 10 });
    expect(credited()).toBe(20);
    // It tells no number of shares.
    expect(store.db.prepare('SELECT shares, rejected, difficulty FROM readings ORDER BY at_s').all().at(-1)).toEqual({
      ...{ shares: null, rejected: null, difficulty: 10 },
    });
    broken = true;
    await round({ mined: 10 });
    expect(members()[0]).toMatchObject({ state: 'online', error: expect.stringContaining('answers 503') });
    await expect(keeper.poller.readNow(1)).rejects.toThrow('answers 503');
    broken = false;
    await keeper.stop();
    keep();
    await round({ mined: 10 });
    expect(members()).toMatchObject([{ id: 1, state: 'online' }]);
    expect(members()[0]).not.toHaveProperty('error');
    expect(credited()).toBe(40);
    expect(works()).toMatchObject([{ miner_id: 1, worker: 'nerd1', is_estimate: 0 }, {}]);
    const shares = store.submissions.list(1).map(shareView);
    expect(shares[0]).toMatchObject({
      miner_id: 1,
      pool_name: 'Own',
      worker_name: 'nerd1',
      count: null,
      accepted: true,
    });
    expect(shares.reduce((sum, { difficulty }) => sum + difficulty, 0)).toBe(40);
  });

  it('earns for its user as any other', async () => {
    wallet();
    workers = [nerd()];
    keep();
    for (let rounds = 0; rounds < 4; rounds += 1) await round({ mined: 10 });
    now += 3_600_000;
    await money.round();
    expect(money.held()).toEqual([]);
    expect(money.statement()).toMatchObject([{ user: '1-andy', owed: '20', difficulty: expect.any(String) }]);
    await money.stop();
  });

  it('is estimated where the pool tells a hashrate only: time in which shares came, and marked so', async () => {
    wallet();
    workers = [nerd('nerd1', undefined)];
    keep({ api: 'public_pool' });
    for (let rounds = 0; rounds < 4; rounds += 1) await round({ hashrate: 1e9 });
    expect(credited()).toBeCloseTo((1e9 * 600) / HASHES, 6);
    expect(works().map(({ is_estimate }) => is_estimate)).toEqual(works().map(() => 1));
    expect(store.submissions.list(1)).toEqual([]);
    // The lower of both hashrates, and after a restart on from where it was.
    await round({ hashrate: 5e8 });
    expect(credited()).toBeCloseTo((1e9 * 600 + 5e8 * 300) / HASHES, 6);
    await keeper.stop();
    keep({ api: 'public_pool' });
    await round();
    expect(credited()).toBeCloseTo((1e9 * 600 + 5e8 * 300) / HASHES, 6);
    await round();
    expect(credited()).toBeCloseTo((1e9 * 600 + 5e8 * 600) / HASHES, 6);
    // No share: nothing, whatever hashrate it still shows.
    const [worker] = workers as [Worker];
    const { share_at } = worker;
    now += INTERVAL_MS;
    Object.assign(worker, { hashrate: 1e9, share_at });
    await keeper.pools.round();
    expect(credited()).toBeCloseTo((1e9 * 600 + 5e8 * 600) / HASHES, 6);
  });

  it.each(['off', 'not listed', 'disabled'] as const)(
    'is not estimated for the time in which it was %s',
    async (how) => {
      wallet();
      workers = [nerd('nerd1', undefined)];
      keep({ api: 'public_pool' });
      for (let rounds = 0; rounds < 3; rounds += 1) await round({ hashrate: 1e9 });
      const before = credited();
      const all = workers;
      const [worker] = workers as [Worker];
      if (how === 'off') worker.hashrate = 0;
      if (how === 'not listed') workers = [];
      if (how === 'disabled') store.miners.change(1, { enabled: 0 });
      for (let rounds = 0; rounds < 30; rounds += 1) await round();
      workers = all;
      worker.hashrate = 1e9;
      store.miners.change(1, { enabled: 1 });
      await round();
      expect(credited()).toBe(before);
      await round();
      expect(credited()).toBeCloseTo(before + (1e9 * 300) / HASHES, 6);
    },
  );

  it('is stale and then offline by its last share, whatever else the pool says', async () => {
    wallet();
    workers = [nerd()];
    keep();
    await round();
    const [worker] = workers as [Worker];
    worker.hashrate = 0;
    const states = [];
    for (let rounds = 0; rounds < 25; rounds += 1) {
      await round();
      states.push(members()[0]?.state);
    }
    expect([states.indexOf('stale'), states.indexOf('offline')]).toEqual([5, 23]);
    expect(members()[0]?.error).toBe('Own has seen no share of it lately');
    worker.hashrate = 78_000;
    await round();
    expect(members()).toMatchObject([{ id: 1, state: 'online' }]);
  });

  it('is not made of one that has long been gone, nor of one that is not named', async () => {
    wallet();
    workers = [{ ...nerd('nerd9'), hashrate: 0, share_at: BEGIN - 90_000_000 }, nerd('garage'), nerd('')];
    keep();
    await round();
    expect(members()).toEqual([]);
    await keeper.stop();
    keep({ watched: [''] });
    await round();
    await round({ mined: 5 });
    await round({ mined: 5 });
    expect(members()).toHaveLength(1);
    expect(works()).toMatchObject([{ pool_user: ADDRESS, difficulty: '5' }]);
  });

  it('is one, however many wallets lead to it', async () => {
    const { port } = server.address() as AddressInfo;
    wallet();
    wallet('own', ADDRESS.toUpperCase());
    wallet('again');
    workers = [nerd()];
    keep({ more: '' });
    const twin = `{id: again, hosts: [again.lan], currency: BTC, api: ckpool, api_url: "http://127.0.0.1:${port}/"}`;
    await keeper.stop();
    const config = parseMinerConfig(
      `pools: [{id: own, hosts: [pool.lan], currency: BTC, api: ckpool, api_url: "http://127.0.0.1:${port}"}, ${twin}]
pool_miners: {workers: ["*"]}`,
      'miner.yaml',
    );
    keeper = new Keeper({ store, config, reporter: new FleetReporter(SILENT), now: () => now });
    await round();
    await round();
    expect([members().length, asked.length]).toEqual([1, 2]);
  });

  it('says so when its wallet is gone, and can be disabled, and forgotten by a person', async () => {
    wallet();
    workers = [nerd()];
    keep();
    await round();
    store.miners.change(1, { enabled: 0 });
    keeper.changed(1);
    await round({ mined: 10 });
    await round({ mined: 10 });
    expect([members()[0]?.state, credited()]).toEqual(['disabled', 0]);
    store.miners.change(1, { enabled: 1 });
    keeper.changed(1);
    store.wallets.remove(1);
    await round();
    expect(members()[0]?.error).toMatch(/no wallet has its address/);
    store.miners.remove(1);
    keeper.changed(1);
    await round();
    expect(members()).toEqual([]);
    expect(store.poolMiners.list()).toEqual([]);
  });
});

it('asks no pool unless the config says so', async () => {
  wallet();
  workers = [nerd()];
  keeper = new Keeper({
    store,
    config: parseMinerConfig('', 'x'),
    reporter: new FleetReporter(SILENT),
    now: () => now,
  });
  await round();
  expect([asked, members()]).toEqual([[], []]);
});
