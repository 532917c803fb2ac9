/** The fleet in work, with simulated devices that have real servers. */
import http from 'node:http';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SILENT } from '../../common/runtime/log.js';
import type { MinerReading } from '../adapters/reading.js';
import { parseMinerConfig } from '../config/config.js';
import { Fleet, type FleetMiner, type FleetOptions } from '../simulate/fleet.js';
import type { MinerRow } from '../store/miners.js';
import { FleetStore } from '../store/store.js';
import { Keeper, type KeeperOptions } from './keeper.js';
import { FleetReporter } from './reporter.js';

const PORTS = { rpc: 14_728, http: 18_780, whatsminer: 14_933 };
const INTERVAL_MS = 5_000;

let store: FleetStore;
let fleet: Fleet | undefined;
let keeper: Keeper;
let clock_ms: number;
let now: number;
const servers: net.Server[] = [];

beforeEach(() => {
  store = FleetStore.open(':memory:');
  clock_ms = 1_000_000;
  now = Date.UTC(2026, 0, 1);
});

afterEach(async () => {
  await keeper.stop();
  await fleet?.stop();
  fleet = undefined;
  for (const server of servers.splice(0)) server.close();
  store.close();
});

function keep(yaml = '', more: Partial<KeeperOptions> = {}): Keeper {
  const config = parseMinerConfig(
    `poll_interval_s: ${INTERVAL_MS / 1_000}\nports: ${JSON.stringify(PORTS)}\n${yaml}`,
    'miner.yaml',
  );
  keeper = new Keeper({
    store,
    config,
    reporter: new FleetReporter(SILENT),
    now: () => now,
    polling: {
      clock: () => clock_ms,
      random: () => 0,
      limits: { connect_ms: 500, answer_ms: 300, total_ms: 2_000 },
      neighbours: async () => new Map(),
    },
    ...more,
  });
  return keeper;
}

async function simulate(options: Partial<FleetOptions>): Promise<readonly FleetMiner[]> {
  fleet = await Fleet.start({ count: 1, first: '127.45.0.1', ports: PORTS, ...options });
  return fleet.miners;
}

function known({ address, mac, kind }: FleetMiner, more: Partial<MinerRow> = {}): MinerRow {
  const adapter = kind === 'bitaxe' ? 'axeos' : kind.replace(/-.*/, '');
  const { mac_address = mac, ...rest } = more;
  return store.miners.add({
    name: `${kind} ${address}`,
    miner_type: adapter,
    adapter,
    ip_address: address,
    created_at: now,
    ...(mac_address === null ? {} : { mac_address }),
    ...rest,
  });
}

/** As time passes. */
async function round() {
  clock_ms += INTERVAL_MS;
  now += INTERVAL_MS;
  return keeper.poller.round();
}

async function scanned(networks: readonly string[]): Promise<void> {
  const job = await keeper.scans.finished(keeper.scans.start(networks).id);
  expect(job).toMatchObject({ state: 'done' });
}

const states = () => keeper.fleet.show().miners.map(({ state }) => state);
const addresses = () => store.miners.list().map(({ ip_address }) => ip_address);

describe('a round', () => {
  it('reads every device, and one that hangs costs nobody else', async () => {
    const miners = await simulate({ count: 6, kinds: ['antminer', 'bitaxe', 'avalon-q'], faults: { hung: 1 } });
    for (const miner of miners) known(miner);
    keep();
    expect(await round()).toMatchObject({ asked: 6, good: 5 });
    expect(states()).toEqual(['online', 'online', 'online', 'online', 'online', 'unknown']);
    expect(keeper.fleet.show().miners[5]?.error).toMatch(/does not answer/);
    expect(store.db.prepare('SELECT count(*) AS rows FROM readings').get()).toEqual({ rows: 5 });
    expect(store.configs.list()).toHaveLength(5);
    await round();
    expect(store.configs.list()).toHaveLength(5);
    expect(store.db.prepare('SELECT count(*) AS rows FROM readings').get()).toEqual({ rows: 10 });
  });

  it('waits for no device that is late; it is read all the same, and the next round knows how slow it is', async () => {
    const miners = await simulate({ count: 2, kinds: ['antminer'], delay_ms: 150, faults: { hung: 1 } });
    for (const miner of miners) known(miner);
    const limits = { connect_ms: 500, answer_ms: 400, total_ms: 1_000 };
    const clock = () => clock_ms + performance.now();
    keep('', { polling: { clock, random: () => 0, limits, neighbours: async () => new Map(), patience_ms: 50 } });
    expect(await round()).toMatchObject({ asked: 2, good: 0, late: 2 });
    expect(states()).toEqual(['unknown', 'unknown']);
    await expect
      .poll(() => keeper.fleet.show().miners.map(({ state, error }) => [state, error]), { timeout: 5_000 })
      .toEqual([
        ['online', undefined],
        ['unknown', expect.stringMatching(/does not answer/)],
      ]);
    expect(await round()).toMatchObject({ asked: 2, good: 1 });
    expect(store.db.prepare('SELECT count(*) AS rows FROM readings').get()).toEqual({ rows: 2 });
  });

  it('shows what is old as old: stale, then offline, and the last reading with its time', async () => {
    const [miner] = await simulate({ kinds: ['antminer'] });
    known(miner as FleetMiner);
    keep();
    await round();
    const at = now;
    await fleet?.switchOff(miner as FleetMiner);
    const seen = [];
    for (let past = 0; past < 61; past += 1) {
      clock_ms += INTERVAL_MS;
      now += INTERVAL_MS;
      keeper.fleet.look();
      seen.push(states()[0]);
    }
    expect([seen.indexOf('stale') + 1, seen.indexOf('offline') + 1]).toEqual([3, 60]);
    await round();
    expect(keeper.fleet.show().miners[0]).toMatchObject({ state: 'offline', at, error: expect.any(String) });
    expect(keeper.fleet.show().miners[0]?.reading?.hashrate_hps).toBeGreaterThan(0);
    await fleet?.switchOn(miner as FleetMiner);
    await round();
    expect(keeper.fleet.show().miners[0]).toMatchObject({ state: 'online', at: now });
    expect(keeper.fleet.show().miners[0]).not.toHaveProperty('error');
  });

  it('says of no device that it is offline before it could be asked after a start', async () => {
    const [here, gone] = await simulate({ count: 2, kinds: ['antminer'], faults: { hung: 1 } });
    for (const miner of [here, gone]) store.miners.seen(known(miner as FleetMiner).id, now - 7_200_000);
    keep('offline_after_s: 60');
    expect(states()).toEqual(['stale', 'stale']);
    await round();
    expect(states()).toEqual(['online', 'stale']);
    now += 60_000;
    clock_ms += 60_000;
    expect(states()[1]).toBe('offline');
  });

  it('asks a device that has been silent for long less often, and still asks it', async () => {
    store.miners.add({
      name: 'gone',
      miner_type: 'avalon',
      adapter: 'avalon',
      ip_address: '127.45.0.9',
      created_at: 0,
    });
    keep();
    let asked = 0;
    for (let past = 0; past < 200; past += 1) asked += (await round()).asked;
    expect(asked).toBeGreaterThan(15);
    expect(asked).toBeLessThan(30);
  });

  it('leaves a disabled device alone, and forgets a removed one', async () => {
    const [one, other] = await simulate({ count: 2, kinds: ['avalon-q'] });
    const rows = [known(one as FleetMiner), known(other as FleetMiner)];
    keep();
    store.miners.change(rows[0]?.id as number, { enabled: 0 });
    keeper.changed(rows[0]?.id as number);
    store.miners.remove(rows[1]?.id as number);
    keeper.changed(rows[1]?.id as number);
    expect(await round()).toMatchObject({ asked: 0 });
    expect(states()).toEqual(['disabled']);
    await expect(keeper.poller.readNow(rows[0]?.id as number)).rejects.toThrow(/not enabled/);
  });

  it('writes the others where something is wrong with one', async () => {
    const miners = await simulate({ count: 3, kinds: ['avalon-q'] });
    const rows = miners.map((miner) => known(miner));
    const accounts = {
      take: (miner: MinerRow, _: MinerReading) => {
        if (miner.id === rows[1]?.id) throw new Error('a counter that is none');
        return { shares: 2 };
      },
    };
    keep('', { money: { accounts, matcher: { match() {}, matchAll() {} } } });
    await round();
    const written = store.db.prepare('SELECT miner_id, shares FROM readings ORDER BY miner_id').all();
    expect(written).toEqual([
      { miner_id: rows[0]?.id, shares: 2 },
      { miner_id: rows[2]?.id, shares: 2 },
    ]);
  });
});

describe('a device', () => {
  it('is never asked two things at once, whoever asks', async () => {
    const [real] = await simulate({ kinds: ['avalon-1246'] });
    let open = 0;
    let most = 0;
    // In front of the device: counts what is under way.
    const proxy = net.createServer((socket) => {
      const behind = net.connect({ host: real?.address as string, port: PORTS.rpc });
      socket.on('data', (data) => {
        open += 1;
        most = Math.max(most, open);
        setTimeout(() => behind.write(data), 30);
      });
      behind.on('data', (data) => socket.write(data));
      behind.on('end', () => {
        open -= 1;
        socket.end();
      });
      for (const end of [socket, behind]) end.on('error', () => {});
    });
    servers.push(proxy);
    await new Promise<void>((listening) => proxy.listen(PORTS.rpc, '127.45.1.1', listening));
    const { id } = known({ ...(real as FleetMiner), address: '127.45.1.1' });
    keep();
    clock_ms += INTERVAL_MS;
    await Promise.all([
      keeper.poller.round(),
      keeper.poller.readNow(id),
      scanned(['127.45.1.1']),
      keeper.poller.readNow(id),
    ]);
    expect(most).toBe(1);
    expect(states()).toEqual(['online']);
  });

  it('with the web server of an ESP32 is asked at most every five seconds, over one connection', async () => {
    let requests = 0;
    let connections = 0;
    const server = http.createServer((_, response) => {
      requests += 1;
      response.end(
        JSON.stringify({ ASICModel: 'BM1370', hashRate: 1_200, version: 'v2.9.0', macAddr: '02:AE:1E:00:00:77' }),
      );
    });
    server.on('connection', () => {
      connections += 1;
    });
    servers.push(server);
    await new Promise<void>((listening) => server.listen(PORTS.http, '127.45.1.2', listening));
    const { id } = store.miners.add({
      ...{ name: 'axe', miner_type: 'axeos', adapter: 'axeos', ip_address: '127.45.1.2', created_at: now },
    });
    keep();
    const first = await keeper.poller.readNow(id);
    expect(await keeper.poller.readNow(id)).toBe(first);
    expect(requests).toBe(1);
    clock_ms += 5_001;
    expect(await keeper.poller.readNow(id)).not.toBe(first);
    clock_ms += 5_001;
    await keeper.poller.readNow(id);
    expect([requests, connections]).toEqual([3, 1]);
    expect(store.miners.get(id)).toMatchObject({ mac_address: '02:ae:1e:00:00:77', firmware: 'v2.9.0' });
    server.closeAllConnections();
  });

  it('that somebody else has the address of now is not credited with what that one mined', async () => {
    const [mine, other] = await simulate({ count: 2, kinds: ['avalon-q'] });
    const row = known(mine as FleetMiner);
    keep();
    await round();
    await fleet?.switchOff(mine as FleetMiner);
    await fleet?.move(other as FleetMiner, row.ip_address);
    expect(await round()).toMatchObject({ asked: 1, good: 0 });
    expect(keeper.fleet.show().miners[0]?.error).toBe(`another device (${other?.mac}) answers at ${row.ip_address}`);
    expect(store.db.prepare('SELECT count(*) AS rows FROM readings').get()).toEqual({ rows: 1 });
  });

  it('whose web server hangs beside a cgminer protocol that answers is asked there in every tenth reading', async () => {
    let asked = 0;
    const hung = net.createServer(() => {
      asked += 1;
    });
    const rpc = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(JSON.stringify({ VERSION: [{ Type: 'Antminer S21', Miner: '1' }] })));
    });
    servers.push(hung, rpc);
    const address = '127.45.1.4';
    await new Promise<void>((listening) => hung.listen(PORTS.http, address, listening));
    await new Promise<void>((listening) => rpc.listen(PORTS.rpc, address, listening));
    const more = { name: 'S21', miner_type: 'antminer', adapter: 'antminer', ip_address: address };
    store.miners.add({ ...more, created_at: now });
    keep();
    const seen = [];
    for (let rounds = 0; rounds < 11; rounds += 1) {
      expect(await round()).toMatchObject({ good: 1 });
      seen.push(asked);
    }
    expect(seen).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]);
  });

  it('that answers in the place of another one is not taken for it where it leaves out its MAC for once', async () => {
    let MAC: string | undefined = '02:00:00:00:00:0B';
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(JSON.stringify({ VERSION: [{ PROD: 'Avalon Q', MAC }] })));
    });
    servers.push(server);
    const address = '127.45.1.3';
    await new Promise<void>((listening) => server.listen(PORTS.rpc, address, listening));
    const [old, now_here] = ['02:00:00:00:00:0a', '02:00:00:00:00:0b'].map((mac_address) =>
      store.miners.add({
        ...{ name: mac_address, miner_type: 'avalon', adapter: 'avalon', ip_address: address, mac_address },
        created_at: now,
      }),
    );
    keep();
    await round();
    MAC = undefined;
    await round();
    const readings = store.db.prepare('SELECT count(*) FROM readings WHERE miner_id = ?').pluck();
    expect([old, now_here].map((row) => readings.get(row?.id))).toEqual([0, 2]);
  });

  it('behind one address with others is not taken for them by the MAC of what stands before them', async () => {
    const [one] = await simulate({ kinds: ['cgminer'] });
    const behind = net.createServer((socket) => {
      const device = net.connect({ host: one?.address as string, port: PORTS.rpc });
      socket.pipe(device).pipe(socket);
      for (const end of [socket, device]) end.on('error', () => {});
    });
    servers.push(behind);
    await new Promise<void>((listening) => behind.listen(PORTS.rpc + 1, one?.address, listening));
    const rows = [PORTS.rpc, PORTS.rpc + 1].map((api_port) =>
      known(one as FleetMiner, { mac_address: null, adapter: 'cgminer', api_port }),
    );
    const neighbours = async () => new Map([[one?.address as string, '02:00:00:00:00:99']]);
    keep('', {
      polling: { clock: () => clock_ms, random: () => 0, limits: { connect_ms: 500, answer_ms: 300 }, neighbours },
    });
    expect(await round()).toMatchObject({ asked: 2, good: 2 });
    expect(store.miners.list().map(({ id, mac_address }) => [id, mac_address])).toEqual(
      rows.map(({ id }) => [id, null]),
    );
  });

  it('that got other firmware is identified again', async () => {
    const [miner] = await simulate({ kinds: ['avalon-q'] });
    const row = known(miner as FleetMiner, { adapter: 'cgminer', miner_type: 'cgminer' });
    keep();
    for (let rounds = 0; rounds < 5; rounds += 1) await round();
    expect(store.miners.get(row.id)).toMatchObject({ adapter: 'avalon', miner_type: 'avalon', model: 'Avalon Q' });
  });

  it('that was added by hand is identified, at the port that was given', async () => {
    const [miner] = await simulate({ kinds: ['bitaxe'] });
    const { id } = store.miners.add({
      ...{
        name: 'My Bitaxe',
        miner_type: 'axeos',
        ip_address: miner?.address as string,
        created_at: now,
        api_port: PORTS.http,
      },
    });
    keep('', {});
    keeper.changed(id);
    await expect
      .poll(() => store.miners.get(id), { timeout: 5_000 })
      .toMatchObject({ adapter: 'axeos', mac_address: miner?.mac });
    expect(states()).toEqual(['online']);
  });

  it('is asked with the login of its family, where the one that it was sold with is refused', async () => {
    const [miner] = await simulate({ kinds: ['antminer'], login: { user: 'root', password: 'changed' } });
    const { id } = known(miner as FleetMiner, { mac_address: null });
    const logins = ['wrong', 'changed'].map((password) => ({ family: 'antminer', user: 'root', password }));
    keep(`logins: ${JSON.stringify(logins)}`);
    for (let rounds = 0; rounds < 2; rounds += 1) await round();
    expect(store.miners.get(id)?.mac_address).toBe(miner?.mac);
  });
});

describe('scans', () => {
  const NETWORK = ['127.45.0.0/28'];

  it('add devices once, however often they are found', async () => {
    await simulate({ count: 5 });
    keep();
    await scanned(NETWORK);
    expect(states()).toEqual(['online', 'online', 'online', 'online', 'online']);
    const before = store.miners.list();
    await scanned(NETWORK);
    await scanned(NETWORK);
    expect(store.miners.list().map(({ id, name }) => [id, name])).toEqual(before.map(({ id, name }) => [id, name]));
    expect(new Set(before.map(({ name }) => name)).size).toBe(5);
    expect(store.configs.list()).toHaveLength(5);
  });

  it('find a device again by its MAC, keep its name and number, and miss none for good', async () => {
    const miners = await simulate({ count: 3, kinds: ['antminer', 'avalon-q', 'whatsminer2'] });
    keep();
    await scanned(NETWORK);
    const before = store.miners.list();
    const at = new Map(before.map(({ mac_address, id }) => [mac_address, id]));
    await fleet?.move(miners[1] as FleetMiner, '127.45.0.9');
    // Two change places.
    await fleet?.switchOff(miners[2] as FleetMiner);
    await fleet?.move(miners[0] as FleetMiner, '127.45.0.3');
    await fleet?.move(miners[2] as FleetMiner, '127.45.0.1');
    await scanned(NETWORK);
    expect(store.miners.list().map(({ mac_address, id, ip_address }) => [mac_address, id, ip_address])).toEqual(
      before.map(({ mac_address, id }) => [mac_address, id, miners.find(({ mac }) => mac === mac_address)?.address]),
    );
    expect(at.size).toBe(3);
    await fleet?.switchOff(miners[0] as FleetMiner);
    await scanned(NETWORK);
    expect(store.miners.list()).toHaveLength(3);
    expect(states()).toEqual(['online', 'online', 'online']);
  });

  it('are made for a device that does not answer any more, and find it where it is', async () => {
    const [miner] = await simulate({ kinds: ['avalon-q'] });
    const row = known(miner as FleetMiner);
    keep('networks: [127.45.0.0/28]');
    await round();
    await fleet?.move(miner as FleetMiner, '127.45.0.11');
    for (let rounds = 0; rounds < 3; rounds += 1) await round();
    await expect.poll(() => addresses(), { timeout: 10_000 }).toEqual(['127.45.0.11']);
    await expect.poll(() => states(), { timeout: 5_000 }).toEqual(['online']);
    expect(store.miners.list()).toMatchObject([{ id: row.id, name: row.name, worker_key: miner?.mac }]);
    expect(keeper.scans.list()).toHaveLength(1);
  });

  it('make one device of one that was added by hand and then found', async () => {
    const [miner] = await simulate({ kinds: ['avalon-q'] });
    const { id } = store.miners.add({
      ...{ name: 'My Avalon', miner_type: 'avalon', ip_address: miner?.address as string, created_at: now },
    });
    keep();
    await scanned(NETWORK);
    expect(store.miners.list()).toMatchObject([{ id, name: 'My Avalon', mac_address: miner?.mac, adapter: 'avalon' }]);
  });

  it('are not needed to see that what was added by hand is known already, at another address', async () => {
    const [miner] = await simulate({ kinds: ['avalon-q'] });
    const old = known(miner as FleetMiner, { ip_address: '127.45.0.13' });
    const { id } = store.miners.add({
      ...{ name: 'The same', miner_type: 'avalon', ip_address: miner?.address as string, created_at: now },
    });
    keep();
    keeper.changed(id);
    await expect
      .poll(() => store.miners.list(), { timeout: 5_000 })
      .toMatchObject([{ id: old.id, ip_address: miner?.address }]);
    await round();
    expect(states()).toEqual(['online']);
  });
});
