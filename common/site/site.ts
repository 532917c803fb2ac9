/**
 * One site's daemon: replica, engine, watcher and links put together. Hub and spoke are the same but for their peers and
 * for how they start: a spoke takes the hub's state before it looks at its own files.
 */
import fs from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import type { JoinRule } from '../core/join.js';
import type { Policies } from '../core/policy.js';
import { type DocState, type ReplicaId, replicaSite } from '../core/state.js';
import { Conversation } from '../link/conversation.js';
import { PeerLink } from '../link/peer-link.js';
import type { Fetcher, Transport } from '../link/transport.js';
import { absorb } from '../replica/absorb.js';
import { Engine } from '../replica/engine.js';
import { type Change, type Changed, Ledger } from '../replica/ledger.js';
import { type Attributes, LiveFiles } from '../replica/live-files.js';
import { recover } from '../replica/recover.js';
import { Replica } from '../replica/replica.js';
import type { Steps } from '../replica/steps.js';
import { type KnownRow, Store } from '../replica/store.js';
import { TreeWatcher } from '../replica/watcher.js';
import { Backoff } from '../runtime/backoff.js';
import type { Log } from '../runtime/log.js';
import { Reporter } from './reporter.js';
import { RightsDesk } from './rights-desk.js';
import { type ScanReport, scanAll } from './scan.js';

export type PeerOptions = {
  readonly site: string;
  /** Made when the site starts; the folders exist. */
  readonly transport: (folders: PeerFolders) => Transport;
  /** Pull mode, spoke side. */
  readonly fetcher?: { readonly make: (folders: PeerFolders) => Fetcher; readonly interval_ms: number };
};

/** Folders of one peer below the state folder. */
export type PeerFolders = {
  readonly inbox: string;
  readonly outbox: string;
  readonly shelf: string;
  readonly run: string;
};

export type SiteOptions = {
  readonly site: string;
  readonly isHub: boolean;
  readonly userdata: string;
  readonly state: string;
  readonly policies: Policies;
  readonly joinRule: JoinRule;
  readonly peers: readonly PeerOptions[];
  readonly maxFileBytes: number;
  readonly batchDocuments: number;
  readonly batchBytes: number;
  readonly clockSkewMaxMs: number;
  /** Spending rights that lie unused at a spoke for so long go back to the hub. */
  readonly rightsIdleMs: number;
  readonly scanIntervalMs: number;
  readonly created?: Partial<Attributes>;
  readonly log: Log;
  readonly now: () => number;
  readonly random: () => number;
  readonly randomHex: (bytes: number) => string;
  readonly steps: Steps;
};

/** How long a spoke that starts with a state waits for the hub's word before it goes on under a new incarnation. */
const VERIFY_MS = 2_000;
const JOIN_REMINDER_MS = 10_000;
/** Each group waits for one syncfs: 50 to 200 ms on a disk, of which a million files have 250 this way. */
const SETTLE_GROUP = 4_096;
/**
 * A background scan rests this long after every chunk of 1.2 to 2 ms, and so takes half a per cent of a core for as long
 * as it lasts: 15 s for 10,000 files, half an hour for 1,000,000.
 */
const SCAN_REST_MS = 300;
const PROBE_MS = 60_000;
/** Between two looks for spending rights that lie idle. */
const RIGHTS_LOOK_MS = 5_000;
/** After this many looks without a quiet moment between them, a scan follows: in a burst, a hint may have been lost. */
const BURST_LOOKS = 1_000;
const BURST_QUIET_MS = 2_000;
/** While more files than this wait to be looked at, a batch waits for them: a transfer costs as much as fifty documents. */
const GATHER_LOOKS = 200;

type Link = { readonly site: string; readonly conversation: Conversation; readonly link: PeerLink };

export class Site {
  readonly #options: SiteOptions;
  readonly #abort = new AbortController();
  readonly #reporter: Reporter;
  #replica!: Replica;
  #engine!: Engine;
  #ledger!: Ledger;
  #desk!: RightsDesk;
  #links: Link[] = [];
  #fetchers: Fetcher[] = [];
  #background: Promise<unknown>[] = [];
  #watcher: TreeWatcher | undefined;
  /** Decided: documents of this start may be sent and taken. */
  #isOpen = false;
  #joinTarget: number | undefined;
  #wakeJoin: () => void = () => {};

  constructor(options: SiteOptions) {
    this.#options = options;
    this.#reporter = new Reporter(options.site, options.log, options.now);
  }

  get replica(): Replica {
    return this.#replica;
  }

  get engine(): Engine {
    return this.#engine;
  }

  /**
   * Changes an amount by program: resolves once it is on disk, or refused with the reason. Rejects while this site is not
   * ready, and with BadChange where the change can never be made.
   */
  async change(change: Change, waitMs?: number): Promise<Changed> {
    this.#checkReady();
    return this.#ledger.change(change, waitMs);
  }

  /** A document with everything absorbed that stands in its live file; undefined where nothing is known of it. */
  async read(document: string): Promise<KnownRow | undefined> {
    this.#checkReady();
    const replica = this.#replica;
    if (replica.isUnread(document)) this.#engine.absorbed(await replica.exclusive(() => absorb(replica, [document])));
    return replica.world.store.known(document);
  }

  /** Replaces a document's state by what `edit` makes of it; resolves once that is on disk. */
  async edit(document: string, edit: (state: DocState) => DocState): Promise<void> {
    this.#checkReady();
    const replica = this.#replica;
    await replica.exclusive(async () => {
      if (replica.isUnread(document)) this.#engine.absorbed(await absorb(replica, [document]));
      replica.edit(document, edit);
    });
    this.#engine.show([document]);
    this.#wakeLinks();
  }

  get isReady(): boolean {
    return this.#isOpen && !this.#abort.signal.aborted;
  }

  #checkReady(): void {
    if (!this.isReady) throw Object.assign(new Error(`${this.#options.site} is not ready`), { code: 'AXL-NOT-READY' });
  }

  /** Peers and whether each has confirmed everything it is owed. */
  get peers(): { readonly site: string; readonly isUp: boolean; readonly isSettled: boolean }[] {
    return this.#links.map(({ site, conversation, link }) => ({
      site,
      isUp: link.isUp,
      isSettled: conversation.isSettled,
    }));
  }

  /** Resolves when the site is ready: joined, first scan done, files shown. Rejects where it cannot start. */
  async start(): Promise<void> {
    const { log, site } = this.#options;
    this.#open();
    const session = this.#options.randomHex(8);
    for (const peer of this.#options.peers) this.#links.push(this.#makeLink(peer, session));
    for (const { link } of this.#links) link.start();
    if (this.#options.isHub) await this.#startHub();
    else await this.#startSpoke();
    if (this.#abort.signal.aborted) return;
    this.#engine.start();
    await this.#watch();
    const report = await this.#scan(0);
    await this.#engine.idle();
    this.#isOpen = true;
    this.#engine.openFiles();
    await this.#engine.idle();
    this.#wakeLinks();
    this.#background.push(this.#scanLoop(), this.#probeLoop(), this.#rightsLoop());
    log.info('ready', { site, replica: this.#replica.id, files: report.files, ms: Math.round(report.ms) });
  }

  /** Finishes what is in hand; nothing is left half done. */
  async stop(): Promise<void> {
    this.#abort.abort();
    clearTimeout(this.#quiet);
    this.#wakeJoin();
    await this.#watcher?.close();
    await this.#ledger?.close();
    await this.#engine?.stop();
    await Promise.all(this.#links.map(({ link }) => link.stop()));
    await Promise.all(this.#fetchers.map((fetcher) => fetcher.close()));
    await Promise.all(this.#background);
    this.#replica?.close();
  }

  /** Opens store and files, sets a state aside that is older than the files, and settles what a crash left. */
  #open(): void {
    const options = this.#options;
    fs.mkdirSync(options.state, { recursive: true });
    const files = new LiveFiles({
      root: options.userdata,
      maxFileBytes: options.maxFileBytes,
      ...(options.created && { created: options.created }),
    });
    files.prepare();
    const database = path.join(options.state, 'state.db');
    const open = (): Replica =>
      new Replica({
        site: options.site,
        store: Store.open(database),
        files,
        policies: options.policies,
        joinRule: options.joinRule,
        now: options.now,
        randomHex: options.randomHex,
        log: options.log,
        steps: options.steps,
        clockSkewMaxMs: options.clockSkewMaxMs,
      });
    let replica = open();
    if (replica.isOlderThanFiles()) {
      const isNew = replica.phase === 'joining' && replica.head === 0;
      if (options.isHub) {
        replica.close();
        throw new StaleStateError(database, isNew);
      }
      if (!isNew) {
        replica.close();
        const aside = `${database}.stale-${options.now()}`;
        for (const suffix of ['', '-wal', '-shm'])
          if (fs.existsSync(database + suffix)) fs.renameSync(database + suffix, aside + suffix);
        options.log.warn('state is older than the live files', {
          code: 'AXL-STATE-RESTORED',
          aside,
          hint: 'it was set aside; this site joins anew and takes the state of the hub',
        });
        replica = open();
      }
    }
    replica.openMarker();
    this.#replica = replica;
    for (const { name, renamed } of recover(replica)) this.#reporter.recovered(name, renamed);
    this.#engine = new Engine(replica, {
      isCrowded: () => this.#ledger.isCrowded || (options.isHub && this.#links.some(({ link }) => link.isBusy)),
      onChanged: () => this.#wakeLinks(),
      onAbsorbed: (results) => {
        this.#reporter.absorbed(results);
        this.#noteLooks(results.length);
        this.#desk.gained(results.filter(({ outcome }) => outcome.kind === 'changed').map(({ name }) => name));
      },
      onMaterialised: (results) => this.#reporter.materialised(results),
      onLateWrite: (name, outcome) => this.#reporter.lateWrite(name, outcome),
      onUnreadable: (name, code, reason) => this.#reporter.unreadable(name, code, reason),
      onError: (step, error) => this.#reporter.broken(step, error),
    });
    this.#openLedger();
  }

  /** Amounts that programs change, and the rights to spend them. */
  #openLedger(): void {
    const { site, isHub } = this.#options;
    const replica = this.#replica;
    const { store } = replica.world;
    const isHubs = isHub
      ? (owner: ReplicaId): boolean => replicaSite(owner) === site || store.isOver(owner)
      : undefined;
    this.#ledger = new Ledger(replica, isHubs, {
      onChanged: (documents) => {
        this.#desk.gained(documents);
        this.#engine.show(documents);
        this.#wakeLinks();
      },
      onAbsorbed: (results) => this.#engine.absorbed(results),
      onShort: (document, path, missing) => this.#desk.short(document, path, missing),
      whoHolds: (document, path) => this.#desk.whoHolds(document, path),
    });
    this.#desk = new RightsDesk({
      replica,
      ledger: this.#ledger,
      isHubs,
      peers: () =>
        this.#links.map(({ site, conversation, link }) => ({
          site,
          isUp: link.isUp,
          replica: conversation.row()?.replica,
        })),
      onNews: (peer) => this.#links.find(({ site }) => site === peer)?.link.knock() ?? false,
      onGiven: () => this.#wakeLinks(),
    });
  }

  async #rightsLoop(): Promise<void> {
    const { rightsIdleMs } = this.#options;
    while (!this.#abort.signal.aborted) {
      await this.#sleep(Math.min(rightsIdleMs, RIGHTS_LOOK_MS));
      if (this.#abort.signal.aborted) return;
      await this.#replica
        .exclusive(async () => this.#desk.giveBack(rightsIdleMs))
        .catch((error) => this.#reporter.broken('rights', error));
    }
  }

  async #startHub(): Promise<void> {
    if (this.#replica.phase === 'ready') return;
    // The first start of a hub: what is on its disk is where every counter begins.
    await this.#settleFiles();
  }

  async #startSpoke(): Promise<void> {
    if (this.#replica.phase === 'ready') {
      await this.#verify();
      return;
    }
    if (this.#replica.phase === 'joining') await this.#join();
    if (!this.#abort.signal.aborted) await this.#settleFiles();
  }

  /**
   * Asks the hub what it has of us before anything new is counted. If it has more than we ever gave, this state is a
   * copy of an older self; if it does not answer, that cannot be excluded. Either way we go on as a new incarnation.
   */
  async #verify(): Promise<void> {
    const verified = (): boolean => this.#links.every(({ conversation }) => conversation.verified);
    const end = this.#options.now() + VERIFY_MS;
    while (!verified() && this.#options.now() < end && !this.#abort.signal.aborted) await this.#sleep(5);
    if (!verified()) this.#newIncarnation('the hub did not answer at start');
  }

  #newIncarnation(reason: string): void {
    const before = this.#replica.id;
    this.#replica.takeIncarnation();
    for (const { conversation } of this.#links) conversation.restart();
    this.#options.log.info('new incarnation', { site: this.#options.site, before, replica: this.#replica.id, reason });
    this.#wakeLinks();
  }

  async #join(): Promise<void> {
    const { log, site } = this.#options;
    log.info('joining', { site, replica: this.#replica.id });
    while (!this.#abort.signal.aborted) {
      const applied = this.#links[0]?.conversation.row()?.applied ?? 0;
      if (this.#joinTarget !== undefined && applied >= this.#joinTarget) break;
      let timer: NodeJS.Timeout | undefined;
      const reminded = await new Promise<boolean>((resolve) => {
        this.#wakeJoin = () => resolve(false);
        timer = setTimeout(() => resolve(true), JOIN_REMINDER_MS);
      });
      clearTimeout(timer);
      if (reminded)
        log.info('joining', {
          site,
          documents: this.#replica.world.store.countDocuments(),
          applied,
          of: this.#joinTarget ?? 'unknown',
          hint: 'waiting for the state of the hub',
        });
    }
    if (!this.#abort.signal.aborted) this.#replica.setPhase('settling');
  }

  /** Looks at every file that stood here before: adopted, settled, or the genesis of what nobody knew. */
  async #settleFiles(): Promise<void> {
    const replica = this.#replica;
    const { signal } = this.#abort;
    // Settled while the scan goes on: the names of a million files are never all in memory.
    let waiting: string[] = [];
    const settle = async (): Promise<void> => {
      const group = waiting;
      waiting = [];
      this.#reporter.absorbed(await replica.exclusive(() => absorb(replica, group, true)));
      replica.world.steps('join: settled');
    };
    const report = await scanAll(replica, (name) => waiting.push(name), {
      now: () => performance.now(),
      signal,
      restMs: () => 0,
      afterChunk: async () => {
        if (waiting.length >= SETTLE_GROUP) await settle();
      },
    });
    if (waiting.length > 0 && !signal.aborted) await settle();
    if (signal.aborted) return;
    replica.setPhase('ready');
    this.#options.log.info('joined', {
      site: this.#options.site,
      files: report.files,
      documents: replica.world.store.countDocuments(),
    });
  }

  async #watch(): Promise<void> {
    const { log, random } = this.#options;
    this.#watcher = new TreeWatcher({
      root: this.#replica.world.files.root,
      kinds: this.#replica.kinds,
      random,
      onHint: (kind, fileName) => {
        if (fileName === undefined) void this.#scan(0).catch((error) => this.#scanFailed(error));
        else this.#engine.look(`${kind}/${fileName.slice(0, -'.txt'.length)}`);
      },
      onLost: (kind, reason) =>
        log.warn('folder lost', {
          code: 'AXL-NO-FOLDER',
          folder: kind ?? 'userdata',
          reason,
          hint: 'nothing is deleted elsewhere; it is watched again when it is back',
        }),
      log: (level, message, fields) => log[level](message, fields as Record<string, string>),
    });
    await this.#watcher.start();
  }

  #scanning: Promise<ScanReport> | undefined;
  #scanAgain = false;
  #scanRestMs = 0;

  /** One scan at a time; a request during a scan makes one more, and an urgent one makes both hurry. */
  async #scan(restMs: number): Promise<ScanReport> {
    if (this.#scanning !== undefined) {
      this.#scanAgain = true;
      this.#scanRestMs = Math.min(this.#scanRestMs, restMs);
      return this.#scanning;
    }
    this.#scanRestMs = restMs;
    try {
      for (;;) {
        this.#scanAgain = false;
        this.#scanning = scanAll(this.#replica, (name) => this.#engine.look(name), {
          now: () => performance.now(),
          signal: this.#abort.signal,
          restMs: () => this.#scanRestMs,
          afterChunk: () => this.#engine.hasRoom(),
        });
        const report = await this.#scanning;
        if (report.missing.length === 0 && this.#isOpen) this.#engine.showAll();
        if (!this.#scanAgain) return report;
      }
    } finally {
      this.#scanning = undefined;
    }
  }

  /** The truth beside the hints. Slow enough to cost next to nothing, however many files there are. */
  async #scanLoop(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      await this.#sleep(this.#options.scanIntervalMs);
      if (this.#abort.signal.aborted) return;
      try {
        const report = await this.#scan(SCAN_REST_MS);
        if (report.found > 0)
          this.#options.log.debug('scan', { files: report.files, found: report.found, ms: Math.round(report.ms) });
      } catch (error) {
        this.#scanFailed(error);
      }
    }
  }

  #scanFailed(error: unknown): void {
    if (!this.#abort.signal.aborted) this.#reporter.broken('scan', error);
  }

  #looks = 0;
  #quiet: NodeJS.Timeout | undefined;

  /** Counts the looks of a burst; once it is over, everything is looked at. */
  #noteLooks(looks: number): void {
    this.#looks += looks;
    if (this.#quiet !== undefined) {
      this.#quiet.refresh();
      return;
    }
    this.#quiet = setTimeout(() => {
      this.#quiet = undefined;
      const wasBurst = this.#looks >= BURST_LOOKS;
      this.#looks = 0;
      if (wasBurst && !this.#abort.signal.aborted) void this.#scan(0).catch((error) => this.#scanFailed(error));
    }, BURST_QUIET_MS);
  }

  async #probeLoop(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      await this.#sleep(PROBE_MS);
      if (!this.#abort.signal.aborted) await this.#watcher?.probe();
    }
  }

  #makeLink(peer: PeerOptions, session: string): Link {
    const { state, isHub, random } = this.#options;
    const folders = preparePeer(state, peer.site);
    const conversation = new Conversation(
      this.#replica,
      peer.site,
      session,
      {
        onVerified: (_confirmed, forked) => {
          if (!forked) return;
          if (isHub) this.#reporter.hubRestored(peer.site);
          this.#newIncarnation(`${peer.site} has more of us than we gave: this state is an older copy`);
        },
        onRefused: (refusal) => this.#reporter.refusedBy(peer.site, refusal),
      },
      {
        isDue: (now) => this.#desk.isDue(peer.site, now),
        dueInMs: () => this.#desk.dueInMs(peer.site),
        take: (now) => this.#desk.take(peer.site, now),
      },
    );
    const link = new PeerLink({
      replica: this.#replica,
      conversation,
      transport: peer.transport(folders),
      outbox: folders.outbox,
      inbox: folders.inbox,
      isHub,
      batchDocuments: this.#options.batchDocuments,
      batchBytes: this.#options.batchBytes,
      random,
      maySend: () => this.#isOpen,
      isGathering: () => this.#engine.backlog.looks >= GATHER_LOOKS || this.#ledger.isCrowded,
      onSaid: (header, changed) => this.#desk.hear(peer.site, header, changed),
      mayMerge: () => this.#isOpen || this.#replica.phase === 'joining',
      events: {
        onSent: (names, bytes, ms) => this.#reporter.sent(peer.site, names, bytes, ms),
        onReceived: (documents) => {
          this.#reporter.received(peer.site, documents);
          // Forward first: the way to the next site is the longer one.
          if (isHub) this.#wakeLinks();
          this.#engine.show(documents.map(({ name }) => name));
        },
        onHeard: (head) => {
          if (this.#replica.phase !== 'joining' || !conversation.verified) return;
          this.#joinTarget ??= head;
          this.#wakeJoin();
        },
        onDown: (failure) => this.#reporter.down(peer.site, failure),
        onUnreachable: () => this.#desk.unreachable(peer.site),
        onUp: () => this.#reporter.up(peer.site),
        onRefusal: (code, message, hint) => this.#reporter.refusal(peer.site, code, message, hint),
        onError: (step, error) => this.#reporter.broken(`${step} ${peer.site}`, error),
      },
    });
    if (peer.fetcher !== undefined) {
      const fetcher = peer.fetcher.make(folders);
      this.#fetchers.push(fetcher);
      this.#background.push(this.#fetchLoop(peer.site, fetcher, peer.fetcher.interval_ms, () => link.wake()));
    }
    return { site: peer.site, conversation, link };
  }

  /** Pull mode: fetch, process, and remember what was fetched for as long as the hub may still show it. */
  async #fetchLoop(site: string, fetcher: Fetcher, interval_ms: number, wake: () => void): Promise<void> {
    const backoff = new Backoff({ first_ms: interval_ms, limit_ms: 30_000, random: this.#options.random });
    let seen: string[] = [];
    let isDown = false;
    while (!this.#abort.signal.aborted) {
      const result = await fetcher.fetch(seen);
      if (result.ok) {
        backoff.reset();
        if (isDown) this.#reporter.up(site);
        isDown = false;
        seen = [...seen, ...result.names].slice(-SEEN_MAX);
        if (result.names.length > 0) wake();
        await this.#sleep(interval_ms);
      } else if (!this.#abort.signal.aborted) {
        if (!isDown) this.#reporter.down(site, result);
        isDown = true;
        await this.#sleep(interval_ms + backoff.next());
      }
    }
  }

  #wakeLinks(): void {
    for (const { link } of this.#links) link.wake();
  }

  #sleep(ms: number): Promise<void> {
    const { signal } = this.#abort;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done);
    });
  }
}

/** Names of fetched batches that are remembered: more than a shelf holds. */
const SEEN_MAX = 256;

/** A hub must not begin anew beside files that were in use: their money would be counted as genesis once more. */
export class StaleStateError extends Error {
  readonly code = 'AXL-HUB-STATE';
  readonly hint =
    'put the newest state.db back (with its -wal file), or, if it is lost for good, stop all spokes, remove userdata/.axle/replica here, and start again: the files of the hub become the new beginning, and each spoke must join anew';

  constructor(database: string, isMissing: boolean) {
    super(
      isMissing
        ? `${database} is missing, but the files of this hub were in use with one`
        : `${database} is older than the files of this hub`,
    );
  }
}

/** The folders of one peer, given to the owner of the state folder: the account into which the peer's rsync comes. */
function preparePeer(state: string, peer: string): PeerFolders {
  const folders = {
    inbox: path.join(state, 'inbox', peer),
    outbox: path.join(state, 'outbox', peer),
    shelf: path.join(state, 'shelf', peer),
    run: path.join(state, 'run'),
  };
  const owner = fs.statSync(state);
  for (const folder of Object.values(folders)) {
    fs.mkdirSync(folder, { recursive: true, mode: 0o750 });
    if (process.getuid?.() !== 0) continue;
    fs.chownSync(path.dirname(folder), owner.uid, owner.gid);
    fs.chownSync(folder, owner.uid, owner.gid);
  }
  // What a crash left: batches, and the folder (`.sending`) in which a transport stages them.
  for (const name of fs.readdirSync(folders.outbox))
    fs.rmSync(path.join(folders.outbox, name), { recursive: true, force: true });
  return folders;
}
