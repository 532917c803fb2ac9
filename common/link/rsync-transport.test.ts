import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Backoff } from '../runtime/backoff.js';
import { run } from '../runtime/spawn.js';
import { killQuietly, makeKey, missingForSshd, TestPeer } from '../testing/sshd.js';
import { RsyncTransport, type RsyncTransportOptions } from './rsync-transport.js';
import { controlPath, sshOptions } from './ssh-args.js';
import { SshMaster } from './ssh-master.js';

const missing = missingForSshd();
const clock = { now: () => performance.now() };

describe.skipIf(missing !== undefined)(
  `rsync transport over a real sshd${missing ? ` (skipped: ${missing})` : ''}`,
  // Many handshakes on a busy machine.
  { timeout: 60_000 },
  () => {
    let far: TestPeer;
    let open: { close(): Promise<void> }[];
    let count = 0;

    beforeEach(async () => {
      open = [];
      far = await TestPeer.open();
    });
    afterEach(async () => {
      for (const part of open.reverse()) await part.close();
      await far.close();
    });

    const transport = (options: Partial<RsyncTransportOptions> = {}): RsyncTransport => {
      const made = new RsyncTransport({
        ...{ peer: far.peer, outboxFolder: far.ownOutbox, control: 'none', clock, random: () => 0.5, warm_size: 0 },
        ...options,
      });
      open.push(made);
      return made;
    };
    const master = async (): Promise<SshMaster> => {
      const backoff = new Backoff({ first_ms: 100, limit_ms: 500, random: () => 0.5 });
      const made = new SshMaster({ peer: far.peer, runtimeFolder: far.run, backoff });
      open.push(made);
      made.start();
      await until(() => made.ready());
      return made;
    };
    const batch = (text = 'a batch'): string => {
      count += 1;
      const name = `${String(count).padStart(16, '0')}-spoke-a~9f3a61c2-k${count}.batch`;
      writeFileSync(join(far.ownOutbox, name), text);
      return name;
    };
    const arrived = (name: string): string => readFileSync(join(far.inbox, name), 'utf8');

    it('carries a batch, and leaves the outbox as it was', async () => {
      const name = batch('content');
      expect(await transport().deliver(name)).toMatchObject({ ok: true });
      expect(arrived(name)).toBe('content');
      expect(readFileSync(join(far.ownOutbox, name), 'utf8')).toBe('content');
      expect(readdirSync(join(far.ownOutbox, '.sending'))).toEqual([]);
    });

    it('carries the same batch again, over a torn copy of the same size', async () => {
      const link = transport();
      const name = batch('content');
      await link.deliver(name);
      writeFileSync(join(far.inbox, name), '\0\0\0\0\0\0\0');
      expect(await link.deliver(name)).toMatchObject({ ok: true });
      expect(arrived(name)).toBe('content');
    });

    it('carries 100 in a row over a master with warm processes, each there once confirmed', async () => {
      const { control } = await master();
      const link = transport({ control, warm_size: 2 });
      link.warm();
      for (let i = 0; i < 100; i++) {
        const name = batch(`number ${i}`);
        expect(await link.deliver(name)).toMatchObject({ ok: true });
        expect(arrived(name)).toBe(`number ${i}`);
      }
      expect(readdirSync(far.inbox)).toHaveLength(100);
    });

    it('carries several at once, and a large one', async () => {
      const link = transport({ control: (await master()).control, warm_size: 2 });
      const names = [batch(), batch('x'.repeat(20_000_000)), batch(), batch()];
      const outcomes = await Promise.all(names.map((name) => link.deliver(name)));
      expect(outcomes.map((outcome) => outcome.ok)).toEqual([true, true, true, true]);
      expect(names.map((name) => arrived(name).length)).toEqual([7, 20_000_000, 7, 7]);
    });

    it('delivers although every warm process was killed, whole or only its ssh', async () => {
      const link = transport({ warm_size: 2 });
      link.warm();
      await sleep(600);
      for (const pid of link.warmPids) killQuietly(pid ?? 0);
      expect(await link.deliver(batch())).toMatchObject({ ok: true });
      await until(() => link.warmPids.length === 2);
      await sleep(600);
      const sessions = (await run('pgrep', ['-f', `^ssh .*${far.folder}`], { timeout_ms: 5_000 })).stdout.split('\n');
      for (const pid of sessions.filter(Boolean)) killQuietly(Number(pid));
      expect(await link.deliver(batch())).toMatchObject({ ok: true });
    });

    it('delivers within the first limit and a handshake although the warm process hangs', async () => {
      const link = transport({ warm_size: 1, first_limit_ms: 500 });
      link.warm();
      await sleep(600);
      for (const pid of link.warmPids) killQuietly(-(pid ?? 0), 'SIGSTOP');
      const outcome = await link.deliver(batch());
      expect(outcome).toMatchObject({ ok: true });
      expect(outcome.ok && outcome.ms).toBeGreaterThan(490);
    });

    it('replaces idle warm processes before they are too old, without a gap', async () => {
      const link = transport({ warm_size: 1, warm_idle_max_ms: 400 });
      link.warm();
      const first = link.warmPids[0];
      let least = 1;
      await until(() => {
        least = Math.min(least, link.warmPids.length);
        return !link.warmPids.includes(first);
      });
      expect(least).toBe(1);
      expect(await link.deliver(batch())).toMatchObject({ ok: true });
    });

    it('fails while the peer is away, and delivers when it is back, master and warm processes included', async () => {
      const link = transport({ control: (await master()).control, warm_size: 2 });
      link.warm();
      const name = batch();
      await far.down();
      expect(await link.deliver(name)).toMatchObject({ ok: false, retry: true, code: 'connection-refused' });
      await far.up();
      expect(await link.deliver(name)).toMatchObject({ ok: true });
    });

    it('delivers directly past a master that hangs, and has it replaced', async () => {
      const made = await master();
      const hung = made.pid ?? 0;
      const link = transport({ control: made.control, first_limit_ms: 500, onStale: () => made.restart() });
      killQuietly(hung, 'SIGSTOP');
      expect(await link.deliver(batch())).toMatchObject({ ok: true });
      await until(async () => made.pid !== hung && (await made.ready()));
      expect(await link.deliver(batch())).toMatchObject({ ok: true });
    });

    it('names an unknown module, which trying again does not cure', async () => {
      const outcome = await transport({ module: 'nowhere' }).deliver(batch());
      expect(outcome).toMatchObject({ ok: false, retry: false, code: 'unknown-module' });
    });

    it('names a key that the peer does not know', async () => {
      const peer = { ...far.peer, keyFile: join(far.folder, 'stranger') };
      expect(await transport({ peer }).deliver(batch())).toMatchObject({
        ok: false,
        retry: false,
        code: 'key-refused',
      });
      const none = { ...far.peer, keyFile: join(far.folder, 'nothing') };
      expect(await transport({ peer: none }).deliver(batch())).toMatchObject({ ok: false, retry: false });
    });

    it('refuses a peer whose host key has changed, or was never known', async () => {
      makeKey(join(far.folder, 'imposter'));
      far.trustHost(join(far.folder, 'imposter'));
      const outcome = await transport().deliver(batch());
      expect(outcome).toMatchObject({ ok: false, retry: false, code: 'host-key-changed' });
      writeFileSync(far.peer.knownHostsFile, '');
      const unknown = await transport().deliver(batch());
      expect(unknown).toMatchObject({ ok: false, retry: false, code: 'host-key-unknown' });
      expect(readdirSync(far.inbox)).toEqual([]);
    });

    it('names an inbox that cannot be written, and one that is missing', async () => {
      if (process.getuid?.() === 0) far.configure({ uid: 'nobody', gid: 'nogroup' });
      chmodSync(far.folder, 0o755);
      chmodSync(far.inbox, 0o555);
      expect(await transport().deliver(batch())).toMatchObject({ ok: false, retry: true, code: 'inbox-not-writable' });
      chmodSync(far.inbox, 0o755);
      rmSync(far.inbox, { recursive: true });
      expect(await transport().deliver(batch())).toMatchObject({ ok: false, retry: true, code: 'inbox-missing' });
    });

    it.skipIf(process.getuid?.() !== 0)('names a full disk', async ({ skip }) => {
      const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', far.inbox], { timeout_ms: 5_000 });
      if (mounted.code !== 0) skip('no right to mount in this container');
      try {
        const outcome = await transport().deliver(batch('x'.repeat(200_000)));
        expect(outcome).toMatchObject({ ok: false, retry: true, code: 'disk-full' });
      } finally {
        await run('umount', ['-l', far.inbox], { timeout_ms: 5_000 });
      }
    });

    it('I10: a name from outside never reaches rsync, let alone a shell', async () => {
      const link = transport();
      const good = batch();
      const bad = [
        '',
        '..',
        '../x',
        '/etc/passwd',
        '-e touch x',
        `; touch ${far.folder}/pwned;`,
        `${good}\n`,
        `${good}\0b`,
      ];
      for (const name of bad)
        expect(await link.deliver(name)).toMatchObject({ ok: false, retry: false, code: 'bad-name' });
      expect(existsSync(join(far.folder, 'pwned'))).toBe(false);
    });

    it('I10: a symlink in the outbox is not sent, and neither is a missing file', async () => {
      const name = batch();
      renameSync(join(far.ownOutbox, name), join(far.ownOutbox, 'elsewhere'));
      expect(await transport().deliver(name)).toMatchObject({ ok: false, code: 'outbox-file' });
      symlinkSync('/etc/passwd', join(far.ownOutbox, name));
      expect(await transport().deliver(name)).toMatchObject({ ok: false, code: 'outbox-file' });
      expect(readdirSync(far.inbox)).toEqual([]);
    });

    it('I10: the peer refuses a hostile client: symlinks, deletes, other names, paths, and any command', async () => {
      const evil = join(far.folder, 'evil');
      mkdirSync(evil);
      const name = '0000000000000001-spoke-a~9f3a61c2-evil.batch';
      symlinkSync('/etc/passwd', join(evil, name));
      writeFileSync(join(evil, 'plain.txt'), 'x');
      writeFileSync(join(far.inbox, 'kept'), 'x');
      writeFileSync(join(far.folder, 'secret'), 'x');
      const rsh = `--rsh=ssh ${sshOptions(far.peer, 'none').join(' ')}`;
      const hostile = (...args: string[]) => run('rsync', [rsh, ...args], { timeout_ms: 20_000 });
      const url = '127.0.0.1::inbox';
      expect((await hostile('-l', join(evil, name), `${url}/`)).code).not.toBe(0);
      expect((await hostile('-r', '--delete', `${evil}/`, `${url}/`)).code).not.toBe(0);
      expect((await hostile('-rR', '--inplace', `${evil}/`, `${url}/`)).code).not.toBe(0);
      await hostile(join(evil, 'plain.txt'), `${url}/`);
      await hostile(join(evil, 'plain.txt'), `${url}/../outbox/`);
      await hostile(join(evil, 'plain.txt'), `${url}/../../escaped`);
      expect((await hostile(`${url}/kept`, `${evil}/`)).code).not.toBe(0);
      expect(readdirSync(far.inbox)).toEqual(['kept']);
      expect(readdirSync(far.outbox)).toEqual([]);
      expect(existsSync(join(far.folder, 'escaped')) || existsSync(join(evil, 'kept'))).toBe(false);
      const command = [...sshOptions(far.peer, 'none'), '127.0.0.1', 'cat', join(far.folder, 'secret')];
      expect((await run('ssh', command, { timeout_ms: 5_000 })).stdout).toContain('@RSYNCD:');
    });

    it('ends a delivery to a peer that accepts and says nothing, at its limit', async () => {
      const silent = await listenSilently();
      open.push({ close: async () => void silent.server.close() });
      const peer = { ...far.peer, port: silent.port };
      const link = transport({ peer, limit_ms: 1_500, first_limit_ms: 600 });
      const started = performance.now();
      expect(await link.deliver(batch())).toMatchObject({ ok: false, retry: true, code: 'time-limit' });
      expect(performance.now() - started).toBeGreaterThan(1_400);
      expect(performance.now() - started).toBeLessThan(4_000);
      await until(
        async () => (await run('pgrep', ['-f', `^ssh .*-p ${silent.port} `], { timeout_ms: 5_000 })).code === 1,
      );
    });

    it('does not try a peer that is down in a hot loop', async () => {
      const { port, server } = await listenSilently();
      server.close();
      let random = 0;
      const counting = () => {
        random += 1;
        return 0.9;
      };
      transport({ peer: { ...far.peer, port }, warm_size: 2, random: counting }).warm();
      await sleep(3_000);
      // 450, 900 and 1800 ms: each draw is one round of deaths.
      expect(random).toBeGreaterThanOrEqual(2);
      expect(random).toBeLessThanOrEqual(4);
    });

    it('stops when told to: by the caller, and by close', async () => {
      const link = transport();
      expect(await link.deliver(batch(), AbortSignal.abort())).toMatchObject({
        ok: false,
        retry: true,
        code: 'stopped',
      });
      const controller = new AbortController();
      const pending = link.deliver(batch('x'.repeat(10_000_000)), controller.signal);
      controller.abort();
      expect(await pending).toMatchObject({ ok: false, code: 'stopped' });
      await link.close();
      expect(await link.deliver(batch())).toMatchObject({ ok: false, code: 'stopped' });
    });

    it('leaves no process behind', async () => {
      const made = await master();
      const link = transport({ control: made.control, warm_size: 2 });
      link.warm();
      await link.deliver(batch());
      await sleep(100);
      await link.close();
      await made.close();
      expect(controlPath(far.run, far.peer)).toBe(made.control);
      expect(existsSync(made.control)).toBe(false);
      expect((await run('pgrep', ['-f', `^(ssh|rsync) .*${far.folder}/id`], { timeout_ms: 5_000 })).stdout).toBe('');
    });
  },
);

/** Every wait has an end. */
async function until(met: () => boolean | Promise<boolean>, limit_ms = 15_000): Promise<void> {
  const end = performance.now() + limit_ms;
  while (!(await met())) {
    if (performance.now() > end) throw new Error(`not within ${limit_ms} ms`);
    await sleep(25);
  }
}

async function listenSilently(): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => void socket.on('error', () => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { server, port: address.port };
}
