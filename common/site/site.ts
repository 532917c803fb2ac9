/**
 * One site's daemon: replica, engine, watcher and links put together. Hub and spoke are the same but for their peers and
 * for how they start: a spoke takes the hub's state before it looks at its own files.
 */
import { setMaxListeners } from 'node:events';
import type { DocState } from '../core/state.js';
import type { Fetcher } from '../link/transport.js';
import { Engine } from '../replica/engine.js';
import type { GuardOptions } from '../replica/guard.js';
import type { Change, Changed } from '../replica/ledger.js';
import { recover } from '../replica/recover.js';
import type { Replica } from '../replica/replica.js';
import type { DocumentRow } from '../replica/store.js';
import type { TreeWatcher } from '../replica/watcher.js';
import { ControlError, type ControlRoute, type ControlServer } from '../runtime/control.js';
import { Activity, eventsAnswer } from './activity.js';
import { openControl } from './control-channel.js';
import { fetchLoop } from './fetch-loop.js';
import { heldRoutes } from './held-routes.js';
import { Incarnation } from './incarnation.js';
import { Joining } from './joining.js';
import { openReplica } from './open-replica.js';
import type { SiteOptions } from './options.js';
import { type LinkParts, makeLink } from './peer-links.js';
import { Programs } from './programs.js';
import { RepairLog } from './repair-log.js';
import { Reporter } from './reporter.js';
import { Scanning } from './scanning.js';
import { type DocumentReport, showDocument } from './show.js';
import { StateFolder } from './state-folder.js';
import { type SiteStatus, statusOf } from './status.js';
import { type Peer, type RebuildReport, Verifier } from './verifier.js';
import { verifyNow } from './verify-report.js';
import { makeWatcher, probeLoop } from './watching.js';

/** While a link is at work, many files wait for so long at most. */
const GIVE_WAY_MS = 300;

/** Answer of the control route `probe`. */
export type Probed = { readonly isAlive: boolean | undefined; readonly ms: number };
/** One of the answer of the control route `round-trip`; without `ms`, the peer did not answer. */
export type RoundTrip = { readonly site: string; readonly ms?: number };

/** Answer of the control route `backup`. */
export type BackupCopy = { readonly file: string };

export type { PeerFolders, PeerOptions, SiteOptions } from './options.js';

export class Site {
  readonly #options: SiteOptions;
  readonly #abort = new AbortController();
  readonly #activity: Activity;
  readonly #startedAt: number;
  readonly #reporter: Reporter;
  readonly #repairs: RepairLog;
  readonly #folder: StateFolder;
  readonly #links: Peer[] = [];
  #replica!: Replica;
  #engine!: Engine;
  #scanning!: Scanning;
  #programs!: Programs;
  #incarnation!: Incarnation;
  #joining!: Joining;
  #verifier!: Verifier;
  #fetchers: Fetcher[] = [];
  #background: Promise<unknown>[] = [];
  #watcher: TreeWatcher | undefined;
  #control: ControlServer | undefined;
  /** Decided: documents of this start may be sent and taken. */
  #isOpen = false;
  #fail: (error: unknown) => void = () => {};
  /** Rejects when going on cannot help: the state database is damaged or gone. Stop the site then, and start anew. */
  readonly failed = new Promise<never>((_, reject) => {
    this.#fail = reject;
  });

  constructor(options: SiteOptions) {
    const { site, now } = options;
    this.#startedAt = now();
    this.#activity = new Activity(site, options.log, String(this.#startedAt), now);
    this.#options = { ...options, log: this.#activity.log };
    // Every loop that sleeps listens, with every peer.
    setMaxListeners(0, this.#abort.signal);
    this.#reporter = new Reporter(site, this.#activity.log, now);
    this.#repairs = new RepairLog(site, this.#activity.log);
    this.#folder = new StateFolder(options.state, now, this.#reporter);
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
    return this.#programs.ledger.change(change, waitMs);
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
    return this.#programs.read(document);
  }

  /** Replaces a document's state by what `edit` makes of it; resolves once that is on disk. Rejects as `read`. */
  async edit(document: string, edit: (state: DocState) => DocState): Promise<void> {
    this.#checkReady();
    return this.#programs.edit(document, edit);
  }

  /** How this site is, at any time of its life. */
  status(): SiteStatus {
    const isOpen = this.#replica?.world.store.isOpen === true;
    return statusOf({
      options: this.#options,
      open: isOpen ? { replica: this.#replica, engine: this.#engine } : undefined,
      isReady: this.isReady,
      startedAt: this.#startedAt,
      peers: this.#links,
      activity: this.#activity,
      reporter: this.#reporter,
      repairs: this.#repairs,
    });
  }

  /** What happened lately. */
  get activity(): Activity {
    return this.#activity;
  }

  /** Resolves once the work in hand on store and files is done and the store can be read: a sign of life for a watchdog. */
  pulse(): Promise<void> {
    return this.#replica.exclusive(async () => void this.#replica.world.store.meta('seq'));
  }

  /** Other limits for the guards, from the next change on. Before the state is open, nothing: it opens with its options. */
  setGuards(guards: GuardOptions): void {
    if (this.#replica !== undefined) this.#replica.guards.options = guards;
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

  /** What `axle show` asks. */
  async #show(input: unknown): Promise<DocumentReport> {
    this.#checkReady();
    const { isHub, peers } = this.#options;
    return this.#replica.exclusive(async () => showDocument({ replica: this.#replica, isHub, peers }, input));
  }

  /** What `axle doctor` asks: whether a file made in each watched folder is seen. Undefined before anything is watched. */
  async #probe(): Promise<Probed> {
    const startedAt = this.#options.steady();
    const isAlive = await this.#watcher?.probe();
    return { isAlive, ms: Math.round(this.#options.steady() - startedAt) };
  }

  /** What `axle backup` asks: a copy of the state, while it is in use. Whoever asked removes it. */
  async #backup(): Promise<BackupCopy> {
    this.#checkReady();
    const file = await this.#folder.copy(this.#replica.world.store, this.#options.randomHex(4));
    return { file };
  }

  /** What `axle doctor` asks: how long a message to each peer and its answer take. */
  async #roundTrips(): Promise<RoundTrip[]> {
    this.#checkReady();
    const trips: RoundTrip[] = [];
    for (const peer of this.#links) {
      const ms = await this.#verifier.roundTrip(peer);
      trips.push({ site: peer.site, ...(ms !== undefined && { ms: Math.round(ms) }) });
    }
    return trips;
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
      this.#folder.noteDamage(error);
      throw error;
    }
  }

  async #start(): Promise<void> {
    const { log, site } = this.#options;
    await this.#listen();
    this.#open();
    this.#connect();
    for (const { link } of this.#links) link.start();
    this.#verifier.start();
    if (this.#options.isHub) await this.#startHub();
    else await this.#startSpoke();
    if (this.#abort.signal.aborted) return;
    this.#engine.start();
    const watcher = await this.#watch();
    const report = await this.#scanning.scan(0);
    const { kindsNamed } = this.#options;
    this.#reporter.withoutFolder(report.missing.filter((kind) => kindsNamed.includes(kind)));
    await this.#engine.idle();
    this.#isOpen = true;
    this.#engine.openFiles();
    await this.#engine.idle();
    this.#wakeLinks();
    this.#background.push(
      this.#scanning.scanLoop(),
      probeLoop(watcher, this.#abort.signal),
      this.#programs.rightsLoop(),
    );
    this.#verifier.open();
    log.info('ready', { site, replica: this.#replica.id, files: report.files, ms: Math.round(report.ms) });
  }

  /** Finishes what is in hand; nothing is left half done. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#control?.close();
    this.#scanning?.close();
    this.#joining?.close();
    await this.#watcher?.close();
    await this.#programs?.ledger.close();
    await this.#engine?.stop();
    await Promise.all(this.#links.map(({ link }) => link.stop()));
    await Promise.all(this.#fetchers.map((fetcher) => fetcher.close()));
    await Promise.all(this.#background);
    await this.#verifier?.stop();
    try {
      this.#replica?.close();
    } finally {
      this.#folder.closed();
    }
  }

  #broken(step: string, error: unknown): void {
    if (this.#reporter.broken(step, error).isFatal) this.#fail(error);
    this.#folder.noteDamage(error);
  }

  /** Before anything else: where another daemon has this state already, this one must not touch it. */
  async #listen(): Promise<void> {
    if (this.#options.hasControl === false) return;
    const { state, log } = this.#options;
    const routes = {
      ...this.heldRoutes,
      verify: () => verifyNow({ ...this.#parts, verifier: this.#verifier, isOpen: this.#isOpen }),
      rebuild: () => this.rebuild(),
      status: async () => this.status(),
      show: (input: unknown) => this.#show(input),
      probe: () => this.#probe(),
      backup: () => this.#backup(),
      'round-trip': () => this.#roundTrips(),
      events: (input: unknown) => eventsAnswer(this.#activity, input, this.#abort.signal),
    };
    this.#control = await openControl(state, routes, log);
  }

  /** Opens store and files, settles what a crash left, and makes what works on them. */
  #open(): void {
    const { scanIntervalMs, rightsIdleMs, steady } = this.#options;
    this.#replica = openReplica(this.#options, this.#folder);
    for (const { name, renamed } of recover(this.#replica)) this.#reporter.recovered(name, renamed);
    this.#engine = this.#makeEngine();
    const parts = this.#parts;
    this.#scanning = new Scanning({ ...parts, intervalMs: scanIntervalMs });
    this.#programs = new Programs({ ...parts, rightsIdleMs });
    this.#incarnation = new Incarnation({ ...parts, steady, onNew: parts.wakeLinks });
    this.#joining = new Joining(parts);
  }

  #makeEngine(): Engine {
    const { isHub } = this.#options;
    return new Engine(this.#replica, {
      giveWayMs: () => {
        const isLinkBusy = isHub && this.#links.some(({ link }) => link.isBusy);
        return Math.max(this.#programs.ledger.crowdMs, isLinkBusy ? GIVE_WAY_MS : 0);
      },
      onChanged: () => this.#wakeLinks(),
      onAbsorbed: (results) => {
        this.#reporter.absorbed(results);
        this.#scanning.noteLooks(results.length);
        this.#programs.desk.gained(results.filter(({ outcome }) => outcome.kind === 'changed').map(({ name }) => name));
      },
      onMaterialised: (results) => this.#reporter.materialised(results),
      onLateWrite: (late) => this.#reporter.lateWrite(late),
      onUnreadable: (name, code, reason) => this.#reporter.unreadable(name, code, reason),
      onError: (step, error) => this.#broken(step, error),
      onWorking: (step) => this.#reporter.working(step),
    });
  }

  /** What the parts need of each other; each takes what its options name. */
  get #parts() {
    const { site, isHub, log, random } = this.#options;
    return {
      site,
      isHub,
      log,
      random,
      replica: this.#replica,
      engine: this.#engine,
      peers: this.#links as readonly Peer[],
      reporter: this.#reporter,
      signal: this.#abort.signal,
      isOpen: () => this.#isOpen,
      wakeLinks: () => this.#wakeLinks(),
      onError: (step: string, error: unknown) => this.#broken(step, error),
    };
  }

  /** Makes a link to every peer, and what compares with all of them. */
  #connect(): void {
    const parts: LinkParts = {
      ...this.#parts,
      options: this.#options,
      session: this.#options.randomHex(8),
      programs: this.#programs,
      incarnation: this.#incarnation,
      joining: this.#joining,
      verifier: () => this.#verifier,
      repairs: this.#repairs,
    };
    for (const peer of this.#options.peers) {
      const folders = this.#folder.preparePeer(peer.site);
      const made = makeLink(parts, peer, folders);
      if (peer.fetcher !== undefined) this.#fetch(made, peer.fetcher.make(folders), peer.fetcher.interval_ms);
      this.#links.push(made);
    }
    this.#verifier = this.#makeVerifier();
  }

  #fetch({ site, link }: Peer, fetcher: Fetcher, interval_ms: number): void {
    this.#fetchers.push(fetcher);
    this.#background.push(fetchLoop({ ...this.#parts, site, fetcher, interval_ms, wake: () => link.wake() }));
  }

  #makeVerifier(): Verifier {
    return new Verifier({
      ...this.#parts,
      intervalMs: this.#options.verifyIntervalMs,
      repairs: this.#repairs,
      show: (names) => this.#engine.show(names),
      scan: () => {
        if (this.#isOpen) this.#scanning.scanNow();
      },
      onError: (step, error) => this.#reporter.broken(step, error),
    });
  }

  async #startHub(): Promise<void> {
    const replica = this.#replica;
    if (replica.phase === 'ready') {
      await this.#incarnation.verify();
      this.#incarnation.decided();
      // A state that turned out to be an old copy: those that are there fill it up before anybody takes it for the whole.
      await this.#verifier.rebuilt(true);
      return;
    }
    this.#incarnation.decided();
    if (replica.phase === 'rebuilding') await this.#verifier.rebuilt(false);
    // The first start of a hub: what is on its disk is where every counter begins.
    if (!this.#abort.signal.aborted) await this.#joining.settleFiles();
  }

  async #startSpoke(): Promise<void> {
    if (this.#replica.phase === 'ready') {
      await this.#incarnation.verify();
      return;
    }
    if (this.#replica.phase === 'joining') await this.#joining.join();
    if (!this.#abort.signal.aborted) await this.#joining.settleFiles();
  }

  async #watch(): Promise<TreeWatcher> {
    const watcher = makeWatcher({ ...this.#parts, scanning: this.#scanning });
    this.#watcher = watcher;
    await watcher.start();
    return watcher;
  }

  #wakeLinks(): void {
    for (const { link } of this.#links) link.wake();
  }
}
