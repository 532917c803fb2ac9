/** One site of the simulation: a machine, the real daemon on it, and what is known of its state from outside. */
import fs from 'node:fs';
import path from 'node:path';
import { ownPart } from '../../core/authority.js';
import type { BatchDocument } from '../../core/batch.js';
import { DEFAULT_POLICIES } from '../../core/policy.js';
import { counterValue } from '../../core/render.js';
import type { DocState } from '../../core/state.js';
import { isBatchName } from '../../link/batch-name.js';
import type { GuardOptions } from '../../replica/guard.js';
import { Store } from '../../replica/store.js';
import type { Fields, Level } from '../../runtime/log.js';
import type { HeldList } from '../../site/held-routes.js';
import { Site } from '../../site/site.js';
import type { Choices } from '../random.js';
import { type DeathKind, HUB } from './cast.js';
import type { Machine } from './machine.js';
import type { Network } from './network.js';
import { onRealDisk, ROOT } from './platform.js';
import { Death, Owner } from './time.js';

export type DaemonEvents = {
  readonly onDeath: (site: SimulatedSite, how: DeathKind) => void;
  /** The daemon said something; for the trace, and to find faults of its own. */
  readonly onLog: (site: SimulatedSite, level: Level, event: string, fields: Fields) => void;
};

type Life = { readonly site: Site; readonly owner: Owner; isReady: boolean };

/** Total of each counter of each document, `document path` → total. */
export type Totals = ReadonlyMap<string, number>;

/** Nothing is held: where nobody is there to decide. */
export const NO_GUARDS: GuardOptions = {
  zero: false,
  burst: { documents: 1_000_000, percent: 100, windowMs: 60_000 },
};

const MACHINE_OF = { scanIntervalMs: 4_000, clockSkewMaxMs: 60_000, batchDocuments: 2, rightsIdleMs: 3_000 };

export class SimulatedSite {
  life: Life | undefined;
  /** Has joined, and still has what it joined with: what its writers do from now on must count. */
  hasState = false;
  /** Takes part: has been set up. */
  isMember = false;
  hadPowerCut = false;
  /** The marker beside the files is not synced: after a power cut it may be older than any backup. */
  lostMarker = false;
  /** Left for good. */
  hasLeft = false;

  constructor(
    readonly machine: Machine,
    readonly network: Network,
    readonly peers: () => readonly SimulatedSite[],
    readonly choices: Choices,
    readonly events: DaemonEvents,
    readonly guards: GuardOptions,
  ) {
    onRealDisk(() => fs.mkdirSync(path.join(ROOT, this.name, 'state'), { recursive: true }));
    this.makeFolders();
    machine.onDeath = (how) => this.#died(how);
  }

  get name(): string {
    return this.machine.name;
  }

  get isHub(): boolean {
    return this.name === HUB;
  }

  get userdata(): string {
    return path.join(ROOT, this.name, 'userdata');
  }

  get state(): string {
    return path.join(ROOT, this.name, 'state');
  }

  get database(): string {
    return path.join(this.state, 'state.db');
  }

  get isReady(): boolean {
    return this.life?.isReady === true;
  }

  file(document: string): string {
    return path.join(this.userdata, `${document}.txt`);
  }

  /** The folders of a machine that was just set up; the daemon makes the rest. */
  makeFolders(): void {
    for (const kind of Object.keys(DEFAULT_POLICIES)) fs.mkdirSync(path.join(this.userdata, kind), { recursive: true });
    fs.mkdirSync(this.state, { recursive: true });
  }

  /** Starts the daemon; `life.isReady` tells when it is ready. */
  start(): void {
    const { machine, network } = this;
    if (this.life !== undefined) return;
    machine.isOff = false;
    const owner = new Owner(`daemon of ${this.name}`, machine);
    machine.daemon = owner;
    const write =
      (level: Level) =>
      (event: string, fields: Fields = {}): void => {
        if (owner.isDead) return;
        if (event === 'joined') this.hasState = true;
        this.events.onLog(this, level, event, fields);
      };
    const life: Life = {
      owner,
      isReady: false,
      site: new Site({
        site: this.name,
        isHub: this.isHub,
        userdata: this.userdata,
        state: this.state,
        policies: DEFAULT_POLICIES,
        kindsNamed: [],
        joinRule: 'hold',
        peers: this.peers().map((peer) => ({
          site: peer.name,
          transport: (folders) => {
            const inbox = path.join(peer.state, 'inbox', this.name);
            return network.transport(machine, peer.machine, folders, inbox);
          },
        })),
        guards: this.guards,
        // A real socket would answer in real time.
        hasControl: false,
        verifyIntervalMs: 600_000,
        maxFileBytes: 64 * 1024,
        batchBytes: 64 * 1024,
        ...MACHINE_OF,
        log: { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') },
        now: () => Math.floor(machine.time.now + machine.aheadMs),
        steady: () => machine.time.now,
        random: this.choices.next,
        randomHex: (bytes) => this.choices.hex(bytes),
        steps: (step) => machine.step(step),
      }),
    };
    this.life = life;
    const failed = (error: unknown): void => {
      if (error instanceof Death || owner.isDead) return;
      this.events.onLog(this, 'error', 'did not start', { reason: String(error) });
      machine.die('kill');
    };
    machine.time.add(
      0,
      () => {
        life.site.start().then(() => {
          life.isReady = true;
        }, failed);
      },
      owner,
    );
  }

  /** `axle rebuild`, as the daemon does it. */
  async rebuild(): Promise<void> {
    const { life, machine } = this;
    if (life === undefined) return;
    await new Promise<void>((resolve) => {
      const end = (): void => machine.time.add(0, resolve, machine.time.director) as unknown as undefined;
      machine.time.add(0, () => void life.site.rebuild().then(end, end), life.owner);
    });
  }

  /** Ends the daemon as SIGTERM does. */
  async stop(): Promise<void> {
    const { life, machine } = this;
    if (life === undefined) return;
    life.isReady = false;
    await new Promise<void>((resolve) => {
      const end = (): void => machine.time.add(0, resolve, machine.time.director) as unknown as undefined;
      machine.time.add(0, () => void life.site.stop().then(end, end), life.owner);
      // A crash on the way is an end, too.
      machine.time.add(40_000, resolve);
      machine.time.add(39_999, () => {
        if (this.life === life) this.events.onLog(this, 'error', 'did not stop', {});
      });
    });
    if (this.life !== life) return;
    life.owner.isDead = true;
    this.machine.daemon = undefined;
    this.life = undefined;
  }

  #died(how: DeathKind): void {
    const { life } = this;
    this.life = undefined;
    if (life !== undefined) {
      const close = (): void => life.site.replica?.world.store.close();
      try {
        close();
      } catch {
        // In the middle of a transaction, which is rolled back first.
        queueMicrotask(close);
      }
    }
    this.events.onDeath(this, how);
  }

  /** What the guards hold here. */
  async held(): Promise<HeldList['changes']> {
    const { changes } = (await this.#ask('held/list', {})) as HeldList;
    return changes;
  }

  async decide(id: number, isApproved: boolean): Promise<void> {
    await this.#ask(isApproved ? 'held/approve' : 'held/reject', { ids: [id] });
  }

  /** As a command does over the socket. The answer comes to the director, who outlives the daemon. */
  #ask(route: string, input: unknown): Promise<unknown> {
    const { life } = this;
    const { time } = this.machine;
    if (life === undefined) throw new Error(`${this.name} does not run`);
    return new Promise((resolve, reject) => {
      const end = (tell: () => void): unknown => time.add(0, tell, time.director);
      const ask = (): unknown =>
        life.site.heldRoutes[route]?.(input).then(
          (answer) => end(() => resolve(answer)),
          (error) => end(() => reject(error)),
        );
      time.add(0, () => void ask(), life.owner);
    });
  }

  /** Reads the store, of the living daemon or from its file. Undefined where there is none. */
  withStore<T>(read: (store: Store) => T): T | undefined {
    const store = this.life?.site.replica?.world.store;
    if (store?.isOpen) return read(store);
    if (!fs.existsSync(this.database)) return undefined;
    const opened = onRealDisk(() => Store.open(this.database));
    try {
      return read(opened);
    } finally {
      opened.close();
    }
  }

  stateOf(document: string): DocState | undefined {
    const text = this.withStore((store) => store.document(document)?.state);
    return text === undefined ? undefined : (JSON.parse(text) as DocState);
  }

  /** Everything that this site itself contributed, as text to compare. */
  ownParts(): string {
    const rows = this.withStore((store) => store.documentsAfterId(0, 1_000)) ?? [];
    const parts = rows.map(({ name, state }) => `${name} ${JSON.stringify(ownPart(JSON.parse(state), this.name))}`);
    return parts.sort().join('\n');
  }

  /** The totals of every counter that this site has committed. */
  totals(): Totals {
    const totals = new Map<string, number>();
    this.withStore((store) => {
      for (const { name, state } of store.documentsAfterId(0, 1_000))
        for (const [at, counter] of Object.entries((JSON.parse(state) as BatchDocument['state']).counters ?? {}))
          totals.set(`${name} ${at}`, Number(counterValue(counter)));
    });
    return totals;
  }

  /** Whether a file written now may be taken for one from before the join: settled by rule, not counted. */
  mayBeOld(document: string): boolean {
    if (!this.hasState) return true;
    return (
      this.withStore((store) => {
        const known = store.known(document);
        return store.unsettled().includes(document) || (known?.shadow === null && known.dirty === 1);
      }) !== false
    );
  }

  /** Whether the store has seen the document's file as it is now. */
  hasAbsorbed(document: string): boolean {
    if (!this.isReady || !fs.existsSync(this.file(document))) return false;
    const text = fs.readFileSync(this.file(document), 'utf8');
    return this.withStore((store) => store.intents().length === 0 && store.known(document)?.shadow === text) === true;
  }

  /** What this site is still busy with; '' where it is at rest. */
  business(): string {
    if (!this.isReady || this.life === undefined) return `${this.name}: not ready`;
    const { engine, peers, replica } = this.life.site;
    const { looks, files } = engine.backlog;
    const busy: string[] = [];
    if (looks + files > 0) busy.push(`${looks} looks, ${files} files`);
    const dirty = replica.world.store.dirtyAfter(0, 10).map(({ name }) => name);
    if (dirty.length > 0) busy.push(`dirty ${dirty}`);
    if (replica.world.store.intents().length > 0) busy.push('intents');
    const living = new Set(
      this.peers()
        .filter((peer) => peer.isMember && !peer.hasLeft)
        .map((peer) => peer.name),
    );
    for (const peer of peers) {
      if (!living.has(peer.site)) continue;
      if (!peer.isSettled) busy.push(`${peer.site} has not confirmed`);
      if (fs.readdirSync(path.join(this.state, 'inbox', peer.site)).some(isBatchName))
        busy.push(`inbox of ${peer.site}`);
    }
    return busy.length === 0 ? '' : `${this.name}: ${busy.join(', ')}`;
  }

  /** Work left behind: temp files, kept links, intents, spooled batches, locks, strange files beside documents. */
  leftovers(): string[] {
    const list = (folder: string): string[] =>
      fs.existsSync(folder) ? fs.readdirSync(folder).map((name) => path.join(folder, name)) : [];
    const own = path.join(this.userdata, '.axle');
    const strange = Object.keys(DEFAULT_POLICIES)
      .flatMap((kind) => list(path.join(this.userdata, kind)))
      .filter((file) => !/\/([\w-]+\.txt|1-andy\..*|\.new-\w+|\.axle-probe)$/.test(file));
    const spools = this.peers()
      .filter((peer) => !peer.hasLeft)
      .flatMap((peer) => [
        ...list(path.join(this.state, 'outbox', peer.name)),
        ...list(path.join(this.state, 'inbox', peer.name)),
      ]);
    const rows = this.withStore((store) => [
      ...store.intents().map(({ id }) => `intent ${id}`),
      ...store.replacedLinks().map((link) => `replaced ${link}`),
    ]);
    const folders = ['tmp', 'replaced'].flatMap((folder) => list(path.join(own, folder)));
    // Copies that came twice while a transfer was cut stay hidden until they are swept, half an hour later.
    return [
      ...folders,
      ...strange,
      ...spools.filter((file) => !path.basename(file).startsWith('.')),
      ...(rows ?? []),
    ].map((one) => `${this.name}: ${one}`);
  }
}

/** Names of the files of others that the simulation lays among the documents. */
export const JUNK = '1-andy.';
