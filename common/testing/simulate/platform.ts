/**
 * Puts virtual time and simulated disks beneath this process: timers, clocks, chance, and `node:fs` for every path below
 * ROOT. Nothing of Axle is replaced; SQLite alone keeps its real files (state.db on tmpfs), because a commit is all or
 * nothing by its own proof. Import before anything that takes functions from node's modules (graceful-fs does).
 */
import { EventEmitter } from 'node:events';
import fs from 'node:fs';
import promises from 'node:fs/promises';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import timers from 'node:timers/promises';
import type { Machine } from './machine.js';
import { FD_FIRST, SystemCalls } from './system-calls.js';
import { type Time, Timer } from './time.js';

export const ROOT = `${fs.existsSync('/dev/shm') ? '/dev/shm' : '/tmp'}/axle-simulation-${process.pid}`;

let isReal = false;

/** Runs `work` on the real disk, whatever its paths: for databases. */
export function onRealDisk<T>(work: () => T): T {
  isReal = true;
  try {
    return work();
  } finally {
    isReal = false;
  }
}

export type Platform = { time: Time; random: () => number; machines: Map<string, Machine>; calls: SystemCalls };

/** What the process runs on now; another for each run. */
let platform: Platform;
export function use(next: Platform): void {
  platform = next;
}

export function systemCalls(): SystemCalls {
  return new SystemCalls((file) => {
    const [site = '', ...rest] = file.slice(ROOT.length + 1).split('/');
    const machine = platform.machines.get(site);
    if (machine === undefined) throw new Error(`no machine has ${file}`);
    return { machine, rest: rest.filter((one) => one !== '' && one !== '.') };
  });
}

const isSimulated = (file: unknown): boolean =>
  typeof file === 'number'
    ? file >= FD_FIRST
    : !isReal && typeof file === 'string' && file.startsWith(ROOT) && !path.basename(file).startsWith('state.db');

type AnyFunction = (...args: unknown[]) => unknown;

/** Calls take simulated paths and descriptors to the simulation, all others to the system. */
function route(target: object, name: string, simulated: AnyFunction): void {
  const native = (target as Record<string, AnyFunction>)[name] as AnyFunction;
  const routed: AnyFunction = (...args) => (isSimulated(args[0]) ? simulated(...args) : native.apply(target, args));
  (target as Record<string, AnyFunction>)[name] = Object.assign(routed, native);
}

const call = (name: string, args: unknown[]): unknown =>
  (platform.calls as unknown as Record<string, AnyFunction>)[name]?.(...args);

/** A call that another thread does: its answer comes as an event of its own. */
async function later(name: string, args: unknown[]): Promise<unknown> {
  await platform.time.sleep(platform.random() * 0.3);
  return call(name, args);
}

function installFiles(): void {
  const names = Object.getOwnPropertyNames(SystemCalls.prototype).filter((name) => name.endsWith('Sync'));
  for (const name of names) {
    route(fs, name, (...args) => call(name, args));
    const plain = name.slice(0, -'Sync'.length);
    if (plain in fs && plain !== 'open')
      route(fs, plain, (...args) => {
        const done = args.pop() as (error: unknown, result?: unknown) => void;
        later(name, args).then(
          (result) => done(null, result),
          (error) => done(error),
        );
      });
    if (plain in promises && plain !== 'open') route(promises, plain, (...args) => later(name, args));
  }
  route(promises, 'open', async (file) => {
    const fd = await later('openSync', [file]);
    return { sync: () => later('fsyncSync', [fd]), close: () => later('closeSync', [fd]) };
  });
  route(fs, 'watch', (folder, ...rest) => watch(folder as string, rest.at(-1) as (type: string, name: string) => void));
}

/** Events of one folder: late, and some of them never. */
function watch(folder: string, listener: (type: string, name: string) => void): unknown {
  const { time } = platform;
  const { machine, rest } = platform.calls.machineOf(folder);
  const node = machine.disk.find(rest);
  if (node === undefined) throw Object.assign(new Error('no such folder'), { code: 'ENOENT' });
  const owner = time.current;
  const tell = (name: string): void => {
    if (!owner.isDead && !machine.losesHint())
      time.add(machine.choices.next() * 2, () => listener('change', name), owner);
  };
  node.watchers.add(tell);
  return Object.assign(new EventEmitter(), { close: () => node.watchers.delete(tell) });
}

function installTime(): void {
  const at = (ms: unknown, run: AnyFunction, args: unknown[], every?: number): Timer =>
    platform.time.timer(ms as number, () => run(...args), every);
  const off = (timer: unknown): void => (timer as Timer | undefined)?.close?.();
  Object.assign(globalThis, {
    setTimeout: (run: AnyFunction, ms?: number, ...args: unknown[]) => at(ms, run, args),
    setInterval: (run: AnyFunction, ms: number, ...args: unknown[]) => at(ms, run, args, Math.max(1, ms)),
    setImmediate: (run: AnyFunction, ...args: unknown[]) =>
      new Timer(
        platform.time,
        platform.time.add(0, () => run(...args)),
      ),
    clearTimeout: off,
    clearInterval: off,
    clearImmediate: off,
  });
  Object.assign(timers, {
    setTimeout: (ms: number, value?: unknown, { signal }: { signal?: AbortSignal } = {}) =>
      Promise.race([
        platform.time.sleep(Math.max(1, ms)).then(() => value),
        ...(signal === undefined ? [] : [aborted(signal)]),
      ]),
    setImmediate: (value?: unknown) => platform.time.sleep(0).then(() => value),
  });
  Date.now = () => Math.floor(platform.time.now + (platform.time.current.machine?.aheadMs ?? 0));
  performance.now = () => platform.time.elapsed;
  Math.random = () => platform.random();
}

/** Rejects when the signal is given. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** @parcel/watcher sees the folders of one tree; here only what stands directly below its root. */
function installTreeWatch(): void {
  const library = createRequire(import.meta.url)('@parcel/watcher') as { subscribe: unknown };
  library.subscribe = async (root: string, tell: (error: unknown, events: unknown[]) => void) => {
    const watcher = watch(root, (_type, name) => tell(null, [{ type: 'update', path: `${root}/${name}` }]));
    return { unsubscribe: async () => (watcher as { close: () => void }).close() };
  };
}

export function install(): void {
  installFiles();
  installTime();
  installTreeWatch();
  syncBuiltinESMExports();
}
