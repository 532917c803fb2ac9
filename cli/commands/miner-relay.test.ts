import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GistServer } from '../../miner/relay/testing/gist-server.js';
import { Fleet } from '../../miner/simulate/fleet.js';
import { buildProgram, runProgram } from '../program.js';

const PORTS = ['--rpc-port', '14238', '--http-port', '18290', '--whatsminer-port', '14643'];

let server: GistServer;
let agent: http.Server;
let agentUrl: string;
let answer: unknown;
let out: string[];
let errors: string[];

function capture(stream: 'stdout' | 'stderr'): string[] {
  const lines: string[] = [];
  vi.spyOn(process[stream], 'write').mockImplementation((text) => {
    lines.push(String(text));
    return true;
  });
  return lines;
}

beforeEach(async () => {
  server = await GistServer.start();
  server.accounts.set('ghp_abc', { owner: 'andy', scopes: ['gist'] });
  server.add('abc', 'andy');
  for (const [name, value] of [
    ['GIST_ID', 'abc'],
    ['GIST_TOKEN', 'ghp_abc'],
    ['GIST_API_URL', server.url],
    ['SYNC_INTERVAL', '60'],
  ] as const)
    vi.stubEnv(name, value);
  const miner = { id: 1, name: 'rig1', miner_type: 'axeos', address: '192.168.1.5', state: 'online' };
  answer = {
    at: Date.now(),
    poll_interval_s: 30,
    miners: [miner, { ...miner, id: 2, name: 'rig2', state: 'offline' }],
  };
  agent = http.createServer((_request, response) => response.end(JSON.stringify(answer)));
  await new Promise<void>((resolve) => agent.listen(0, '127.0.0.1', resolve));
  agentUrl = `http://127.0.0.1:${(agent.address() as AddressInfo).port}/`;
  out = capture('stdout');
  errors = capture('stderr');
});

afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  process.exitCode = undefined;
  agent.closeAllConnections();
  await new Promise((resolve) => agent.close(resolve));
  await server.close();
});

const relay = (...args: string[]) => runProgram(buildProgram(), ['node', 'axle', 'miner', 'relay', ...args]);

describe('axle miner relay', () => {
  it("publishes a running agent's fleet once, and says so", async () => {
    expect(await relay('--once', '--agent', agentUrl)).toBe(0);
    expect(out.join('')).toBe(
      'Publishing to Gist abc\nPolled 2 miners, 1 online\nSuccessfully updated Gist abc with 2 miners.\n',
    );
    expect(JSON.parse(server.textOf('abc'))).toMatchObject({ miner_count: 2, sync_interval: 60 });
    expect(server.textOf('abc')).not.toContain('192.168');
  });

  it('publishes what a scan finds', async () => {
    const fleet = await Fleet.start({
      count: 2,
      first: '127.23.4.1',
      kinds: ['antminer', 'bitaxe'],
      ports: { rpc: 14_238, http: 18_290, whatsminer: 14_643 },
    });
    try {
      expect(await relay('--once', '--addresses', '--scan', '127.23.4.0/29', ...PORTS)).toBe(0);
    } finally {
      await fleet.stop();
    }
    const { miners } = JSON.parse(server.textOf('abc')) as {
      miners: Record<string, { ip: string; hashrate_1m: number }>;
    };
    expect(
      Object.values(miners)
        .map(({ ip }) => ip)
        .sort(),
    ).toEqual(['127.23.4.1', '127.23.4.2']);
    for (const { hashrate_1m } of Object.values(miners)) expect(hashrate_1m).toBeGreaterThan(0.1);
  });

  it('says why it could not, and what to do', async () => {
    vi.stubEnv('GIST_TOKEN', 'ghp_wrong');
    expect(await relay('--once', '--agent', agentUrl)).toBe(1);
    expect(out.join('')).toMatch(
      /Not updated: HTTP error 401: Bad credentials: the GitHub token is invalid or expired/,
    );
    expect(out.join('')).not.toContain('ghp_wrong');
  });

  it('shows what it would publish, without a token', async () => {
    vi.stubEnv('GIST_TOKEN', '');
    expect(await relay('--dry-run', '--agent', agentUrl)).toBe(0);
    expect(JSON.parse(out.join(''))).toMatchObject({ miner_count: 2 });
    expect(server.asked).toEqual([]);
  });

  it('publishes through the hub instead', async () => {
    const userdata = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-relay-'));
    fs.mkdirSync(path.join(userdata, '.axle/locks'), { recursive: true });
    expect(await relay('--once', '--agent', agentUrl, '--hub-data', userdata, '--name', 'barn')).toBe(0);
    expect(JSON.parse(fs.readFileSync(path.join(userdata, 'fleet/barn.txt'), 'utf8'))).toMatchObject([
      { miner_count: 2 },
    ]);
    fs.rmSync(userdata, { recursive: true });
  });

  it.each([
    [['--once', '--name', '../x'], 'must be a-z'],
    [['--once', '--scan', 'lan'], 'is no IPv4 network'],
  ])('%j is refused', async (args, message) => {
    const code = await relay(...args);
    expect(`${errors.join('')}${out.join('')}`).toContain(message);
    expect(code).toBe(2);
  });

  it('refuses to start without a token', async () => {
    vi.stubEnv('GIST_TOKEN', '');
    expect(await relay('--once')).toBe(2);
    expect(errors.join('')).toContain('GIST_TOKEN is not set: make a token with the gist scope');
  });

  it('says where an agent was looked for', async () => {
    expect(await relay('--once', '--agent', 'http://127.0.0.1:9')).toBe(1);
    expect(out.join('')).toMatch(/no agent answers at http:\/\/127.0.0.1:9\/api\/fleet/);
    answer = { hello: 1 };
    expect(await relay('--once', '--agent', agentUrl)).toBe(1);
    expect(out.join('')).toMatch(/answers, but not as an agent does/);
  });
});

describe('axle dashboard', () => {
  it('says what to set', async () => {
    vi.stubEnv('CLOUD_MODE', '');
    expect(await runProgram(buildProgram(), ['node', 'axle', 'dashboard'])).toBe(2);
    expect(errors.join('')).toContain('CLOUD_MODE=true and GIST_ID');
  });
});
