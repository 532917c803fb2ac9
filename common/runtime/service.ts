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
}

/** Of `process`, what is used here. */
export interface Signals {
  on(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
  off(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
}

export type ServeOptions = {
  readonly log: Log;
  /** Another reason to stop, resolving to its name: see `parentGone`. */
  readonly stopOn?: Promise<string>;
  /** Stopping takes longer: give up, exit code 1. */
  readonly stop_ms_max?: number;
  readonly signals?: Signals;
  readonly notifier?: Notifier;
  /** Called for the second signal only. */
  readonly exit?: (code: number) => void;
};

const STOP_MS_MAX = 20_000;

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
  const listeners = { SIGTERM: listenerFor('SIGTERM'), SIGINT: listenerFor('SIGINT') };
  // Before the start: a signal during a long join must not kill it half way.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) signals.on(signal, listeners[signal]);
  void options.stopOn?.then(askToStop);
  try {
    const running = await start();
    let isReady = false;
    const readiness = running.ready.then(async () => {
      isReady = true;
      await notifier.ready();
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
    await notifier.stopping();
    return (await stopInTime(running, stop_ms_max, log)) ? code : 1;
  } catch (error) {
    log.error('failed', describe(error));
    return 1;
  } finally {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) signals.off(signal, listeners[signal]);
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
