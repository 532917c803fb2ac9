import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LiveFiles, type Look } from './live-files.js';

const ANDY = 'balances/1-andy';
let root: string;
let files: LiveFiles;
beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-live-'));
  fs.mkdirSync(path.join(root, 'balances'));
  files = new LiveFiles({ root, maxFileBytes: 1_000 });
  files.prepare();
});
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

const live = (): string => files.pathOf(ANDY);
const text = (): string => fs.readFileSync(live(), 'utf8');

function written(content: string): Extract<Look, { kind: 'file' }> {
  fs.writeFileSync(live(), content);
  return look();
}

function look(): Extract<Look, { kind: 'file' }> {
  const seen = files.look(ANDY);
  if (seen.kind !== 'file') throw new Error(seen.kind);
  return seen;
}

describe('LiveFiles.look', () => {
  it.each([
    ['missing', () => {}, { kind: 'missing' }],
    ['a symlink', () => fs.symlinkSync('/etc/passwd', live()), { kind: 'refused', code: 'AXL-NOT-A-FILE' }],
    ['a folder', () => fs.mkdirSync(live()), { kind: 'refused', code: 'AXL-NOT-A-FILE' }],
    ['too large', () => fs.writeFileSync(live(), 'x'.repeat(1_001)), { kind: 'refused', code: 'AXL-TOO-LARGE' }],
    [
      'not UTF-8',
      () => fs.writeFileSync(live(), Buffer.from([0xff])),
      { kind: 'refused', code: 'AXL-TORN', again: true },
    ],
    ['empty', () => fs.writeFileSync(live(), ''), { kind: 'file', text: '' }],
    ['a file', () => fs.writeFileSync(live(), 'hä'), { kind: 'file', text: 'hä' }],
  ])('%s', (_what, make, expected) => {
    make();
    expect(files.look(ANDY)).toMatchObject(expected);
  });

  it('shows another fingerprint after a write of the same size', () => {
    const before = written('{"balance":100}');
    const after = written('{"balance":999}');
    // Within one tick of the kernel's clock both may be equal: that is what the racy look is for.
    if (after.mtime !== before.mtime) expect(after.print).not.toBe(before.print);
  });
});

describe('LiveFiles.replace', () => {
  const link = 'l1';
  const temp = (content: string): void => {
    files.writeTemp(7, ANDY, content, undefined, Date.now());
  };

  it('puts the temp in the place of the expected file and keeps a link to the old inode (I4)', () => {
    const { print, inode } = written('old');
    temp('new');
    const names: string[] = [];
    expect(files.replace(7, ANDY, { print, link }, () => names.push('linked'))).toBe(true);
    expect([text(), names, fs.existsSync(files.tempOf(7))]).toEqual(['new', ['linked'], false]);
    expect(files.lookAt(files.linkPath(link))).toMatchObject({ kind: 'file', text: 'old', inode });
    expect(files.isReplaced(link, ANDY)).toBe(true);
  });

  it.each([
    ['written in place', () => fs.writeFileSync(live(), 'theirs!')],
    [
      'replaced by rename',
      () => {
        fs.writeFileSync(path.join(root, 'x'), 'theirs!');
        fs.renameSync(path.join(root, 'x'), live());
      },
    ],
  ])('refuses a file that was %s, before or after the link was made', (_how, change) => {
    for (const when of ['before', 'after'] as const) {
      const { print } = written('old');
      temp('new');
      if (when === 'before') change();
      expect(files.replace(7, ANDY, { print, link }, () => when === 'after' && change())).toBe(false);
      expect(text()).toBe('theirs!');
      expect(fs.existsSync(files.linkPath(link))).toBe(false);
    }
  });

  it('never puts a new file over one that somebody made meanwhile', () => {
    temp('new');
    fs.writeFileSync(live(), 'theirs');
    expect(files.replace(7, ANDY, undefined, () => {})).toBe(false);
    expect(text()).toBe('theirs');
  });

  it('makes a new file with the owner and group of its folder', () => {
    temp('new');
    expect(files.replace(7, ANDY, undefined, () => {})).toBe(true);
    const folder = fs.statSync(path.join(root, 'balances'));
    expect(fs.statSync(live())).toMatchObject({ uid: folder.uid, gid: folder.gid, nlink: 1 });
    expect([text(), fs.statSync(live()).mode & 0o777]).toEqual(['new', 0o664]);
  });

  it('removes the expected file only', () => {
    const { print } = written('old');
    written('theirs');
    expect(files.remove(ANDY, { print, link })).toBe(false);
    expect(text()).toBe('theirs');
    expect(files.remove(ANDY, { print: look().print, link })).toBe(true);
    expect(fs.existsSync(live())).toBe(false);
    expect(files.lookAt(files.linkPath(link))).toMatchObject({ text: 'theirs' });
  });
});

describe('LiveFiles: what a crash leaves', () => {
  it('is swept, except the links that are still to be read', () => {
    written('old');
    files.writeTemp(7, ANDY, 'new', undefined, Date.now());
    for (const link of ['keep', 'drop']) fs.linkSync(live(), files.linkPath(link));
    files.sweep(new Set(['keep']));
    expect(fs.readdirSync(path.join(files.own, 'tmp'))).toEqual([]);
    expect(fs.readdirSync(path.join(files.own, 'replaced'))).toEqual(['keep']);
  });

  it('I3: a new file that was linked shows it by the change time of its temp', async () => {
    const { print } = files.writeTemp(7, ANDY, 'new', undefined, Date.now());
    expect(files.tempPrint(7)).toBe(print);
    await new Promise((resolve) => setTimeout(resolve, 20));
    fs.linkSync(files.tempOf(7), live());
    expect(files.tempPrint(7)).not.toBe(print);
  });

  it('refuses an `.axle` that leads elsewhere (I10)', () => {
    fs.rmSync(files.own, { recursive: true });
    fs.symlinkSync(os.tmpdir(), files.own);
    expect(() => files.prepare()).toThrow(/real folder/);
  });
});

/** As root, on a kernel with fs.protected_hardlinks: as on every Debian. */
describe.skipIf(process.getuid?.() !== 0)('LiveFiles without capabilities', () => {
  const PHP = 33;
  const DAEMON = 65_534;
  const asDaemon = <T>(work: () => T): T => {
    process.seteuid?.(DAEMON);
    try {
      return work();
    } finally {
      process.seteuid?.(0);
    }
  };
  beforeEach(() => {
    fs.chmodSync(root, 0o777);
    fs.chmodSync(path.join(root, 'balances'), 0o777);
    for (const folder of ['tmp', 'replaced']) fs.chownSync(path.join(files.own, folder), DAEMON, DAEMON);
  });
  const byPhp = (content: string, mode: number): Extract<Look, { kind: 'file' }> => {
    fs.writeFileSync(live(), content);
    fs.chownSync(live(), PHP, PHP);
    fs.chmodSync(live(), mode);
    return look();
  };

  it('writes files that PHP may write, though their owner could not be kept', () => {
    byPhp('old', 0o644);
    asDaemon(() => files.writeTemp(1, ANDY, 'new', files.attributes(ANDY), 0));
    expect(fs.statSync(files.tempOf(1))).toMatchObject({ uid: DAEMON, mode: 0o100664 });
  });

  it('takes over a file that it may replace and not link, and still sees what is written late', () => {
    const { print } = byPhp('old', 0o644);
    const writer = fs.openSync(live(), 'r+');
    asDaemon(() => {
      files.writeTemp(1, ANDY, 'new', files.attributes(ANDY), 0);
      expect(() => files.replace(1, ANDY, { print, link: 'l1' }, () => {})).toThrow('EPERM');
      expect(files.takeOver(ANDY, { print, link: 'l1' }, Date.now())).toBe(true);
    });
    expect(fs.statSync(live())).toMatchObject({ uid: DAEMON, mode: 0o100664 });
    expect(text()).toBe('old');
    fs.writeSync(writer, 'LATE', 0);
    fs.closeSync(writer);
    expect(files.lookAtReplaced('l1')).toMatchObject({ kind: 'file', text: 'LATE' });
    asDaemon(() => expect(files.replace(1, ANDY, { print: look().print, link: 'l2' }, () => {})).toBe(true));
    expect(text()).toBe('new');
    files.removeLink('l1');
    expect(files.lookAtReplaced('l1')).toEqual({ kind: 'missing' });
  });

  it('takes over nothing that is its own: a disk without links would make it do so for ever', () => {
    const { print } = byPhp('old', 0o644);
    fs.chownSync(live(), DAEMON, DAEMON);
    asDaemon(() => expect(files.takeOver(ANDY, { print, link: 'l1' }, Date.now())).toBe(false));
  });

  it('takes over nothing that somebody has changed meanwhile', () => {
    const { print } = byPhp('old', 0o644);
    byPhp('newer', 0o644);
    asDaemon(() => expect(files.takeOver(ANDY, { print, link: 'l1' }, Date.now())).toBe(true));
    expect([text(), fs.statSync(live()).uid, fs.readdirSync(path.join(files.own, 'tmp'))]).toEqual(['newer', PHP, []]);
  });

  it('removes a file that it may not link, and still sees what is written late', () => {
    const { print } = byPhp('old', 0o644);
    const writer = fs.openSync(live(), 'r+');
    asDaemon(() => expect(files.remove(ANDY, { print, link: 'l1' })).toBe(true));
    fs.writeSync(writer, 'LATE', 0);
    fs.closeSync(writer);
    expect(files.lookAtReplaced('l1')).toMatchObject({ text: 'LATE' });
    files.removeLink('l1');
  });
});
