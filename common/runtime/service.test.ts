import { EventEmitter } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Fields, Log } from './log.js';
import { parentGone, type Running, type ServeOptions, serve } from './service.js';
import { systemdNotifier, watchdogPeriod } from './service-notify.js';

function recorder() {
  const lines: string[] = [];
  const write =
    (level: string) =>
    (event: string, fields: Fields = {}) => {
      lines.push(`${level} ${event}${fields.reason === undefined ? '' : `: ${fields.reason}`}`);
    };
  const log: Log = { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') };
  const told: string[] = [];
  const said: string[] = [];
  const notifier = {
    ready: async () => void told.push('ready'),
    status: async (text: string) => void said.push(text),
    stopping: async () => void told.push('stopping'),
    watch: () => () => {},
  };
  return { lines, told, said, log, notifier };
}

function serving(running: Partial<Running>, more: Partial<ServeOptions> = {}) {
  const signals = new EventEmitter();
  const record = recorder();
  const exits: number[] = [];
  const service: Running = { ready: Promise.resolve(), stop: async () => {}, ...running };
  const { log, notifier } = record;
  const code = serve(async () => service, { log, notifier, signals, exit: (code) => exits.push(code), ...more });
  return { ...record, signals, exits, code };
}

describe('a served service', () => {
  it('tells systemd when it is ready, and stops at the first signal', async () => {
    const stop = vi.fn(async () => {});
    const { code, signals, told, lines } = serving({ stop });
    await expect.poll(() => told).toEqual(['ready']);
    signals.emit('SIGTERM');
    expect(await code).toBe(0);
    expect(stop).toHaveBeenCalledOnce();
    expect(told).toEqual(['ready', 'stopping']);
    expect(lines).toEqual(['info stopping: SIGTERM', 'info stopped']);
    expect(signals.listenerCount('SIGTERM')).toBe(0);
  });

  it('stops when asked before it is ready', async () => {
    const { code, signals, told } = serving({ ready: new Promise(() => {}) });
    signals.emit('SIGINT');
    expect(await code).toBe(0);
    expect(told).toEqual(['stopping']);
  });

  it('exits at once at the second signal', async () => {
    const { signals, exits } = serving({ stop: () => new Promise(() => {}) });
    signals.emit('SIGINT');
    expect(exits).toEqual([]);
    signals.emit('SIGTERM');
    expect(exits).toEqual([1]);
  });

  it('ends with 1 when stopping takes too long', async () => {
    const { code, signals, lines } = serving({ stop: () => new Promise(() => {}) }, { stop_ms_max: 10 });
    signals.emit('SIGTERM');
    expect(await code).toBe(1);
    expect(lines.at(-1)).toBe('error did not stop in time');
  });

  it('stops what broke, and ends with 1', async () => {
    const stop = vi.fn(async () => {});
    const { code, lines } = serving({ ready: Promise.reject(new Error('disk full')), stop });
    expect(await code).toBe(1);
    expect(stop).toHaveBeenCalledOnce();
    expect(lines[0]).toBe('error failed: disk full');
    const later = serving({ failed: Promise.reject(new Error('broke later')) });
    expect(await later.code).toBe(1);
  });

  it('ends with 1 when it cannot even start', async () => {
    const { log, notifier, lines } = recorder();
    const start = () => Promise.reject(new Error('no such table'));
    expect(await serve(start, { log, notifier, signals: new EventEmitter() })).toBe(1);
    expect(lines).toEqual(['error failed: no such table']);
  });

  it('says its status when it has changed, once for each look', async () => {
    let line = 'joining';
    const { code, signals, said } = serving({ statusLine: () => line }, { status_ms: 10 });
    await sleep(50);
    expect(said).toEqual(['joining']);
    line = '2 peers, 0 behind';
    await expect.poll(() => said).toEqual(['joining', '2 peers, 0 behind']);
    signals.emit('SIGTERM');
    await code;
    line = 'nobody is there to say this';
    await sleep(30);
    expect(said).toHaveLength(2);
  });

  it('reloads at SIGHUP, says what came of it, and goes on', async () => {
    const answers = ['config refused', undefined];
    const reload = vi.fn(() => answers.shift());
    const { code, signals, said } = serving({ statusLine: () => 'well' }, { reload });
    await expect.poll(() => said).toEqual(['well']);
    signals.emit('SIGHUP');
    signals.emit('SIGHUP');
    expect(said).toEqual(['well', 'config refused; well', 'well']);
    signals.emit('SIGTERM');
    expect(await code).toBe(0);
    expect(reload).toHaveBeenCalledTimes(2);
    expect(signals.listenerCount('SIGHUP')).toBe(0);
  });

  it('stops when its parent is gone', async () => {
    const stdin = new PassThrough();
    const { code, lines } = serving({}, { stopOn: parentGone(stdin) });
    stdin.end();
    expect(await code).toBe(0);
    expect(lines[0]).toBe('info stopping: parent gone');
  });
});

describe('systemd', () => {
  const { PATH } = process.env;
  afterEach(() => {
    process.env.PATH = PATH;
  });

  it('hears nothing outside of a unit', async () => {
    process.env.PATH = '/nowhere';
    const notifier = systemdNotifier({});
    await notifier.ready();
    await notifier.stopping();
  });

  it('may be without its systemd-notify program: the daemon goes on', async () => {
    process.env.PATH = '/nowhere';
    const notifier = systemdNotifier({ NOTIFY_SOCKET: '/run/nobody' });
    await expect(notifier.ready()).resolves.toBeUndefined();
    await expect(notifier.status('joining')).resolves.toBeUndefined();
    await expect(notifier.stopping()).resolves.toBeUndefined();
  });

  it('is told in the words of systemd-notify(1), also by the watchdog', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'axle-notify-'));
    const said = join(dir, 'said');
    writeFileSync(join(dir, 'systemd-notify'), `#!/bin/sh\necho "$@" >> ${said}\n`);
    chmodSync(join(dir, 'systemd-notify'), 0o755);
    process.env.PATH = `${dir}:${PATH}`;
    const notifier = systemdNotifier({ NOTIFY_SOCKET: '/run/nobody', WATCHDOG_USEC: '20000' });
    await notifier.ready();
    await notifier.status('two\nlines');
    const end = notifier.watch(async () => {});
    const pid = `--pid=${process.pid}`;
    await expect.poll(() => readFileSync(said, 'utf8')).toContain(`${pid} WATCHDOG=1\n`);
    end();
    await notifier.stopping();
    const lines = readFileSync(said, 'utf8').split('\n');
    expect(lines.slice(0, 2)).toEqual([`--ready ${pid}`, `${pid} --status=two lines`]);
    expect(lines).toContain(`${pid} STOPPING=1`);
    rmSync(dir, { recursive: true });
  });

  it('hears no sign of life from work that stands still, nor from work that fails, and again when it goes on', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'axle-notify-'));
    const said = join(dir, 'said');
    writeFileSync(said, '');
    writeFileSync(join(dir, 'systemd-notify'), `#!/bin/sh\necho "$@" >> ${said}\n`);
    chmodSync(join(dir, 'systemd-notify'), 0o755);
    process.env.PATH = `${dir}:${PATH}`;
    const notifier = systemdNotifier({ NOTIFY_SOCKET: '/run/nobody', WATCHDOG_USEC: '30000' });
    let begun = 0;
    let free: () => void = () => {};
    const stuck = notifier.watch(() => {
      begun += 1;
      return new Promise<void>((resolve) => {
        free = resolve;
      });
    });
    const failing = notifier.watch(() => Promise.reject(new Error('database gone')));
    await sleep(150);
    expect(readFileSync(said, 'utf8')).toBe('');
    expect(begun, 'one at a time').toBe(1);
    failing();
    free();
    await expect.poll(() => readFileSync(said, 'utf8')).toContain('WATCHDOG=1\n');
    stuck();
    rmSync(dir, { recursive: true });
  });

  it('wants signs of life only from the process that it named', () => {
    expect(watchdogPeriod({ WATCHDOG_USEC: '30000000' })).toBe(30_000);
    expect(watchdogPeriod({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '1' })).toBeUndefined();
    expect(watchdogPeriod({})).toBeUndefined();
  });
});
