import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { NetworkDevice } from '../../miner/readers/network-device.js';
import { Fleet } from '../../miner/simulate/fleet.js';
import { buildProgram, runProgram } from '../program.js';

const PORTS = ['--rpc-port', '14228', '--http-port', '18280', '--whatsminer-port', '14633'];

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  process.exitCode = undefined;
});

function capture(stream: 'stdout' | 'stderr'): string[] {
  const lines: string[] = [];
  vi.spyOn(process[stream], 'write').mockImplementation((text) => {
    lines.push(String(text));
    return true;
  });
  return lines;
}

describe('axle miner simulate', () => {
  it('starts miners that answer, and names them', async () => {
    const out = capture('stdout');
    const running = runProgram(buildProgram(), [
      ...[
        'node',
        'axle',
        'miner',
        'simulate',
        '--count',
        '2',
        '--first',
        '127.23.0.1',
        '--kind',
        'antminer',
        '--kind',
        'bitaxe',
      ],
      ...['--fault', 'hung=1', '--seconds', '2', '--json', ...PORTS],
    ]);
    await vi.waitFor(() => expect(out).toHaveLength(3));
    expect(out.map((line) => JSON.parse(line))).toEqual([
      { address: '127.23.0.1', mac: '02:ae:1e:00:00:01', name: 'antminer-001', kind: 'antminer' },
      { address: '127.23.0.2', mac: '02:ae:1e:00:00:02', name: 'bitaxe-002', kind: 'bitaxe', fault: 'hung' },
      { level: 'info', event: 'ready', miners: 2 },
    ]);
    const device = new NetworkDevice('127.23.0.1', { ports: { rpc: 14_228 } });
    expect(JSON.parse(await device.rpc('version')).VERSION[0].Type).toBe('Antminer S19 Pro');
    expect(await running).toBe(0);
  });

  it.each([
    [['--count', '0'], 'must be a number from 1'],
    [['--first', '192.168.1.1'], 'must be an address 127.x.y.z'],
    [['--kind', 'toaster'], 'must be one of antminer'],
    [['--fault', 'fire=1'], 'must be one of hung'],
    [['--http-port', '70000'], 'must be 1–65535'],
    [['--fault', 'hung=99', '--fault', 'slow', '--count', '3'], '100 faults are more than 3 miners'],
  ])('%j is refused', async (args, message) => {
    const errors = capture('stderr');
    expect(await runProgram(buildProgram(), ['node', 'axle', 'miner', 'simulate', ...args])).toBe(2);
    expect(errors.join('')).toContain(message);
  });

  it('says what to do where the ports are taken', async () => {
    capture('stdout');
    const errors = capture('stderr');
    const args = [
      'node',
      'axle',
      'miner',
      'simulate',
      '--count',
      '1',
      '--first',
      '127.23.1.1',
      '--seconds',
      '1',
      ...PORTS,
    ];
    const [first, second] = await Promise.all([
      runProgram(buildProgram(), args),
      new Promise((resolve) => setTimeout(resolve, 200)).then(() => runProgram(buildProgram(), args)),
    ]);
    expect([first, second]).toEqual([0, 1]);
    expect(errors.join('')).toContain('Another program listens there');
  });
});

describe('axle miner', () => {
  it('says what it needs', async () => {
    const errors = capture('stderr');
    expect(await runProgram(buildProgram(), ['node', 'axle', 'miner'])).toBe(2);
    expect(errors.join('')).toContain('axle miner needs --config FILE, or a command');
  });

  it('refuses a config with mistakes, as check-config does', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-miner-'));
    const file = path.join(folder, 'miner.yaml');
    try {
      for (const command of [['miner', '--config'], ['check-config']]) {
        fs.writeFileSync(file, 'poll_interval_s: 30\nports: {rpc: 0}\n');
        const errors = capture('stderr');
        expect(await runProgram(buildProgram(), ['node', 'axle', ...command, file])).toBe(2);
        expect(errors.join('')).toContain('miner.yaml:2: ports.rpc: must be 1–65535 (got 0)');
      }
      fs.writeFileSync(file, 'poll_interval_s: 30\n');
      const out = capture('stdout');
      expect(await runProgram(buildProgram(), ['node', 'axle', 'check-config', file])).toBe(0);
      expect(out.join('')).toMatch(/good, for the miner agent\n$/);
      fs.writeFileSync(
        file,
        `credit: {sidecar: {socket: /run/s}, token_file: ${folder}/none, rate: {per_difficulty: "1"}}\n`,
      );
      expect(await runProgram(buildProgram(), ['node', 'axle', 'check-config', file])).toBe(0);
      expect(out.join('')).toContain(`Credits wait: ${folder}/none cannot be read by this account`);
      fs.writeFileSync(file, 'relay: {gist: {}}\n');
      for (const [name, value] of [
        ['GIST_ID', ''],
        ['GIST_TOKEN', 'ghp_abc'],
      ] as const)
        vi.stubEnv(name, value);
      expect(await runProgram(buildProgram(), ['node', 'axle', 'check-config', file])).toBe(0);
      expect(out.at(-1)).toMatch(
        /^Nothing goes to the Gist, unless .*: GIST_ID is not set: set it, or relay\.gist\.id/,
      );
      fs.writeFileSync(file, 'relay: {gist: {id: abc}}\n');
      expect(await runProgram(buildProgram(), ['node', 'axle', 'check-config', file])).toBe(0);
      expect(out.at(-1)).toMatch(/good, for the miner agent\n$/);
      fs.writeFileSync(file, 'log_file: /var/log/m.log\nrelay: {hub: {userdata: /srv/data, name: home}}\n');
      expect(await runProgram(buildProgram(), ['node', 'axle', 'check-config', '--drop-in', file])).toBe(0);
      expect(out.at(-1)).toContain('\nReadWritePaths=-/var/log -/srv/data/fleet\n');
      fs.writeFileSync(file, 'poll_interval_s: 30\n');
      expect(await runProgram(buildProgram(), ['node', 'axle', 'check-config', '--drop-in', file])).toBe(0);
      expect(out.at(-1)).not.toContain('ReadWritePaths');
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
});

describe('axle miner scan', () => {
  it('finds simulated miners and shows them', async () => {
    const fleet = await Fleet.start({
      count: 2,
      first: '127.23.2.1',
      kinds: ['antminer', 'nerdminer'],
      ports: { rpc: 14_228, http: 18_280, whatsminer: 14_633 },
    });
    try {
      const out = capture('stdout');
      expect(await runProgram(buildProgram(), ['node', 'axle', 'miner', 'scan', '127.23.2.0/29', ...PORTS])).toBe(0);
      const lines = out.join('').split('\n');
      expect(lines[0]).toMatch(
        /^127\.23\.2\.1 +02:ae:1e:00:00:01 +Antminer S19 Pro +1\d\d\.\d TH\/s +78 °C +\S+\.antminer-001$/,
      );
      expect(lines[1]).toMatch(/^127\.23\.2\.2 +02:ae:1e:00:00:02 +ESP32-2432S028R +\d\d\.\d kH\/s +51 °C/);
      expect(lines[2]).toMatch(/^2 miners among 6 addresses of 127\.23\.2\.0\/29 in/);
    } finally {
      await fleet.stop();
    }
  });

  it('refuses what is no network', async () => {
    const errors = capture('stderr');
    expect(await runProgram(buildProgram(), ['node', 'axle', 'miner', 'scan', 'lan'])).toBe(2);
    expect(errors.join('')).toContain('lan is no IPv4 network such as 192.168.1.0/24');
  });
});

describe('axle miner token', () => {
  it('makes, lists and removes tokens, also before the config may be used without one', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-miner-token-'));
    const config = path.join(folder, 'miner.yaml');
    fs.writeFileSync(config, `state: ${folder}\napi: { host: 0.0.0.0 }\n`);
    const axle = (...args: string[]) => runProgram(buildProgram(), ['node', 'axle', ...args]);
    try {
      const out = capture('stdout');
      const errors = capture('stderr');
      expect(await axle('check-config', config)).toBe(2);
      expect(errors.join('')).toContain('axle miner token add');
      expect(await axle('miner', 'token', 'add', 'phone', '--scope', 'read', '--config', config)).toBe(0);
      expect(out.join('')).toMatch(/^axle_[\w-]{43}\n$/);
      expect(await axle('check-config', config)).toBe(0);
      expect(await axle('miner', 'token', 'list', '--config', config)).toBe(0);
      expect(out.at(-1)).toMatch(/^phone +\d{4}-\d\d-\d\d {2}read\n$/);
      expect(await axle('miner', 'token', 'add', 'x', '--scope', 'balances:read', '--config', config)).toBe(2);
      expect(await axle('miner', 'token', 'add', 'phone', '--config', config)).toBe(2);
      expect(errors.at(-1)).toContain('axle miner token rotate phone');
      expect(await axle('miner', 'token', 'remove', 'phone', '--config', config)).toBe(0);
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  });
});
