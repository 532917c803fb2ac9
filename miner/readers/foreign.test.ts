/**
 * The framing against programs that are not of this repository: a cgminer, bfgminer or sgminer with `--api-listen` that
 * CGMINER_API names, and fake_cgminer (of the Ruby gem cgminer_test_support), which ends its answers by closing the
 * connection, without NUL.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseTolerant } from '../adapters/tolerant-json.js';
import { type Interviewed, interview } from '../discovery/interview.js';
import { NetworkDevice } from './network-device.js';

const COMMANDS = ['summary', 'devs', 'pools', 'stats'] as const;

function deviceAt(address: string, rpc: number): NetworkDevice {
  return new NetworkDevice(address, { ports: { rpc } });
}

async function understood(device: NetworkDevice): Promise<Interviewed | undefined> {
  for (const command of COMMANDS) expect(parseTolerant(await device.rpc(command)), command).toHaveProperty('STATUS');
  const unknown = parseTolerant(await device.rpc('axle-knows-no-such-command'));
  expect(unknown).toHaveProperty('STATUS', [expect.objectContaining({ STATUS: 'E' })]);
  return interview(device, ['rpc']);
}

const { CGMINER_API = '' } = process.env;
const [, host = '', port = '4028'] = /^([\d.]+)(?::(\d+))?$/.exec(CGMINER_API) ?? [];

describe.skipIf(host === '')(
  host === ''
    ? 'a cgminer of others (skipped: CGMINER_API=127.0.0.1:4028 names none)'
    : `the cgminer at ${CGMINER_API}`,
  () => {
    it('is understood', async () => {
      const found = await understood(deviceAt(host, Number(port)));
      expect(found?.reading.uptime_s).toBeGreaterThanOrEqual(0);
    });
  },
);

const fake = programOf('fake_cgminer');

describe.skipIf(fake === undefined)(
  fake === undefined ? 'fake_cgminer (skipped: it is not on PATH; it comes with cgminer_test_support)' : 'fake_cgminer',
  () => {
    let child: ChildProcess;
    let rpc = 0;

    beforeAll(async () => {
      rpc = await freePort();
      child = spawn(fake as string, [`${rpc}`], { stdio: ['ignore', 'pipe', 'inherit'] });
      await Promise.race([new Promise((ready) => child.stdout?.once('data', ready)), sleep(10_000, 0, { ref: false })]);
    });
    afterAll(() => void child.kill());

    it('is understood', async () => {
      const found = await understood(deviceAt('127.0.0.1', rpc));
      expect(found?.adapter.family).toBe('antminer');
      expect(found?.reading).toMatchObject({
        uptime_s: 12_345,
        hashrate_hps: 56_789.12e6,
        shares_accepted: 100,
        difficulty_accepted: 6_400,
        pools: [{ url: 'stratum+tcp://example.pool:3333', user: 'worker1', difficulty_accepted: 6_400 }],
      });
    });

    it('answers twenty at once', async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => deviceAt('127.0.0.1', rpc).rpc('pools')));
      expect(new Set(answers).size).toBe(1);
      expect(JSON.parse(answers[0] as string)).toHaveProperty('POOLS');
    });
  },
);

function programOf(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter(Boolean);
  return folders
    .map((folder) => path.join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port: free } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return free;
}
