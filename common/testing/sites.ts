/**
 * A lab of whole sites in one process: real SQLite, real files, real watchers, folder delivery, and a clock, randomness
 * and crashes that a test decides. A crash takes the site's folder away under it (a rename) and closes its database, so
 * that whatever the dead incarnation still has in hand reaches nothing; `start()` opens a new one on the same disk.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import type { BatchHeader } from '../core/batch.js';
import type { JoinRule } from '../core/join.js';
import { DEFAULT_POLICIES, type KindPolicy, mergePolicies } from '../core/policy.js';
import { isBatchName } from '../link/batch-name.js';
import { FolderTransport } from '../link/folder-transport.js';
import { type Delivery, failure, type Transport } from '../link/transport.js';
import { DEFAULT_GUARDS, type GuardOptions } from '../replica/guard.js';
import { lockDocuments } from '../replica/locks.js';
import type { StepName } from '../replica/steps.js';
import type { Store } from '../replica/store.js';
import { controlSocket } from '../runtime/control.js';
import type { Fields, Level } from '../runtime/log.js';
import { type PeerFolders, Site } from '../site/site.js';
import { mulberry32 } from './random.js';

export const HUB = 'directsponsor';
export const SPOKES = ['roflfaucet', 'clickforcharity'] as const;

export class CrashError extends Error {}

/** A message on its way: what a test may look at or interfere with. */
export type Mail = {
  readonly from: string;
  readonly to: string;
  readonly name: string;
  readonly header: BatchHeader;
  readonly text: string;
  /** The peer's inbox. */
  readonly inbox: string;
};

/**
 * `pass` delivers; `lose` says it was delivered and drops it; `fail` is a transport that is down; `delivered but failed`
 * delivers and says that it did not; text replaces it.
 */
export type Fate = 'pass' | 'lose' | 'fail' | 'delivered but failed' | { readonly instead: string };

export type LabOptions = {
  readonly spokes?: readonly string[];
  readonly joinRule?: JoinRule;
  readonly guards?: GuardOptions;
  readonly clockSkewMaxMs?: number;
  readonly rightsIdleMs?: number;
  readonly maxFileBytes?: number;
  readonly scanIntervalMs?: number;
  readonly verifyIntervalMs?: number;
  readonly batchDocuments?: number;
  readonly kinds?: Readonly<Record<string, Partial<KindPolicy>>>;
  /** Number or printed seed of an earlier run. */
  readonly seed?: number;
  /** Where syncing to disk costs nothing, for tests that crash hundreds of times. */
  readonly inMemory?: boolean;
};

export type LogLine = { readonly level: Level; readonly event: string; readonly fields: Fields };

const WAIT_MS = 12_000;
/** Polling is most of what a lab costs. */
const POLL_MS = 20;
const FUNERAL_MS = 4_000;
const MEMORY = '/dev/shm';

export class Lab {
  readonly root: string;
  readonly sites: readonly LabSite[];
  readonly mail: Mail[] = [];
  readonly seed: number;
  readonly random: () => number;
  /** Decides what becomes of each message; the default lets everything pass. */
  fate: (mail: Mail) => Fate = () => 'pass';
  readonly funerals: Promise<unknown>[] = [];
  readonly documents = new Set<string>();

  constructor(readonly options: LabOptions = {}) {
    const base = options.inMemory && fs.existsSync(MEMORY) ? MEMORY : os.tmpdir();
    this.root = fs.mkdtempSync(path.join(fs.realpathSync(base), 'axle-lab-'));
    this.seed = options.seed ?? randomBytes(4).readUInt32LE();
    this.random = mulberry32(this.seed);
    const spokes = options.spokes ?? SPOKES;
    this.sites = [HUB, ...spokes].map((name) => new LabSite(this, name, name === HUB ? spokes : [HUB]));
  }

  /** Starts hub and spokes and waits until all are ready. */
  static async started(options: LabOptions = {}): Promise<Lab> {
    const lab = new Lab(options);
    await lab.start();
    return lab;
  }

  async start(): Promise<void> {
    await this.within(Promise.all(this.sites.map((site) => site.start())), 'all sites are ready');
  }

  site(name: string): LabSite {
    const site = this.sites.find((one) => one.name === name);
    if (site === undefined) throw new Error(`no site ${name}`);
    return site;
  }

  get hub(): LabSite {
    return this.site(HUB);
  }

  /** Resolves when `check` holds; rejects after a bounded time with what it still said and what the sites logged. */
  async until(what: string, check: () => unknown, limitMs = WAIT_MS): Promise<void> {
    const end = performance.now() + limitMs;
    let said: unknown;
    for (;;) {
      try {
        said = check();
        if (said === true) return;
      } catch (error) {
        said = error;
      }
      if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}: ${show(said)}\n${this.story()}`);
      await sleep(POLL_MS);
    }
  }

  within<T>(work: Promise<T>, what: string, limitMs = WAIT_MS): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not within ${limitMs} ms: ${what}\n${this.story()}`)), limitMs);
    });
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  }

  /** All living sites are idle, every inbox is empty, and every peer has confirmed everything it is owed. */
  async settled(limitMs = WAIT_MS): Promise<void> {
    // Events are only hints: what a test has written is looked at even where the kernel has not spoken yet.
    for (const site of this.living) for (const name of this.documents) site.site.engine.look(name);
    let quiet = 0;
    await this.until(
      'everything is settled',
      () => {
        const busy = this.living.map((site) => site.business()).filter((one) => one !== '');
        quiet = busy.length === 0 ? quiet + 1 : 0;
        return quiet > 1 || busy.join('; ');
      },
      limitMs,
    );
  }

  get living(): LabSite[] {
    return this.sites.filter((site) => site.isAlive);
  }

  /** Waits until the document's file shows `expected` on every living site (compared as JSON where it is JSON). */
  async same(doc: string, expected: unknown, limitMs = WAIT_MS): Promise<void> {
    this.documents.add(doc);
    const wanted = JSON.stringify(expected);
    await this.until(
      `${doc} is ${wanted} everywhere`,
      () => {
        const shown = this.living.map((site) => [site.name, site.value(doc)] as const);
        return shown.every(([, value]) => JSON.stringify(value) === wanted) || JSON.stringify(shown);
      },
      limitMs,
    );
  }

  /** As `same`, for the balance alone. */
  async balance(doc: string, expected: number, limitMs = WAIT_MS): Promise<void> {
    this.documents.add(doc);
    await this.until(
      `the balance of ${doc} is ${expected} everywhere`,
      () => {
        const shown = this.living.map((site) => [site.name, site.balanceOf(doc)] as const);
        return shown.every(([, value]) => value === expected) || JSON.stringify(shown);
      },
      limitMs,
    );
  }

  /** Settled, every site shows `expected`, and time enough passes in which a double count would show. */
  async expectBalance(doc: string, expected: number): Promise<void> {
    await this.balance(doc, expected);
    await this.settled();
    const shown = Object.fromEntries(this.living.map((site) => [site.name, site.balanceOf(doc)]));
    const wanted = Object.fromEntries(this.living.map((site) => [site.name, expected]));
    if (JSON.stringify(shown) !== JSON.stringify(wanted))
      throw new Error(`${doc}: ${JSON.stringify(shown)} instead of ${expected} everywhere\n${this.story()}`);
  }

  /** The bytes of a document's file are the same on every living site, present or not. */
  expectSame(doc: string): void {
    const texts = this.living.map((site) => [site.name, JSON.stringify(site.value(doc))] as const);
    if (new Set(texts.map(([, text]) => text)).size > 1)
      throw new Error(`${doc} differs: ${JSON.stringify(texts)}\n${this.story()}`);
  }

  /** Nothing is left of work in hand: temp files, intents, links, spooled batches, strange files beside documents. */
  async expectClean(): Promise<void> {
    for (const site of this.living) site.aheadMs += 4_000;
    await this.until('nothing is left behind', () => {
      const left = this.living.flatMap((site) => site.leftovers());
      return left.length === 0 || left.join(', ');
    });
  }

  story(lines = 60): string {
    return [`seed ${this.seed}`, ...this.sites.map((site) => site.story(lines / this.sites.length))].join('\n');
  }

  async close(): Promise<void> {
    const stops = this.living.map((site) => site.stop());
    await Promise.allSettled([...stops, ...this.funerals].map((one) => Promise.race([one, sleep(FUNERAL_MS)])));
    fs.rmSync(this.root, { recursive: true, force: true });
  }
}

type Life = { readonly site: Site; isDead: boolean; isStopping: boolean };

export class LabSite {
  #life: Life | undefined;
  #home: string;
  #moves = 0;
  #armed: { readonly step: StepName; left: number } | undefined;
  #onCrash: (() => void) | undefined;
  #pause: { readonly step: StepName; readonly run: () => void } | undefined;
  /** How often each step was reached since `arm` or `forgetSteps`. */
  readonly reached = new Map<StepName, number>();
  readonly log: LogLine[] = [];
  /** How far this site's clock is ahead of the true time. */
  aheadMs = 0;
  /** Messages to and from this site fail while true. */
  isCut = false;

  constructor(
    readonly lab: Lab,
    readonly name: string,
    readonly peers: readonly string[],
  ) {
    this.#home = path.join(lab.root, name);
    for (const kind of Object.keys(DEFAULT_POLICIES)) fs.mkdirSync(path.join(this.userdata, kind), { recursive: true });
    for (const peer of peers) fs.mkdirSync(this.inbox(peer), { recursive: true });
  }

  /** The folder of this site, which moves at every crash. */
  get home(): string {
    return this.#home;
  }

  get isHub(): boolean {
    return this.name === HUB;
  }

  get userdata(): string {
    return path.join(this.#home, 'userdata');
  }

  get state(): string {
    return path.join(this.#home, 'state');
  }

  inbox(peer: string): string {
    return path.join(this.state, 'inbox', peer);
  }

  get isAlive(): boolean {
    return this.#life !== undefined && !this.#life.isDead && !this.#life.isStopping;
  }

  get site(): Site {
    if (this.#life === undefined) throw new Error(`${this.name} is not running`);
    return this.#life.site;
  }

  get store(): Store {
    return this.site.replica.world.store;
  }

  get replicaId(): string {
    return this.site.replica.id;
  }

  /** Resolves when the site is ready. Rejects where it cannot start, or crashes on the way. */
  async start(): Promise<void> {
    if (this.#life !== undefined && !this.#life.isDead) throw new Error(`${this.name} is running`);
    const { lab } = this;
    const life = { isDead: false, isStopping: false } as Life & { site: Site };
    const write =
      (level: Level) =>
      (event: string, fields: Fields = {}): void => {
        if (!life.isDead) this.log.push({ level, event, fields });
      };
    const randomness = (bytes: number): string =>
      Array.from({ length: bytes }, () =>
        Math.floor(lab.random() * 256)
          .toString(16)
          .padStart(2, '0'),
      ).join('');
    life.site = new Site({
      site: this.name,
      isHub: this.isHub,
      userdata: this.userdata,
      state: this.state,
      policies: mergePolicies(DEFAULT_POLICIES, lab.options.kinds ?? {}),
      kindsNamed: Object.keys(lab.options.kinds ?? {}),
      joinRule: lab.options.joinRule ?? 'hold',
      guards: lab.options.guards ?? DEFAULT_GUARDS,
      peers: this.peers.map((peer) => ({ site: peer, transport: (folders) => this.#transport(life, peer, folders) })),
      maxFileBytes: lab.options.maxFileBytes ?? 1024 * 1024,
      batchDocuments: lab.options.batchDocuments ?? 1_000,
      batchBytes: 1024 * 1024,
      clockSkewMaxMs: lab.options.clockSkewMaxMs ?? 60_000,
      rightsIdleMs: lab.options.rightsIdleMs ?? 60_000,
      scanIntervalMs: lab.options.scanIntervalMs ?? 60_000,
      verifyIntervalMs: lab.options.verifyIntervalMs ?? 600_000,
      log: { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') },
      now: () => Date.now() + this.aheadMs,
      // A test that sets the clock ahead means that time has passed.
      steady: () => performance.now() + this.aheadMs,
      random: lab.random,
      randomHex: randomness,
      steps: (step) => this.#step(life, step),
    });
    this.#life = life;
    const dead = new Promise<never>((_, reject) => {
      this.#onCrash = () => reject(new CrashError(`${this.name} crashed while it started`));
    });
    dead.catch(() => {});
    try {
      await Promise.race([life.site.start(), dead]);
    } catch (error) {
      if (life.isDead) throw new CrashError(`${this.name} crashed while it started`);
      life.isDead = true;
      this.#bury(life);
      throw error;
    }
  }

  /** Ends as SIGTERM does. */
  async stop(): Promise<void> {
    const life = this.#life;
    if (life === undefined || life.isDead) return;
    life.isStopping = true;
    await this.lab.within(life.site.stop(), `${this.name} stops`);
    life.isDead = true;
    this.#life = undefined;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.lab.within(this.start(), `${this.name} starts again`);
  }

  /** The site will crash when it reaches `step` for the `nth` time from now. */
  arm(step: StepName, nth = 1): void {
    this.reached.clear();
    this.#armed = { step, left: nth };
  }

  disarm(): void {
    this.#armed = undefined;
  }

  forgetSteps(): void {
    this.reached.clear();
  }

  /** Runs `run` in the middle of the site's work, once, when it reaches `step`. */
  at(step: StepName, run: () => void): void {
    this.#pause = { step, run };
  }

  /** Power off, now. */
  crash(): void {
    const life = this.#life;
    if (life === undefined || life.isDead) return;
    life.isDead = true;
    try {
      life.site.replica?.world.store.close();
    } catch {
      // In the middle of a read: the dead incarnation can read on, but its next write fails on the moved folder.
    }
    const before = this.#home;
    this.#home = path.join(this.lab.root, `${this.name}.${++this.#moves}`);
    fs.renameSync(before, this.#home);
    // The dead do not listen. (The process that they lived in is ours, and goes on.)
    fs.rmSync(controlSocket(this.state), { force: true });
    // Nothing can be made again under the old name.
    fs.writeFileSync(before, '');
    this.#age();
    this.#onCrash?.();
    this.#bury(life);
  }

  /** What the dead leave stays; a test does not wait until it counts as abandoned, and its locks are taken over. */
  #age(): void {
    const old = Date.now() / 1000 - 3_600;
    for (const inbox of this.peers.map((peer) => this.inbox(peer)).filter((folder) => fs.existsSync(folder)))
      for (const name of fs.readdirSync(inbox)) fs.utimesSync(path.join(inbox, name), old, old);
    const locks = path.join(this.userdata, '.axle', 'locks');
    if (fs.existsSync(locks))
      for (const name of fs.readdirSync(locks)) fs.rmSync(path.join(locks, name), { recursive: true });
  }

  #bury(life: Life): void {
    this.lab.funerals.push(
      new Promise((resolve) => setImmediate(resolve)).then(() => life.site.stop()).catch(() => {}),
    );
  }

  #step(life: Life, step: StepName): void {
    if (life.isDead) throw new CrashError(step);
    this.reached.set(step, (this.reached.get(step) ?? 0) + 1);
    if (this.#pause?.step === step) {
      const { run } = this.#pause;
      this.#pause = undefined;
      run();
    }
    if (this.#armed?.step !== step || --this.#armed.left > 0) return;
    this.#armed = undefined;
    this.crash();
    throw new CrashError(step);
  }

  #transport(life: Life, to: string, folders: PeerFolders): Transport {
    const { lab } = this;
    const down = failure('down', true, 'the lab cut this link', 'wait');
    return {
      deliver: async (name, signal): Promise<Delivery> => {
        const peer = lab.site(to);
        if (life.isDead || this.isCut || peer.isCut) return down;
        const text = fs.readFileSync(path.join(folders.outbox, name), 'utf8');
        const header = JSON.parse(text.slice(0, text.indexOf('\n'))) as BatchHeader;
        const mail: Mail = { from: this.name, to, name, header, text, inbox: peer.inbox(this.name) };
        const fate = lab.fate(mail);
        if (fate === 'fail') return down;
        lab.mail.push(mail);
        if (fate === 'lose') return { ok: true, ms: 0 };
        if (typeof fate === 'object') {
          fs.writeFileSync(path.join(mail.inbox, name), fate.instead);
          return { ok: true, ms: 0 };
        }
        const clock = { now: () => performance.now() };
        const folder = new FolderTransport({ outboxFolder: folders.outbox, inboxFolder: mail.inbox, clock });
        const delivery = await folder.deliver(name, signal);
        return fate === 'delivered but failed' ? down : delivery;
      },
      close: async () => {},
    };
  }

  path(doc: string): string {
    return path.join(this.userdata, `${doc}.txt`);
  }

  /** Writes in place, without a lock, as PHP's file_put_contents does. */
  write(doc: string, content: unknown): void {
    this.lab.documents.add(doc);
    fs.writeFileSync(this.path(doc), typeof content === 'string' ? content : JSON.stringify(content, null, 4));
  }

  /** Replaces the file by rename, as an editor does. */
  replace(doc: string, content: unknown): void {
    this.lab.documents.add(doc);
    const temp = path.join(this.#home, `replace.${Math.floor(this.lab.random() * 1e9)}`);
    fs.writeFileSync(temp, typeof content === 'string' ? content : JSON.stringify(content, null, 4));
    fs.renameSync(temp, this.path(doc));
  }

  /** Reads, adds, writes in place, all at once and without a lock. */
  credit(doc: string, amount: number): void {
    const before = this.value(doc) as Record<string, unknown>;
    this.write(doc, { ...before, balance: (before.balance as number) + amount });
  }

  /** As `credit`, by a writer that shares the lock (I5). */
  async lockedCredit(doc: string, amount: number): Promise<void> {
    const release = await lockDocuments(path.join(this.userdata, '.axle'), [doc]);
    try {
      this.credit(doc, amount);
    } finally {
      await release();
    }
  }

  remove(doc: string): void {
    this.lab.documents.add(doc);
    fs.rmSync(this.path(doc));
  }

  /** The file's text; undefined where there is none. */
  text(doc: string): string | undefined {
    return fs.existsSync(this.path(doc)) ? fs.readFileSync(this.path(doc), 'utf8') : undefined;
  }

  /** The file's content as JSON, or its text where that is none. */
  value(doc: string): unknown {
    const text = this.text(doc);
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }

  balanceOf(doc: string): number | undefined {
    const value = this.value(doc);
    return typeof value === 'object' && value !== null ? (value as { balance?: number }).balance : undefined;
  }

  /** What this site is still busy with; '' where it is idle. */
  business(): string {
    const { engine, peers, replica } = this.site;
    const { looks, files } = engine.backlog;
    const busy: string[] = [];
    if (looks + files > 0) busy.push(`${looks} looks, ${files} files`);
    const dirty = replica.world.store.dirtyAfter(0, 10).map(({ name }) => name);
    if (dirty.length > 0) busy.push(`dirty ${dirty}`);
    if (replica.world.store.intents().length > 0) busy.push('intents');
    for (const peer of peers) {
      if (!this.lab.site(peer.site).isAlive) continue;
      if (!peer.isSettled) busy.push(`${peer.site} has not confirmed`);
      if (fs.readdirSync(this.inbox(peer.site)).some(isBatchName)) busy.push(`inbox of ${peer.site}`);
    }
    return busy.length === 0 ? '' : `${this.name}: ${busy.join(', ')}`;
  }

  leftovers(): string[] {
    const list = (folder: string): string[] =>
      fs.existsSync(folder) ? fs.readdirSync(folder).map((name) => path.join(folder, name)) : [];
    const own = path.join(this.userdata, '.axle');
    const strange = Object.keys(DEFAULT_POLICIES)
      .flatMap((kind) => list(path.join(this.userdata, kind)))
      .filter((file) => !/\/[\w-]+\.txt$/.test(file));
    const spooled = this.peers.flatMap((peer) => [
      ...list(path.join(this.state, 'outbox', peer)),
      ...list(this.inbox(peer)),
    ]);
    const intents = this.store.intents().map(({ id }) => `${this.name}: intent ${id}`);
    return [...list(path.join(own, 'tmp')), ...list(path.join(own, 'replaced')), ...strange, ...spooled, ...intents];
  }

  conflicts(): string[] {
    const folder = path.join(this.userdata, '.axle', 'conflicts');
    if (!fs.existsSync(folder)) return [];
    return fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.txt'));
  }

  logged(code: string): boolean {
    return this.log.some(({ event, fields }) => event === code || fields.code === code);
  }

  story(lines: number): string {
    const last = this.log
      .slice(-lines)
      .map(({ level, event, fields }) => `  ${level} ${event} ${JSON.stringify(fields)}`);
    return [`${this.name} (${this.isAlive ? 'running' : 'down'}):`, ...last].join('\n');
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function show(said: unknown): string {
  return said instanceof Error ? said.message : String(said);
}
