/** 10,000 requests that mean no good: each is answered as it deserves, and nothing is written, told or kept. */
import fs from 'node:fs';
import net from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, vi } from 'vitest';
import { ANDY, sidecarTests } from './testing/sidecar-tests.js';
import { jwt, type LabSidecar, SERVICE } from './testing/sidecars.js';

// 12 s where half a core is free.
vi.setConfig({ testTimeout: 90_000 });
const test = sidecarTests(1);
const ROUNDS = 10_000;
const CONNECTIONS = 32;
const MEMORY_MB_MAX = 60;

type Abuse = { readonly request: (n: number) => string; readonly statuses: readonly number[] };

const raw = (line: string, headers: readonly string[] = [], body = ''): string =>
  [
    `${line} HTTP/1.1`,
    'host: x',
    'connection: close',
    `content-length: ${Buffer.byteLength(body)}`,
    ...headers,
    '',
    body,
  ].join('\r\n');
const bearer = (token: string): string => `authorization: Bearer ${token}`;
const json = 'content-type: application/json';
const post = (user: string, body: string, ...headers: string[]): string =>
  raw(`POST /v1/balances/${user}/changes`, [json, ...headers], body);
const good = '{"amount":1,"source":"chat"}';
const CLIMBS = [
  '..%2f..%2fetc%2fpasswd',
  '..',
  '%2e%2e%2fprofiles%2f1-andy',
  '1-andy%00',
  'a%2fb',
  '.htaccess',
  '1-andy%20',
  '%ff%fe',
  `${'a'.repeat(300)}`,
];

const ABUSES: readonly Abuse[] = [
  { request: (n) => post('1-andy', good, bearer(`axle_${n}`), 'idempotency-key: k'), statuses: [401] },
  {
    request: (n) => post('1-andy', good, bearer(jwt('1-andy', {}, `wrong secret number ${n}`)), 'idempotency-key: k'),
    statuses: [401],
  },
  { request: () => post('1-andy', good, bearer(jwt('1-andy', {}, '', 'none')), 'idempotency-key: k'), statuses: [401] },
  { request: (n) => post('1-andy', good, bearer(jwt(`${n + 2}-eve`)), `idempotency-key: ${n}`), statuses: [403] },
  { request: () => post('1-andy', good, 'idempotency-key: k'), statuses: [401] },
  {
    request: (n) => raw(`GET /v1/balances/${CLIMBS[n % CLIMBS.length]}`, [bearer(SERVICE)]),
    statuses: [400, 404, 414],
  },
  {
    request: (n) => post(CLIMBS[n % CLIMBS.length] as string, good, bearer(SERVICE), `idempotency-key: ${n}`),
    statuses: [400, 404, 414],
  },
  { request: () => post('1-andy', good, bearer(SERVICE)), statuses: [400] },
  { request: () => post('1-andy', good, bearer(SERVICE), `idempotency-key: ${'k'.repeat(201)}`), statuses: [400] },
  { request: () => post('1-andy', '{"amount":', bearer(SERVICE), 'idempotency-key: k'), statuses: [400] },
  {
    request: () =>
      post('1-andy', '{"amount":1,"source":"x","__proto__":{"a":1}}', bearer(SERVICE), 'idempotency-key: k'),
    statuses: [400],
  },
  {
    request: () => post('1-andy', '{"amount":1,"source":"x","balance":9}', bearer(SERVICE), 'idempotency-key: k'),
    statuses: [400],
  },
  {
    request: () => post('1-andy', '{"amount":1e308,"source":"x"}', bearer(SERVICE), 'idempotency-key: k'),
    statuses: [400],
  },
  {
    request: () => post('1-andy', `{"amount":"${'9'.repeat(30)}","source":"x"}`, bearer(SERVICE), 'idempotency-key: k'),
    statuses: [400],
  },
  { request: () => post('1-andy', `${'['.repeat(30_000)}`, bearer(SERVICE), 'idempotency-key: k'), statuses: [400] },
  {
    request: () =>
      post(
        '1-andy',
        `{"amount":1,"source":"x","description":"${'x'.repeat(70_000)}"}`,
        bearer(SERVICE),
        'idempotency-key: k',
      ),
    statuses: [413],
  },
  {
    request: () =>
      raw(
        'POST /v1/balances/1-andy/changes',
        ['content-type: text/plain', bearer(SERVICE), 'idempotency-key: k'],
        good,
      ),
    statuses: [415],
  },
  {
    request: () => raw('PATCH /v1/profiles/1-andy', [json, bearer(SERVICE)], `${'{"a":'.repeat(70)}1${'}'.repeat(70)}`),
    statuses: [400],
  },
  { request: () => raw('DELETE /v1/balances/1-andy', [bearer(SERVICE)]), statuses: [404] },
  { request: () => raw('GET /v1/../../etc/passwd', [bearer(SERVICE)]), statuses: [404] },
  { request: () => raw('GET /docs/static/..%2f..%2f..%2fpackage.json', []), statuses: [400, 403, 404] },
  { request: () => raw('GET /v1/statements/1-andy?limit=-1', [bearer(SERVICE)]), statuses: [400] },
  { request: () => 'GARBAGE\r\n\r\n', statuses: [400] },
  { request: () => raw('GET /healthz', [`x: ${'y'.repeat(20_000)}`]), statuses: [431] },
];

/** The whole answer to a request as it stands. */
function send(sidecar: LabSidecar, request: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = net.connect(sidecar.running.port, '127.0.0.1', () => socket.write(request));
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

/** Everything but what the engine keeps for itself. */
function listed(folder: string): string[] {
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => !name.startsWith('.axle')).sort();
}

describe('abuse', () => {
  test(
    'hazard 11: 10,000 requests get the status they deserve, and nothing else',
    async ({ lab, faucet, sidecar }) => {
      // One replay among them: paid once.
      const replay = post('1-andy', good, bearer(SERVICE), 'idempotency-key: replayed');
      await send(sidecar, replay);
      await lab.expectBalance(ANDY, 101);
      const files = (): string[] => listed(faucet.userdata);
      const documents = faucet.store.countDocuments();
      const { head } = faucet.site.replica;
      const before = files();
      const wrong: string[] = [];
      let leaked = 0;
      let next = 0;
      let memory = 0;
      const worker = async (): Promise<void> => {
        for (let n = next++; n < ROUNDS; n = next++) {
          const isReplay = n % 50 === 0;
          const abuse = ABUSES[n % ABUSES.length] as Abuse;
          const answer = await send(sidecar, isReplay ? replay : abuse.request(n));
          const status = Number(answer.slice(9, 12));
          if (!(isReplay ? [200] : abuse.statuses).includes(status))
            wrong.push(`${n % ABUSES.length}: ${answer.slice(0, 300)}`);
          if (
            !isReplay &&
            /101|passwd|node_modules|root:|at \w+ \(|"version"/.test(answer.slice(answer.indexOf('\r\n\r\n')))
          )
            leaked += 1;
          if (n === ROUNDS / 5) memory = process.memoryUsage().heapUsed;
        }
      };
      await Promise.all(Array.from({ length: CONNECTIONS }, worker));
      expect(wrong.slice(0, 3)).toEqual([]);
      expect(leaked).toBe(0);
      expect(files()).toEqual(before);
      expect([faucet.store.countDocuments(), faucet.site.replica.head]).toEqual([documents, head]);
      expect(faucet.log.filter(({ level }) => level === 'error')).toEqual([]);
      await turn();
      expect((process.memoryUsage().heapUsed - memory) / 1e6).toBeLessThan(MEMORY_MB_MAX);
      await lab.expectBalance(ANDY, 101);
    },
    { config: { limits: { user_per_minute: 1_000_000 } } },
  );
});
