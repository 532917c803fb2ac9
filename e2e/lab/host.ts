/** One host of a lab: its own systemd, journald, sshd, name and address. */

import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { hasSystemd, makeCgroups } from './cgroup.js';
import { BARE_ENV, type ExecOptions, exec, must, type Outcome } from './exec.js';
import type { Network } from './network.js';
import { childrenOf, isAlive, isNamespaceInit, kill, programOf } from './processes.js';
import { waitFor } from './wait.js';

const BOOT_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 10_000;
const DOWN_LIMIT_MS = 100_000;

export interface HostParts {
  labId: string;
  name: string;
  address: string;
  /** The host's `/` as seen from this machine. Files written here raise inotify events inside the host, and back. */
  root: string;
  /** Where the console's output goes. */
  consoleFile: string;
  network: Network;
  /** Paths of this machine that the overlay of `/` does not show, mounted read-only at the same place. */
  binds: readonly string[];
}

export class Host {
  readonly name: string;
  readonly address: string;
  readonly root: string;
  readonly #parts: HostParts;
  #nspawn: ChildProcess | undefined;
  #init: number | undefined;

  constructor(parts: HostParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.address = parts.address;
    this.root = parts.root;
  }

  /** Boots, and resolves once sshd accepts connections. */
  async start(): Promise<void> {
    this.#nspawn = this.#spawnNspawn();
    await this.#booted();
  }

  async #booted(before?: number): Promise<void> {
    await waitFor(`${this.name} to start its systemd`, { timeoutMs: BOOT_LIMIT_MS, everyMs: 20 }, () => {
      if (this.#nspawn?.exitCode !== null) throw new Error(`${this.name} did not boot: ${this.console()}`);
      this.#init = childrenOf(this.#nspawn.pid ?? 0).find(
        (pid) => pid !== before && isNamespaceInit(pid) && programOf(pid) === 'systemd',
      );
      return this.#init !== undefined;
    });
    await waitFor(`sshd on ${this.name}`, { timeoutMs: BOOT_LIMIT_MS, everyMs: 100 }, async () => {
      return (await this.run(['systemctl', 'is-active', '--quiet', 'ssh'])).code === 0;
    });
  }

  /** Ends the host at once, as when its power fails: nothing inside is told. Its disk stays; `start` boots it again. */
  async stop(): Promise<void> {
    const nspawn = this.#nspawn;
    // First PID 1, with which the kernel ends all its namespace; nspawn then cleans up and leaves by itself.
    // Killing nspawn instead would leave the whole host running without a parent.
    if (this.#init !== undefined) kill(this.#init);
    this.#init = undefined;
    this.#nspawn = undefined;
    if (nspawn?.pid === undefined) return;
    const pid = nspawn.pid;
    const gone = () => nspawn.exitCode !== null || nspawn.signalCode !== null || !isAlive(pid);
    await waitFor(`${this.name} to end`, { timeoutMs: STOP_LIMIT_MS, everyMs: 20 }, gone).catch(() => kill(pid));
  }

  /** A power cut, and the power comes back. */
  async powerCycle(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** `systemctl reboot`: everything inside is told to stop, and resolves once sshd is up again. */
  async reboot(): Promise<void> {
    const [nspawn, before] = [this.#nspawn, this.#init];
    if (nspawn === undefined || before === undefined) throw new Error(`${this.name} is not running`);
    await this.run(['systemctl', 'reboot']);
    await waitFor(`${this.name} to go down`, { timeoutMs: DOWN_LIMIT_MS }, () => !isAlive(before));
    this.#init = undefined;
    // Told to keep its unit, nspawn leaves the second boot to whoever started it.
    if (hasSystemd()) return this.#booted(before);
    await waitFor(`${this.name} to end`, { timeoutMs: STOP_LIMIT_MS }, () => nspawn.exitCode !== null);
    return this.start();
  }

  /** Runs a program inside the host, as root, and reports how it ended. */
  run(argv: readonly string[], options: ExecOptions = {}): Promise<Outcome> {
    if (this.#init === undefined) throw new Error(`${this.name} is not running`);
    return exec(['nsenter', '--target', String(this.#init), '--all', '--', ...argv], options);
  }

  /** Runs a line of bash inside the host. For tests' own fixed text only: never build it from a name. */
  sh(command: string, options: ExecOptions = {}): Promise<Outcome> {
    return this.run(['/bin/bash', '-c', command], options);
  }

  /** As `run`, but anything except success is an error that shows what was said. */
  async must(argv: readonly string[], options: ExecOptions = {}): Promise<string> {
    if (this.#init === undefined) throw new Error(`${this.name} is not running`);
    return must(['nsenter', '--target', String(this.#init), '--all', '--', ...argv], options);
  }

  /**
   * A path of the host as seen from this machine; no process is needed to read or write there. Only for the host's
   * disk: `/tmp`, `/run`, `/dev` and `/proc` are mounts of the host's own and show in the host alone.
   */
  path(pathInside: string): string {
    if (/^\/(tmp|run|dev|proc|sys)(\/|$)/.test(pathInside))
      throw new Error(`${pathInside} is not on ${this.name}'s disk`);
    return `${this.root}${pathInside}`;
  }

  /** Writes a file (plainly: truncate, then write), making its folders; `owner` is a uid and gid. */
  write(pathInside: string, content: string | Buffer, options: { mode?: number; owner?: number } = {}): void {
    const path = this.path(pathInside);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content, options.mode === undefined ? {} : { mode: options.mode });
    if (options.owner !== undefined) chownSync(path, options.owner, options.owner);
  }

  read(pathInside: string): string {
    return readFileSync(this.path(pathInside), 'utf8');
  }

  /** Pulls the host's network cable. */
  cut(): Promise<void> {
    return this.#parts.network.setLink(this.name, 'down');
  }

  /** Plugs it in again. */
  heal(): Promise<void> {
    return this.#parts.network.setLink(this.name, 'up');
  }

  /** The last lines of a unit's journal, for the message of a failed test; without a unit, of everything. */
  async journal(unit?: string, lines = 200): Promise<string> {
    const which = unit === undefined ? [] : ['--unit', unit];
    const argv = ['journalctl', '--no-pager', '--output=short-precise', '--lines', String(lines), ...which];
    const { stdout, stderr } = await this.run(argv);
    return `── journal of ${unit ?? 'everything'} on ${this.name} ──\n${stdout}${stderr}`;
  }

  /** What the host printed on its console, for when it does not boot. */
  console(): string {
    return readFileSync(this.#parts.consoleFile, 'utf8');
  }

  #spawnNspawn(): ChildProcess {
    const { labId, name, root, network, binds, consoleFile } = this.#parts;
    const nspawn = [
      'systemd-nspawn',
      '--quiet',
      `--directory=${root}`,
      // The machine's name is unique on this machine and found again by `Lab.sweep`; the host name is what it calls itself.
      `--machine=${machineName(labId, name)}`,
      `--hostname=${name}`,
      '--register=no',
      '--resolv-conf=off',
      '--timezone=off',
      '--link-journal=no',
      `--network-namespace-path=/run/netns/${network.namespaceOf(name)}`,
      ...binds.map((path) => `--bind-ro=${path}`),
      '--boot',
    ];
    // nspawn reads its cgroup as it starts, so it must sit in the right one before: the shell moves itself there and
    // becomes nspawn. Its text is fixed; everything that varies comes as arguments.
    const script = 'while [ "$1" != -- ]; do echo $$ > "$1"; shift; done; shift; exec "$@"';
    const argv = hasSystemd()
      ? nspawn
      : ['/bin/sh', '-c', script, 'sh', ...makeCgroups(labId, name), '--', ...nspawn, '--keep-unit'];
    const console = openSync(consoleFile, 'a');
    const [program = '', ...args] = argv;
    const child = spawn(program, args, { env: BARE_ENV, detached: true, stdio: ['ignore', console, console] });
    closeSync(console);
    child.on('error', () => undefined); // `start` sees that it has not come up, and says so
    child.unref();
    return child;
  }
}

/** The name that nspawn knows a host by. */
export function machineName(labId: string, host: string): string {
  return `${labId}-${host}`;
}
