import { type ChildProcess, spawn } from 'node:child_process';

/**
 * The one way this project starts a process. No shell, ever: a program and a list of arguments. What it prints is kept
 * up to a bound, it lives no longer than its limit, and everything it started dies with it.
 */
export type SpawnOptions = {
  /** Hard limit on its life. SIGTERM at the limit, SIGKILL `kill_after_ms` later. Absent: no limit (long-lived children). */
  readonly timeout_ms?: number;
  /** From SIGTERM to SIGKILL, default 500. */
  readonly kill_after_ms?: number;
  /** Ends the process as the limit does. */
  readonly signal?: AbortSignal;
  /** Bytes of each output stream that are kept, default 64 KiB; the rest is read and dropped, so it never blocks. */
  readonly output_bytes_max?: number;
  /** The whole environment. Default: PATH and HOME of this process, and LC_ALL=C because messages are parsed. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
};

export type ProcessResult = {
  /** Exit code; null where a signal ended it, or it never started. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** True if this project's limit ended it (not an abort, not somebody else's signal). */
  readonly timedOut: boolean;
  /** From start to end, monotonic. */
  readonly ms: number;
  /** Why it could not be started, such as ENOENT; absent for a process that ran. */
  readonly failedToStart?: string;
};

/** A child that is being talked to. */
export interface LiveProcess {
  /** Undefined if it could not be started. */
  readonly pid: number | undefined;
  /** Resolves when it has ended and its output is complete; never rejects. */
  readonly exited: Promise<ProcessResult>;
  readonly running: boolean;
  /** Writes to its standard input. A child that no longer reads is not an error here: `exited` tells. */
  write(data: string): void;
  /** Closes its standard input, after a last piece. */
  end(data?: string): void;
  /** Calls back with each piece of output as it comes. What came before this call is not repeated. */
  onOutput(listener: (stream: 'stdout' | 'stderr', text: string) => void): void;
  /** SIGTERM, then SIGKILL. Safe to call at any time, any number of times. */
  kill(): void;
}

const OUTPUT_BYTES_MAX = 64 * 1024;
const KILL_AFTER_MS = 500;
/** After the child itself ended, a grandchild may hold the pipes open: this long is waited for them to close. */
const PIPES_MS = 1_000;

export function start(command: string, args: readonly string[], options: SpawnOptions = {}): LiveProcess {
  const started_ms = performance.now();
  const child = spawn(command, [...args], {
    shell: false,
    stdio: ['pipe', 'pipe', 'pipe'],
    // A process group of its own, so that a kill also reaches what it started (rsync's ssh, in one blow).
    detached: true,
    env: { ...(options.env ?? defaultEnv()) },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  // Out of file descriptors, Node gives up half way: there are no streams, and why is still to be told.
  if (child.stdin === undefined) return neverStarted(child);
  const listeners: ((stream: 'stdout' | 'stderr', text: string) => void)[] = [];
  const kept = { stdout: new Capture(options.output_bytes_max), stderr: new Capture(options.output_bytes_max) };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', (piece: Buffer) => {
      kept[stream].add(piece);
      for (const listener of listeners) listener(stream, piece.toString('utf8'));
    });
    child[stream].on('error', () => {});
  }
  // EPIPE: it ended while we wrote. Its exit code says more than the broken pipe.
  child.stdin.on('error', () => {});

  let running = true;
  let timedOut = false;
  let killTimer: NodeJS.Timeout | undefined;
  const kill = (): void => {
    if (!running || killTimer !== undefined) return;
    signalGroup(child, 'SIGTERM');
    killTimer = setTimeout(() => signalGroup(child, 'SIGKILL'), options.kill_after_ms ?? KILL_AFTER_MS);
  };
  const limit =
    options.timeout_ms === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          kill();
        }, options.timeout_ms);
  if (options.signal?.aborted) kill();
  options.signal?.addEventListener('abort', kill, { once: true });

  const exited = new Promise<ProcessResult>((resolve) => {
    let pipesTimer: NodeJS.Timeout | undefined;
    let settled = false;
    const settle = (code: number | null, signal: NodeJS.Signals | null, failedToStart?: string): void => {
      if (settled) return;
      settled = true;
      running = false;
      clearTimeout(limit);
      clearTimeout(killTimer);
      clearTimeout(pipesTimer);
      options.signal?.removeEventListener('abort', kill);
      const ms = performance.now() - started_ms;
      const [stdout, stderr] = [kept.stdout.text(), kept.stderr.text()];
      resolve({
        code,
        signal,
        stdout,
        stderr,
        timedOut,
        ms,
        ...(failedToStart === undefined ? {} : { failedToStart }),
      });
    };
    child.on('error', (error: NodeJS.ErrnoException) => {
      // An error after the start (a kill that failed) is no end: only a process without a pid never ran.
      if (child.pid === undefined) settle(null, null, error.code ?? error.message);
    });
    child.on('close', (code, signal) => settle(code, signal));
    child.on('exit', (code, signal) => {
      // What is left of its group is of no use to anybody and would hold the pipes: end it, then stop waiting for it.
      pipesTimer = setTimeout(() => {
        signalGroup(child, 'SIGKILL');
        child.stdout.destroy();
        child.stderr.destroy();
        settle(code, signal);
      }, PIPES_MS);
    });
  });

  return {
    pid: child.pid,
    exited,
    get running() {
      return running && child.exitCode === null && child.signalCode === null;
    },
    write: (data) => void child.stdin.write(data),
    end: (data) => void (data === undefined ? child.stdin.end() : child.stdin.end(data)),
    onOutput: (listener) => void listeners.push(listener),
    kill,
  };
}

function neverStarted(child: ChildProcess): LiveProcess {
  const none = { code: null, signal: null, stdout: '', stderr: '', timedOut: false, ms: 0 };
  const exited = new Promise<ProcessResult>((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) =>
      resolve({ ...none, failedToStart: error.code ?? error.message }),
    );
  });
  const nothing = (): void => {};
  return { pid: undefined, exited, running: false, write: nothing, end: nothing, onOutput: nothing, kill: nothing };
}

/** Runs a program to its end, with `stdin` as its whole input. Resolves always: a failure to start is a value too. */
export function run(
  command: string,
  args: readonly string[],
  options: SpawnOptions & { readonly timeout_ms: number; readonly stdin?: string },
): Promise<ProcessResult> {
  const child = start(command, args, options);
  child.end(options.stdin);
  return child.exited;
}

/** Nothing of this process's secrets: only what programs need in order to be found and to speak plainly. */
export function defaultEnv(): Record<string, string> {
  const env: Record<string, string> = { PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' };
  if (process.env.HOME !== undefined) env.HOME = process.env.HOME;
  return env;
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // ESRCH: the group is gone already, which is what was wanted.
  }
}

/** The first bytes of a stream: programs say first what went wrong, and then repeat themselves. */
class Capture {
  readonly #pieces: Buffer[] = [];
  #room: number;

  constructor(bytes_max = OUTPUT_BYTES_MAX) {
    this.#room = bytes_max;
  }

  add(piece: Buffer): void {
    if (this.#room <= 0) return;
    const part = piece.subarray(0, this.#room);
    this.#pieces.push(part);
    this.#room -= part.length;
  }

  text(): string {
    return Buffer.concat(this.#pieces).toString('utf8');
  }
}
