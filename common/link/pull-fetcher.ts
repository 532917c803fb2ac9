import { lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../runtime/spawn.js';
import { isBatchName } from './batch-name.js';
import { pullArgs } from './rsync-args.js';
import { failureOf } from './rsync-exit.js';
import { checkPeer, plainPath, type SshPeer } from './ssh-args.js';
import { type Failure, type Fetched, type Fetcher, failure } from './transport.js';

export type PullFetcherOptions = {
  readonly peer: SshPeer;
  /** Read-only module of the peer's daemon, default `outbox`. */
  readonly module?: string;
  readonly inboxFolder: string;
  /** Socket of an SshMaster, or `none`. */
  readonly control: string | 'none';
  /** Larger batches are left where they are, default 64 MiB. */
  readonly file_bytes_max?: number;
  /** Hard limit of one fetch, default 120 s. What has come whole by then is kept, so progress is made even so. */
  readonly limit_ms?: number;
};

/** rsync's own limit on silence, well below the hard one. */
const SILENCE_S = 20;

/** For a spoke behind NAT: it asks, because its hub cannot call it. */
export class PullFetcher implements Fetcher {
  readonly #options: PullFetcherOptions;
  /** On the inbox's file system, so that accepting a file is a rename; hidden, so that nobody takes it for a batch. */
  readonly #temp: string;
  readonly #stopping = new AbortController();
  #last: Promise<unknown> = Promise.resolve();

  /** Throws LinkConfigError for a peer or path that cannot be made into a safe argument list. */
  constructor(options: PullFetcherOptions) {
    checkPeer(options.peer);
    this.#temp = join(plainPath('inboxFolder', options.inboxFolder), '.pull');
    this.#options = options;
  }

  /**
   * Names in `alreadySeen` are not fetched; one that is not a batch name is passed over. If something came whole although
   * the transfer failed, that is a success with those names; the next call tells what is wrong.
   */
  async fetch(alreadySeen: readonly string[], signal?: AbortSignal): Promise<Fetched> {
    // One at a time: two would share the temporary folder.
    const turn = this.#last.then(() => this.#fetch(alreadySeen, signal));
    this.#last = turn;
    return turn;
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#last;
  }

  async #fetch(alreadySeen: readonly string[], signal?: AbortSignal): Promise<Fetched> {
    const stop = signal ? AbortSignal.any([signal, this.#stopping.signal]) : this.#stopping.signal;
    if (stop.aborted) return failure('stopped', true, 'the fetch was stopped', 'Nothing to do.');
    try {
      // Leftovers of a crash are fetched again: they may be torn.
      await rm(this.#temp, { recursive: true, force: true });
      await mkdir(this.#temp, { mode: 0o750 });
      const outcome = await this.#transfer(alreadySeen, stop);
      const names = await this.#accept(new Set(alreadySeen));
      return outcome !== undefined && names.length === 0 ? outcome : { ok: true, names };
    } catch (error) {
      const hint = `Check ${this.#options.inboxFolder}: it must exist, have space, and belong to the service account.`;
      return failure('inbox-local', true, `inbox: ${(error as Error).message}`, hint);
    } finally {
      await rm(this.#temp, { recursive: true, force: true }).catch(() => {});
    }
  }

  /** Undefined for success. */
  async #transfer(alreadySeen: readonly string[], signal: AbortSignal): Promise<Failure | undefined> {
    const { peer, module = 'outbox', control, file_bytes_max = 64 * 1024 * 1024, limit_ms = 120_000 } = this.#options;
    const args = pullArgs({ peer, module, control }, this.#temp, { file_bytes_max, timeout_s: SILENCE_S });
    // Patterns, not names: batch names contain no wildcard, and whatever is no batch name must not become a pattern.
    const stdin = alreadySeen
      .filter(isBatchName)
      .map((name) => `/${name}\0`)
      .join('');
    const result = await run('rsync', args, { timeout_ms: limit_ms, signal, stdin });
    if (result.code === 0) return undefined;
    if (signal.aborted) return failure('stopped', true, 'the fetch was stopped', 'Nothing to do.');
    return failureOf(result);
  }

  /** Moves what is whole into the inbox. rsync names a file only when it is whole; until then it is `.NAME.XXXXXX`. */
  async #accept(seen: ReadonlySet<string>): Promise<string[]> {
    const names: string[] = [];
    for (const name of (await readdir(this.#temp)).sort()) {
      const file = join(this.#temp, name);
      // The hub says what it sends, but we decide what we take: its names and types are checked as any outside input.
      if (!isBatchName(name) || seen.has(name) || !(await lstat(file)).isFile()) continue;
      await rename(file, join(this.#options.inboxFolder, name));
      names.push(name);
    }
    if (names.length > 0) {
      const folder = await open(this.#options.inboxFolder, 'r');
      await folder.sync().finally(() => folder.close());
    }
    return names;
  }
}
