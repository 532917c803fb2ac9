/** One daemon of the demo: a child process that is started again when it dies, and that never outlives the demo. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Backoff } from '../../common/runtime/backoff.js';
import { type DemoEvent, parseEvent } from './event.js';

export type DaemonSpec = {
  readonly site: string;
  /** Program and arguments. The child must end when its stdin closes. */
  readonly command: readonly [string, ...string[]];
  readonly onEvent: (event: DemoEvent) => void;
  /** Something that is no event: a crash's last words, the reason for a restart. */
  readonly onRemark: (text: string) => void;
  readonly stop_ms_max?: number;
};

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

const STOP_MS_MAX = 5000;
/** A child that lived this long begins its next series of restarts from the shortest delay. */
const HEALTHY_MS = 10_000;
const STDERR_LINES_MAX = 5;

export class Daemon {
  readonly #spec: DaemonSpec;
  readonly #stopping = new AbortController();
  readonly #done: Promise<void>;
  #child: Child | undefined;
  #isReady: (site: string) => void = () => {};
  /** Resolves to the site's name at the first `ready` event. */
  readonly ready: Promise<string>;

  constructor(spec: DaemonSpec) {
    this.#spec = spec;
    this.ready = new Promise((resolve) => {
      this.#isReady = resolve;
    });
    this.#done = this.#run();
  }

  /** SIGTERM, and SIGKILL where that is not enough. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#child?.kill('SIGTERM');
    const killer = setTimeout(() => this.#child?.kill('SIGKILL'), this.#spec.stop_ms_max ?? STOP_MS_MAX);
    await this.#done;
    clearTimeout(killer);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const backoff = new Backoff({ first_ms: 500, limit_ms: 10_000, random: Math.random });
    while (!signal.aborted) {
      const began = Date.now();
      const { how, lastWords } = await this.#runOnce();
      if (signal.aborted) return;
      if (Date.now() - began > HEALTHY_MS) backoff.reset();
      // Full jitter may say 0, and a child that dies at once would then be a hot loop.
      const delay_ms = 200 + backoff.next();
      const words = lastWords.length === 0 ? '' : `\n          ${lastWords.join('\n          ')}`;
      this.#spec.onRemark(
        `${this.#spec.site}'s daemon ended (${how}); starting it again in ${(delay_ms / 1000).toFixed(1)} s${words}`,
      );
      await sleep(delay_ms, undefined, { signal }).catch(() => {});
    }
  }

  /** One life of the child; resolves when it has ended and all that it said has been read. */
  #runOnce(): Promise<{ how: string; lastWords: string[] }> {
    const [program, ...args] = this.#spec.command;
    return new Promise((resolve) => {
      // stdin is a pipe that we only hold: when we die, even by kill -9, the kernel closes it and the child stops.
      // A group of its own: a Ctrl-C reaches us alone, and we stop the children in good order.
      const child: Child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
      this.#child = child;
      const lastWords: string[] = [];
      let failure: string | undefined;
      child.stdin.on('error', () => {});
      child.on('error', (error) => {
        failure = error.message;
      });
      createInterface({ input: child.stdout }).on('line', (line) => this.#hear(line));
      createInterface({ input: child.stderr }).on('line', (line) => {
        lastWords.push(line);
        if (lastWords.length > STDERR_LINES_MAX) lastWords.shift();
      });
      child.on('close', (code, signal) => {
        this.#child = undefined;
        resolve({ how: failure ?? (signal === null ? `exit code ${code}` : signal), lastWords });
      });
    });
  }

  #hear(line: string): void {
    const event = parseEvent(line, this.#spec.site);
    if (event === undefined) return;
    if (event.event === 'ready') this.#isReady(this.#spec.site);
    this.#spec.onEvent(event);
  }
}
