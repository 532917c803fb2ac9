/**
 * What a daemon tells systemd. Outside of a `Type=notify` unit (no NOTIFY_SOCKET) nothing happens, and where the
 * `systemd-notify` program is missing a daemon works all the same: none of this ever throws or rejects.
 *
 * The messages come from a child process, so the unit needs `NotifyAccess=all`.
 */
import { execFile } from 'node:child_process';
import notify from 'systemd-notify';

export interface Notifier {
  /** Start-up is complete: `systemctl start` returns, dependent units begin. */
  ready(): Promise<void>;
  /** The one line that `systemctl status` shows. */
  status(text: string): Promise<void>;
  stopping(): Promise<void>;
  /**
   * Starts a pulse three times in WatchdogSec, unless one is on its way, and pings the unit's watchdog for each that comes
   * through: a process that merely turns its loop is silent. Returns the way to end it.
   */
  watch(pulse: () => Promise<unknown>): () => void;
}

type Env = Readonly<Record<string, string | undefined>>;

export function systemdNotifier(env: Env = process.env): Notifier {
  const isListening = Boolean(env.NOTIFY_SOCKET);
  const say = async (message: () => Promise<unknown>) => {
    if (!isListening) return;
    try {
      await message();
    } catch {
      // systemd-notify is missing or refused: the unit's own time limits will say so.
    }
  };
  const watchdog_ms = watchdogPeriod(env);
  return {
    ready: () => say(() => notify({ ready: true, pid: process.pid })),
    status: (text) => say(() => notify({ status: oneLine(text), pid: process.pid })),
    stopping: () => say(() => run('STOPPING=1')),
    watch(pulse) {
      if (!isListening || watchdog_ms === undefined) return () => {};
      let isOut = false;
      const beat = async () => {
        if (isOut) return;
        isOut = true;
        try {
          await pulse();
          await say(() => run('WATCHDOG=1'));
        } catch {
          // What broke is reported where it broke; here, it is no sign of life.
        } finally {
          isOut = false;
        }
      };
      const timer = setInterval(() => void beat(), watchdog_ms / 3);
      timer.unref();
      return () => clearInterval(timer);
    },
  };
}

/** Milliseconds within which systemd wants a sign of life; undefined where it wants none from this process. */
export function watchdogPeriod(env: Env): number | undefined {
  const period_us = Number(env.WATCHDOG_USEC);
  if (!Number.isFinite(period_us) || period_us <= 0) return undefined;
  if (env.WATCHDOG_PID !== undefined && env.WATCHDOG_PID !== String(process.pid)) return undefined;
  return period_us / 1000;
}

// The npm package knows READY and STATUS only.
function run(assignment: string): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('systemd-notify', [`--pid=${process.pid}`, assignment], { timeout: 5000 }, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
