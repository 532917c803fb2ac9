/** When everything is looked at: on a period, after a burst of hints, and where nothing is watched. One scan at a time. */
import { performance } from 'node:perf_hooks';
import type { Engine } from '../replica/engine.js';
import type { Replica } from '../replica/replica.js';
import type { Log } from '../runtime/log.js';
import type { Reporter } from './reporter.js';
import { type ScanReport, scanAll } from './scan.js';
import { sleep } from './sleep.js';

export type ScanningOptions = {
  readonly replica: Replica;
  readonly engine: Engine;
  readonly intervalMs: number;
  readonly isOpen: () => boolean;
  readonly reporter: Reporter;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly onError: (step: string, error: unknown) => void;
};

/**
 * A background scan rests this long after every chunk of 1.2 to 2 ms, and so takes a third of a per cent of a core for as long
 * as it lasts: 25 s for 10,000 files, 50 minutes for 1,000,000.
 */
const SCAN_REST_MS = 500;
/** After this many looks without a quiet moment between them, a scan follows: in a burst, a hint may have been lost. */
const BURST_LOOKS = 1_000;
const BURST_QUIET_MS = 2_000;

export class Scanning {
  readonly #options: ScanningOptions;
  #scanning: Promise<ScanReport> | undefined;
  #scanAgain = false;
  #scanRestMs = 0;
  #nextBlindScan = 0;
  #looks = 0;
  #quiet: NodeJS.Timeout | undefined;

  constructor(options: ScanningOptions) {
    this.#options = options;
  }

  /** One scan at a time; a request during a scan makes one more, and an urgent one makes both hurry. */
  async scan(restMs: number): Promise<ScanReport> {
    if (this.#scanning !== undefined) {
      this.#scanAgain = true;
      this.#scanRestMs = Math.min(this.#scanRestMs, restMs);
      return this.#scanning;
    }
    const { replica, engine, signal, isOpen } = this.#options;
    this.#scanRestMs = restMs;
    try {
      for (;;) {
        this.#scanAgain = false;
        this.#scanning = scanAll(replica, (name) => engine.look(name), {
          now: () => performance.now(),
          signal,
          restMs: () => this.#scanRestMs,
          afterChunk: () => engine.hasRoom(),
        });
        const report = await this.#scanning;
        if (report.missing.length === 0 && isOpen()) engine.showAll();
        if (!this.#scanAgain) return report;
      }
    } finally {
      this.#scanning = undefined;
    }
  }

  /** An urgent scan that nobody waits for. */
  scanNow(): void {
    void this.scan(0).catch((error) => this.#scanFailed(error));
  }

  /** The truth beside the hints. Slow enough to cost next to nothing, however many files there are. */
  async scanLoop(): Promise<void> {
    const { intervalMs, reporter, log, signal } = this.#options;
    while (!signal.aborted) {
      await sleep(intervalMs, signal);
      if (signal.aborted) return;
      try {
        const report = await this.scan(SCAN_REST_MS);
        reporter.working('scan');
        if (report.found > 0)
          log.debug('scan', { files: report.files, found: report.found, ms: Math.round(report.ms) });
      } catch (error) {
        this.#scanFailed(error);
      }
    }
  }

  /** What is not watched is scanned, at every try to watch it (5 s at most), for a twentieth of the time. */
  scanBlind(): void {
    const now = performance.now();
    if (!this.#options.isOpen() || this.#scanning !== undefined || now < this.#nextBlindScan) return;
    this.scan(0)
      .then(({ ms }) => {
        this.#nextBlindScan = performance.now() + 20 * ms;
      })
      .catch((error) => this.#scanFailed(error));
  }

  /** Counts the looks of a burst; once it is over, everything is looked at. */
  noteLooks(looks: number): void {
    this.#looks += looks;
    if (this.#quiet !== undefined) {
      this.#quiet.refresh();
      return;
    }
    this.#quiet = setTimeout(() => {
      this.#quiet = undefined;
      const wasBurst = this.#looks >= BURST_LOOKS;
      this.#looks = 0;
      if (wasBurst && !this.#options.signal.aborted) this.scanNow();
    }, BURST_QUIET_MS);
  }

  /** Waits for no burst to be over any more. A scan under way ends with the signal. */
  close(): void {
    clearTimeout(this.#quiet);
  }

  #scanFailed(error: unknown): void {
    if (!this.#options.signal.aborted) this.#options.onError('scan', error);
  }
}
