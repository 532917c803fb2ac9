/** The one way in which the lab and the benchmark run a program: an argument list, no shell, a time limit. */

import { spawn } from 'node:child_process';

/** How a program ended. `code` is 128 + signal number's usual spelling (137) when it was killed. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

export interface ExecOptions {
  /** Killed, with all of its process group, after this many milliseconds. Default one minute. */
  timeoutMs?: number;
  /** Text for its standard input; without it, standard input is empty. */
  input?: string;
  env?: NodeJS.ProcessEnv;
  /** Hears of all of standard output so far as it comes, and may act on the program. Its standard input then stays open. */
  onOutput?: (soFar: string, act: Act) => void;
}

export interface Act {
  /** To the program and all that it has started, as Ctrl-C at a terminal does. */
  signal(name: NodeJS.Signals): void;
  /** To its standard input. */
  type(text: string): void;
}

/** A bare environment: nothing of the developer's shell may decide how a test ends. */
export const BARE_ENV: NodeJS.ProcessEnv = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LANG: 'C.UTF-8',
};

const KILLED = 137;

/** Runs `argv` and resolves however it ends; rejects only when it cannot be started at all. */
export function exec(argv: readonly string[], options: ExecOptions = {}): Promise<Outcome> {
  const [program, ...args] = argv;
  if (program === undefined) throw new Error('exec: an empty argument list');
  const { timeoutMs = 60_000, input = '', env = BARE_ENV } = options;
  return new Promise((resolve, reject) => {
    // A process group of its own, so that the time limit also ends what the program itself started:
    // nsenter forks, and killing it alone would leave its child running inside the host.
    const child = spawn(program, args, { env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    const act: Act = {
      signal: (name) => killGroup(child.pid, name),
      type: (text) => child.stdin.write(text),
    };
    let stdout = '';
    let stderr = '';
    const timer = setTimeout(() => {
      stderr += `\n[ended after ${timeoutMs} ms]`;
      killGroup(child.pid);
    }, timeoutMs);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      options.onOutput?.(stdout, act);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.stdin.on('error', () => undefined); // it may end without reading what we give it
    if (options.onOutput === undefined) child.stdin.end(input);
    else child.stdin.write(input);
    child.on('error', (cause) => {
      clearTimeout(timer);
      reject(new Error(`cannot run ${program}`, { cause }));
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? KILLED, stdout, stderr });
    });
  });
}

/** Runs `argv` and returns its standard output; a failure is an error that shows what was said. */
export async function must(argv: readonly string[], options: ExecOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await exec(argv, options);
  if (code !== 0) throw new Error(`${argv.join(' ')}: exit ${code}\n${stderr}${stdout}`.trimEnd());
  return stdout;
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // It ended by itself in the meantime.
  }
}
