import { mkdirSync } from 'node:fs';
import { Backoff } from '../runtime/backoff.js';
import { type LiveProcess, start } from '../runtime/spawn.js';
import { isBatchName } from './batch-name.js';
import { CONFIRMATION, pushArgs } from './rsync-args.js';
import { failureOf } from './rsync-exit.js';
import { checkPeer, plainPath, type SshPeer } from './ssh-args.js';
import { Stage } from './stage.js';
import { type Clock, type Delivery, type Failure, failure, type Transport } from './transport.js';
import { WarmPool } from './warm-pool.js';

export type RsyncTransportOptions = {
  readonly peer: SshPeer;
  /** Module of the peer's daemon, default `inbox`. */
  readonly module?: string;
  readonly outboxFolder: string;
  /** Socket of an SshMaster, or `none`. A master that is not there costs only the time of a handshake. */
  readonly control: string | 'none';
  readonly clock: Clock;
  readonly random: () => number;
  /**
   * Waiting processes, default 2; 0 switches warmth off. Deliveries end to end took 18 ms each with one, 13 with two, and
   * no less with more
   * (one noisy run of 100 each, 2 cores: measure again before relying on it).
   */
  readonly warm_size?: number;
  /** Default 45 s. Keep it below the peer's DAEMON_TIMEOUT_S. */
  readonly warm_idle_max_ms?: number;
  /** Hard limit of a whole delivery, default 30 s; grows by a millisecond for each 50 bytes. */
  readonly limit_ms?: number;
  /** Part of it that a first attempt may use up before a direct one is made, default 5 s; grows likewise. */
  readonly first_limit_ms?: number;
  /** Sync the file at the far end before it is named (default no: the peer's confirmation comes after its own commit). */
  readonly fsync?: boolean;
  /** Told when a direct connection worked where the shared one had not: restart the master (`SshMaster.restart`). */
  readonly onStale?: () => void;
};

/** The slowest link that still counts as one: 50 KB/s. */
const BYTES_PER_MS_MIN = 50;
/** After the confirmation rsync needs some 45 ms to end; beyond this it hangs. */
const ENDING_MS = 5_000;

/** Delivery by rsync over ssh into the peer's forced rsync daemon. */
export class RsyncTransport implements Transport {
  readonly #options: RsyncTransportOptions;
  readonly #stage: Stage;
  readonly #pool: WarmPool;
  /** Processes handed a name and not yet ended. */
  readonly #busy = new Set<LiveProcess>();
  readonly #stopping = new AbortController();

  /** Throws LinkConfigError for a peer or path that cannot be made into a safe argument list. */
  constructor(options: RsyncTransportOptions) {
    checkPeer(options.peer);
    plainPath('outboxFolder', options.outboxFolder);
    this.#options = options;
    this.#stage = new Stage(options.outboxFolder);
    this.#pool = new WarmPool({
      start: () => this.#start(options.control),
      backoff: new Backoff({ first_ms: 500, limit_ms: 60_000, random: options.random }),
      size: options.warm_size ?? 2,
      idle_max_ms: options.warm_idle_max_ms ?? 45_000,
    });
  }

  /** Ids of the waiting processes, for tests and diagnosis. */
  get warmPids(): readonly (number | undefined)[] {
    return this.#pool.pids;
  }

  warm(): void {
    this.#pool.fill();
  }

  async deliver(name: string, signal?: AbortSignal): Promise<Delivery> {
    const started_ms = this.#options.clock.now();
    const stop = signal ? AbortSignal.any([signal, this.#stopping.signal]) : this.#stopping.signal;
    if (stop.aborted) return stopped();
    if (!isBatchName(name)) {
      return failure(
        'bad-name',
        false,
        `not the name of a batch: ${JSON.stringify(name)}`,
        'Report this as a fault of Axle.',
      );
    }
    const staged = await this.#stage.add(name);
    if (!staged.ok) return staged;
    const limits = this.#limits(staged.bytes);
    const outcome = await this.#twice(name, limits, started_ms, stop);
    if (!outcome.ok) {
      await this.#stage.remove(name);
      return outcome;
    }
    this.#pool.succeeded();
    // Not before the caller has gone on: starting a process holds up this thread for a few milliseconds.
    setImmediate(() => this.#pool.fill());
    return { ok: true, ms: this.#options.clock.now() - started_ms };
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    for (const child of this.#busy) child.kill();
    await Promise.all([this.#pool.close(), ...[...this.#busy].map((child) => child.exited)]);
  }

  /**
   * First the quick way: a waiting process, or a new one over the master. What makes that fail is mostly stale: a
   * connection that died unseen, a master that hangs. So once more, directly, with a connection of its own.
   */
  async #twice(name: string, limits: Limits, started_ms: number, stop: AbortSignal): Promise<{ ok: true } | Failure> {
    const quick = this.#pool.take() ?? this.#start(this.#options.control);
    const first = await this.#attempt(quick, name, limits.first_ms, stop);
    if (first.ok || stop.aborted || !first.retry) return first;
    this.#pool.failed();
    const left_ms = limits.whole_ms - (this.#options.clock.now() - started_ms);
    if (left_ms <= 0) return first;
    // The first attempt may have taken the link away without our hearing of it.
    const staged = await this.#stage.add(name);
    if (!staged.ok) return staged;
    const second = await this.#attempt(this.#start('none'), name, left_ms, stop);
    if (second.ok) this.#options.onStale?.();
    return second;
  }

  #limits(bytes: number): Limits {
    const extra_ms = bytes / BYTES_PER_MS_MIN;
    const whole_ms = (this.#options.limit_ms ?? 30_000) + extra_ms;
    return { whole_ms, first_ms: Math.min(whole_ms, (this.#options.first_limit_ms ?? 5_000) + extra_ms) };
  }

  #start(control: string): LiveProcess {
    // rsync enters the folder before it reads names, so it must be there even while nothing is staged.
    try {
      mkdirSync(this.#stage.folder, { recursive: true, mode: 0o750 });
    } catch {
      // A full disk. Then rsync finds no folder and says so; this is also called by timers, where nobody would catch it.
    }
    const { peer, module = 'inbox', fsync = false } = this.#options;
    return start('rsync', pushArgs({ peer, module, control }, this.#stage.folder, { fsync }));
  }

  /** Hands a process its one name. Resolves with the confirmation, the end, the limit or the stop, whichever is first. */
  #attempt(child: LiveProcess, name: string, limit_ms: number, stop: AbortSignal): Promise<{ ok: true } | Failure> {
    this.#busy.add(child);
    let [stdout, stderr] = ['', ''];
    return new Promise((resolve) => {
      const settle = (outcome: { ok: true } | Failure): void => {
        clearTimeout(limit);
        stop.removeEventListener('abort', onStop);
        resolve(outcome);
      };
      const limit = setTimeout(() => {
        const code = { code: null, signal: null };
        settle(failureOf({ ...code, stdout, stderr, timedOut: true, ms: limit_ms }));
        child.kill();
      }, limit_ms);
      const onStop = (): void => {
        settle(stopped());
        child.kill();
      };
      if (stop.aborted) onStop();
      stop.addEventListener('abort', onStop, { once: true });
      child.onOutput((stream, text) => {
        if (stream === 'stderr') stderr = (stderr + text).slice(0, 4_096);
        else stdout = (stdout + text).slice(0, 4_096);
        if (stdout.includes(`${CONFIRMATION}${name}\n`)) settle({ ok: true });
      });
      const ending = setTimeout(() => child.kill(), limit_ms + ENDING_MS);
      void child.exited.then((result) => {
        clearTimeout(ending);
        this.#busy.delete(child);
        settle(failureOf(result));
      });
      child.end(`${name}\0`);
    });
  }
}

type Limits = { readonly whole_ms: number; readonly first_ms: number };

function stopped(): Failure {
  return failure('stopped', true, 'the delivery was stopped', 'Nothing to do: it is sent again after the restart.');
}
