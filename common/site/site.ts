/**
 * One site's daemon: replica, engine, watcher and links put together. Hub and spoke are the same but for their peers and
 * for how they start: a spoke takes the hub's state before it looks at its own files.
 */
import { setMaxListeners } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import type { JoinRule } from '../core/join.js';
import type { Policies } from '../core/policy.js';
import { type DocState, type ReplicaId, replicaSite } from '../core/state.js';
import { Comparer } from '../link/comparer.js';
import { Conversation } from '../link/conversation.js';
import { PeerLink } from '../link/peer-link.js';
import type { Fetcher, Transport } from '../link/transport.js';
import { absorb } from '../replica/absorb.js';
import { Engine } from '../replica/engine.js';
import type { GuardOptions } from '../replica/guard.js';
import { BadChange, type Change, type Changed, Ledger } from '../replica/ledger.js';
import { type Attributes, LiveFiles } from '../replica/live-files.js';
import { OWN } from '../replica/losses.js';
import { recover } from '../replica/recover.js';
import { Replica } from '../replica/replica.js';
import type { Steps } from '../replica/steps.js';
import { type DocumentRow, Store } from '../replica/store.js';
import { TreeWatcher } from '../replica/watcher.js';
import { Backoff } from '../runtime/backoff.js';
import { ControlError, type ControlRoute, ControlServer, controlSocket } from '../runtime/control.js';
import type { Log } from '../runtime/log.js';
import { troubleOf } from '../runtime/troubles.js';
import { heldRoutes } from './held-routes.js';
import { RepairLog } from './repair-log.js';
import { Reporter } from './reporter.js';
import { RightsDesk } from './rights-desk.js';
import { type ScanReport, scanAll } from './scan.js';
import { type Peer, type RebuildReport, Verifier } from './verifier.js';
import { verifyNow } from './verify-report.js';

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
  readonly guards: GuardOptions;
  readonly peers: readonly PeerOptions[];
  readonly maxFileBytes: number;
  readonly batchDocuments: number;
  readonly batchBytes: number;
  readonly clockSkewMaxMs: number;
  /** Spending rights that lie unused at a spoke for so long go back to the hub. */
  readonly rightsIdleMs: number;
  readonly scanIntervalMs: number;
  /** Between two comparisons with every peer, and two passes over the own rows. */
  readonly verifyIntervalMs: number;
  readonly created?: Partial<Attributes>;
  /** Whether commands can ask this daemon, over a socket in `state`; default true. */
  readonly hasControl?: boolean;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds since some beginning: a clock that is set does not change it. */
  readonly steady: () => number;
  readonly random: () => number;
  readonly randomHex: (bytes: number) => string;
  readonly steps: Steps;
};

/** How long a site that starts with a state waits for its peers' word before what it adds is counted beside what it added. */
const VERIFY_MS = 2_000;
const JOIN_REMINDER_MS = 10_000;
/** Each group waits for one syncfs: 50 to 200 ms on a disk, of which a million files have 250 this way. */
const SETTLE_GROUP = 4_096;
/**
 * A background scan rests this long after every chunk of 1.2 to 2 ms, and so takes a third of a per cent of a core for as long
 * as it lasts: 25 s for 10,000 files, 50 minutes for 1,000,000.
 */
const SCAN_REST_MS = 500;
const PROBE_MS = 60_000;
/** Between two looks for spending rights that lie idle. */
const RIGHTS_LOOK_MS = 5_000;
/** After this many looks without a quiet moment between them, a scan follows: in a burst, a hint may have been lost. */
const BURST_LOOKS = 1_000;
const BURST_QUIET_MS = 2_000;
/** While more files than this wait to be looked at, a batch waits for them: a transfer costs as much as fifty documents. */
const GATHER_LOOKS = 200;

export class Site {
  readonly #options: SiteOptions;
  readonly #abort = new AbortController();
  readonly #reporter: Reporter;
  #replica!: Replica;
  #engine!: Engine;
  #ledger!: Ledger;
  #desk!: RightsDesk;
  #links: Peer[] = [];
  #verifier!: Verifier;
  readonly #repairs: RepairLog;
  #fetchers: Fetcher[] = [];
  #background: Promise<unknown>[] = [];
  #watcher: TreeWatcher | undefined;
  #control: ControlServer | undefined;
  /** Decided: documents of this start may be sent and taken. */
  #isOpen = false;
  /** Decided: what is merged from now on takes numbers that no other life of this state has given out. */
  #isIncarnationSure = false;
  #joinTarget: number | undefined;
  #fail: (error: unknown) => void = () => {};
  /** Rejects when going on cannot help: the state database is damaged or gone. Stop the site then, and start anew. */
  readonly failed = new Promise<never>((_, reject) => {
    this.#fail = reject;
  });
  /** The database is to be set aside once it is closed. */
  #isDamaged = false;
  #wakeJoin: () => void = () => {};

  constructor(options: SiteOptions) {
    this.#options = options;
    // Every loop that sleeps listens, with every peer.
    setMaxListeners(0, this.#abort.signal);
    this.#reporter = new Reporter(options.site, options.log, options.now);
    this.#repairs = new RepairLog(options.site, options.log);
    this.failed.catch(() => {});
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

  /** What `axle held` asks. */
  get heldRoutes(): Readonly<Record<string, ControlRoute>> {
    return heldRoutes({
      replica: () => this.#replica,
      onDecided: (documents) => {
        this.#wakeLinks();
        this.#engine.show(documents);
      },
    });
  }

  /**
   * A document with everything absorbed that stands in its live file; undefined where nothing is known of it. Rejects while
   * this site is not ready, and with OutOfUse while the document is being rebuilt.
   */
  async read(document: string): Promise<DocumentRow | undefined> {
    this.#checkReady();
    const replica = this.#replica;
    if (!replica.knows(document)) return undefined;
    if (replica.isUnread(document)) this.#engine.absorbed(await replica.exclusive(() => absorb(replica, [document])));
    return replica.inUse(document);
  }

  /** Replaces a document's state by what `edit` makes of it; resolves once that is on disk. Rejects as `read`. */
  async edit(document: string, edit: (state: DocState) => DocState): Promise<void> {
    this.#checkReady();
    const replica = this.#replica;
    if (!replica.knows(document)) throw new BadChange(`${document} is no document here`);
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

  /** Anti-entropy with every peer. */
  get verifier(): Verifier {
    return this.#verifier;
  }

  /** Hub: takes all that its spokes hold, of whichever site. Rejects on a spoke, and while this hub is not ready. */
  async rebuild(): Promise<RebuildReport> {
    const { isHub, site } = this.#options;
    const refuse = (code: string, message: string, hint: string): never => {
      throw new ControlError(code, message, hint);
    };
    if (!isHub) refuse('AXL-NOT-HUB', `${site} is a spoke: it takes what the hub gives`, 'run it where the hub runs');
    if (!this.#isOpen) refuse('AXL-NOT-READY', `${site} is not ready yet`, 'try again when it is');
    return this.#verifier.rebuild();
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
    try {
      await this.#start();
    } catch (error) {
      // Told to stop on the way: that is no failure.
      if (error === this.#abort.signal.reason) return;
      await this.#control?.close();
      this.#noteDamage(error);
      throw error;
    }
  }

  async #start(): Promise<void> {
    const { log, site } = this.#options;
    await this.#listen();
    this.#open();
    const session = this.#options.randomHex(8);
    for (const peer of this.#options.peers) this.#links.push(this.#makeLink(peer, session));
    this.#verifier = this.#makeVerifier();
    for (const { link } of this.#links) link.start();
    this.#verifier.start();
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
    this.#verifier.open();
    log.info('ready', { site, replica: this.#replica.id, files: report.files, ms: Math.round(report.ms) });
  }

  /** Finishes what is in hand; nothing is left half done. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#control?.close();
    clearTimeout(this.#quiet);
    this.#wakeJoin();
    await this.#watcher?.close();
    await this.#ledger?.close();
    await this.#engine?.stop();
    await Promise.all(this.#links.map(({ link }) => link.stop()));
    await Promise.all(this.#fetchers.map((fetcher) => fetcher.close()));
    await Promise.all(this.#background);
    await this.#verifier?.stop();
    try {
      this.#replica?.close();
    } finally {
      if (this.#isDamaged) this.#setAside('corrupt');
    }
  }

  #broken(step: string, error: unknown): void {
    if (this.#reporter.broken(step, error).isFatal) this.#fail(error);
    this.#noteDamage(error);
  }

  #noteDamage(error: unknown): void {
    if (troubleOf(error).code === 'AXL-STATE-CORRUPT') this.#isDamaged = true;
  }

  get #database(): string {
    return path.join(this.#options.state, 'state.db');
  }

  /** Moves the database out of the way, for people. It must be closed. Returns its new name. */
  #setAside(why: 'stale' | 'corrupt'): string {
    const database = this.#database;
    const aside = `${database}.${why}-${this.#options.now()}`;
    for (const suffix of ['', '-wal', '-shm'])
      if (fs.existsSync(database + suffix)) fs.renameSync(database + suffix, aside + suffix);
    this.#reporter.setAside(why, aside);
    return aside;
  }

  /** Opens the database. A damaged one is set aside, as if it had never been there: section 4 says what follows. */
  #openStore(): Store {
    try {
      return Store.open(this.#database);
    } catch (error) {
      if (troubleOf(error).code !== 'AXL-STATE-CORRUPT') throw error;
      this.#reporter.broken('open', error);
      this.#setAside('corrupt');
      return Store.open(this.#database);
    }
  }

  /** Before anything else: where another daemon has this state already, this one must not touch it. */
  async #listen(): Promise<void> {
    if (this.#options.hasControl === false) return;
    const { state, log } = this.#options;
    const control = new ControlServer(controlSocket(state), {
      ...this.heldRoutes,
      verify: () =>
        verifyNow({
          replica: this.#replica,
          engine: this.#engine,
          verifier: this.#verifier,
          isOpen: this.#isOpen,
          signal: this.#abort.signal,
        }),
      rebuild: () => this.rebuild(),
    });
    try {
      await control.start();
      this.#control = control;
    } catch (error) {
      const { code, message, hint } = error as ControlError;
      if (code === 'AXL-RUNNING') throw error;
      // Files go on being kept in step; only the commands cannot ask.
      log.warn('no control channel', {
        code,
        reason: message,
        hint: hint ?? 'commands such as axle held and axle verify do not work',
      });
    }
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
    const open = (): Replica =>
      new Replica({
        site: options.site,
        store: this.#openStore(),
        files,
        policies: options.policies,
        joinRule: options.joinRule,
        guards: options.guards,
        now: options.now,
        steady: options.steady,
        randomHex: options.randomHex,
        log: options.log,
        steps: options.steps,
        clockSkewMaxMs: options.clockSkewMaxMs,
        peers: options.peers.map(({ site }) => site),
      });
    let replica = open();
    if (replica.isOlderThanFiles()) {
      const isNew = replica.phase === 'joining' && replica.head === 0;
      if (options.isHub) this.#rebuildFrom(replica, isNew);
      else if (!isNew) {
        replica.close();
        this.#setAside('stale');
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
      onLateWrite: (late) => this.#reporter.lateWrite(late),
      onUnreadable: (name, code, reason) => this.#reporter.unreadable(name, code, reason),
      onError: (step, error) => this.#broken(step, error),
      onWorking: (step) => this.#reporter.working(step),
    });
    this.#openLedger();
  }

  /** Amounts that programs change, and the rights to spend them. */
  #openLedger(): void {
    const { site, isHub } = this.#options;
    const replica = this.#replica;
    const { store } = replica.world;
    const isHubs = (owner: ReplicaId): boolean => {
      const ownerSite = replicaSite(owner);
      if (ownerSite === site) return true;
      const peer = store.peer(ownerSite);
      // Nothing of an earlier author is still to come.
      return peer !== undefined && owner !== peer.replica && owner !== peer.author && !store.isPassing(ownerSite);
    };
    const isSure = (): boolean =>
      this.#links.length === 0 || this.#links.some(({ conversation }) => conversation.hasAnswered);
    this.#ledger = new Ledger(replica, isHub ? isHubs : undefined, {
      isSure,
      onChanged: (documents) => {
        this.#desk.gained(documents);
        this.#engine.show(documents);
        this.#wakeLinks();
      },
      onAbsorbed: (results) => this.#engine.absorbed(results),
      onShort: (document, path, missing) => this.#desk.short(document, path, missing),
      onError: (error) => this.#broken('change', error),
      onWorking: () => this.#reporter.working('change'),
      whoHolds: (document, path) => this.#desk.whoHolds(document, path),
    });
    this.#desk = new RightsDesk({
      replica,
      ledger: this.#ledger,
      isHubs: isHub ? isHubs : undefined,
      peers: () =>
        this.#links.map(({ site, conversation, link }) => ({
          site,
          isUp: link.isUp,
          replica: conversation.row()?.author,
        })),
      isSure,
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

  /**
   * A hub whose state is gone or older than its files. What is in it is true, as far as it goes; what it agreed on with files
   * and peers is not. The rest is with the spokes.
   */
  #rebuildFrom(replica: Replica, isMissing: boolean): void {
    const { log } = this.#options;
    replica.beginRebuilding();
    log.error(isMissing ? 'state is missing' : 'state is older than the live files', {
      code: 'AXL-HUB-STATE',
      hint: 'the files of this hub were in use with another state: it is rebuilt from what the spokes hold',
    });
  }

  async #startHub(): Promise<void> {
    const replica = this.#replica;
    if (replica.phase === 'ready') {
      await this.#verify();
      this.#isIncarnationSure = true;
      // A state that turned out to be an old copy: those that are there fill it up before anybody takes it for the whole.
      await this.#verifier.rebuilt(true);
      return;
    }
    this.#isIncarnationSure = true;
    if (replica.phase === 'rebuilding') await this.#verifier.rebuilt(false);
    // The first start of a hub: what is on its disk is where every counter begins.
    if (!this.#abort.signal.aborted) await this.#settleFiles();
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
   * Asks the peers what they have of us before anything new is counted. If one has more than we ever gave, this state is a
   * copy of an older self; if one does not answer, that cannot be excluded. Either way what is added from now on is counted
   * beside what was added before: a spoke takes a new incarnation; a hub, which has many peers, keeps its id, so that one
   * spoke that is away does not make it send everything to all the others again.
   */
  async #verify(): Promise<void> {
    const verified = (): boolean => this.#links.every(({ conversation }) => conversation.verified);
    const end = this.#options.steady() + VERIFY_MS;
    while (!verified() && this.#options.steady() < end && !this.#abort.signal.aborted) await this.#sleep(5);
    if (verified() || this.#abort.signal.aborted) return;
    if (this.#options.isHub) this.#replica.goOnUnverified();
    else this.#newIncarnation('the hub did not answer at start');
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
      onTrouble: (error) => {
        this.#broken('watch', error);
        this.#scanBlind();
      },
      onWatching: () => this.#reporter.working('watch'),
      log: (level, message, fields) => log[level](message, fields as Record<string, string>),
    });
    await this.#watcher.start();
  }

  #scanning: Promise<ScanReport> | undefined;
  #scanAgain = false;
  #scanRestMs = 0;
  #nextBlindScan = 0;

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
        this.#reporter.working('scan');
        if (report.found > 0)
          this.#options.log.debug('scan', { files: report.files, found: report.found, ms: Math.round(report.ms) });
      } catch (error) {
        this.#scanFailed(error);
      }
    }
  }

  /** What is not watched is scanned, at every try to watch it (5 s at most), for a twentieth of the time. */
  #scanBlind(): void {
    const now = performance.now();
    if (!this.#isOpen || this.#scanning !== undefined || now < this.#nextBlindScan) return;
    this.#scan(0)
      .then(({ ms }) => {
        this.#nextBlindScan = performance.now() + 20 * ms;
      })
      .catch((error) => this.#scanFailed(error));
  }

  #scanFailed(error: unknown): void {
    if (!this.#abort.signal.aborted) this.#broken('scan', error);
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

  #makeVerifier(): Verifier {
    const { isHub, verifyIntervalMs } = this.#options;
    return new Verifier({
      replica: this.#replica,
      isHub,
      peers: this.#links,
      intervalMs: verifyIntervalMs,
      isOpen: () => this.#isOpen,
      repairs: this.#repairs,
      signal: this.#abort.signal,
      show: (names) => this.#engine.show(names),
      scan: () => {
        if (this.#isOpen) void this.#scan(0).catch((error) => this.#scanFailed(error));
      },
      onError: (step, error) => this.#reporter.broken(step, error),
    });
  }

  #makeLink(peer: PeerOptions, session: string): Peer {
    const { state, isHub, random } = this.#options;
    const folders = preparePeer(state, peer.site);
    const conversation = new Conversation(
      this.#replica,
      peer.site,
      session,
      {
        onVerified: (_confirmed, forked) => {
          if (!forked) return;
          if (isHub) {
            this.#reporter.hubRestored(peer.site);
            this.#replica.commit(() => this.#replica.losses.lose(OWN));
          }
          this.#newIncarnation(`${peer.site} has more of us than we gave: this state is an older copy`);
        },
        onRefused: (refusal) => this.#reporter.refusedBy(peer.site, refusal),
        onNewSession: () => this.#verifier.forget(peer.site),
      },
      {
        isDue: (now) => this.#desk.isDue(peer.site, now),
        dueInMs: () => this.#desk.dueInMs(peer.site),
        take: (now) => this.#desk.take(peer.site, now),
      },
    );
    const comparer = new Comparer({
      replica: this.#replica,
      peerSite: peer.site,
      isHub,
      batchDocuments: this.#options.batchDocuments,
      batchBytes: this.#options.batchBytes,
      random,
      mayAnswer: () => (isHub ? this.#isOpen : this.#replica.phase === 'ready'),
      events: {
        onWork: () => link.wake(),
        onRepaired: (names) => this.#repairs.noteRepaired(peer.site, names, 'compared'),
        onTold: (name, repaired) => this.#verifier.told(peer.site, name, repaired),
      },
    });
    const link: PeerLink = new PeerLink({
      replica: this.#replica,
      conversation,
      comparer,
      transport: peer.transport(folders),
      outbox: folders.outbox,
      inbox: folders.inbox,
      isHub,
      batchDocuments: this.#options.batchDocuments,
      batchBytes: this.#options.batchBytes,
      random,
      // A spoke that joins would take what a hub has of a half-filled state for all there is.
      maySend: () => this.#isOpen && !(isHub && conversation.isPeerJoining && this.#verifier.isRebuilding),
      isGathering: () => this.#engine.backlog.looks >= GATHER_LOOKS || this.#ledger.isCrowded,
      onSaid: (header, changed) => this.#desk.hear(peer.site, header, changed),
      // What a spoke sends may come before the hub has looked at its files: it adds to the state, whatever they say. Not
      // before the spokes have said what they have of the hub: it would use up the numbers by which a copy is known.
      mayMerge: () => (isHub ? this.#isIncarnationSure : this.#isOpen || this.#replica.phase === 'joining'),
      events: {
        onSent: (names, bytes, ms) => this.#reporter.sent(peer.site, names, bytes, ms),
        onReceived: (documents) => {
          this.#reporter.received(peer.site, documents);
          // Forward first: the way to the next site is the longer one.
          if (isHub) this.#wakeLinks();
          this.#engine.show(documents.map(({ name }) => name));
        },
        onRepaired: (names) => this.#repairs.noteRepaired(peer.site, names, 'sent again'),
        onHeard: (head) => {
          if (this.#replica.phase !== 'joining') return;
          // A hub that has started anew since may have lost what it was to give.
          if (!conversation.verified) this.#joinTarget = undefined;
          // The newest head, not the first: a document that changed meanwhile has moved behind that one, and would be
          // taken for one that nobody knows.
          else this.#joinTarget = head;
          this.#wakeJoin();
        },
        onDown: (failure) => this.#reporter.down(peer.site, failure),
        onUnreachable: () => this.#desk.unreachable(peer.site),
        onUp: () => this.#reporter.up(peer.site),
        onRefusal: (code, message, hint) => this.#reporter.refusal(peer.site, code, message, hint),
        onError: (step, error) => this.#broken(`${step} ${peer.site}`, error),
        onWorking: (step) => this.#reporter.working(`${step} ${peer.site}`),
      },
    });
    if (peer.fetcher !== undefined) {
      const fetcher = peer.fetcher.make(folders);
      this.#fetchers.push(fetcher);
      this.#background.push(this.#fetchLoop(peer.site, fetcher, peer.fetcher.interval_ms, () => link.wake()));
    }
    return { site: peer.site, conversation, comparer, link };
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
