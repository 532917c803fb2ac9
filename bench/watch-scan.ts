/**
 * How watching and scanning grow with the number of files in one folder:
 *
 *   node dist/bench/watch-scan.js [files …]     default 10000 100000 1000000; needs some 5 GB of disk for the last
 *
 * Prints one JSON line per size: time to start watching, resident memory before and after, the scan with a comparison of
 * every fingerprint, and the latency of changes at rest, every 100 ms, and while a scan runs.
 */
import { fork } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { fingerprint } from '../common/replica/fingerprint.js';
import { PrintTable } from '../common/replica/print-table.js';
import { type FileStat, scanKind } from '../common/replica/scanner.js';
import { TreeWatcher } from '../common/replica/watcher.js';

const now = () => performance.now();
/** Shared between processes, unlike performance.now. */
const monotonicMs = () => Number(process.hrtime.bigint()) / 1e6;
const rssMb = () => Math.round(process.memoryUsage.rss() / 1e6);

async function measure(files: number): Promise<void> {
  const base = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'axle-bench-scan-')));
  const folder = path.join(base, 'balances');
  try {
    fs.mkdirSync(folder);
    for (let i = 0; i < files; i++)
      fs.writeFileSync(
        path.join(folder, `${i}-user${i}.txt`),
        `{"user_id":"${i}-user${i}","balance":${i},"last_updated":1764278255}`,
      );
    console.log(JSON.stringify(await measureFolder(base, files)));
  } finally {
    fs.rmSync(base, { recursive: true, force: true });
  }
}

async function measureFolder(root: string, files: number) {
  const seen = new Map<string, number>();
  const rssBefore = rssMb();
  const started = now();
  const watcher = new TreeWatcher({
    root,
    kinds: ['balances'],
    onHint: (_kind, name) => name !== undefined && !seen.has(name) && seen.set(name, monotonicMs()),
    onLost: (kind, reason) => console.error('lost', kind, reason),
    random: Math.random,
  });
  await watcher.start();
  const startMs = Math.round(now() - started);
  const rssWatching = rssMb();
  const table = new PrintTable(1, files);
  await scanKind(root, 'balances', (name, stat) => table.add(name, fingerprint(stat)), { now });
  let different = 0;
  const compare = (name: string, stat: FileStat) => {
    if (!table.confirm(name, fingerprint(stat))) different++;
  };
  const scan = () => scanKind(root, 'balances', compare, { now });
  const scanned = await scan();
  if (different > 0) throw new Error(`${different} files differ though nobody wrote`);
  const rssScanned = rssMb();
  const quiet = await latency(root, seen, 8, 700);
  const steady = await latency(root, seen, 60, 100);
  let scanning = true;
  const scans = (async () => {
    while (scanning) await scan();
  })();
  const duringScan = await latency(root, seen, 30, 100);
  scanning = false;
  await scans;
  const cpu = process.cpuUsage();
  await sleep(5_000);
  const idle = process.cpuUsage(cpu);
  const probed = await watcher.probe();
  await watcher.close();
  return {
    files,
    startMs,
    scanMs: Math.round(scanned.ms),
    usPerFile: Number(((scanned.ms * 1e3) / scanned.files).toFixed(2)),
    rssMb: { before: rssBefore, watching: rssWatching, scanned: rssScanned },
    latencyMs: { quiet, steady, duringScan },
    idleCpuPercent: Number(((idle.user + idle.system) / 5e4).toFixed(3)),
    probed,
  };
}

/** Another process writes `count` files, one each `everyMs`; from before its write to the hint. */
async function latency(root: string, seen: Map<string, number>, count: number, everyMs: number) {
  const writer = fork(fileURLToPath(import.meta.url), [
    '--writer',
    path.join(root, 'balances'),
    String(count),
    String(everyMs),
  ]);
  const written = await new Promise<Record<string, number>>((resolve, reject) => {
    writer.once('message', (message) => resolve(message as Record<string, number>));
    writer.once('error', reject);
  });
  await sleep(200);
  const ms = Object.entries(written)
    .map(([name, at]) => (seen.get(name) ?? Number.POSITIVE_INFINITY) - at)
    .sort((a, b) => a - b);
  for (const name of Object.keys(written)) fs.rmSync(path.join(root, 'balances', name));
  await sleep(50);
  seen.clear();
  const at = (part: number) =>
    Number((ms[Math.min(ms.length - 1, Math.floor(ms.length * part))] ?? Number.NaN).toFixed(2));
  return { p50: at(0.5), p99: at(0.99) };
}

async function write(folder: string, count: number, everyMs: number): Promise<void> {
  const written: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    await sleep(everyMs);
    written[`w${i}.txt`] = monotonicMs();
    fs.writeFileSync(path.join(folder, `w${i}.txt`), '{}');
  }
  await new Promise((sent) => process.send?.(written, sent));
  process.disconnect();
}

const [first, ...rest] = process.argv.slice(2);
if (first === '--writer') await write(rest[0] as string, Number(rest[1]), Number(rest[2]));
else
  for (const files of first === undefined ? [10_000, 100_000, 1_000_000] : [first, ...rest].map(Number))
    await measure(files);
