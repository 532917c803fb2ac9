/** The routes about miners and scans, with simulated devices. */
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { EXAMPLE_WALLET, Fleet } from '../simulate/fleet.js';
import { EXAMPLES } from './examples.js';
import { buildTestApi, TestAgent } from './testing/agents.js';

const PORTS = { rpc: 14_328, http: 18_380, whatsminer: 14_733 };
const AVALON = { name: 'My Avalon Nano', miner_type: 'avalon', ip_address: '192.168.1.100', api_port: 4028 };

let devices: Fleet;
let agent: TestAgent;
let app: FastifyInstance;
beforeAll(async () => {
  devices = await Fleet.start({
    count: 2,
    first: '127.33.0.1',
    kinds: ['bitaxe', 'antminer'],
    ports: PORTS,
    pool_url: 'stratum+tcp://solo.ckpool.org:3333',
  });
});
afterAll(() => devices.stop());
beforeEach(async () => {
  agent = new TestAgent(PORTS);
  ({ app } = await buildTestApi(agent));
});
afterEach(async () => {
  await app.close();
  await agent.close();
});

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'PUT';
async function ask(method: Method, url: string, payload?: object) {
  const { statusCode: status, body, headers } = await app.inject({ method, url, ...(payload && { payload }) });
  return { status, body: body === '' ? undefined : JSON.parse(body), headers };
}

/** Both devices, as a scan finds them. */
async function scanned() {
  const { body } = await ask('POST', '/api/miners/scan?network=127.33.0.0/29');
  await agent.scans.finished(body.job_id);
}

it('a miner that is seen through its pool has no address, and can be given none', async () => {
  const { id } = agent.store.miners.add({
    ...{ name: 'NerdMiner', miner_type: 'nerdminer', adapter: 'pool', ip_address: '', created_at: agent.now() },
  });
  const { body } = await ask('GET', `/api/miners/${id}`);
  expect(body).toMatchObject({ ip_address: null, mac_address: null });
  const refused = await ask('PATCH', `/api/miners/${id}`, { ip_address: '192.168.1.7' });
  expect([refused.status, refused.body.error.message]).toEqual([
    409,
    "NerdMiner is seen through its pool and has no ip_address: add the device itself, and it takes this one's place",
  ]);
  expect((await ask('PATCH', `/api/miners/${id}`, { name: 'Shelf', enabled: false })).body).toMatchObject({
    ...{ name: 'Shelf', status: 'disabled', ip_address: null },
  });
  expect((await ask('DELETE', `/api/miners/${id}`)).status).toBe(204);
});

describe('adding by hand', () => {
  it('answers the miner, in the form of the example, and has it read from now on', async () => {
    const { status, body, headers } = await ask('POST', '/api/miners', AVALON);
    expect([status, headers.location]).toEqual([201, '/api/miners/1']);
    expect(body).toMatchObject({ ...AVALON, id: 1, status: 'unknown', enabled: true, auto_discovered: false });
    expect(Object.keys(body)).toEqual(Object.keys(EXAMPLES.miner));
    expect(agent.changes).toEqual([1]);
    expect((await ask('GET', '/api/miners')).body).toEqual([body]);
    expect((await ask('GET', '/api/miners/1')).body).toEqual(body);
  });

  it.each([
    ['no name', { name: '' }],
    ['a name of spaces', { name: '  ' }],
    ['a name over two lines', { name: 'a\nb' }],
    ['no address', { ip_address: 'miner.lan' }],
    ['an IPv6 address', { ip_address: 'fe80::1' }],
    ['an address with leading zeros', { ip_address: '192.168.001.1' }],
    ['a public address', { ip_address: '8.8.8.8' }],
    ['this machine', { ip_address: '127.0.0.1' }],
    ['the metadata service of a cloud', { ip_address: '169.254.169.254' }],
    ['every address', { ip_address: '0.0.0.0' }],
    ['port 0', { api_port: 0 }],
    ['a port as text', { api_port: '4028' }],
    ['a port that is none', { api_port: 65_536 }],
    ['an unknown type', { miner_type: 'toaster' }],
    ['a MAC that is none', { mac_address: 'aa:bb' }],
    ['a field that is unknown', { ip: '192.168.1.1' }],
    ['a login without password', { login: { user: 'root' } }],
  ])('refuses %s, and says why', async (_what, over) => {
    const { status, body } = await ask('POST', '/api/miners', { ...AVALON, ...over });
    expect(status).toBe(400);
    expect(body).toEqual({ error: { code: 'bad_request', message: expect.stringMatching(/\w{3}/) } });
    expect(agent.store.miners.list()).toEqual([]);
  });

  it.each([
    [{ name: '' }, 'body/name must be one line of 1 to 100 characters, without spaces at its ends'],
    [{ mac_address: 'aa:bb' }, 'body/mac_address must be such as aa:bb:cc:00:11:22'],
    [{ ip: '10.0.0.1', 'x\n': 1 }, 'body has a field that is not known: "ip"'],
    [{ api_port: 0 }, 'body/api_port must be >= 1'],
  ])('says of %j what is wrong, in words', async (over, message) => {
    expect((await ask('POST', '/api/miners', { ...AVALON, ...over })).body.error.message).toBe(message);
  });

  it('takes a simulated one where its network is configured, and the names that people have for a type', async () => {
    const simulated = { ...AVALON, ip_address: '127.33.0.9', miner_type: 'Avalon Nano' };
    expect((await ask('POST', '/api/miners', simulated)).body).toMatchObject({ miner_type: 'avalon' });
    const unnamed = { name: 'x', ip_address: '10.0.0.1' };
    expect((await ask('POST', '/api/miners', unnamed)).body).toMatchObject({ miner_type: 'unknown' });
  });

  it('never answers a password, and never adds one device twice', async () => {
    const login = { user: 'root', password: 'hunter2-secret' };
    const added = await ask('POST', '/api/miners', { ...AVALON, mac_address: 'AA-BB-CC-00-11-22', login });
    expect(added.body).toMatchObject({ has_login: true, mac_address: 'aa:bb:cc:00:11:22' });
    expect(JSON.parse(agent.store.miners.get(1)?.login as string)).toEqual(login);
    for (const url of ['/api/miners', '/api/miners/1', '/api/fleet'])
      expect((await app.inject({ url })).body).not.toContain('hunter2');
    const again = await ask('POST', '/api/miners', AVALON);
    expect(again.body).toEqual({
      error: { code: 'conflict', message: 'miner 1 (My Avalon Nano) has this address', miner_id: '1' },
    });
    const sameMac = { ...AVALON, ip_address: '192.168.1.101', mac_address: 'aa:bb:cc:00:11:22' };
    expect((await ask('POST', '/api/miners', sameMac)).status).toBe(409);
    // Behind one address with a port each, as a router forwards them.
    expect((await ask('POST', '/api/miners', { ...AVALON, api_port: 4029 })).status).toBe(201);
  });
});

describe('changing and forgetting', () => {
  beforeEach(async () => {
    await ask('POST', '/api/miners', AVALON);
    agent.store.miners.change(1, { adapter: 'avalon' });
  });

  it('changes what is named, and has another address asked anew what it is', async () => {
    expect((await ask('PATCH', '/api/miners/1', { name: 'Garage' })).body).toMatchObject({ name: 'Garage' });
    expect(agent.store.miners.get(1)?.adapter).toBe('avalon');
    const moved = await ask('PATCH', '/api/miners/1', { ip_address: '192.168.1.7', api_port: null });
    expect(moved.body).toMatchObject({ ip_address: '192.168.1.7', api_port: null, name: 'Garage' });
    expect(agent.store.miners.get(1)).toMatchObject({ adapter: null, ip_address: '192.168.1.7' });
    expect((await ask('PATCH', '/api/miners/1', { enabled: false })).body).toMatchObject({ status: 'disabled' });
    expect(agent.changes).toEqual([1, 1, 1, 1]);
  });

  it('lists those that are enabled only', async () => {
    await ask('POST', '/api/miners', { ...AVALON, ip_address: '192.168.1.8', enabled: false });
    const ids = async (url: string) => (await ask('GET', url)).body.map(({ id }: { id: number }) => id);
    expect(await ids('/api/miners')).toEqual([1, 2]);
    expect(await ids('/api/miners?enabled_only=true')).toEqual([1]);
    expect(await ids('/api/miners?enabled_only=false')).toEqual([1, 2]);
    expect((await ask('GET', '/api/miners?enabled_only=perhaps')).status).toBe(400);
    expect((await ask('GET', '/api/miners?enabled=true')).status).toBe(400);
  });

  it('refuses a change to nothing, to something wrong, or to the place of another one', async () => {
    await ask('POST', '/api/miners', { ...AVALON, ip_address: '192.168.1.8' });
    for (const [change, status] of [
      [{}, 400],
      [{ id: 7 }, 400],
      [{ worker_key: 'x' }, 400],
      [{ ip_address: '1.1.1.1' }, 400],
      [{ ip_address: '192.168.1.8' }, 409],
    ] as const)
      expect([change, (await ask('PATCH', '/api/miners/1', change)).status]).toEqual([change, status]);
    expect(agent.store.miners.get(1)).toMatchObject({ ip_address: '192.168.1.100', adapter: 'avalon' });
  });

  it('forgets one, and knows none of what is not there', async () => {
    expect((await ask('DELETE', '/api/miners/1')).status).toBe(204);
    for (const [method, url] of [
      ['GET', '/api/miners/1'],
      ['GET', '/api/miners/1/info'],
      ['GET', '/api/miners/1/configs'],
      ['DELETE', '/api/miners/1'],
      ['POST', '/api/miners/1/link-wallet?wallet_id=1'],
      ['GET', '/api/miners/scan/1'],
      ['GET', '/api/miners/scan/1/events'],
    ] as const)
      expect([url, (await ask(method, url)).status]).toEqual([url, 404]);
    for (const id of ['0', '-1', '1e3', 'one', '1.5', '%20', '9'.repeat(16)])
      expect([id, (await ask('GET', `/api/miners/${id}`)).status]).toEqual([id, 400]);
  });
});

describe('scanning', () => {
  it('answers at once with a job to follow, and the job ends with what was found', async () => {
    const { status, body, headers } = await ask('POST', '/api/miners/scan?network=127.33.0.0/29');
    expect([status, headers.location, body.state]).toEqual([202, '/api/miners/scan/1', 'running']);
    expect(Object.keys(body)).toEqual(Object.keys(EXAMPLES.job));
    expect((await ask('POST', '/api/miners/scan?network=127.33.0.0/29')).body.job_id).toBe(1);
    await agent.scans.finished(1);
    const { body: job } = await ask('GET', body.follow_url);
    expect(job).toMatchObject({ state: 'done', progress: { addresses: 6, probed: 6, found: 2 }, error: null });
    expect((await ask('GET', '/api/miners/scan')).body).toEqual([job]);
    expect((await ask('GET', '/api/miners')).body).toMatchObject([
      { ip_address: '127.33.0.1', miner_type: 'axeos', status: 'online', auto_discovered: true },
      { ip_address: '127.33.0.2', miner_type: 'antminer', status: 'online' },
    ]);
  });

  it('takes the configured networks where none is named, and several with commas', async () => {
    const { body } = await ask('POST', '/api/miners/scan?network=127.33.0.2,%20127.33.7.9/30');
    expect(body.networks).toEqual(['127.33.0.2/32', '127.33.7.8/30']);
    await agent.scans.finished(body.job_id);
    expect((await ask('POST', '/api/miners/scan')).body.networks).toEqual(['127.33.0.0/20']);
  });

  it.each([
    'lan',
    '127.0.0.0/24',
    '192.168.1.0/33',
    '10.0.0.0/8',
    '8.8.8.0/24',
    '0.0.0.0/0',
    '192.168.1.0/24/1',
    '192.168.1.0/-1',
    'fe80::/64',
    Array.from({ length: 17 }, (_, n) => `10.0.${n}.0/24`).join(','),
  ])('refuses to scan %s', async (network) => {
    const { status, body } = await ask('POST', `/api/miners/scan?network=${encodeURIComponent(network)}`);
    expect([status, body.error.code]).toEqual([400, 'bad_request']);
    expect(agent.scans.list()).toEqual([]);
  });

  it('runs so many at once and no more', async () => {
    for (const network of ['127.33.1.0/24', '127.33.2.0/24']) await ask('POST', `/api/miners/scan?network=${network}`);
    const third = await ask('POST', '/api/miners/scan?network=127.33.3.0/24');
    expect([third.status, third.headers['retry-after']]).toEqual([429, '10']);
    expect((await ask('POST', '/api/miners/scan?network=127.33.1.0/24')).status).toBe(202);
  });
});

describe('live information', () => {
  it('is what the device says now, in the form of the example', async () => {
    await scanned();
    const { status, body } = await ask('GET', '/api/miners/1/info');
    expect(status).toBe(200);
    expect(Object.keys(body)).toEqual(Object.keys(EXAMPLES.info));
    expect(body).toMatchObject({
      miner_type: 'axeos',
      pool_url: expect.stringContaining('solo.ckpool.org'),
      pool_user: `${EXAMPLE_WALLET}.bitaxe-001`,
      worker_name: 'bitaxe-001',
      status: 'online',
    });
    expect(body.hashrate).toBeGreaterThan(1e11);
    expect(body.temperature).toBeGreaterThan(20);
  });

  it('says of a device that is away that it is, and asks no disabled one', async () => {
    await ask('POST', '/api/miners', { ...AVALON, ip_address: '127.33.9.9' });
    const { status, body, headers } = await ask('GET', '/api/miners/1/info');
    expect([status, headers['retry-after']]).toEqual([503, '30']);
    expect(body.error).toMatchObject({ code: 'device_unavailable', status: 'offline' });
    expect(body.error.message).toMatch(/^My Avalon Nano could not be read: /);
    await ask('PATCH', '/api/miners/1', { enabled: false });
    expect((await ask('GET', '/api/miners/1/info')).status).toBe(409);
  });
});

describe('configs and wallets', () => {
  it('links a miner to a wallet by hand, which stands until somebody takes it back', async () => {
    await scanned();
    const { body: before } = await ask('GET', '/api/miners/1/configs');
    expect(Object.keys(before[0])).toEqual(Object.keys(EXAMPLES.configs[0]));
    expect(before).toMatchObject([{ wallet_id: null, reason: expect.stringContaining('no wallet has') }]);
    const other = { address: '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa', pool: 'public_pool' };
    expect((await ask('POST', '/api/wallets', other)).status).toBe(201);
    const linked = await ask('POST', '/api/miners/1/link-wallet?wallet_id=1');
    expect(linked.body).toMatchObject({ miner_id: 1, wallet_id: 1, configs: [{ wallet_id: 1, linked: 'manual' }] });
    const good = { name: 'Savings', address: EXAMPLE_WALLET, pool: 'ckpool_btc' };
    expect((await ask('POST', '/api/wallets', good)).body).toMatchObject({ id: 2, miner_ids: [2] });
    expect((await ask('GET', '/api/wallets/1')).body.miner_ids).toEqual([1]);
    await ask('DELETE', '/api/miners/1/link-wallet');
    await vi.waitFor(async () =>
      expect((await ask('GET', '/api/miners/1/configs')).body).toMatchObject([{ wallet_id: 2, linked: 'auto' }]),
    );
  });

  it('refuses to link what is not there, or what nothing is known of yet', async () => {
    await ask('POST', '/api/miners', AVALON);
    const link = async (query: string) => (await ask('POST', `/api/miners/1/link-wallet${query}`)).status;
    expect([await link(''), await link('?wallet_id=x'), await link('?wallet_id=1')]).toEqual([400, 400, 404]);
    await ask('POST', '/api/wallets', { address: EXAMPLE_WALLET, pool: 'ckpool_btc' });
    expect([await link('?wallet_id=1'), await link('?wallet_id=1&config_id=9')]).toEqual([409, 404]);
  });
});
