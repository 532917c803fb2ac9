import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../runtime/spawn.js';
import { missingForSshd, TestPeer } from '../testing/sshd.js';
import { PullFetcher, type PullFetcherOptions } from './pull-fetcher.js';
import { sshOptions } from './ssh-args.js';

const missing = missingForSshd();
const name = (n: number): string => `${String(n).padStart(16, '0')}-hub~9f3a61c2-k${n}.batch`;

describe.skipIf(missing !== undefined)(
  `pull over a real sshd${missing ? ` (skipped: ${missing})` : ''}`,
  { timeout: 60_000 },
  () => {
    let far: TestPeer;

    beforeEach(async () => {
      far = await TestPeer.open();
    });
    afterEach(() => far.close());

    const fetcher = (options: Partial<PullFetcherOptions> = {}): PullFetcher =>
      new PullFetcher({ peer: far.peer, inboxFolder: far.ownInbox, control: 'none', ...options });
    const offer = (n: number, text = `number ${n}`): void => writeFileSync(join(far.outbox, name(n)), text);

    it('fetches what is new, in order, and deletes nothing at the hub', async () => {
      for (const n of [3, 1, 2]) offer(n);
      expect(await fetcher().fetch([name(1)])).toEqual({ ok: true, names: [name(2), name(3)] });
      expect(readdirSync(far.ownInbox)).toEqual([name(2), name(3)]);
      expect(readFileSync(join(far.ownInbox, name(3)), 'utf8')).toBe('number 3');
      expect(readdirSync(far.outbox)).toHaveLength(3);
      expect(await fetcher().fetch([1, 2, 3].map(name))).toEqual({ ok: true, names: [] });
    });

    it('copes with thousands seen already', async () => {
      offer(9_999);
      const seen = Array.from({ length: 9_000 }, (_, n) => name(n));
      expect(await fetcher().fetch(seen)).toEqual({ ok: true, names: [name(9_999)] });
    });

    it('I10: takes no symlink, folder, other name, or file that is too large', async () => {
      symlinkSync('/etc/passwd', join(far.outbox, name(1)));
      mkdirSync(join(far.outbox, name(2)));
      writeFileSync(join(far.outbox, 'other.txt'), 'x');
      writeFileSync(join(far.outbox, `.${name(3)}.tmp`), 'x');
      writeFileSync(join(far.outbox, '0000000000000005-HUB~9f3a61c2-k.batch'), 'x');
      offer(6, 'x'.repeat(2_000));
      offer(7);
      expect(await fetcher({ file_bytes_max: 1_000 }).fetch(['*', '../../x'])).toEqual({ ok: true, names: [name(7)] });
      expect(readdirSync(far.ownInbox)).toEqual([name(7)]);
    });

    it('the outbox module cannot be written, nor be made to lose its files', async () => {
      offer(1);
      const rsh = `--rsh=ssh ${sshOptions(far.peer, 'none').join(' ')}`;
      const url = '127.0.0.1::outbox/';
      writeFileSync(join(far.ownOutbox, name(2)), 'x');
      const write = await run('rsync', [rsh, '-W', join(far.ownOutbox, name(2)), url], { timeout_ms: 20_000 });
      expect(write.code).not.toBe(0);
      const remove = ['--remove-source-files', '-W', `${url}${name(1)}`, `${far.ownInbox}/`];
      expect((await run('rsync', [rsh, ...remove], { timeout_ms: 20_000 })).code).not.toBe(0);
      expect(readdirSync(far.outbox)).toEqual([name(1)]);
    });

    it('fails as a value: hub away, module unknown, inbox missing, stopped', async () => {
      expect(await fetcher({ module: 'nowhere' }).fetch([])).toMatchObject({ ok: false, code: 'unknown-module' });
      const lost = fetcher({ inboxFolder: join(far.folder, 'lost') });
      expect(await lost.fetch([])).toMatchObject({ ok: false, code: 'inbox-local' });
      const stopping = fetcher();
      const pending = stopping.fetch([]);
      await stopping.close();
      expect(await pending).toMatchObject({ ok: false, code: 'stopped' });
      await far.down();
      expect(await fetcher().fetch([])).toMatchObject({ ok: false, retry: true, code: 'connection-refused' });
      expect(existsSync(join(far.ownInbox, '.pull'))).toBe(false);
    });
  },
);
