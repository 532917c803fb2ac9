import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { SILENT } from '../../common/runtime/log.js';
import { FleetStore } from '../store/store.js';
import type { CreditConfig } from './config.js';
import { openMoney } from './money.js';
import { NetworkDifficulty } from './network-difficulty.js';

const NEAR = '150000000000000';
const HOUR_MS = 3_600_000;

let server: http.Server;
let url: string;
let asked: number;
let says: string | undefined;
let now: number;
let store: FleetStore;
beforeAll(async () => {
  server = http.createServer((_, response) => {
    asked += 1;
    if (says === undefined) response.writeHead(503).end();
    else response.end(says);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/network`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  asked = 0;
  now = 1_700_000_000_000;
  store = FleetStore.open(':memory:');
});
afterEach(() => store.close());

const open = (more = {}) => new NetworkDifficulty({ store, url, near: NEAR, now: () => now, ...more });
const { signal } = new AbortController();

it.each([
  ['a node', '{"blocks":1,"difficulty":149301205959699.97}', '149301205959699.97'],
  ['mempool', '{"currentHashrate":1e21,"currentDifficulty":146472570619930.78}', '146472570619930.78'],
  ['text', '{"difficulty":"1.5e14"}', '150000000000000'],
])('is what %s says', async (_who, answer, difficulty) => {
  says = answer;
  const network = open();
  expect([network.current, network.error]).toEqual([undefined, expect.stringContaining('not asked yet')]);
  await network.refresh(signal);
  expect([network.current, network.error]).toEqual([difficulty, undefined]);
});

it.each([
  ['far too little', '{"difficulty":1}', /says 1, which is not near network_difficulty/],
  ['far too much', '{"difficulty":1e15}', /not near/],
  ['nothing', '{}', /says nothing/],
  ['no number', '{"difficulty":"-1"}', /not near/],
  ['no object', 'null', /says nothing/],
  ['a page', '<html>', /JSON/],
  ['more than it should', `"${'x'.repeat(1_000_001)}"`, /too long/],
  ['that it is in trouble', undefined, /answers 503/],
])('is not known where %s is said', async (_what, answer, words) => {
  says = answer;
  const network = open();
  await network.refresh(signal);
  expect([network.current, network.error]).toEqual([undefined, expect.stringMatching(words)]);
});

it('is kept for a day, over restarts too, and asked for once an hour', async () => {
  says = '{"difficulty":150000000000001}';
  const before = open();
  await before.refresh(signal);
  await before.refresh(signal);
  expect(asked).toBe(1);
  says = undefined;
  const network = open();
  now += HOUR_MS;
  await network.refresh(signal);
  await network.refresh(signal);
  expect([asked, network.current]).toEqual([2, '150000000000001']);
  expect(open({ url: `${url}2` }).current).toBeUndefined();
  expect(open({ near: '1' }).current).toBeUndefined();
  now += 23 * HOUR_MS;
  await network.refresh(signal);
  expect([network.current, network.error]).toEqual([undefined, expect.stringContaining('answers 503')]);
});

it('is waited for: nothing is credited by a guess, and all of it when it is known', async () => {
  const credit: CreditConfig = {
    sidecar: { socket: '/nowhere' },
    rate: {
      pps: { network_difficulty: NEAR, difficulty_url: url, block_reward: '1', fee: 0, per_coin: '100000000000000' },
    },
    ...{
      period_s: 600,
      users: { table: { rig: '1-andy' }, rules: [] },
      plausible: { min: 0.5, max: 1.5 },
      shares_d: 32,
    },
  };
  const money = openMoney({ store, credit, log: SILENT, now: () => now, random: () => 0 });
  store.works.add({
    ...{ miner_id: 1, worker_key: 'aa', worker: 'rig', pool_url: 'tcp://pool', pool_user: 'x.rig' },
    ...{ from_at: now - 600_000, to_at: now, difficulty: '300', shares: 1, is_estimate: 0 },
  });
  store.db.prepare("UPDATE works SET state = 'unassigned'").run();
  says = undefined;
  await money.round();
  expect(money.statement()).toEqual([]);
  expect(money.status().error).toContain('answers 503');
  says = '{"difficulty":100000000000000}';
  now += HOUR_MS;
  await money.round();
  expect(money.statement()).toMatchObject([{ user: '1-andy', owed: '300' }]);
  await money.stop();
});
