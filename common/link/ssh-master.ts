import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Backoff } from '../runtime/backoff.js';
import { type LiveProcess, run, start } from '../runtime/spawn.js';
import { failureOf } from './rsync-exit.js';
import { checkPeer, controlArgs, controlPath, masterArgs, type SshPeer } from './ssh-args.js';
import type { Failure } from './transport.js';

export type SshMasterOptions = {
  readonly peer: SshPeer;
  /** Folder for the control socket, short, ours alone (RuntimeDirectory, mode 0700). Made if missing. */
  readonly runtimeFolder: string;
  /** Delay before a dead master is started again. */
  readonly backoff: Backoff;
  /** Told why a master ended, each time. */
  readonly onEnd?: (why: Failure) => void;
};

/** A `-O` command answers from a local socket; one that does not answer means a hung master. */
const CONTROL_MS = 2_000;
/** A master that lived this long was a success, whatever ended it. */
const SUCCESS_MS = 10_000;

/**
 * One ssh connection to a peer, kept open as our own child (`ssh -N`, ControlMaster), through which every rsync saves itself the
 * handshake (150–480 ms). Purely an advantage: while it is away, every ssh of ours connects for itself.
 */
export class SshMaster {
  /** The socket, for the transport's `control`. */
  readonly control: string;
  readonly #options: SshMasterOptions;
  readonly #stopping = new AbortController();
  #child: LiveProcess | undefined;
  #loop: Promise<void> | undefined;

  /** Throws LinkConfigError for a peer or folder that cannot be made into a safe argument list. */
  constructor(options: SshMasterOptions) {
    checkPeer(options.peer);
    this.#options = options;
    this.control = controlPath(options.runtimeFolder, options.peer);
  }

  /** Process id of the present master, for tests and diagnosis. */
  get pid(): number | undefined {
    return this.#child?.running ? this.#child.pid : undefined;
  }

  /** Starts it and keeps it running until `close`. */
  start(): void {
    this.#loop ??= this.#supervise();
  }

  /** Whether the master answers on its socket now. Takes at most 2 s, normally 10 ms. */
  async ready(): Promise<boolean> {
    return this.#child !== undefined && (await this.#control('check'));
  }

  /** For one that hangs: the present master is killed, and the next comes after the usual delay. */
  restart(): void {
    this.#child?.kill();
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    if (this.#child?.running) await this.#control('exit');
    this.#child?.kill();
    await this.#loop;
    await rm(this.control, { force: true }).catch(() => {});
  }

  async #supervise(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const why = await this.#once();
      if (this.#stopping.signal.aborted) return;
      this.#options.onEnd?.(why);
      await sleep(this.#options.backoff.next(), undefined, { signal: this.#stopping.signal }).catch(() => {});
    }
  }

  /** One life of a master, from a clean socket path to its end. */
  async #once(): Promise<Failure> {
    // Where the disk refuses it, ssh finds no folder for its socket and ends.
    await mkdir(dirname(this.control), { recursive: true, mode: 0o700 }).catch(() => {});
    await this.#clearSocket();
    this.#child = start('ssh', masterArgs(this.#options.peer, this.control));
    if (this.#stopping.signal.aborted) this.#child.kill();
    const result = await this.#child.exited;
    if (result.ms >= SUCCESS_MS) this.#options.backoff.reset();
    return failureOf(result, 'ssh');
  }

  /**
   * ssh refuses to become master where the socket exists. It may be left by a master that was killed, or belong to one
   * that outlived our own crash: that one is asked to leave, for nobody supervises it.
   */
  async #clearSocket(): Promise<void> {
    if (!existsSync(this.control)) return;
    await this.#control('exit');
    await rm(this.control, { force: true }).catch(() => {});
  }

  async #control(command: 'check' | 'exit'): Promise<boolean> {
    const args = controlArgs(this.#options.peer, this.control, command);
    return (await run('ssh', args, { timeout_ms: CONTROL_MS })).code === 0;
  }
}
