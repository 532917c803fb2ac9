/** A real daemon process of the scale benchmark, seen from outside: its log, its memory and its time on the processors. */

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ScaleSite } from './scale-sites.js';

const PROGRAM = join(import.meta.dirname, '../cli/main.js');
const LOOK_EVERY_MS = 10;
/** The kernel's USER_HZ, which is 100 on every Linux that Node runs on. */
const TICKS_PER_S = 100;

export interface Memory {
  /** Largest and present resident memory, megabytes of 10⁶ bytes. */
  readonly peak_mb: number;
  readonly now_mb: number;
}

const alive = new Set<ChildProcess>();

/** For the way out after an error or a signal. */
export function killAll(): void {
  for (const child of alive) child.kill('SIGKILL');
}

export class ScaleDaemon {
  readonly #child: ChildProcess;
  readonly #log: number;
  readonly #exited: Promise<number | string>;
  #readTo: number;
  readonly #startedAt = performance.now();
  #end: number | string | undefined;

  /** Its output goes to a file, as to a journal: no reader of ours takes part in what is measured. */
  constructor(readonly site: ScaleSite) {
    this.#log = openSync(site.log, 'a+');
    this.#readTo = fstatSync(this.#log).size;
    const args = [PROGRAM, site.role, '--config', site.config, '--log-format', 'json', '--exit-with-parent'];
    this.#child = spawn(process.execPath, args, { stdio: ['pipe', this.#log, this.#log] });
    this.#exited = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(error.message));
      this.#child.once('exit', (code, signal) => resolve(signal ?? code ?? 0));
    });
    alive.add(this.#child);
    void this.#exited.then((how) => {
      alive.delete(this.#child);
      this.#end = how;
    });
  }

  /** Resolves with the milliseconds from start to the `ready` line. */
  async ready(limit_ms: number): Promise<number> {
    while (!this.#newText().includes('"event":"ready"')) {
      const took_ms = performance.now() - this.#startedAt;
      if (this.#end !== undefined) throw new Error(`${this.site.site} ended (${this.#end}): see ${this.site.log}`);
      if (took_ms > limit_ms) throw new Error(`${this.site.site} is not ready after ${Math.round(took_ms / 1000)} s`);
      await sleep(LOOK_EVERY_MS);
    }
    return performance.now() - this.#startedAt;
  }

  memory(): Memory {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    const megabytes = (key: string) => (Number(new RegExp(`${key}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024) / 1e6;
    return { peak_mb: megabytes('VmHWM'), now_mb: megabytes('VmRSS') };
  }

  /** Processor seconds of all its threads, and of the programs that it ran to their end. */
  cpu_s(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8');
    // The second field is the program's name, which may hold spaces: count from behind its bracket.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_S;
  }

  /** Per cent of one core over the given time. */
  async cpuPercent(ms: number): Promise<number> {
    const [cpu, started] = [this.cpu_s(), performance.now()];
    await sleep(ms);
    return ((this.cpu_s() - cpu) / ((performance.now() - started) / 1000)) * 100;
  }

  /** Stops in good order; resolves with the milliseconds it took. */
  async stop(): Promise<number> {
    const started = performance.now();
    this.#child.kill('SIGTERM');
    const how = await this.#exited;
    closeSync(this.#log);
    if (how !== 0) throw new Error(`${this.site.site} did not stop in good order (${how}): see ${this.site.log}`);
    return performance.now() - started;
  }

  /** What was logged since the last call, but for the line that is being written. */
  #newText(): string {
    const buffer = Buffer.allocUnsafe(Math.min(fstatSync(this.#log).size - this.#readTo, 2 ** 24));
    const length = readSync(this.#log, buffer, 0, buffer.length, this.#readTo);
    const whole = buffer.subarray(0, length).lastIndexOf('\n') + 1;
    this.#readTo += whole;
    return buffer.toString('utf8', 0, whole);
  }
}
