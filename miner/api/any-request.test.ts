/** Whatever is sent, the answer is one of the known errors and never the server's own. */
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMoney } from '../shares/money.js';
import { EXAMPLE_WALLET } from '../simulate/fleet.js';
import { buildTestApi, TestAgent } from './testing/agents.js';

let agent: TestAgent;
let app: FastifyInstance;
let log: { level: string; event: string; fields: object }[];
beforeAll(async () => {
  agent = new TestAgent({ rpc: 1, http: 1, whatsminer: 1 });
  // Nothing is scanned really, and no device asked: what is tried here is what comes in.
  agent.scans.start = () => ({
    id: 1,
    networks: [],
    started_at: 0,
    state: 'done',
    progress: { addresses: 0, probed: 0, answering: 0, interviewed: 0, found: 0 },
  });
  agent.money = openMoney({
    store: agent.store,
    log: { error() {}, warn() {}, info() {}, debug() {} },
    now: Date.now,
    random: Math.random,
  });
  agent.poller.readNow = async () => Promise.reject(new Error('away'));
  ({ app, log } = await buildTestApi(agent));
  await app.ready();
  for (const n of [1, 2, 3])
    agent.store.miners.add({ name: `${n}`, miner_type: 'axeos', ip_address: `10.0.0.${n}`, created_at: 1 });
  agent.store.configs.observe(1, [{ pool_url: 'solo.ckpool.org:3333', pool_user: `${EXAMPLE_WALLET}.a` }], 1);
  agent.store.wallets.add({ name: 'W', address: EXAMPLE_WALLET, pool: 'ckpool_btc', currency: 'BTC', created_at: 1 });
});
afterAll(async () => {
  await app.close();
  await agent.close();
});

const METHODS = ['GET', 'POST', 'PATCH', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'] as const;
const PATHS = [
  ...['/api/miners', '/api/miners/:', '/api/miners/:/info', '/api/miners/:/configs', '/api/miners/:/link-wallet'],
  ...['/api/miners/scan', '/api/miners/scan/:', '/api/miner-types', '/api/wallets', '/api/wallets/:'],
  ...['/api/wallet/:/shares', '/api/pools', '/api/credits', '/api/credits/held', '/api/credits/held/:/release'],
  ...['/api/credits/held/:/reject', '/api/worker-users', '/api/worker-users/:', '/api/statement', '/api/history'],
  ...['/api/fleet', '/api/docs', '/api/:', '/:'],
];
const FIELDS = [
  ...['name', 'miner_type', 'ip_address', 'api_port', 'mac_address', 'enabled', 'login', 'address', 'pool', 'currency'],
  ...[
    'pool_name',
    'difficulty',
    'worker_name',
    'accepted',
    'count',
    'timestamp',
    'miner_id',
    'user',
    'reason',
    '__proto__',
  ],
];
const QUERIES = [
  ...['enabled_only', 'network', 'wallet_id', 'config_id', 'miner_id', 'from', 'to', 'points', 'limit', 'before'],
  ...['user', 'state', 'group', 'miner'],
];

const word = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('1', '0', '-1', '2', '999999999999999', '1e3', '%', '%00', '..', 'true', 'owed', 'day', '2026-01-01'),
  fc.constantFrom(
    '192.168.1.7',
    '10.0.0.0/16',
    '127.33.0.1',
    '8.8.8.8',
    'ckpool_btc',
    EXAMPLE_WALLET,
    'avalon',
    '1-andy',
  ),
);
const value = fc.oneof(
  word,
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom(1, 1e21, 1e-300, 4028),
  fc.record({ user: word, password: word }),
  fc.jsonValue({ maxDepth: 2 }),
);
const pairs = (names: readonly string[], values: fc.Arbitrary<unknown>) =>
  fc.array(fc.tuple(fc.constantFrom(...names), values), { maxLength: 6 });

const request = fc.record({
  method: fc.constantFrom(...METHODS),
  path: fc
    .tuple(fc.constantFrom(...PATHS), word, fc.boolean())
    .map(([path, part, isKnown]) =>
      path.replace(':', isKnown ? '1' : encodeURIComponent(Buffer.from(part).toString())),
    ),
  query: pairs(QUERIES, word),
  body: fc.oneof(
    pairs(FIELDS, value).map((entries) => JSON.stringify(Object.fromEntries(entries))),
    fc.json(),
    fc.string({ unit: 'binary', maxLength: 50 }),
  ),
  type: fc.constantFrom(
    'application/json',
    'application/json; charset=utf-16',
    'text/plain',
    '',
    'multipart/form-data',
  ),
});

/** What is lawful, so that one part of it alone can be wrong. */
const LAWFUL: readonly [method: (typeof METHODS)[number], path: string, body?: object][] = [
  ['GET', '/api/miners?enabled_only=true'],
  ['POST', '/api/miners', { name: 'A', miner_type: 'avalon', ip_address: '10.9.8.7', api_port: 4028, enabled: true }],
  ['PATCH', '/api/miners/1', { name: 'B', mac_address: 'aa:bb:cc:00:11:22', login: { user: 'a', password: 'b' } }],
  ['PATCH', '/api/miners/2', { ip_address: '10.9.8.6', api_port: null, miner_type: 'auto' }],
  ['DELETE', '/api/miners/3'],
  ['POST', '/api/miners/1/link-wallet?wallet_id=1&config_id=1'],
  ['POST', '/api/miners/scan?network=10.0.0.0/24'],
  ['GET', '/api/history?miner_id=1&from=1767225600&to=2026-01-02&points=10'],
  ['GET', '/api/history?from=2026-01-01&to=2027-01-01&points=2000'],
  ['POST', '/api/wallets', { name: 'W', address: EXAMPLE_WALLET, pool: 'public_pool', currency: 'BTC' }],
  ['PATCH', '/api/wallets/1', { name: 'X' }],
  ['GET', '/api/wallet/1/shares?limit=5&before=100'],
  [
    'POST',
    '/api/wallet/1/shares',
    {
      pool_name: 'P',
      difficulty: 1.5,
      worker_name: 'w',
      accepted: true,
      miner_id: 1,
      count: 1,
      timestamp: 1_767_225_600,
    },
  ],
  ['GET', '/api/credits?user=1-andy&state=owed&limit=5'],
  ['POST', '/api/credits/held/1/reject', { reason: 'no' }],
  ['POST', '/api/credits/1/retry'],
  ['PUT', '/api/worker-users/rig', { user: '1-andy' }],
  ['DELETE', '/api/worker-users/rig'],
  ['GET', '/api/statement?user=1-andy&miner=x&from=2026-01-01&to=1767312000&group=day'],
];

const spoilt = fc
  .tuple(fc.constantFrom(...LAWFUL), fc.nat(), word, value, fc.boolean())
  .map(([[method, url, body], place, text, other, isQuery]) => {
    const [path = '', search = ''] = url.split('?');
    const query = [...new URLSearchParams(search)];
    const fields = Object.entries(body ?? {});
    const at = <T>(list: readonly T[]) => place % Math.max(1, list.length);
    return {
      method,
      path,
      query: query.map(([name, was], n): [string, unknown] => [name, isQuery && n === at(query) ? text : was]),
      body: JSON.stringify(
        Object.fromEntries(fields.map(([name, was], n) => [name, !isQuery && n === at(fields) ? other : was])),
      ),
      type: body === undefined ? 'text/plain' : 'application/json',
    };
  });

describe('any request', () => {
  it('is answered below 500, or with 503 by a device that is away; errors have one form', {
    timeout: 120_000,
  }, async () => {
    const seen = new Set<number>();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(request, { arbitrary: spoilt, weight: 3 }),
        async ({ method, path, query, body, type }) => {
          const search = new URLSearchParams(
            query.map(([name, text]): [string, string] => [String(name), String(text)]),
          ).toString();
          const answer = await app.inject({
            method,
            url: search === '' ? path : `${path}?${search}`,
            ...(method !== 'GET' &&
              method !== 'HEAD' &&
              body !== '{}' && { payload: body, headers: { 'content-type': type } }),
          });
          seen.add(answer.statusCode);
          const isAway =
            answer.statusCode === 503 && (method === 'HEAD' || answer.json().error.code === 'device_unavailable');
          const isKnown = answer.statusCode < 500 || isAway;
          expect([isKnown, answer.statusCode, log.splice(0)]).toEqual([true, answer.statusCode, []]);
          if (answer.statusCode >= 400 && method !== 'HEAD')
            expect(answer.json()).toMatchObject({ error: { code: expect.any(String), message: expect.any(String) } });
        },
      ),
      { numRuns: 1_000 },
    );
    // It came as far as to what is done, and to what is refused there.
    for (const status of [200, 201, 202, 204, 400, 404, 409, 415]) expect([...seen]).toContain(status);
  });
});
