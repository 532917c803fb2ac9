/** The life of a daemon: start, tell systemd, run until a signal, stop within bounds. */
import type { Log } from './log.js';
import { type Notifier, systemdNotifier } from './service-notify.js';
import { fieldsOf, troubleOf } from './troubles.js';

/** Something long-lived that has been started. */
export interface Running {
  /** Resolves when the service does its work (a joining site: has joined); rejects when that failed for good. */
  readonly ready: Promise<void>;
  /** Finishes what is in flight and leaves nothing half done. */
  stop(): Promise<void>;
  /** Optional: rejects when the service broke while running. */
  readonly failed?: Promise<never>;
  /** Resolves once a piece of work has gone through everything that matters: a sign of life for the watchdog. */
  pulse?(): Promise<void>;
  /** The one line that `systemctl status` shows. */
  statusLine?(): string;
}

type Signal = 'SIGTERM' | 'SIGINT' | 'SIGHUP';

/** Of `process`, what is used here. */
export interface Signals {
  on(signal: Signal, listener: () => void): unknown;
  off(signal: Signal, listener: () => void): unknown;
}

export type ServeOptions = {
  readonly log: Log;
  /** Another reason to stop, resolving to its name: see `parentGone`. */
  readonly stopOn?: Promise<string>;
  /** At SIGHUP, which without it ends the process. Returns what the status is to say before all else, if anything. */
  readonly reload?: (running: Running) => string | undefined;
  /** From one look at the status to the next. */
  readonly status_ms?: number;
  /** Stopping takes longer: give up, exit code 1. */
  readonly stop_ms_max?: number;
  readonly signals?: Signals;
  readonly notifier?: Notifier;
  /** Called for the second signal only. */
  readonly exit?: (code: number) => void;
};

const STOP_MS_MAX = 20_000;
/** Each word to systemd is a process of its own. */
const STATUS_MS = 10_000;

/**
 * Runs a service until SIGTERM or SIGINT. Resolves to the exit code: 0 after an orderly stop, 1 when the service broke or
 * did not stop in time. The first signal stops in good order; a second one exits at once, whatever is half done.
 */
export async function serve(start: () => Promise<Running>, options: ServeOptions): Promise<number> {
  const {
    log,
    signals = process,
    notifier = systemdNotifier(),
    exit = process.exit,
    stop_ms_max = STOP_MS_MAX,
    status_ms = STATUS_MS,
    reload,
  } = options;
  let signalsSeen = 0;
  let askToStop: (reason: string) => void = () => {};
  const asked = new Promise<string>((resolve) => {
    askToStop = resolve;
  });
  const listenerFor = (signal: string) => () => {
    signalsSeen += 1;
    if (signalsSeen > 1) exit(1);
    else askToStop(signal);
  };
  let onHangup: () => void = () => {};
  const listeners: Partial<Record<Signal, () => void>> = {
    SIGTERM: listenerFor('SIGTERM'),
    SIGINT: listenerFor('SIGINT'),
    ...(reload && { SIGHUP: () => onHangup() }),
  };
  const entries = Object.entries(listeners) as [Signal, () => void][];
  // Before the start: a signal during a long join must not kill it half way.
  for (const [signal, listener] of entries) signals.on(signal, listener);
  void options.stopOn?.then(askToStop);
  try {
    const running = await start();
    let isReady = false;
    let endWatch: () => void = () => {};
    const status = new StatusTeller(running, notifier, status_ms);
    onHangup = () => status.say(reload?.(running));
    const readiness = running.ready.then(async () => {
      isReady = true;
      await notifier.ready();
      status.look();
      if (running.pulse) endWatch = notifier.watch(() => running.pulse?.() ?? Promise.resolve());
    });
    const failure = Promise.race([
      readiness.then(() => new Promise<never>(() => {})),
      ...(running.failed ? [running.failed] : []),
    ]);
    const code = await Promise.race([
      asked.then((reason) => {
        log.info('stopping', { reason, ready: isReady });
        return 0;
      }),
      failure.catch((error: unknown) => {
        log.error('failed', describe(error));
        return 1;
      }),
    ]);
    onHangup = () => {};
    endWatch();
    status.close();
    await notifier.stopping();
    return (await stopInTime(running, stop_ms_max, log)) ? code : 1;
  } catch (error) {
    log.error('failed', describe(error));
    return 1;
  } finally {
    for (const [signal, listener] of entries) signals.off(signal, listener);
  }
}

/** Tells systemd the service's status when it has changed, and not more often than it looks. */
class StatusTeller {
  readonly #running: Running;
  readonly #notifier: Notifier;
  readonly #timer: NodeJS.Timeout;
  #first: string | undefined;
  #told = '';

  constructor(running: Running, notifier: Notifier, ms: number) {
    this.#running = running;
    this.#notifier = notifier;
    this.#timer = setInterval(() => this.look(), ms);
    this.#timer.unref();
    this.look();
  }

  /** From now on this stands before everything; undefined: nothing does. */
  say(first: string | undefined): void {
    this.#first = first;
    this.look();
  }

  look(): void {
    const text = [this.#first, this.#line()].filter((part) => part !== undefined).join('; ');
    if (text === this.#told) return;
    this.#told = text;
    void this.#notifier.status(text);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #line(): string | undefined {
    try {
      return this.#running.statusLine?.();
    } catch {
      // A disk that breaks is reported where the work is done, not here.
      return undefined;
    }
  }
}

async function stopInTime(running: Running, ms: number, log: Log): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), ms);
  });
  try {
    if ((await Promise.race([running.stop(), late])) !== 'late') {
      log.info('stopped');
      return true;
    }
    log.error('did not stop in time', { ms, code: 'AXL-STOP', hint: 'nothing is lost: the next start recovers' });
  } catch (error) {
    log.error('failed while stopping', describe(error));
  } finally {
    clearTimeout(timer);
  }
  return false;
}

/**
 * Resolves when the process that started this one is gone: it holds the other end of our stdin, which the kernel closes
 * also after a kill -9.
 */
export function parentGone(stdin: NodeJS.ReadableStream = process.stdin): Promise<string> {
  return new Promise((resolve) => {
    for (const event of ['end', 'close', 'error']) stdin.once(event, () => resolve('parent gone'));
    stdin.resume();
  });
}

function describe(error: unknown): { code: string; reason: string; hint: string } {
  return fieldsOf(troubleOf(error));
}
