/** Who may ask: this machine without a token, others with one, pages of other sites never. */

import net from 'node:net';
import os from 'node:os';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildTestApi, READER, TestAgent, WRITER } from './testing/agents.js';

let agent: TestAgent;
let app: FastifyInstance;
let log: { event: string }[];
async function start(section: object = {}): Promise<void> {
  ({ app, log } = await buildTestApi(agent, {
    section: { names: ['miners.lan'], ...section },
    board: (page) => void page.get('/', async (_request, reply) => reply.type('text/html').send('<p>page')),
  }));
}
beforeEach(async () => {
  agent = new TestAgent({ rpc: 1, http: 1, whatsminer: 1 });
  await start();
});
afterEach(async () => {
  await app.close();
  await agent.close();
});

type Asked = { method?: 'GET' | 'POST' | 'PATCH'; url?: string; from?: string; headers?: Record<string, string> };
async function ask({ method = 'GET', url = '/api/miners', from = '127.0.0.1', headers = {} }: Asked) {
  const answer = await app.inject({
    method,
    url,
    remoteAddress: from,
    headers: { host: 'localhost:8000', ...headers },
  });
  return { status: answer.statusCode, code: answer.body.startsWith('{"error"') ? answer.json().error.code : '' };
}
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('from this machine', () => {
  it.each(['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'])('%s needs no token', async (from) => {
    expect(await ask({ from })).toEqual({ status: 200, code: '' });
    expect((await ask({ from, method: 'POST', url: '/api/miners/scan?network=8.8.8.8' })).status).toBe(400);
  });

  it.each([
    ['x-forwarded-for', '127.0.0.1'],
    ['x-forwarded-for', ''],
    ['forwarded', 'for=127.0.0.1'],
    ['via', '1.1 nginx'],
    ['x-real-ip', '127.0.0.1'],
    ['x-forwarded-host', 'localhost'],
    ['x-forwarded-proto', 'https'],
    ['cf-connecting-ip', '1.2.3.4'],
  ])('what a proxy passes on is not: %s: %s', async (name, value) => {
    expect(await ask({ headers: { [name]: value } })).toEqual({ status: 401, code: 'unauthorized' });
    expect((await ask({ headers: { [name]: value, ...bearer(READER) } })).status).toBe(200);
  });

  it('nor is what a proxy asks in HTTP/1.0 without saying so', async () => {
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.server.address() as net.AddressInfo;
    const raw = (text: string) =>
      new Promise<string>((resolve) => {
        let answer = '';
        const socket = net.connect(port, '127.0.0.1', () => socket.write(text));
        socket.on('data', (chunk) => {
          answer += String(chunk);
        });
        socket.on('close', () => resolve(answer.slice(9, 12)));
      });
    expect(await raw(`GET /api/miners HTTP/1.0\r\nhost: 127.0.0.1:${port}\r\n\r\n`)).toBe('401');
    expect(await raw(`GET /api/miners HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: close\r\n\r\n`)).toBe('200');
  });

  it('who shows a token is measured by it; with token_always everybody must', async () => {
    expect((await ask({ headers: bearer('axle_wrong') })).status).toBe(401);
    expect(await ask({ headers: bearer(READER), method: 'POST', url: '/api/miners/scan' })).toMatchObject({
      code: 'forbidden',
    });
    await app.close();
    await start({ token_always: true });
    expect((await ask({})).status).toBe(401);
    expect((await ask({ headers: bearer(READER) })).status).toBe(200);
  });
});

describe('from another machine', () => {
  const from = '192.168.1.50';
  const host = { host: '192.168.1.2:8000' };

  it.each(['192.168.1.50', '10.0.0.1', '::ffff:192.168.1.50', 'fe80::1', '128.0.0.1'])('%s needs one', async (each) => {
    expect(await ask({ from: each, headers: host })).toEqual({ status: 401, code: 'unauthorized' });
  });

  it('learns nothing without one: no route, no page of the API', async () => {
    for (const url of [
      '/api',
      '/api/',
      '/api/docs',
      '/api/docs.json',
      '/api/nothing',
      '/nothing',
      '/%61pi/miners',
      '//api/miners',
    ])
      expect([url, (await ask({ from, headers: host, url })).status]).toEqual([url, 401]);
    // The page shows nothing by itself.
    expect((await ask({ from, headers: host, url: '/' })).status).toBe(200);
  });

  it('does what its scopes say and no more', async () => {
    const write = { method: 'POST', url: '/api/miners/scan?network=8.8.8.8', from } as const;
    expect((await ask({ from, headers: { ...host, ...bearer(READER) } })).status).toBe(200);
    expect(await ask({ ...write, headers: { ...host, ...bearer(READER) } })).toEqual({
      status: 403,
      code: 'forbidden',
    });
    expect((await ask({ ...write, headers: { ...host, ...bearer(WRITER) } })).status).toBe(400);
    for (const wrong of [
      '',
      'Bearer',
      `Basic ${WRITER}`,
      `Bearer ${WRITER}x`,
      `Bearer ${WRITER},${WRITER}`,
      'Bearer axle_',
    ])
      expect([wrong, (await ask({ from, headers: { ...host, authorization: wrong } })).status]).toEqual([wrong, 401]);
    // A token in the address stands in every log.
    expect((await ask({ from, headers: host, url: `/api/miners?token=${WRITER}` })).status).toBe(401);
  });
});

describe('a browser', () => {
  it.each([
    'localhost',
    'localhost:8000',
    'miners.localhost:8000',
    '127.0.0.1:8000',
    '192.168.1.2',
    '[::1]:8000',
    'MINERS.lan:8000',
    os.hostname(),
    `${os.hostname()}.local:8000`,
  ])('may reach it as %s', async (host) => {
    expect(await ask({ headers: { host } })).toEqual({ status: 200, code: '' });
  });

  it.each([
    'evil.example',
    'evil.example:8000',
    'localhost.evil.example',
    'notlocalhost',
    '127.0.0.1.evil.example',
    '127.0.0.1@evil.example',
    'xminers.lan',
    'miners.lan.',
    '[evil]',
    'localhost:8000:9',
  ])('whose name for it is %j is refused, the page too: names can be made to lead here', async (host) => {
    expect(await ask({ headers: { host } })).toEqual({ status: 421, code: 'unknown_host' });
    expect((await ask({ headers: { host, ...bearer(WRITER) } })).status).toBe(421);
    expect((await ask({ headers: { host }, url: '/' })).status).toBe(421);
  });

  it.each([
    [{ origin: 'http://localhost:8000', 'sec-fetch-site': 'same-origin' }, 200],
    [{ 'sec-fetch-site': 'none' }, 200],
    [{ origin: 'http://localhost:3000', 'sec-fetch-site': 'same-site' }, 403],
    [{ 'sec-fetch-site': 'same-site' }, 403],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, 403],
    [{ 'sec-fetch-site': 'nonsense' }, 403],
    [{ origin: 'https://evil.example' }, 403],
    [{ origin: 'null' }, 403],
    [{ origin: '' }, 403],
    [{ origin: 'http://localhost:8000.evil.example' }, 403],
  ])('with %j is answered %i', async (headers, status) => {
    expect((await ask({ headers })).status).toBe(status);
    const scan = await ask({ headers, method: 'POST', url: '/api/miners/scan?network=8.8.8.8' });
    expect(scan.status).toBe(status === 200 ? 400 : status);
    expect((await ask({ headers: { ...headers, ...bearer(WRITER) } })).status).toBe(status);
  });

  it('may follow a link to the page from anywhere, and embed nothing of it', async () => {
    const other = { 'sec-fetch-site': 'cross-site' };
    expect((await ask({ url: '/', headers: { ...other, 'sec-fetch-mode': 'navigate' } })).status).toBe(200);
    expect((await ask({ url: '/', headers: { ...other, 'sec-fetch-mode': 'no-cors' } })).status).toBe(403);
  });

  it('is told by no header that another site may read', async () => {
    const { headers } = await app.inject({ url: '/api/miners', headers: { host: 'localhost' } });
    expect(headers['access-control-allow-origin']).toBeUndefined();
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(
      (await app.inject({ method: 'OPTIONS', url: '/api/miners', headers: { host: 'localhost' } })).statusCode,
    ).toBe(404);
  });
});

it('turns away who asks too much, and says for how long', async () => {
  await app.close();
  await start({ limits: { per_minute: 3 } });
  for (let n = 0; n < 3; n++) expect((await ask({})).status).toBe(200);
  expect(await ask({})).toEqual({ status: 429, code: 'rate_limited' });
  expect((await ask({ headers: bearer(READER) })).status).toBe(200);
});

it('says nothing of what broke inside, and logs it', async () => {
  agent.fleet = () => {
    throw new Error('secret of the inside');
  };
  const { statusCode, body } = await app.inject({ url: '/api/fleet', headers: { host: 'localhost' } });
  expect([statusCode, body]).toEqual([500, '{"error":{"code":"internal","message":"internal error"}}']);
  expect(log).toMatchObject([{ event: 'miner API request failed' }]);
});
