/** The lines that people of the former system have in their scripts, with real curl against a real agent and simulated devices. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { parseMinerConfig } from '../config/config.js';
import { type MinerDaemon, runMiner } from '../main.js';
import { EXAMPLE_WALLET, Fleet } from '../simulate/fleet.js';

const run = promisify(execFile);
const PORTS = { rpc: 14_330, http: 18_382, whatsminer: 14_735 };

let folder: string;
let devices: Fleet;
let daemon: MinerDaemon;
let port: number;
beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-curl-'));
  port = await freePort(8000);
  devices = await Fleet.start({
    count: 2,
    first: '127.33.5.1',
    kinds: ['nerdminer', 'avalon-q'],
    ports: PORTS,
    pool_url: 'stratum+tcp://solo.ckpool.org:3333',
  });
  const config = `state: ${folder}
networks: [127.33.5.0/29]
scan_interval_s: 0
poll_interval_s: 5
ports: ${JSON.stringify(PORTS)}
api: {port: ${port}}`;
  const silent = () => {};
  daemon = await runMiner(parseMinerConfig(config, 'miner.yaml'), {
    error: silent,
    warn: silent,
    info: silent,
    debug: silent,
  });
});
afterAll(async () => {
  await daemon?.stop();
  await devices?.stop();
  fs.rmSync(folder, { recursive: true, force: true });
});

/** The wanted one, or any if somebody has it. */
function freePort(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', () => (wanted === 0 ? reject(new Error('no port')) : freePort(0).then(resolve, reject)));
    server.listen(wanted, '127.0.0.1', () => {
      const found = (server.address() as net.AddressInfo).port;
      server.close(() => resolve(found));
    });
  });
}

/** A line as it stands in a script, but for the port where 8000 is taken. */
async function curl(line: string): Promise<unknown> {
  const command = line
    .replaceAll(':8000/', `:${port}/`)
    .replace(/^curl/, 'curl -sS --max-time 15 -w "\\n%{http_code}"');
  const { stdout } = await run('bash', ['-c', command]);
  const [, body = '', status] = /^([\s\S]*)\n(\d{3})$/.exec(stdout) ?? [];
  expect([line, status]).toEqual([line, expect.stringMatching(/^20[012]$/)]);
  return JSON.parse(body);
}

it('scans, lists, reads, adds, links and logs shares, line by line', async () => {
  const job = (await curl('curl -X POST http://localhost:8000/api/miners/scan')) as { job_id: number };
  expect(job).toMatchObject({ state: 'running', networks: ['127.33.5.0/29'] });
  await daemon.agent.scans.finished(job.job_id);

  const miners = (await curl('curl http://localhost:8000/api/miners')) as { id: number; miner_type: string }[];
  expect(miners.map(({ miner_type }) => miner_type).sort()).toEqual(['avalon', 'nerdminer']);
  expect(miners[0]).toMatchObject({ id: 1, status: 'online', enabled: true, auto_discovered: true });

  const kind = miners[0]?.miner_type as string;
  const info = await curl('curl http://localhost:8000/api/miners/1/info');
  expect(info).toMatchObject({
    miner_type: kind,
    firmware_version: expect.any(String),
    hashrate: expect.any(Number),
    temperature: expect.any(Number),
    pool_url: expect.stringContaining('solo.ckpool.org'),
    pool_user: expect.stringContaining(`${EXAMPLE_WALLET}.`),
    status: 'online',
  });

  const added = await curl(`curl -X POST http://localhost:8000/api/miners \\
  -H "Content-Type: application/json" \\
  -d '{
    "name": "My Avalon Nano",
    "miner_type": "avalon",
    "ip_address": "192.168.1.100",
    "api_port": 4028
  }'`);
  expect(added).toMatchObject({ name: 'My Avalon Nano', miner_type: 'avalon', ip_address: '192.168.1.100' });

  await curl(
    `curl http://localhost:8000/api/wallets -d '{"address": "${EXAMPLE_WALLET}", "pool": "ckpool_btc"}' -H "Content-Type: application/json"`,
  );
  await vi.waitFor(async () => {
    const configs = (await curl('curl http://localhost:8000/api/miners/1/configs')) as object[];
    expect(configs[0]).toMatchObject({ wallet_id: 1, active: true });
  });
  const linked = await curl('curl -X POST "http://localhost:8000/api/miners/1/link-wallet?wallet_id=1"');
  expect(linked).toMatchObject({ miner_id: 1, wallet_id: 1, configs: [{ linked: 'manual' }] });

  const share = await curl(`curl -X POST http://localhost:8000/api/wallet/1/shares \\
  -H "Content-Type: application/json" \\
  -d '{
    "pool_name": "Solo CKPool",
    "difficulty": 1234567890.12,
    "worker_name": "avalon_nano_01",
    "accepted": true
  }'`);
  expect(share).toMatchObject({ difficulty: 1_234_567_890.12, worker_name: 'avalon_nano_01', accepted: true });

  // What its Python lines ask for.
  const enabled = (await curl('curl "http://localhost:8000/api/miners?enabled_only=true"')) as { status: string }[];
  expect(enabled.map(({ status }) => status)).toContain('online');
  expect(await curl('curl http://localhost:8000/api/wallet/1/shares')).toMatchObject([
    { worker_name: 'avalon_nano_01' },
  ]);
  expect(await curl('curl http://localhost:8000/api/miner-types')).toHaveLength(7);
});

it('shows what the agent reads, live and over time', async () => {
  await vi.waitFor(
    async () => {
      const history = (await curl('curl "http://localhost:8000/api/history?miner_id=1"')) as {
        hashrate_hps: (number | null)[];
      };
      expect(history.hashrate_hps.some((value) => value !== null)).toBe(true);
    },
    { timeout: 15_000, interval: 500 },
  );
  const { stdout } = await run('bash', [
    '-c',
    `curl -sN --max-time 3 http://localhost:${port}/api/fleet/events || true`,
  ]);
  expect(stdout).toMatch(/^retry: 2000\n\nevent: fleet\ndata: \{"at":\d+/);
});
