/**
 * Says where to look: which files of which kinds may have changed. Events carry no meaning; what a file holds, or whether
 * it exists, is found by looking. Every hint may come twice, late, or for nothing; that none is missing nobody promises
 * (the kernel's queue overflows silently), so a scan now and then stays the truth, and `probe` proves the watches alive.
 *
 * Two watches, each where it is good: fs.watch on each kind's flat folder (watch-folder.ts, with the figures), and
 * @parcel/watcher on the tree above them (watch-layout.ts). One function, `#settle`, compares what is watched with what
 * is there and acts on the difference, whatever made it run: start, an event, an error, a timer, a probe.
 */
import fs from 'node:fs';
import path from 'node:path';
import { isKind, parseDocumentPath } from '../core/names.js';
import { Backoff } from '../runtime/backoff.js';
import { FolderWatch, folderIdentity } from './watch-folder.js';
import { HintGatherer } from './watch-hints.js';
import { foldersOnTheWay, LayoutWatch } from './watch-layout.js';
import { PROBE_FILE, ProbeDesk } from './watch-probe.js';

export type WatchLog = (level: 'info' | 'warn', message: string, fields: Readonly<Record<string, unknown>>) => void;

export type TreeWatcherOptions = {
  /** A site's userdata folder, as realpath gives it. It may be missing, now or later; a symlink it may not be. */
  readonly root: string;
  readonly kinds: readonly string[];
  /** Look at this file; without a name, at the whole kind (a new folder, an overflow, a watch that was down). */
  readonly onHint: (kind: string, fileName: string | undefined) => void;
  /** A kind's folder (without a kind: the root) is gone, or its watch is. Files in it are not thereby deleted. */
  readonly onLost: (kind: string | undefined, reason: string) => void;
  /** Something cannot be watched (now); it is tried again. Until `onWatching` only scans find what changes. */
  readonly onTrouble?: (error: unknown) => void;
  /** Everything that is there is watched. */
  readonly onWatching?: () => void;
  /** Uniform in [0, 1), for backoff. */
  readonly random: () => number;
  readonly log?: WatchLog;
  /** For tests; by default what the kernel says. */
  readonly queueLength?: number;
};

const RETRY_FIRST_MS = 100;
const RETRY_LIMIT_MS = 5_000;
const PROBE_LIMIT_MS = 2_000;
/** A tree that changes under every pass is left to the retry timer. */
const PASSES_MAX = 5;

export class TreeWatcher {
  readonly #options: TreeWatcherOptions;
  readonly #wanted: Set<string>;
  readonly #folders = new Map<string, FolderWatch>();
  readonly #hints: HintGatherer;
  readonly #probes = new ProbeDesk();
  readonly #backoff: Backoff;
  #layout: { readonly watch: LayoutWatch; readonly of: string } | undefined;
  #settling: Promise<void> | undefined;
  #settleAgain = false;
  #retry: NodeJS.Timeout | undefined;
  #retryReason = '';
  #started = false;
  #closed = false;

  constructor(options: TreeWatcherOptions) {
    const bad = options.kinds.find((kind) => !isKind(kind));
    if (bad !== undefined) throw new RangeError(`not a kind: ${JSON.stringify(bad)}`);
    this.#options = options;
    this.#wanted = foldersOnTheWay(options.kinds);
    this.#backoff = new Backoff({ first_ms: RETRY_FIRST_MS, limit_ms: RETRY_LIMIT_MS, random: options.random });
    this.#hints = new HintGatherer({
      ...(options.queueLength === undefined ? {} : { queueLength: options.queueLength }),
      onFile: options.onHint,
      onOverflow: (events) => {
        this.#log('warn', 'so many changes at once that some may be missing: looking at everything', { events });
        for (const kind of this.#folders.keys()) this.#hintWhole(kind);
      },
    });
  }

  /**
   * Resolves when everything that is there is watched. No hint is given for what was there before: scan after this.
   * Rejects where the root is a symlink or no folder (AXL-WATCH-ROOT).
   */
  async start(): Promise<void> {
    const { root } = this.#options;
    const stat = fs.lstatSync(root, { throwIfNoEntry: false });
    if (stat !== undefined && folderIdentity(root) === undefined)
      throw Object.assign(new Error(`${root} is a symlink, lies behind one, or is no folder: name the real folder`), {
        code: 'AXL-WATCH-ROOT',
      });
    await this.#settle();
    this.#started = true;
  }

  /** No callback after this is called. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#hints.close();
    this.#probes.close();
    await this.#settling;
    for (const watch of this.#folders.values()) watch.close();
    this.#folders.clear();
    await this.#dropLayout();
  }

  /**
   * Touches a hidden file in every watched folder and waits for the event: true when each watch in use has answered and
   * every folder that is there is watched. A watch that does not answer is replaced and its kind hinted whole. False
   * without consequence where a folder cannot be written (EACCES, a full disk).
   */
  async probe(limitMs = PROBE_LIMIT_MS): Promise<boolean> {
    if (this.#closed) return false;
    await this.#settle();
    const { root } = this.#options;
    const layout = this.#layout;
    if (layout === undefined) return false;
    const answers = await Promise.all([
      this.#probes.ask(root, limitMs),
      ...[...this.#folders.keys()].map((kind) => this.#probes.ask(path.join(root, kind), limitMs)),
    ]);
    if (this.#closed) return false;
    const [ofLayout, ...ofFolders] = answers;
    const silent = [...this.#folders.keys()].filter((_kind, i) => ofFolders[i] === 'silent');
    for (const kind of silent) this.#lose(kind, 'its watch no longer answers');
    if (ofLayout === 'silent' && this.#layout === layout) await this.#dropLayout();
    if (silent.length > 0 || ofLayout === 'silent') await this.#settle();
    const alive = answers.every((answer) => answer === 'answered');
    if (alive) this.#backoff.reset();
    return alive;
  }

  /** One pass at a time; a request during a pass makes one more. Never rejects. */
  #settle(): Promise<void> {
    this.#settleAgain = true;
    this.#settling ??= this.#settleUntilQuiet().finally(() => {
      this.#settling = undefined;
    });
    return this.#settling;
  }

  async #settleUntilQuiet(): Promise<void> {
    try {
      for (let pass = 0; this.#settleAgain && !this.#closed; pass++) {
        if (pass === PASSES_MAX) return this.#retryLater('the folders do not come to rest');
        this.#settleAgain = false;
        await this.#settleOnce();
      }
      this.#retryReason = '';
      this.#options.onWatching?.();
    } catch (error) {
      this.#options.onTrouble?.(error);
      this.#retryLater((error as Error).message);
    }
  }

  async #settleOnce(): Promise<void> {
    const { root, kinds } = this.#options;
    const identity = folderIdentity(root);
    for (const [kind, watch] of this.#folders)
      if (!watch.isCurrent()) this.#lose(kind, 'the folder is gone or another one');
    if (identity === undefined) {
      if (this.#layout !== undefined) this.#options.onLost(undefined, 'the root folder is gone');
      await this.#dropLayout();
      this.#retryLater('the root folder is missing');
      return;
    }
    for (const kind of kinds) this.#watchKind(kind);
    // The layout leaves out the kinds that are watched here, so it is made anew whenever their list changes.
    const of = JSON.stringify([identity, ...this.#folders.keys()]);
    if (this.#layout?.of === of) return;
    await this.#dropLayout();
    const watch = await LayoutWatch.open(root, [...this.#wanted, PROBE_FILE], [...this.#folders.keys()], {
      onChange: (paths) => this.#layoutChanged(paths),
      onError: (error) => void this.#layoutFailed(error),
    });
    this.#layout = { watch, of };
    // What appeared while nothing was subscribed made no event.
    this.#settleAgain = true;
  }

  #watchKind(kind: string): void {
    if (this.#folders.has(kind)) return;
    const watch: FolderWatch | undefined = FolderWatch.open(path.join(this.#options.root, kind), {
      onEvent: (name) => this.#folderEvent(kind, name),
      onError: (error) => {
        if (this.#folders.get(kind) !== watch) return;
        this.#lose(kind, error.message);
        this.#retryLater(error.message);
      },
    });
    if (watch === undefined) return;
    this.#folders.set(kind, watch);
    if (!this.#started) return;
    this.#log('info', 'watching a folder', { kind });
    this.#hintWhole(kind);
  }

  #folderEvent(kind: string, name: string | undefined): void {
    const watch = this.#folders.get(kind);
    if (this.#closed || watch === undefined) return;
    if (name === PROBE_FILE) this.#probes.answer(path.join(this.#options.root, kind));
    const isDocument = name !== undefined && parseDocumentPath(kind, name) !== undefined;
    // Counted even where it is of no interest: it took a place in the kernel's queue.
    this.#hints.add(kind, isDocument ? name : undefined);
    if (name === undefined) this.#hintWhole(kind);
    if (name === undefined || name === watch.ownName || this.#wanted.has(`${kind}/${name}`)) void this.#settle();
  }

  #layoutChanged(paths: readonly string[]): void {
    if (this.#closed) return;
    if (paths.includes(PROBE_FILE)) this.#probes.answer(this.#options.root);
    if (paths.some((one) => one !== PROBE_FILE)) void this.#settle();
  }

  async #layoutFailed(error: Error): Promise<void> {
    this.#log('warn', 'the watch of the folder tree failed', { message: error.message });
    await this.#dropLayout();
    this.#retryLater(error.message);
  }

  async #dropLayout(): Promise<void> {
    const layout = this.#layout;
    this.#layout = undefined;
    await layout?.watch.close();
  }

  #lose(kind: string, reason: string): void {
    this.#folders.get(kind)?.close();
    if (!this.#folders.delete(kind) || this.#closed) return;
    this.#log('warn', 'lost the watch of a folder', { kind, reason });
    this.#options.onLost(kind, reason);
  }

  #hintWhole(kind: string): void {
    if (!this.#closed) this.#options.onHint(kind, undefined);
  }

  #retryLater(reason: string): void {
    if (this.#closed) return;
    clearTimeout(this.#retry);
    const delay_ms = this.#backoff.next();
    if (reason !== this.#retryReason) this.#log('info', 'trying to watch again', { reason, delay_ms });
    this.#retryReason = reason;
    this.#retry = setTimeout(() => void this.#settle(), delay_ms);
  }

  #log(level: 'info' | 'warn', message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#options.log?.(level, message, { root: this.#options.root, ...fields });
  }
}
