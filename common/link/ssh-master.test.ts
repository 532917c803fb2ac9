import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Backoff } from '../runtime/backoff.js';
import { killQuietly, missingForSshd, TestPeer } from '../testing/sshd.js';
import { TcpProxy } from '../testing/tcp-proxy.js';
import { RsyncTransport } from './rsync-transport.js';
import type { SshPeer } from './ssh-args.js';
import { SshMaster } from './ssh-master.js';
import type { Failure } from './transport.js';

const missing = missingForSshd();

describe.skipIf(missing !== undefined)(
  `ssh master over a real sshd${missing ? ` (skipped: ${missing})` : ''}`,
  { timeout: 60_000 },
  () => {
    let far: TestPeer;
    let open: { close(): Promise<void> }[];

    beforeEach(async () => {
      open = [];
      far = await TestPeer.open();
    });
    afterEach(async () => {
      for (const part of open.reverse()) await part.close();
      await far.close();
    });

    const master = (peer: SshPeer = far.peer, onEnd: (why: Failure) => void = () => {}): SshMaster => {
      const backoff = new Backoff({ first_ms: 50, limit_ms: 400, random: () => 0.5 });
      const made = new SshMaster({ peer, runtimeFolder: far.run, backoff, onEnd });
      open.push(made);
      return made;
    };

    it('is ready once it answers on its socket, and takes the socket away at the end', async () => {
      const made = master();
      expect(await made.ready()).toBe(false);
      made.start();
      await until(() => made.ready());
      expect(existsSync(made.control)).toBe(true);
      await made.close();
      expect(await made.ready()).toBe(false);
      expect(existsSync(made.control)).toBe(false);
    });

    it('comes back after it was killed, over the stale socket that this leaves', async () => {
      const ends: Failure[] = [];
      const made = master(far.peer, (why) => ends.push(why));
      made.start();
      await until(() => made.ready());
      const first = made.pid;
      killQuietly(first ?? 0, 'SIGKILL');
      await until(async () => made.pid !== first && (await made.ready()));
      expect(ends).toHaveLength(1);
      expect(ends[0]?.message).toContain('SIGKILL');
    });

    it('takes over from a master that outlived its daemon', async () => {
      const orphan = master();
      orphan.start();
      await until(() => orphan.ready());
      const made = master();
      made.start();
      await until(() => made.ready());
      expect(made.control).toBe(orphan.control);
    });

    it('keeps trying, with pauses and reasons, while the peer is away', async () => {
      const ends: Failure[] = [];
      await far.down();
      const made = master(far.peer, (why) => ends.push(why));
      made.start();
      await sleep(1_500);
      // 25, 50, 100, 200, 200 … ms of patience and ~20 ms of ssh each.
      expect(ends.length).toBeGreaterThanOrEqual(3);
      expect(ends.length).toBeLessThanOrEqual(10);
      expect(ends[0]).toMatchObject({ code: 'connection-refused', retry: true });
      await far.up();
      await until(() => made.ready());
    });

    it('a cut network: deliveries end at their limit, and work again by themselves when it is mended', async () => {
      const wire = await TcpProxy.open(far.peer.port ?? 22);
      open.push(wire);
      const peer = { ...far.peer, port: wire.port };
      const known = readFileSync(peer.knownHostsFile, 'utf8').split(' ').slice(1).join(' ');
      writeFileSync(peer.knownHostsFile, `[127.0.0.1]:${wire.port} ${known}`);
      const made = master(peer);
      made.start();
      await until(() => made.ready());
      const clock = { now: () => performance.now() };
      const limits = { limit_ms: 2_000, first_limit_ms: 700 };
      const part = { peer, outboxFolder: far.ownOutbox, control: made.control, clock, random: () => 0.5 };
      const link = new RsyncTransport({ ...part, ...limits });
      open.push(link);
      link.warm();
      const name = (n: number): string => {
        const batch = `${String(n).padStart(16, '0')}-a~9f3a61c2-k${n}.batch`;
        writeFileSync(join(far.ownOutbox, batch), 'x');
        return batch;
      };
      expect(await link.deliver(name(1))).toMatchObject({ ok: true });
      wire.cut();
      const started = performance.now();
      expect(await link.deliver(name(2))).toMatchObject({ ok: false, retry: true, code: 'time-limit' });
      expect(performance.now() - started).toBeLessThan(4_000);
      wire.mend();
      await until(async () => (await link.deliver(name(2))).ok);
      await until(() => made.ready());
      expect(readFileSync(join(far.inbox, name(2)), 'utf8')).toBe('x');
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
