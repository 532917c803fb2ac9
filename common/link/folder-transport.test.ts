import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderTransport } from './folder-transport.js';

const clock = { now: () => performance.now() };
const name = '0000000000000001-spoke-a~9f3a61c2-k1.batch';

describe('folder transport', () => {
  let folder: string;
  let inboxFolder: string;
  let outboxFolder: string;
  let link: FolderTransport;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'axle-folder-'));
    inboxFolder = join(folder, 'inbox');
    outboxFolder = join(folder, 'outbox');
    for (const each of [inboxFolder, outboxFolder]) mkdirSync(each);
    link = new FolderTransport({ inboxFolder, outboxFolder, clock });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('puts the whole batch there under its name, leaves the outbox, and nothing else', async () => {
    writeFileSync(join(outboxFolder, name), 'content', { mode: 0o600 });
    expect(await link.deliver(name)).toMatchObject({ ok: true });
    expect(readdirSync(inboxFolder)).toEqual([name]);
    expect(readFileSync(join(inboxFolder, name), 'utf8')).toBe('content');
    expect(statSync(join(inboxFolder, name)).mode & 0o777).toBe(0o640);
    expect(statSync(join(inboxFolder, name)).nlink).toBe(1);
    expect(existsSync(join(outboxFolder, name))).toBe(true);
    writeFileSync(join(outboxFolder, name), 'again');
    expect(await link.deliver(name)).toMatchObject({ ok: true });
    expect(readFileSync(join(inboxFolder, name), 'utf8')).toBe('again');
  });

  it('replaces what a crash left under the temporary name, and never writes through a symlink there', async () => {
    writeFileSync(join(outboxFolder, name), 'content');
    writeFileSync(join(folder, 'victim'), 'untouched');
    symlinkSync(join(folder, 'victim'), join(inboxFolder, `.${name}.tmp`));
    expect(await link.deliver(name)).toMatchObject({ ok: true });
    expect(readFileSync(join(folder, 'victim'), 'utf8')).toBe('untouched');
    expect(readdirSync(inboxFolder)).toEqual([name]);
  });

  it('says when the inbox is missing, and does not make it', async () => {
    writeFileSync(join(outboxFolder, name), 'content');
    rmSync(inboxFolder, { recursive: true });
    const outcome = await link.deliver(name);
    expect(outcome).toMatchObject({ ok: false, retry: true, code: 'inbox-missing' });
    expect(!outcome.ok && outcome.hint).toContain(inboxFolder);
    expect(existsSync(inboxFolder)).toBe(false);
    writeFileSync(inboxFolder, 'a file');
    expect(await link.deliver(name)).toMatchObject({ ok: false, code: 'inbox-missing' });
  });

  it('I10: refuses names that are none, symlinks, and what is missing', async () => {
    for (const bad of ['../x', '/etc/passwd', `${name}\n`, '']) {
      expect(await link.deliver(bad)).toMatchObject({ ok: false, retry: false, code: 'bad-name' });
    }
    expect(await link.deliver(name)).toMatchObject({ ok: false, code: 'outbox-file' });
    symlinkSync('/etc/passwd', join(outboxFolder, name));
    expect(await link.deliver(name)).toMatchObject({ ok: false, code: 'outbox-file' });
    expect(readdirSync(inboxFolder)).toEqual([]);
  });

  it('delivers nothing once stopped', async () => {
    writeFileSync(join(outboxFolder, name), 'content');
    expect(await link.deliver(name, AbortSignal.abort())).toMatchObject({ ok: false, code: 'stopped' });
    await link.close();
    expect(await link.deliver(name)).toMatchObject({ ok: false, code: 'stopped' });
  });
});
