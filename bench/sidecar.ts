/**
 * Durable credits over HTTP at a spoke that replicates to its hub, beside the sites' present way: PHP with flock and
 * file_put_contents under `php -S`, which brings nothing to disk.
 *
 *     node dist/bench/sidecar.js [--users 1000] [--connections 32] [--seconds 10] [--lists] [--dir /var/tmp] [--json]
 *
 * Everything shares the machine: hub, spoke, PHP and the load generator.
 */

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parse, stringify } from 'yaml';
import { hashToken, writeTokens } from '../common/runtime/tokens.js';
import { balanceText, readBalance } from './balance-file.js';
import { putUnderLoad, type Served } from './http-load.js';
import { killAll, ScaleDaemon } from './scale-daemon.js';
import { makeSites, userOf } from './scale-sites.js';
import { percentile } from './statistics.js';

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '1000' },
    connections: { type: 'string', default: '32' },
    seconds: { type: 'string', default: '10' },
    /** The files have a list of transactions, which grows by an entry with each credit. */
    lists: { type: 'boolean', default: false },
    dir: { type: 'string', default: process.platform === 'linux' ? '/var/tmp' : tmpdir() },
    json: { type: 'boolean', default: false },
  },
});
const [users, connections, seconds] = [Number(values.users), Number(values.connections), Number(values.seconds)];
const START = 1000;
const READY_MS = 60_000;
const WARM_UP_S = 2;
const TOKEN = 'axle_benchmark';

const base = realpathSync(mkdtempSync(`${values.dir}/axle-sidecar-`));
process.once('exit', () => {
  killAll();
  rmSync(base, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

interface Way {
  readonly way: string;
  readonly credits_per_s: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly failed: Record<string, number>;
  /** Processor milliseconds for each credit: of the daemon, or of PHP and its workers together. */
  readonly cpu_ms: number;
  readonly hub_cpu_ms?: number;
  /** From the last answer until every file at spoke and hub shows every credit. */
  readonly shown_after_s?: number;
}

const ways = [await sidecar(), await php()];
const report = { cores: cpus().length, load: loadavg()[0], users, connections, seconds, lists: values.lists, ways };
process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : text(report));

async function sidecar(): Promise<Way> {
  const { hub, spoke } = makeSites(`${base}/axle`);
  const port = await freePort();
  const tokens = `${base}/tokens.json`;
  writeTokens(tokens, [
    { name: 'bench', sha256: hashToken(TOKEN), scopes: ['balances:write', 'balances:read'], created: '' },
  ]);
  const section = { port, socket: `${base}/sidecar.sock`, tokens, limits: { service_per_minute: 100_000_000 } };
  writeFileSync(spoke.config, stringify({ ...parse(readFileSync(spoke.config, 'utf8')), sidecar: section }));
  makeUsers([hub.balances, spoke.balances]);
  const daemons = [hub, spoke].map((site) => new ScaleDaemon(site));
  await Promise.all(daemons.map((daemon) => daemon.ready(READY_MS)));
  const [atHub, atSpoke] = daemons as [ScaleDaemon, ScaleDaemon];
  let run = 0;
  const request = (n: number): string => {
    const body = '{"amount":1,"source":"faucet","description":"Claim"}';
    return (
      `POST /v1/balances/${userOf(n % users)}/changes HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${TOKEN}\r\n` +
      `idempotency-key: ${run}-${n}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
    );
  };
  const warm = await putUnderLoad({ port, connections, seconds: WARM_UP_S, request });
  run += 1;
  const [hubBefore, before] = [atHub.cpu_s(), atSpoke.cpu_s()];
  const served = await putUnderLoad({ port, connections, seconds, request });
  const cpu_ms = ((atSpoke.cpu_s() - before) / served.ok) * 1000;
  const hub_cpu_ms = ((atHub.cpu_s() - hubBefore) / served.ok) * 1000;
  const started = performance.now();
  const wanted = users * START + warm.ok + served.ok;
  for (const { balances } of [spoke, hub])
    for (let tries = 0; sumOf(balances) !== wanted; tries++) {
      if (tries > 600) throw new Error(`${sumOf(balances)} in ${balances} instead of ${wanted}`);
      await sleep(100);
    }
  const shown_after_s = (performance.now() - started) / 1000;
  for (const daemon of daemons) await daemon.stop();
  return { ...wayOf('sidecar, durable', served), cpu_ms, hub_cpu_ms, shown_after_s };
}

async function php(): Promise<Way> {
  const balances = `${base}/php`;
  mkdirSync(balances);
  makeUsers([balances]);
  const port = await freePort();
  const script = join(import.meta.dirname, '../../bench/write_balance.php');
  const env = { ...process.env, PHP_CLI_SERVER_WORKERS: '4', AXLE_BENCH_BALANCES: balances };
  const child = spawn('php', ['-d', 'display_errors=0', '-S', `127.0.0.1:${port}`, script], {
    env,
    stdio: 'ignore',
    // A group of its own: its workers outlive it.
    detached: true,
  });
  const end = () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid);
  };
  process.once('exit', end);
  await until(() => answers(port));
  const request = (n: number): string => {
    const body = JSON.stringify({ user_id: userOf(n % users), net_change: 1, source: 'faucet', server_id: 'x' });
    return `POST /write_balance.php HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  };
  const warm = await putUnderLoad({ port, connections, seconds: WARM_UP_S, request });
  const served = await putUnderLoad({ port, connections, seconds, request });
  const lost = users * START + warm.ok + served.ok - sumOf(balances);
  if (lost !== 0) process.stderr.write(`PHP: ${lost} credits are missing\n`);
  end();
  return { ...wayOf('PHP with flock, not durable', served), cpu_ms: Number.NaN };
}

/** The same files in each folder. */
function makeUsers(folders: readonly string[]): void {
  const list = { recent_transactions: [{ amount: 1, description: 'Claim', timestamp: 1770123495 }] };
  for (let n = 0; n < users; n += 1) {
    const plain = balanceText(userOf(n), START);
    const content = values.lists ? JSON.stringify({ ...JSON.parse(plain), ...list }, null, 4) : plain;
    for (const folder of folders) writeFileSync(`${folder}/${userOf(n)}.txt`, content);
  }
}

function wayOf(way: string, { ok, seconds, latencies_ms, failed }: Served) {
  const [p50_ms, p99_ms] = [percentile(latencies_ms, 0.5), percentile(latencies_ms, 0.99)];
  return { way, credits_per_s: ok / seconds, p50_ms, p99_ms, failed };
}

function sumOf(folder: string): number {
  let sum = 0;
  for (let n = 0; n < users; n += 1) sum += readBalance(folder, userOf(n)) ?? 0;
  return sum;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

async function until(check: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await check()); tries++) {
    if (tries > 100) throw new Error('the server does not answer');
    await sleep(50);
  }
}

function text({ load, ways: all, ...rest }: typeof report): string {
  const lines = all.map(({ way, credits_per_s, p50_ms, p99_ms, failed, cpu_ms, hub_cpu_ms, shown_after_s }) =>
    [
      `${way.padEnd(28)} ${Math.round(credits_per_s)} credits/s, p50 ${p50_ms.toFixed(1)} ms, p99 ${p99_ms.toFixed(1)} ms`,
      ...(Number.isNaN(cpu_ms) ? [] : [`cpu ${cpu_ms.toFixed(3)} ms a credit, hub ${hub_cpu_ms?.toFixed(3)} ms`]),
      ...(shown_after_s === undefined ? [] : [`all in both sites' files after ${shown_after_s.toFixed(1)} s`]),
      ...(Object.keys(failed).length === 0 ? [] : [`failed ${JSON.stringify(failed)}`]),
    ].join('; '),
  );
  return `${JSON.stringify(rest)}, load before ${load?.toFixed(1)}\n${lines.join('\n')}\n`;
}
