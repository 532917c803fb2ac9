/** Scans that somebody asked for, to be followed while they run and looked up afterwards. */
import { addressesOf, type Interfaces, networksToScan } from './addresses.js';
import type { ScanOptions, ScanProgress, ScanResult } from './scan.js';

export interface ScanJob {
  readonly id: number;
  readonly networks: readonly string[];
  /** Milliseconds since 1970. */
  readonly started_at: number;
  readonly state: 'running' | 'done' | 'failed' | 'stopped';
  readonly progress: ScanProgress;
  readonly duration_ms?: number;
  readonly error?: string;
}

export interface ScanJobsOptions {
  readonly scan: (options: ScanOptions) => Promise<ScanResult>;
  readonly interfaces: () => Interfaces;
  readonly now: () => number;
  /** Ports, limits, known addresses: asked for when a scan starts. */
  readonly options: () => Omit<ScanOptions, 'networks' | 'signal' | 'onProgress'>;
  /** What a finished scan found; the job is done when this is. */
  readonly onResult: (result: ScanResult) => Promise<void> | void;
}

/** How many finished jobs can be looked up. */
const KEPT = 20;

interface Entry {
  job: ScanJob;
  readonly stop: AbortController;
  readonly listeners: Set<(job: ScanJob) => void>;
  readonly finished: Promise<void>;
}

export class ScanJobs {
  readonly #options: ScanJobsOptions;
  readonly #entries = new Map<number, Entry>();
  #last_id = 0;

  constructor(options: ScanJobsOptions) {
    this.#options = options;
  }

  /**
   * Starts a scan of the networks, or of the LAN that this machine is in. While one runs for the same networks it is that
   * one: two at once would only disturb each other. Throws `AddressError`.
   */
  start(networks?: readonly string[]): ScanJob {
    const wanted = networksToScan(networks, this.#options.interfaces);
    const addresses = [...addressesOf(wanted)].length;
    const key = wanted.join(' ');
    for (const { job } of this.#entries.values()) {
      if (job.state === 'running' && job.networks.join(' ') === key) return job;
    }
    this.#last_id += 1;
    return this.#run(this.#last_id, wanted, addresses).job;
  }

  get(id: number): ScanJob | undefined {
    return this.#entries.get(id)?.job;
  }

  list(): readonly ScanJob[] {
    return [...this.#entries.values()].map(({ job }) => job);
  }

  /** Calls with the job as it is now and whenever it changes; returns how to stop that. */
  follow(id: number, listener: (job: ScanJob) => void): () => void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return () => {};
    listener(entry.job);
    entry.listeners.add(listener);
    return () => entry.listeners.delete(listener);
  }

  /** Resolves when the job is done, failed or stopped. */
  async finished(id: number): Promise<ScanJob | undefined> {
    await this.#entries.get(id)?.finished;
    return this.get(id);
  }

  async stop(): Promise<void> {
    for (const { stop } of this.#entries.values()) stop.abort(new Error('stopped'));
    await Promise.all([...this.#entries.values()].map(({ finished }) => finished));
  }

  #run(id: number, networks: readonly string[], addresses: number): Entry {
    const stop = new AbortController();
    const started_at = this.#options.now();
    const progress = { addresses, probed: 0, answering: 0, interviewed: 0, found: 0 };
    const change = (part: Partial<ScanJob>) => {
      entry.job = { ...entry.job, ...part };
      for (const listener of entry.listeners) listener(entry.job);
    };
    const work = async () => {
      try {
        const result = await this.#options.scan({
          ...this.#options.options(),
          networks,
          signal: stop.signal,
          onProgress: (seen) => change({ progress: seen }),
        });
        await this.#options.onResult(result);
        change({ state: 'done', progress: result.progress, duration_ms: result.duration_ms });
      } catch (error) {
        const duration_ms = this.#options.now() - started_at;
        if (stop.signal.aborted) change({ state: 'stopped', duration_ms });
        else change({ state: 'failed', duration_ms, error: (error as Error).message });
      }
    };
    const entry: Entry = {
      job: { id, networks, started_at, state: 'running', progress },
      stop,
      listeners: new Set(),
      // After this one is entered, so that a scan that ends at once has something to change.
      finished: Promise.resolve().then(work),
    };
    this.#entries.set(id, entry);
    this.#forget();
    return entry;
  }

  #forget(): void {
    for (const [id, { job }] of this.#entries) {
      if (this.#entries.size <= KEPT) return;
      if (job.state !== 'running') this.#entries.delete(id);
    }
  }
}
