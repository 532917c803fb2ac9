import { execFileSync } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, connect as tcpConnect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { authorizedKeysLine, rsyncdConfig } from '../link/rsyncd-config.js';
import type { SshPeer } from '../link/ssh-args.js';
import { type LiveProcess, start } from '../runtime/spawn.js';

/**
 * A real sshd on a loopback port with everything it needs in one folder: a peer with an inbox and an outbox module behind
 * the forced command. Runs as the current user, and changes nothing outside its folder but /run/sshd.
 */
export class TestPeer {
  private constructor(
    /** Holds all of the below. Short, because control sockets live in it. */
    readonly folder: string,
    readonly peer: SshPeer,
    /** The far end's folders. */
    readonly inbox: string,
    readonly outbox: string,
    /** The near end's. */
    readonly ownOutbox: string,
    readonly ownInbox: string,
    readonly run: string,
  ) {}

  #sshd: LiveProcess | undefined;

  /** `port` and keys are made anew. Throws if something needed is missing: ask `missingForSshd` first. */
  static async open(): Promise<TestPeer> {
    const folder = mkdtempSync('/tmp/axle-sshd-');
    const at = (name: string): string => join(folder, name);
    for (const name of ['inbox', 'outbox', 'own-outbox', 'own-inbox']) mkdirSync(at(name));
    mkdirSync(at('run'), { mode: 0o700 });
    for (const key of ['host', 'id', 'stranger']) makeKey(at(key));
    const peer: SshPeer = {
      host: '127.0.0.1',
      port: await freePort(),
      user: userInfo().username,
      keyFile: at('id'),
      knownHostsFile: at('known_hosts'),
    };
    const made = new TestPeer(folder, peer, at('inbox'), at('outbox'), at('own-outbox'), at('own-inbox'), at('run'));
    made.trustHost();
    made.configure();
    await made.up();
    return made;
  }

  /** Pid of the listening sshd. */
  get pid(): number | undefined {
    return this.#sshd?.pid;
  }

  /** Writes the far end's configuration. `runAs` stands in for the service account's own rights where tests run as root. */
  configure(runAs?: { uid: string; gid: string }): void {
    const root = process.getuid?.() === 0 ? { uid: 'root', gid: 'root' } : undefined;
    const account = runAs ?? root;
    const text = rsyncdConfig({
      inboxFolder: this.inbox,
      outboxFolder: this.outbox,
      lockFile: join(this.folder, 'rsyncd.lock'),
      logFile: join(this.folder, 'rsyncd.log'),
      ...(account ? { runAs: account } : {}),
    });
    writeFileSync(join(this.folder, 'rsyncd.conf'), text);
    const key = readFileSync(`${this.peer.keyFile}.pub`, 'utf8');
    const line = authorizedKeysLine(key, join(this.folder, 'rsyncd.conf'), 'test');
    writeFileSync(join(this.folder, 'authorized_keys'), `${line}\n`, { mode: 0o600 });
    writeFileSync(join(this.folder, 'sshd_config'), this.#sshdConfig());
  }

  /** Makes the near end's known_hosts agree with the far end's key. */
  trustHost(keyFile = join(this.folder, 'host')): void {
    const [type, key] = readFileSync(`${keyFile}.pub`, 'utf8').split(' ');
    writeFileSync(this.peer.knownHostsFile, `[127.0.0.1]:${this.peer.port} ${type} ${key}\n`);
  }

  async up(): Promise<void> {
    // It needs this folder for privilege separation, and Debian makes it only at boot.
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    const args = ['-D', '-e', '-f', join(this.folder, 'sshd_config')];
    this.#sshd = start(SSHD, args, { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' } });
    for (let tries = 0; tries < 100; tries++) {
      if (await answers(this.peer.port ?? 22)) return;
      if (!this.#sshd.running) break;
      await sleep(50);
    }
    this.#sshd.kill();
    throw new Error(`sshd did not come up: ${(await this.#sshd.exited).stderr}`);
  }

  /** The whole far end goes away, with every connection it holds. */
  async down(): Promise<void> {
    const sshd = this.#sshd;
    this.#sshd = undefined;
    if (sshd?.pid === undefined) return;
    // Sessions have process groups of their own, so they are looked for as descendants before their parent is gone.
    const sessions = descendants(sshd.pid);
    sshd.kill();
    for (const pid of sessions) killQuietly(pid);
    await sshd.exited;
  }

  async close(): Promise<void> {
    await this.down();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #sshdConfig(): string {
    const lines = [
      `Port ${this.peer.port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${join(this.folder, 'host')}`,
      `AuthorizedKeysFile ${join(this.folder, 'authorized_keys')}`,
      'PidFile none',
      'UsePAM no',
      'StrictModes no',
      'PermitRootLogin yes',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'MaxStartups 200',
      'MaxSessions 32',
      // bash reads ~/.bashrc for a command over ssh unless it believes to be a nested shell. The service account has
      // /bin/sh; a developer's start-up files would add 100 ms and more to every measurement.
      'SetEnv SHLVL=2',
    ];
    return `${lines.join('\n')}\n`;
  }
}

const SSHD = '/usr/sbin/sshd';

/** Why tests with a real sshd cannot run here; undefined where they can. With CI=true a missing part is an error. */
export function missingForSshd(): string | undefined {
  const missing = [SSHD, '/usr/bin/ssh', '/usr/bin/ssh-keygen', '/usr/bin/rsync'].filter((file) => !runnable(file));
  if (missing.length === 0) return undefined;
  const reason = `no ${missing.join(', ')} on this machine`;
  if (process.env.CI === 'true') throw new Error(`${reason}, and CI=true: these tests must run there`);
  return reason;
}

/** Replaces a key pair. */
export function makeKey(file: string): void {
  for (const old of [file, `${file}.pub`]) rmSync(old, { force: true });
  execFileSync('/usr/bin/ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', file]);
}

function runnable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = tcpConnect(port, '127.0.0.1');
    socket.setTimeout(500, () => socket.destroy());
    socket.once('data', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => {});
    socket.once('close', () => resolve(false));
  });
}

/** Ids of every process below this one, from /proc. */
export function descendants(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(file)) return [];
  const children = readFileSync(file, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

export function killQuietly(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already.
  }
}
