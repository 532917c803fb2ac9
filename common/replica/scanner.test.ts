import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fingerprint } from './fingerprint.js';
import { type ScanOptions, scanKind } from './scanner.js';

let root: string;
let folder: string;

// Real files on a machine that may be busy: a limit against hanging, not a measurement.
vi.setConfig({ testTimeout: 60_000 });

beforeEach(() => {
  root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'axle-scan-')));
  folder = path.join(root, 'balances');
  fs.mkdirSync(folder);
});

afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

const write = (name: string, text = '{}') => fs.writeFileSync(path.join(folder, name), text);

async function scan(options: Partial<ScanOptions> = {}, kind = 'balances') {
  const prints = new Map<string, string>();
  let clock = 0;
  const result = await scanKind(root, kind, (name, stat) => prints.set(name, fingerprint(stat)), {
    now: () => clock++,
    ...options,
  });
  return { names: [...prints.keys()].sort(), prints, result };
}

describe('what a scan sees', () => {
  it('every document, once, over many chunks', async () => {
    const names = Array.from({ length: 1_000 }, (_, i) => `${i}-a.txt`);
    for (const name of names) write(name);
    const { names: seen, result } = await scan({ chunkFiles: 7 });
    expect(seen).toEqual([...names].sort());
    expect(result).toEqual({ files: 1_000, skipped: 0, unreadable: 0, ms: 1, missingFolder: false });
  });

  it('an empty folder', async () => {
    expect((await scan()).result).toMatchObject({ files: 0, skipped: 0, missingFolder: false });
  });

  it('I6: no locks, backups, conflict copies, dotfiles, folders, symlinks, sockets or foreign names', async () => {
    write('1-a.txt');
    for (const name of [
      '1-a.txt.lock',
      '1-a.txt.backup',
      '1-a.sync-conflict-1.txt',
      '1-a_sync-conflict-1.txt',
      '.axle-probe',
    ])
      write(name);
    write('1-andr\u00e9.txt');
    fs.writeFileSync(Buffer.concat([Buffer.from(`${folder}/bad-`), Buffer.from([0xff]), Buffer.from('.txt')]), '');
    fs.mkdirSync(path.join(folder, '2-folder.txt'));
    fs.symlinkSync('1-a.txt', path.join(folder, '3-link.txt'));
    fs.symlinkSync('nowhere', path.join(folder, '4-dangling.txt'));
    const server = net.createServer().listen(path.join(folder, '5-socket.txt'));
    await new Promise((resolve) => server.once('listening', resolve));
    const { names, result } = await scan();
    await new Promise((resolve) => server.close(resolve));
    expect(names).toEqual(['1-a.txt']);
    expect(result).toMatchObject({ files: 1, skipped: 11 });
  });

  it('the same fingerprint as fstat of the open file, until it is written or replaced', async () => {
    write('1-a.txt', '{"balance":100}');
    const file = path.join(folder, '1-a.txt');
    const first = (await scan()).prints.get('1-a.txt');
    const fd = fs.openSync(file, 'r');
    expect(fingerprint(fs.fstatSync(fd, { bigint: true }))).toBe(first);
    fs.closeSync(fd);
    expect((await scan()).prints.get('1-a.txt')).toBe(first);

    fs.writeFileSync(path.join(folder, '.temp'), '{"balance":999}');
    fs.renameSync(path.join(folder, '.temp'), file);
    const replaced = (await scan()).prints.get('1-a.txt');
    expect(replaced).not.toBe(first);

    write('1-a.txt', '{"balance":1000}');
    expect((await scan()).prints.get('1-a.txt')).not.toBe(replaced);
  });
});

describe('folders that are not what they should be', () => {
  it('says that there is none', async () => {
    expect((await scan({}, 'profiles')).result).toMatchObject({ files: 0, missingFolder: true });
  });

  it('I10: takes a symlink, or a folder behind one, for none', async () => {
    write('1-a.txt');
    fs.symlinkSync(folder, path.join(root, 'profiles'));
    fs.symlinkSync(root, path.join(root, 'up'));
    for (const kind of ['profiles', 'up/balances'])
      expect((await scan({}, kind)).result).toMatchObject({ files: 0, missingFolder: true });
    await expect(scan({}, '../x')).rejects.toThrow(RangeError);
  });

  it('a file in its place is none', async () => {
    fs.writeFileSync(path.join(root, 'tokens'), '');
    expect((await scan({}, 'tokens')).result.missingFolder).toBe(true);
  });

  it('I8: replaced or removed while it is read, it proves nothing of what is not there', async () => {
    for (let i = 0; i < 2_000; i++) write(`${i}-a.txt`);
    for (const after of [() => fs.mkdirSync(folder), () => {}]) {
      let visits = 0;
      const result = await scanKind(
        root,
        'balances',
        () => {
          if (++visits !== 10) return;
          fs.rmSync(folder, { recursive: true });
          after();
        },
        { now: () => 0, chunkFiles: 10 },
      );
      expect(result.missingFolder).toBe(true);
      fs.mkdirSync(folder, { recursive: true });
      for (let i = 0; i < 20; i++) write(`${i}-a.txt`);
    }
  });
});

describe('manners', () => {
  it('lets the event loop turn between chunks', async () => {
    for (let i = 0; i < 100; i++) write(`${i}-a.txt`);
    let turns = 0;
    let running = true;
    const count = () => {
      turns++;
      if (running) setImmediate(count);
    };
    setImmediate(count);
    await scan({ chunkFiles: 10 });
    running = false;
    expect(turns).toBeGreaterThanOrEqual(10);
  });

  it('stops at the next chunk when aborted, and closes the folder', async () => {
    for (let i = 0; i < 100; i++) write(`${i}-a.txt`);
    const abort = new AbortController();
    let visits = 0;
    const open = () => fs.readdirSync('/proc/self/fd').length;
    const before = open();
    const visit = () => {
      if (++visits === 5) abort.abort(new Error('enough'));
    };
    await expect(
      scanKind(root, 'balances', visit, { now: () => 0, chunkFiles: 10, signal: abort.signal }),
    ).rejects.toThrow('enough');
    expect(visits).toBe(10);
    expect(open()).toBe(before);
    await expect(scan({ signal: abort.signal })).rejects.toThrow('enough');
  });

  it('passes on what visit throws', async () => {
    write('1-a.txt');
    const boom = () => {
      throw new Error('boom');
    };
    await expect(scanKind(root, 'balances', boom, { now: () => 0 })).rejects.toThrow('boom');
  });
});
