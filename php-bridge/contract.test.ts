/** The stand-in for the sidecar that these tests use answers as the sidecar does. */
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Lab } from '../common/testing/sites.js';
import { LabSidecar, SERVICE } from '../sidecar/testing/sidecars.js';
import { ContractServer, type Mishap } from './testing/contract-server.js';

type Ask = readonly [method: string, url: string, body?: unknown, key?: string | undefined];

const CHANGES = '/v1/balances/1-andy/changes';
const change = (amount: unknown, key?: string, more: object = {}): Ask => [
  'POST',
  CHANGES,
  { amount, source: 'faucet', ...more },
  key,
];

const EARNED = { id: '1', type: 'earn', amount: 20, source: 'faucet', timestamp: new Date().toISOString() };

/** In this order, on one balance of 100. */
const ASKS: readonly Ask[] = [
  ['GET', '/v1/balances/1-andy'],
  ['GET', '/v1/balances/2-nobody'],
  change('5', 'a'),
  change('5', 'a'),
  change('6', 'a'),
  change('5', 'a', { description: 'x' }),
  change('-1000', 'b'),
  change('2000', 'c'),
  // A refusal is an answer, which the key keeps; it is not judged anew.
  change('-1000', 'b'),
  change('-1000', 'b', { clamp: true }),
  change('-10000', 'd', { clamp: true }),
  change('-10000', 'd', { clamp: true }),
  change('-1', 'e', { clamp: true }),
  change('5', undefined),
  change('5', 'not one word'),
  change('0', 'f'),
  change('five', 'g'),
  change('5', 'h', { clamp: true }),
  change('5', 'i', { source: 'no word' }),
  change('5', 'j', { balance: 9 }),
  change('5', 'k', { description: 'x'.repeat(201) }),
  ['POST', CHANGES, 'no object', 'l'],
  ['POST', '/v1/balances/..%2f..%2fx/changes', { amount: '5', source: 'x' }, 'm'],
  ['GET', '/v1/balances/1-andy.backup'],
  ['GET', '/v1/profiles/1-andy'],
  ['PATCH', '/v1/profiles/1-andy', { level: 1, settings: { theme: 'dark', more: {} }, bio: 'x' }],
  ['PATCH', '/v1/profiles/1-andy', { settings: { theme: null }, bio: null, website: 'y' }],
  ['PATCH', '/v1/profiles/1-andy', { settings: {} }],
  ['PATCH', '/v1/profiles/1-andy', []],
  ['GET', '/v1/profiles/1-andy'],
  ['POST', '/v1/guests/1-andy/claim', { transactions: [EARNED] }],
  ['POST', '/v1/guests/1-andy/claim', { transactions: [EARNED, { ...EARNED, id: '2' }] }],
  ['POST', '/v1/guests/1-andy/claim', { transactions: [] }],
  ['POST', '/v1/guests/1-andy/claim', { transactions: [{ ...EARNED, amount: -1 }] }],
  ['GET', '/v1/nothing'],
  ['GET', '/v1/balances/1-andy'],
];

type Said = { readonly status: number; readonly retryAfter: string | undefined; readonly body: unknown };

function ask(socketPath: string, [method, url, body, key]: Ask, token = SERVICE): Promise<Said> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(key !== undefined && { 'idempotency-key': key }),
    };
    const request = http.request({ socketPath, path: url, method, headers }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          retryAfter: response.headers['retry-after'],
          body: plain(JSON.parse(text)),
        }),
      );
    });
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Without what differs from one machine and moment to the next, and without its words. */
function plain(body: unknown): unknown {
  return JSON.parse(JSON.stringify(body), (name, value) =>
    ['id', 'at', 'last_updated', 'message'].includes(name) && value !== null ? typeof value : value,
  );
}

describe('the stand-in for the sidecar', () => {
  it('answers as the sidecar does', async () => {
    const lab = new Lab({ inMemory: true });
    const folder = fs.mkdtempSync(path.join(lab.root, 'contract-'));
    const contract = new ContractServer(path.join(folder, 'contract.sock'));
    await contract.start();
    let sidecar: LabSidecar | undefined;
    let few: LabSidecar | undefined;
    try {
      for (const site of lab.sites) site.write('balances/1-andy', { balance: 100, last_updated: 1_770_000_000 });
      await lab.start();
      await lab.settled();
      sidecar = await LabSidecar.start(lab, lab.site('roflfaucet'));
      contract.balances.set('1-andy', 100);
      for (const one of ASKS) {
        const said = await ask(sidecar.config.socket, one);
        expect([one, await ask(contract.socketPath, one)]).toEqual([one, said]);
      }
      // What the stand-in says on demand.
      const demand = (mishap: Mishap): Promise<Said> => {
        contract.next(mishap);
        return ask(contract.socketPath, change('5', 'n'));
      };
      expect(await demand('401')).toEqual(await ask(sidecar.config.socket, change('5', 'n'), 'axle_unknown'));
      few = await LabSidecar.start(lab, lab.site('roflfaucet'), { limits: { service_per_minute: 1 } });
      await ask(few.config.socket, change('5', 'o'));
      const { status, body } = await ask(few.config.socket, change('5', 'p'));
      expect(await demand('429')).toMatchObject({ status, body });
    } finally {
      await few?.close();
      await sidecar?.close();
      await contract.stop();
      await lab.close();
    }
  }, 30_000);
});
