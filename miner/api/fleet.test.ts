/** The fleet, its events over a real connection, history, and the description of everything. */
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Fleet } from '../simulate/fleet.js';
import { EXAMPLES } from './examples.js';
import { withGaps } from './history.js';
import { buildTestApi, TestAgent } from './testing/agents.js';

const PORTS = { rpc: 14_329, http: 18_381, whatsminer: 14_734 };

let agent: TestAgent;
let app: FastifyInstance;
let base: string;
beforeEach(async () => {
  agent = new TestAgent(PORTS);
  ({ app } = await buildTestApi(agent, {
    section: { limits: { event_streams: 2, per_minute: 1e6 } },
    relay: () => ({ gist: 'ok' }),
  }));
  await app.listen({ port: 0, host: '127.0.0.1' });
  base = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await app.close();
  await agent.close();
});

const addMiner = (n = 1) =>
  agent.store.miners.add({
    name: `Rig ${n}`,
    miner_type: 'axeos',
    ip_address: `192.168.1.${n}`,
    created_at: Date.now(),
  });

/** What a stream sends, until it has sent `events`, or ended. */
async function listen(path: string) {
  const stop = new AbortController();
  const response = await fetch(base + path, { signal: stop.signal });
  let text = '';
  const ended = (async () => {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true });
    } catch {
      // It was closed from here.
    }
  })();
  const events = () =>
    [...text.matchAll(/event: (\w+)\ndata: (.*)\n\n/g)].map(([, event, data = '']) => [event, JSON.parse(data)]);
  return { response, ended, events, close: () => stop.abort() };
}

describe('/api/fleet', () => {
  it('is the fleet from memory, with what relay and credits say', async () => {
    addMiner();
    const { body, headers } = await app.inject({ url: '/api/fleet' });
    expect(JSON.parse(body)).toMatchObject({
      poll_interval_s: 30,
      miners: [{ id: 1, name: 'Rig 1', state: 'unknown' }],
      relay: { gist: 'ok' },
    });
    expect(headers['content-type']).toContain('application/json');
  });

  it('is sent at once and when it changes, but not more than once a second, and to nobody who has gone', async () => {
    const listener = await listen('/api/fleet/events');
    expect(listener.response.headers.get('content-type')).toContain('text/event-stream');
    await vi.waitFor(() => expect(listener.events()).toHaveLength(1));
    addMiner();
    for (let n = 0; n < 20; n++) agent.changed(1);
    await vi.waitFor(() => expect(listener.events()).toHaveLength(2));
    expect(listener.events()[1]).toMatchObject(['fleet', { miners: [{ name: 'Rig 1' }] }]);
    agent.tell();
    agent.tell();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(listener.events()).toHaveLength(2);
    await vi.waitFor(() => expect(listener.events()).toHaveLength(3), 3_000);
    expect(agent.followers).toBe(1);
    listener.close();
    await vi.waitFor(() => expect(agent.followers).toBe(0));
  });

  it('has so many listeners and no more, and lets them go when it ends', async () => {
    const listeners = [await listen('/api/fleet/events'), await listen('/api/fleet/events')];
    const third = await fetch(`${base}/api/fleet/events`);
    expect([third.status, third.headers.get('retry-after')]).toEqual([429, '10']);
    await app.close();
    await Promise.all(listeners.map(({ ended }) => ended));
  });
});

describe('/api/miners/scan/{id}/events', () => {
  it('tells how far it is, ends with what became of it, and tells that also afterwards', async () => {
    const devices = await Fleet.start({ count: 1, first: '127.33.3.1', kinds: ['antminer'], ports: PORTS });
    try {
      const started = await fetch(`${base}/api/miners/scan?network=127.33.3.0/26`, { method: 'POST' });
      const { events_url } = (await started.json()) as { events_url: string };
      const listener = await listen(events_url);
      await listener.ended;
      const events = listener.events();
      expect(events.at(-1)).toMatchObject([
        'done',
        { job_id: 1, state: 'done', progress: { addresses: 62, found: 1 } },
      ]);
      expect(events.slice(0, -1).every(([event]) => event === 'progress')).toBe(true);
      const late = await listen(events_url);
      await late.ended;
      expect(late.events()).toEqual([events.at(-1)]);
    } finally {
      await devices.stop();
    }
  });
});

describe('/api/history', () => {
  const AT_S = 1_767_225_600;
  const none = { temperature_c: null, power_w: null, fan_rpm: null, shares: null, rejected: null, difficulty: null };

  it('has columns of one length, and null where nothing is known', async () => {
    const now_s = Math.floor(Date.now() / 1000);
    for (const n of [1, 2]) addMiner(n);
    for (const miner_id of [1, 2])
      agent.store.readings.add({
        ...none,
        miner_id,
        at_s: now_s - 300,
        hashrate_hps: 5e11,
        temperature_c: 50 + miner_id,
        shares: 2,
      });
    const ask = async (query: string) => (await app.inject({ url: `/api/history?${query}` })).json();
    const one = await ask('miner_id=1&points=20');
    expect(Object.keys(one).sort()).toEqual(Object.keys(EXAMPLES.history).sort());
    const lengths = Object.values(one as object)
      .filter(Array.isArray)
      .map(({ length }) => length);
    expect(new Set(lengths).size).toBe(1);
    expect(lengths[0]).toBeLessThanOrEqual(26);
    const fleet = await ask(`from=${now_s - 3600}&to=${now_s}&points=30`);
    const known = fleet.hashrate_hps.findIndex((value: number | null) => value !== null);
    expect([fleet.hashrate_hps[known], fleet.temperature_c[known], fleet.shares[known], fleet.power_w[known]]).toEqual([
      1e12,
      52,
      4,
      null,
    ]);
    expect(fleet.hashrate_hps.filter((value: number | null) => value !== null)).toHaveLength(1);
    expect(await ask(`from=${new Date((now_s - 3600) * 1000).toISOString()}&to=${now_s * 1000}&points=30`)).toEqual(
      fleet,
    );
  });

  it.each([
    'miner_id=x',
    'points=0',
    'points=99999',
    'from=yesterday',
    `from=${AT_S}&to=${AT_S}`,
    `from=${AT_S}&to=${AT_S - 1}`,
    `from=0&to=${AT_S}`,
    'from=9999999999999999',
    'nothing=1',
  ])('refuses %s', async (query) => {
    expect((await app.inject({ url: `/api/history?${query}` })).statusCode).toBe(400);
  });

  it('knows no miner that is not there', async () => {
    expect((await app.inject({ url: '/api/history?miner_id=7' })).statusCode).toBe(404);
  });

  it('reaches up to now, also where means are shown that are not made yet', async () => {
    const now_s = Math.floor(Date.now() / 1000);
    const { id } = addMiner();
    for (const ago of [90, 60, 30])
      agent.store.readings.add({ ...none, miner_id: id, at_s: now_s - ago, hashrate_hps: ago * 1e9, shares: 1 });
    const ask = async (query: string) => (await app.inject({ url: `/api/history?miner_id=1&${query}` })).json();
    const sum = (values: (number | null)[]) => values.reduce<number>((total, value) => total + (value ?? 0), 0);
    for (const [days, resolution] of [
      [0.1, 'raw'],
      [1, '10m'],
      [7, '1h'],
      [31, '1h'],
    ] as const) {
      const history = await ask(`from=${Math.round(now_s - days * 86_400)}&to=${now_s + 1}`);
      expect([days, history.resolution, sum(history.shares)]).toEqual([days, resolution, 3]);
    }
  });

  it('is of means where a large fleet has very many readings', async () => {
    for (let n = 1; n <= 250; n++) addMiner(n);
    const now_s = Math.floor(Date.now() / 1000);
    const ask = async (hours: number, more = '') =>
      (await app.inject({ url: `/api/history?from=${now_s - hours * 3600}&to=${now_s}&points=2000${more}` })).json();
    expect([(await ask(4)).resolution, (await ask(6)).resolution]).toEqual(['raw', '10m']);
    expect((await ask(6, '&miner_id=1')).resolution).toBe('raw');
  });

  it('reaches into what is kept as means only', async () => {
    const { id } = addMiner();
    const now_s = Math.floor(Date.now() / 1000);
    for (const days of [3, 60, 400]) {
      const to = now_s - days * 86_400;
      for (const span of [60, 3600, 86_400]) {
        const answer = await app.inject({ url: `/api/history?miner_id=${id}&from=${to - span}&to=${to}&points=10` });
        expect([days, span, answer.statusCode]).toEqual([days, span, 200]);
      }
    }
  });

  it('puts nothing between two steps that are known', () => {
    const column = [1, 2];
    const names = { hashrate_hps: column, temperature_c: column, power_w: column, shares: column };
    const filled = withGaps(
      { resolution: '10m', step_s: 600, at_s: [1200, 2400], ...names, rejected: column, difficulty: column },
      700,
      3000,
    );
    expect([filled.at_s, filled.shares]).toEqual([
      [600, 1200, 1800, 2400],
      [null, 1, null, 2],
    ]);
  });
});

describe('/api/docs', () => {
  it('describes every route, with an example of what it takes and answers', async () => {
    const document = (await app.inject({ url: '/api/docs.json' })).json();
    const operations = Object.entries(
      document.paths as Record<string, Record<string, Record<string, unknown>>>,
    ).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [`${method} ${path}`, operation] as const),
    );
    const names = operations.map(([name]) => name);
    for (const name of [
      ...['get /api/miners', 'post /api/miners', 'get /api/miners/{id}', 'patch /api/miners/{id}'],
      ...['delete /api/miners/{id}', 'get /api/miners/{id}/info', 'get /api/miners/{id}/configs'],
      ...['post /api/miners/{id}/link-wallet', 'post /api/miners/scan', 'get /api/miners/scan/{id}/events'],
      ...['get /api/miner-types', 'get /api/wallet/{id}/shares', 'post /api/wallet/{id}/shares', 'get /api/pools'],
      ...['get /api/fleet', 'get /api/fleet/events', 'get /api/history', 'get /api/wallets', 'post /api/wallets'],
      ...['patch /api/wallets/{id}', 'delete /api/wallets/{id}', 'get /api/credits', 'get /api/credits/held'],
      ...['post /api/credits/held/{id}/release', 'post /api/credits/held/{id}/reject', 'get /api/statement'],
      ...['get /api/worker-users/{worker}', 'put /api/worker-users/{worker}', 'delete /api/worker-users/{worker}'],
    ])
      expect(names).toContain(name);
    for (const [name, { summary, tags }] of operations) expect([name, summary, tags]).not.toContain(undefined);
    const text = JSON.stringify(document);
    for (const example of ['My Avalon Nano', '1234567890.12', 'solo.ckpool.org:3333']) expect(text).toContain(example);
    const page = await app.inject({ url: '/api/docs' });
    expect(page.body).toContain('POST /api/miners/scan');
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
  });
});
