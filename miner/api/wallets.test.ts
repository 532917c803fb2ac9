/** The routes about wallets, pools, shares and credits. */
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Money } from '../shares/money.js';
import { EXAMPLE_WALLET } from '../simulate/fleet.js';
import { EXAMPLES } from './examples.js';
import { buildTestApi, TestAgent } from './testing/agents.js';

const SAVINGS = { name: 'Savings', address: EXAMPLE_WALLET, pool: 'ckpool_btc' };

let agent: TestAgent;
let app: FastifyInstance;
beforeEach(async () => {
  agent = new TestAgent({ rpc: 1, http: 1, whatsminer: 1 });
  ({ app } = await buildTestApi(agent));
});
afterEach(async () => {
  await app.close();
  await agent.close();
});

async function ask(method: 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'PUT', url: string, payload?: object) {
  const { statusCode: status, body } = await app.inject({ method, url, ...(payload && { payload }) });
  return { status, body: body === '' ? undefined : JSON.parse(body) };
}

describe('wallets', () => {
  it('are added, renamed and removed, in the form of the example', async () => {
    const { status, body } = await ask('POST', '/api/wallets', SAVINGS);
    expect([status, Object.keys(body)]).toEqual([201, Object.keys(EXAMPLES.wallet)]);
    expect(body).toMatchObject({ ...SAVINGS, id: 1, currency: 'BTC', miner_ids: [] });
    expect((await ask('GET', '/api/wallets')).body).toEqual([body]);
    expect((await ask('PATCH', '/api/wallets/1', { name: 'Old age' })).body).toEqual({ ...body, name: 'Old age' });
    expect((await ask('GET', '/api/wallets/1')).body.name).toBe('Old age');
    expect((await ask('DELETE', '/api/wallets/1')).status).toBe(204);
    for (const method of ['GET', 'DELETE'] as const) expect((await ask(method, '/api/wallets/1')).status).toBe(404);
  });

  it('are one however the address is written', async () => {
    await ask('POST', '/api/wallets', SAVINGS);
    const again = await ask('POST', '/api/wallets', { ...SAVINGS, address: EXAMPLE_WALLET.toUpperCase() });
    expect([again.status, again.body.error.wallet_id]).toEqual([409, '1']);
    expect((await ask('POST', '/api/wallets', { ...SAVINGS, pool: 'public_pool' })).status).toBe(201);
  });

  it.each([
    ['a wrong letter', { address: EXAMPLE_WALLET.replace('w508', 'w509') }],
    ["another currency's address", { address: '0x52908400098527886E0F7030069857D2E4169EE7' }],
    ['no address', { address: 'andy' }],
    ['spaces', { address: ` ${EXAMPLE_WALLET}` }],
    ['a pool that is unknown', { pool: 'nowhere' }],
    ['a currency that is not the pool’s', { currency: 'ETH' }],
    ['a long name', { name: 'x'.repeat(101) }],
  ])('are refused with %s', async (_what, over) => {
    const { status, body } = await ask('POST', '/api/wallets', { ...SAVINGS, ...over });
    expect([status, body.error.code]).toEqual([400, 'bad_request']);
  });

  it('may be an account where a pool has accounts', async () => {
    const account = { address: 'andy_1', pool: 'f2pool' };
    expect((await ask('POST', '/api/wallets', account)).body).toMatchObject({ ...account, name: 'F2Pool andy_1' });
    expect((await ask('GET', '/api/pools')).body).toContainEqual(EXAMPLES.pools[0]);
  });
});

describe('shares', () => {
  const SHARE = {
    pool_name: 'Solo CKPool',
    difficulty: 1_234_567_890.12,
    worker_name: 'avalon_nano_01',
    accepted: true,
  };
  beforeEach(() => ask('POST', '/api/wallets', SAVINGS));

  it('are noted by hand and listed, the newest first', async () => {
    const { status, body } = await ask('POST', '/api/wallet/1/shares', SHARE);
    expect([status, Object.keys(body).sort()]).toEqual([201, Object.keys(EXAMPLES.share).sort()]);
    expect(body).toMatchObject({
      ...SHARE,
      wallet_id: 1,
      miner_id: null,
      manual: true,
      difficulty_text: '1234567890.12',
    });
    await ask('POST', '/api/wallet/1/shares', { ...SHARE, accepted: false, difficulty: 1e-7 });
    const { body: all } = await ask('GET', '/api/wallet/1/shares');
    expect(all).toMatchObject([{ id: 2, accepted: false, difficulty_text: '0.0000001' }, body]);
    expect((await ask('GET', '/api/wallet/1/shares?limit=1&before=2')).body).toEqual([body]);
  });

  it.each([
    { difficulty: 0 },
    { difficulty: -1 },
    { difficulty: '1' },
    { difficulty: 1e22 },
    { worker_name: 'a b' },
    { pool_name: '' },
    { count: 0 },
    { timestamp: 'yesterday' },
    { accepted: 'yes' },
    { amount: 1 },
  ])('are refused with %j', async (over) => {
    expect((await ask('POST', '/api/wallet/1/shares', { ...SHARE, ...over })).status).toBe(400);
  });

  it('are of a wallet and a miner that are there', async () => {
    expect((await ask('GET', '/api/wallet/2/shares')).status).toBe(404);
    expect((await ask('POST', '/api/wallet/2/shares', SHARE)).status).toBe(404);
    expect((await ask('POST', '/api/wallet/1/shares', { ...SHARE, miner_id: 7 })).status).toBe(404);
  });
});

describe('credits', () => {
  it('say what to do where nothing is credited', async () => {
    expect((await ask('GET', '/api/credits')).body).toEqual([]);
    expect((await ask('GET', '/api/credits/held')).body).toEqual([]);
    const { status, body } = await ask('GET', '/api/statement');
    expect([status, body.error.message]).toEqual([409, expect.stringContaining('credit section')]);
  });

  it('are listed as they are owed, in the form of the example', async () => {
    const credit = {
      miner: 'aa:bb:cc:00:11:22',
      worker: 'rig',
      user: '1-andy',
      amount: '0.1',
      difficulty: '100.00000001',
      is_estimate: 1 as const,
      from_s: 0,
      to_s: 600,
      worth: '0.1',
      created_at: 1,
    };
    agent.store.credits.add(credit);
    agent.store.credits.add({ ...credit, user: '2-eve', from_s: 600, to_s: 1200 });
    const { body } = await ask('GET', '/api/credits?user=1-andy&state=owed&limit=5');
    expect(body).toMatchObject([{ id: 1, user: '1-andy', amount: '0.1', is_estimate: true, state: 'owed', from_s: 0 }]);
    expect(Object.keys(body[0]).sort()).toEqual(Object.keys(EXAMPLES.credits[0]).sort());
    expect((await ask('GET', '/api/credits')).body).toHaveLength(2);
    for (const query of ['state=open', 'limit=0', 'limit=1001', 'user=../x', 'page=1'])
      expect([query, (await ask('GET', `/api/credits?${query}`)).status]).toEqual([query, 400]);
  });

  it('that are held are released or rejected by a person', async () => {
    const asked: unknown[] = [];
    agent.money = {
      held: () => [{ id: 3 }],
      release: (ids: readonly number[]) => (ids[0] === 3 ? asked.push(['release', ids]) : 0),
      reject: (ids: readonly number[], reason: string) => asked.push(['reject', ids, reason]),
      statement: (query: object) => [query],
      status: () => ({ owed: 2 }),
    } as unknown as Money;
    expect((await ask('GET', '/api/credits/held')).body).toEqual([{ id: 3 }]);
    expect((await ask('POST', '/api/credits/held/3/release')).status).toBe(200);
    expect((await ask('POST', '/api/credits/held/4/release')).status).toBe(404);
    expect((await ask('POST', '/api/credits/held/3/reject', {})).status).toBe(400);
    expect((await ask('POST', '/api/credits/held/3/reject', { reason: 'too much' })).status).toBe(200);
    expect(asked).toEqual([
      ['release', [3]],
      ['reject', [3], 'too much'],
    ]);
    const statement = await ask('GET', '/api/statement?user=1-andy&from=2026-01-01&to=1767312000&group=day');
    const from = Date.UTC(2026, 0, 1) / 1_000;
    expect(statement.body).toEqual([{ user: '1-andy', group: 'day', from, to: from + 86_400 }]);
    const spelled = await ask('GET', '/api/statement?miner=AA-BB-CC-00-11-22');
    expect(spelled.body).toEqual([{ miner: 'aa:bb:cc:00:11:22' }]);
    for (const [query, words] of [
      ['from=2026-02-31', /^from must be/],
      ['to=2026-04-31T00:00:00Z', /^to must be/],
      ['from=2026-11-22&to=2026-11-21', /^from must be before to/],
    ] as const) {
      const { status, body } = await ask('GET', `/api/statement?${query}`);
      expect([query, status, body.error.message]).toEqual([query, 400, expect.stringMatching(words)]);
    }
    expect((await ask('GET', '/api/fleet')).body.credit).toEqual({ owed: 2 });
  });
});

describe('workers', () => {
  it('mine for whom a person names', async () => {
    const url = `/api/worker-users/${encodeURIComponent('rig.01/a')}`;
    expect((await ask('GET', url)).status).toBe(404);
    const { status, body } = await ask('PUT', url, { user: '1-andy' });
    expect([status, body]).toMatchObject([200, { worker: 'rig.01/a', user: '1-andy' }]);
    await ask('PUT', url, { user: '2-eve' });
    expect((await ask('GET', '/api/worker-users')).body).toMatchObject([{ worker: 'rig.01/a', user: '2-eve' }]);
    expect((await ask('DELETE', url)).status).toBe(204);
    expect((await ask('DELETE', url)).status).toBe(404);
    for (const user of ['', '../x', 'a b', 'x'.repeat(200)]) expect((await ask('PUT', url, { user })).status).toBe(400);
  });
});
