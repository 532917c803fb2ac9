import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { scanKind } from './scanner.js';
import { HintGatherer } from './watch-hints.js';
import { TreeWatcher, type TreeWatcherOptions } from './watcher.js';

const KINDS = ['balances', 'profiles', 'balance-tiers/hourly'];
const LIMIT_MS = 20_000;

let base: string;
let root: string;
let watcher: TreeWatcher | undefined;
let hints: string[];
let lost: (string | undefined)[];

// Real files on a machine that may be busy: a limit against hanging, not a measurement.
vi.setConfig({ testTimeout: 60_000 });

beforeEach(() => {
  base = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'axle-watch-')));
  root = path.join(base, 'userdata');
  fs.mkdirSync(path.join(root, 'balances'), { recursive: true });
  hints = [];
  lost = [];
});

afterEach(async () => {
  await watcher?.close();
  watcher = undefined;
  fs.rmSync(base, { recursive: true, force: true });
});

async function watch(options: Partial<TreeWatcherOptions> = {}): Promise<TreeWatcher> {
  watcher = new TreeWatcher({
    root,
    kinds: KINDS,
    onHint: (kind, fileName) => hints.push(`${kind}:${fileName ?? '*'}`),
    onLost: (kind) => lost.push(kind),
    random: () => 0.5,
    ...options,
  });
  await watcher.start();
  return watcher;
}

/** Waits until `done`; fails with what was seen when it never is. */
async function until(done: () => boolean): Promise<void> {
  const end = performance.now() + LIMIT_MS;
  while (!done()) {
    if (performance.now() > end) throw new Error(`never happened; hints ${hints.slice(0, 20)}; lost ${lost}`);
    await sleep(5);
  }
}

const hinted = (hint: string) => until(() => hints.includes(hint));
const file = (kind: string, name: string) => path.join(root, kind, name);

describe('hints', () => {
  it('names a file that is written, renamed into place, moved in, and removed', async () => {
    await watch();
    fs.writeFileSync(file('balances', '1-new.txt'), '{}');
    await hinted('balances:1-new.txt');

    fs.writeFileSync(file('balances', '.temp'), '{}');
    fs.renameSync(file('balances', '.temp'), file('balances', '2-renamed.txt'));
    await hinted('balances:2-renamed.txt');

    fs.writeFileSync(path.join(base, 'elsewhere'), '{}');
    fs.renameSync(path.join(base, 'elsewhere'), file('balances', '3-moved.txt'));
    await hinted('balances:3-moved.txt');

    hints = [];
    fs.rmSync(file('balances', '1-new.txt'));
    await hinted('balances:1-new.txt');
  });

  it('says nothing of what was there before', async () => {
    fs.writeFileSync(file('balances', '1-old.txt'), '{}');
    const watcher = await watch();
    expect(await watcher.probe()).toBe(true);
    expect(hints).toEqual([]);
  });

  it('I6: says nothing of locks, backups, conflict copies, dotfiles and our own folder', async () => {
    fs.mkdirSync(path.join(root, '.axle/locks'), { recursive: true });
    await watch();
    for (const name of [
      '1-a.txt.lock',
      '1-a.txt.backup',
      '1-a.sync-conflict-1.txt',
      '1-a_sync-conflict-1.txt',
      '.1-a.txt',
    ])
      fs.writeFileSync(file('balances', name), '');
    fs.writeFileSync(path.join(root, '.axle/locks/1-a.txt'), '');
    fs.writeFileSync(path.join(root, '1-a.txt'), '');
    fs.writeFileSync(file('balances', '9-last.txt'), '');
    await hinted('balances:9-last.txt');
    expect(new Set(hints)).toEqual(new Set(['balances:9-last.txt']));
  });

  it('a burst of 20,000 creates in a blocked loop: names and whole-kind hints cover every file', async () => {
    await watch();
    const names = Array.from({ length: 20_000 }, (_, i) => `${i}-burst.txt`);
    for (const name of names) fs.writeFileSync(file('balances', name), '{}');
    await until(() => hints.includes('balances:*') || hints.length >= names.length);
    const covered = new Set(hints.map((hint) => hint.slice('balances:'.length)));
    if (covered.has('*')) await scanKind(root, 'balances', (name) => covered.add(name), { now: () => 0 });
    expect(names.filter((name) => !covered.has(name))).toEqual([]);
  });
});

describe('overflow', () => {
  it('a turn with as many events as the queue holds is reported instead of its names', async () => {
    const seen: string[] = [];
    const gatherer = new HintGatherer({
      queueLength: 100,
      onFile: (kind, name) => seen.push(`${kind}:${name}`),
      onOverflow: (events) => seen.push(`overflow ${events}`),
    });
    for (let i = 0; i < 75; i++) gatherer.add('balances', `${i}.txt`);
    await sleep(1);
    for (let i = 0; i < 74; i++) gatherer.add('balances', i % 2 === 0 ? 'a.txt' : undefined);
    await sleep(1);
    expect(seen).toEqual(['overflow 75', 'balances:a.txt']);
  });

  it('hints every watched kind whole, because the folders share one queue', async () => {
    fs.mkdirSync(path.join(root, 'profiles'));
    await watch({ queueLength: 40 });
    for (let i = 0; i < 60; i++) fs.writeFileSync(file('balances', `${i}-a.txt`), '');
    await hinted('balances:*');
    expect(hints).toContain('profiles:*');
  });
});

describe('folders that come and go', () => {
  it('picks up a kind that appears later, also one two folders deep', async () => {
    await watch();
    fs.mkdirSync(path.join(root, 'profiles'));
    await hinted('profiles:*');
    fs.mkdirSync(path.join(root, 'balance-tiers/hourly'), { recursive: true });
    await hinted('balance-tiers/hourly:*');
    fs.writeFileSync(file('profiles', '1-a.txt'), '');
    fs.writeFileSync(file('balance-tiers/hourly', '1-a.txt'), '');
    await hinted('profiles:1-a.txt');
    await hinted('balance-tiers/hourly:1-a.txt');
    expect(lost).toEqual([]);
  });

  it('survives a kind folder that is removed and made again, though the inode may be the same', async () => {
    const watcher = await watch();
    for (let round = 0; round < 3; round++) {
      hints = [];
      lost = [];
      fs.rmSync(path.join(root, 'balances'), { recursive: true });
      if (round > 0) await until(() => lost.includes('balances'));
      fs.mkdirSync(path.join(root, 'balances'));
      await hinted('balances:*');
      expect(lost).toEqual(['balances']);
      fs.writeFileSync(file('balances', '1-again.txt'), '');
      await hinted('balances:1-again.txt');
      expect(await watcher.probe()).toBe(true);
    }
  });

  it('survives a kind folder that is swapped for another, and no longer listens to the old one', async () => {
    await watch();
    fs.mkdirSync(path.join(base, 'other'));
    fs.renameSync(path.join(root, 'balances'), path.join(base, 'old'));
    fs.renameSync(path.join(base, 'other'), path.join(root, 'balances'));
    await hinted('balances:*');
    fs.writeFileSync(path.join(base, 'old/1-old.txt'), '');
    fs.writeFileSync(file('balances', '2-new.txt'), '');
    await hinted('balances:2-new.txt');
    expect(hints).not.toContain('balances:1-old.txt');
  });

  it('reports a vanished root, waits for it, and watches it again', async () => {
    const watcher = await watch();
    fs.renameSync(root, path.join(base, 'away'));
    await until(() => lost.includes(undefined));
    expect(lost).toContain('balances');
    expect(await watcher.probe(100)).toBe(false);
    fs.mkdirSync(path.join(root, 'profiles'), { recursive: true });
    await hinted('profiles:*');
    fs.writeFileSync(file('profiles', '1-a.txt'), '');
    await hinted('profiles:1-a.txt');
    expect(await watcher.probe()).toBe(true);
  });

  it('starts without a root and picks it up', async () => {
    fs.rmSync(root, { recursive: true });
    await watch();
    fs.mkdirSync(path.join(root, 'balances'), { recursive: true });
    await hinted('balances:*');
  });
});

describe('I10: symlinks', () => {
  it('refuses a root that is a symlink or lies behind one', async () => {
    fs.symlinkSync(root, path.join(base, 'link'));
    fs.symlinkSync(base, path.join(base, 'up'));
    for (const link of ['link', 'up/userdata'])
      await expect(watch({ root: path.join(base, link) })).rejects.toMatchObject({ code: 'AXL-WATCH-ROOT' });
  });

  it('does not watch a kind that is a symlink', async () => {
    fs.mkdirSync(path.join(base, 'outside'));
    fs.symlinkSync(path.join(base, 'outside'), path.join(root, 'profiles'));
    const watcher = await watch();
    fs.writeFileSync(path.join(base, 'outside/1-a.txt'), '');
    expect(await watcher.probe()).toBe(true);
    expect(hints).toEqual([]);
  });

  it('refuses kinds that leave the root', () => {
    expect(() => new TreeWatcher({ root, kinds: ['../x'], onHint() {}, onLost() {}, random: () => 0 })).toThrow(
      RangeError,
    );
  });
});

describe('probe and close', () => {
  it('proves the watches alive and leaves nothing behind', async () => {
    const watcher = await watch();
    expect(await Promise.all([watcher.probe(), watcher.probe()])).toEqual([true, true]);
    expect(fs.readdirSync(root)).toEqual(['balances']);
    expect(fs.readdirSync(path.join(root, 'balances'))).toEqual([]);
    expect(hints).toEqual([]);
  });

  it('never follows a symlink laid in the place of the probe file', async () => {
    fs.writeFileSync(path.join(base, 'precious'), 'text');
    fs.symlinkSync(path.join(base, 'precious'), file('balances', '.axle-probe'));
    const watcher = await watch();
    expect(await watcher.probe()).toBe(true);
    expect(fs.readFileSync(path.join(base, 'precious'), 'utf8')).toBe('text');
  });

  it('close stops everything, twice and during a probe', async () => {
    const watcher = await watch();
    const probe = watcher.probe();
    await Promise.all([watcher.close(), watcher.close()]);
    expect(await probe).toBe(false);
    fs.writeFileSync(file('balances', '1-late.txt'), '');
    fs.mkdirSync(path.join(root, 'profiles'));
    fs.rmSync(path.join(root, 'balances'), { recursive: true });
    await sleep(200);
    expect([hints, lost]).toEqual([[], []]);
    expect(await watcher.probe()).toBe(false);
  });
});
