/** A hub as its config says, sidecar included, and a spoke beside it. */
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { json } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { parseHubConfig, parseSpokeConfig } from '../common/runtime/config.js';
import { SILENT } from '../common/runtime/log.js';
import { hashToken, writeTokens } from '../common/runtime/tokens.js';
import { spokeOptions } from '../common/site/compose.js';
import { Site } from '../common/site/site.js';
import { runHub } from './main.js';

let root: string;
beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-hub-'));
  for (const [site, peer] of [
    ['hub', 'spoke'],
    ['spoke', 'hub'],
  ]) {
    fs.mkdirSync(path.join(root, `${site}/userdata/balances`), { recursive: true });
    fs.mkdirSync(path.join(root, `${site}/state/inbox/${peer}`), { recursive: true });
  }
});
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

const section = (site: string, peer: string) => ({
  own: { site, userdata: `${root}/${site}/userdata`, state: `${root}/${site}/state` },
  peer: { site: peer, link: { type: 'folder', inbox: `${root}/${peer}/state/inbox/${site}` } },
});
const balanceOf = (site: string) =>
  JSON.parse(fs.readFileSync(`${root}/${site}/userdata/balances/1-andy.txt`, 'utf8')).balance;

/** The status and the balance that are answered to a change. */
function post(socketPath: string, change: { amount: number; source: string }): Promise<unknown[]> {
  const headers = {
    authorization: 'Bearer axle_x',
    'content-type': 'application/json',
    'idempotency-key': `key${change.amount}`,
  };
  return new Promise((resolve, reject) => {
    const options = { socketPath, path: '/v1/balances/1-andy/changes', method: 'POST', headers };
    const request = http.request(options, async (response) => {
      const body = (await json(response)) as { balance?: string };
      resolve([response.statusCode, body.balance]);
    });
    request.on('error', reject);
    request.end(JSON.stringify(change));
  });
}

it('answers HTTP beside its links: what is credited and taken there shows at the spoke', async () => {
  const [socket, tokens] = [`${root}/sidecar.sock`, `${root}/tokens.json`];
  writeTokens(tokens, [{ name: 'php', sha256: hashToken('axle_x'), scopes: ['balances:write'], created: '2026' }]);
  const { own, peer } = section('hub', 'spoke');
  const config = { ...own, spokes: [peer], sidecar: { port: 0, socket, tokens } };
  const hub = await runHub(parseHubConfig(JSON.stringify(config), 'hub.yaml'), SILENT);
  const { own: spokes, peer: itsHub } = section('spoke', 'hub');
  const spoke = new Site(
    await spokeOptions(parseSpokeConfig(JSON.stringify({ ...spokes, hub: itsHub }), 'spoke.yaml'), SILENT),
  );
  const change = (amount: number) => post(socket, { amount, source: 'chat' });
  try {
    await Promise.all([hub.ready, spoke.start()]);
    expect(await change(12.5)).toEqual([200, '12.5']);
    await vi.waitFor(() => expect(balanceOf('spoke')).toBe(12.5), 10_000);
    expect(await change(-5)).toEqual([200, '7.5']);
    await vi.waitFor(() => expect([balanceOf('hub'), balanceOf('spoke')]).toEqual([7.5, 7.5]), 10_000);
  } finally {
    await spoke.stop();
    await hub.stop();
  }
});
