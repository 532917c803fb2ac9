/**
 * One site's replica: its store, its live files, its clock, and the few things that absorb, materialise and receive
 * share. It starts no timer and no process of its own; `Site` does that.
 */
import fs from 'node:fs';
import path from 'node:path';
import { canonicalText } from '../core/canonical.js';
import { documentDigest } from '../core/digest-tree.js';
import type { JoinRule } from '../core/join.js';
import { type KindPolicy, PathPolicies, type Policies } from '../core/policy.js';
import { counterValue } from '../core/render.js';
import { isOverdrawn } from '../core/rights.js';
import { StampClock } from '../core/stamp.js';
import { type DocState, EMPTY, type ReplicaId } from '../core/state.js';
import type { Log } from '../runtime/log.js';
import { fieldsOf, troubleOf } from '../runtime/troubles.js';
import { Digests } from './digests.js';
import { FormerTexts } from './former-texts.js';
import { type GuardOptions, Guards } from './guard.js';
import type { LiveFiles } from './live-files.js';
import { EVERYTHING, Losses } from './losses.js';
import { MissingFiles } from './missing-files.js';
import { sha256 } from './sha256.js';
import type { Steps } from './steps.js';
import type { DocumentRow, KnownRow, Store, StoredRow } from './store.js';

/**
 * `joining`: no state yet, waiting for the hub's. `rebuilding`: a hub whose state is lost or an old copy, waiting for what
 * its spokes hold. `settling`: the state is here, our files are being looked at.
 */
export type Phase = 'joining' | 'rebuilding' | 'settling' | 'ready';

export type World = {
  readonly site: string;
  readonly store: Store;
  readonly files: LiveFiles;
  readonly policies: Policies;
  readonly joinRule: JoinRule;
  readonly guards: GuardOptions;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds since some beginning, for how long something took: a clock that is set does not change it. */
  readonly steady: () => number;
  /** `bytes` random bytes as lower-case hexadecimal. */
  readonly randomHex: (bytes: number) => string;
  readonly log: Log;
  readonly steps: Steps;
  /** Stamps further ahead than this are refused, milliseconds. */
  readonly clockSkewMaxMs: number;
  /** Sites that are asked for what is lost here. */
  readonly peers: readonly string[];
};

export type Transaction = {
  readonly nextSeq: () => number;
  readonly skip: (numbers: number) => void;
  /** Runs `work` once all of it is on disk, and never if it is not: for what is remembered beside the store. */
  readonly afterwards: (work: () => void) => void;
};

/** More changes than any state can have given out since its oldest copy. */
const GAP = 1_000_000_000;

/** Name and state of what was last committed, beside the live files: tells a database that is older than they are. */
const MARKER = 'replica';
const MARKER_BYTES = 128;

export class Replica {
  readonly stamps: StampClock;
  /** Documents that stood here unreadable when this site joined: they are settled, not counted, once they can be read. */
  readonly unsettled: Set<string>;
  readonly missing = new MissingFiles();
  readonly former = new FormerTexts();
  readonly guards: Guards;
  readonly digests: Digests;
  readonly losses: Losses;
  /** Replacements may be half done: they are settled before any live file is compared with its shadow. */
  hasIntents = true;
  #head: number;
  #commits: number;
  #id: ReplicaId;
  #author: ReplicaId;
  #gaps: readonly (readonly [from: number, to: number])[];
  #phase: Phase;
  /** Row id of the newest document when joining ended. */
  #joined: number;
  readonly #policies = new Map<string, PathPolicies>();
  #queue: Promise<unknown> = Promise.resolve();
  #marker: number | undefined;
  #markerLags = false;
  /** Tells this database from one that was lost: positions of its moves mean nothing in another. */
  readonly birth: string;
  /** The newest move that listeners know of. */
  #told: number;
  readonly #listeners = new Set<() => void>();

  constructor(readonly world: World) {
    const { store, site } = world;
    this.stamps = new StampClock(site, store.meta('stamp'));
    this.guards = new Guards(world.guards);
    this.#head = Number(store.meta('seq') ?? 0);
    this.#commits = Number(store.meta('commits') ?? 0);
    this.#joined = Number(store.meta('joined') ?? 0);
    this.#phase = (store.meta('phase') as Phase | undefined) ?? 'joining';
    this.#id = store.meta('replica') ?? '';
    this.#author = store.meta('author') ?? this.#id;
    this.#gaps = JSON.parse(store.meta('gaps') ?? '[]') as [number, number][];
    this.digests = new Digests(store);
    this.losses = new Losses(this);
    store.journal.begin(world.now() * 1000);
    this.#told = store.journal.position;
    this.birth = store.meta('birth') ?? world.randomHex(4);
    if (store.meta('birth') === undefined) store.setMeta('birth', this.birth);
    this.unsettled = new Set(store.unsettled());
    for (const [kind, policy] of Object.entries(world.policies)) this.#policies.set(kind, new PathPolicies(policy));
    if (this.#id !== '') return;
    // The files beside a state that is new were written by one that is gone, maybe: they are no copies from before Axle.
    if (readMarker(this.#markerPath()) !== undefined) store.setMeta('rejoins', '1');
    this.takeIncarnation();
  }

  /** By what rule a file that stood here before joining is settled. */
  get joinRule(): JoinRule {
    const { joinRule, store } = this.world;
    // Where a peer has still to tell what was lost here, the file may well show what that peer holds.
    if (this.losses.isEverythingLost()) return 'hold';
    return joinRule === 'genesis' && store.meta('rejoins') !== undefined ? 'hold' : joinRule;
  }

  get id(): ReplicaId {
    return this.#id;
  }

  /** Owner of what is contributed from now on: our id, or one taken since because others may hold more of that id. */
  get author(): ReplicaId {
    return this.#author;
  }

  /** Newest sequence number given out. */
  get head(): number {
    return this.#head;
  }

  get phase(): Phase {
    return this.#phase;
  }

  get kinds(): string[] {
    return [...this.#policies.keys()];
  }

  setPhase(phase: Phase): void {
    const { store } = this.world;
    this.commit(() => {
      store.setMeta('phase', phase);
      if (phase === 'ready') store.setMeta('joined', String(store.lastDocumentId()));
    });
    if (phase === 'ready') this.#joined = store.lastDocumentId();
    this.#phase = phase;
  }

  /**
   * Whether a file found for this document stood here before joining: the document came with the join, and its file has
   * not been written yet. The look over all files missed it (a listing misses a name that is renamed meanwhile, an editor
   * removes a file before it saves it), and its amounts are no new credits.
   */
  isFromBefore(known: KnownRow | undefined): boolean {
    return known !== undefined && known.shadow === null && known.dirty === 1 && known.id <= this.#joined;
  }

  /** The document's file is agreed on now, whatever stood there before: what comes next is a change. Inside a commit. */
  settled(name: string, { afterwards }: Transaction): void {
    if (!this.unsettled.has(name)) return;
    this.world.store.dropUnsettled(name);
    afterwards(() => this.unsettled.delete(name));
  }

  /** A new incarnation: what this replica contributes from now on is counted beside what its site contributed before. */
  takeIncarnation(): void {
    const id = `${this.world.site}~${this.world.randomHex(4)}`;
    this.commit(() => {
      // The marker may still name the incarnation before, after a crash or power cut: it is ours all the same.
      if (this.#id !== '') this.world.store.retire(this.#id);
      this.world.store.setMeta('replica', id);
      this.world.store.setMeta('author', id);
    });
    this.#id = id;
    this.#author = id;
    this.#writeMarker();
  }

  /**
   * This state is gone, or older than the files beside it: its documents are true as far as they go, but nothing is agreed on
   * with files and peers any more. One commit, or a crash would leave a state without shadows that looks sound.
   */
  beginRebuilding(): void {
    const { store, site, randomHex } = this.world;
    const id = `${site}~${randomHex(4)}`;
    this.commit(() => {
      store.retire(this.#id);
      store.setMeta('replica', id);
      store.setMeta('author', id);
      store.setMeta('phase', 'rebuilding');
      store.forgetAgreements();
      this.losses.lose(EVERYTHING);
    });
    this.#id = id;
    this.#author = id;
    this.#phase = 'rebuilding';
  }

  /** As `takeIncarnation` for contributions alone: the sequence goes on, and nothing has to be sent again. */
  takeAuthor(): void {
    const author = `${this.world.site}~${this.world.randomHex(4)}`;
    this.commit(() => this.world.store.setMeta('author', author));
    this.#author = author;
  }

  /**
   * This state may be an older copy, and not every peer could be asked. What comes now is counted beside what was added
   * before, and takes numbers that no later state can have given out: a peer that has one of those in between tells.
   */
  goOnUnverified(): void {
    const { store } = this.world;
    const from = this.#head;
    const gaps = [...this.#gaps, [from, from + GAP] as const];
    this.commit(({ skip }) => {
      skip(GAP);
      store.setMeta('gaps', JSON.stringify(gaps));
    });
    this.#gaps = gaps;
    this.takeAuthor();
  }

  /** Whether this state has given out the number: otherwise a later state of ours has, of which this one is a copy. */
  hasGiven(seq: number): boolean {
    // The end of a gap is no change either, but it is said: what was sent before it reaches up to there.
    return seq <= this.#head && !this.#gaps.some(([from, to]) => seq > from && seq < to);
  }

  policiesOf(name: string): PathPolicies {
    const kind = name.slice(0, name.lastIndexOf('/'));
    const policies = this.#policies.get(kind);
    if (policies === undefined) throw new Error(`${name} is of no configured kind`);
    return policies;
  }

  ruleOf(name: string): KindPolicy['delete'] {
    return this.policiesOf(name).kind.delete;
  }

  knows(name: string): boolean {
    return this.#policies.has(name.slice(0, name.lastIndexOf('/')));
  }

  /** A row as read from the store; where its state is not what was stored, what is left of it once that is set aside. */
  sound<T extends StoredRow | undefined>(row: T): T {
    if (row === undefined || documentDigest(row.name, row.state, sha256) === row.digest) return row;
    return { ...row, ...this.losses.setAside(row) };
  }

  stateOf(row: DocumentRow | undefined): DocState {
    if (row === undefined) return EMPTY;
    try {
      return JSON.parse(row.state) as DocState;
    } catch (cause) {
      throw new DamagedRowError(row.name, cause);
    }
  }

  /** Whether the live file holds something that was not absorbed yet, as far as that can be seen without reading it. */
  isUnread(name: string): boolean {
    const { store, files } = this.world;
    const known = store.printOf(name);
    const print = files.print(name);
    if (print === undefined) return known?.hasFile === 1;
    return known === undefined || known.print !== print;
  }

  /** Whether there is a live file on which nothing is agreed yet: a new one, or one from before this site joined. */
  isNewFile(name: string): boolean {
    return this.world.store.printOf(name)?.hasFile !== 1 && this.world.files.print(name) !== undefined;
  }

  /** Whether there is a live file, or what cannot be told from one: a symlink, something too large, a folder closed to us. */
  hasFile(name: string): boolean {
    return this.world.files.look(name).kind !== 'missing';
  }

  /**
   * Takes note of a document whose amounts have changed: listeners are told of it after the commit, and the mark of
   * overdrawn money stays true. True where it has only now fallen below nothing. Call inside `commit`.
   */
  noteBalance(name: string, id: number, before: DocState, after: DocState): boolean {
    if (before.counters === after.counters || this.ruleOf(name) !== 'restore') return false;
    if (!sameAmounts(before, after)) this.world.store.journal.move(id);
    const is = isOverdrawn(after);
    if (is === isOverdrawn(before)) return false;
    this.world.store.markOverdrawn(id, is ? this.world.now() : undefined);
    return is;
  }

  /**
   * Everything that changes the store goes through here: one transaction that also carries the sequence, the clock and
   * the count of commits.
   */
  commit<T>(work: (tx: Transaction) => T): T {
    const { store } = this.world;
    let head = this.#head;
    const remembered: (() => void)[] = [];
    const result = store.commit(() => {
      const value = work({
        nextSeq: () => ++head,
        skip: (numbers) => {
          head += numbers;
        },
        afterwards: (one) => remembered.push(one),
      });
      store.setMeta('seq', String(head));
      store.setMeta('stamp', this.stamps.last);
      store.setMeta('commits', String(this.#commits + 1));
      return value;
    });
    this.#head = head;
    this.#commits += 1;
    for (const one of remembered) one();
    this.#writeMarker();
    const { position } = store.journal;
    if (position > this.#told) {
      this.#told = position;
      for (const listener of this.#listeners) listener();
    }
    return result;
  }

  /**
   * A document as programs see it; undefined where nothing is known of it. Throws OutOfUse while it is being rebuilt: what is
   * left of an amount must not be taken for the amount.
   */
  inUse(name: string): DocumentRow | undefined {
    const row = this.sound(this.world.store.document(name));
    if (this.losses.isOutOfUse(name, row)) throw new OutOfUse(name);
    return row;
  }

  /** Replaces a document's state as a change of this replica's own. Throws OutOfUse. Call inside `exclusive`. */
  edit(name: string, edit: (state: DocState) => DocState): void {
    const { store, site, now } = this.world;
    const row = this.inUse(name);
    const before = this.stateOf(row);
    const after = edit(before);
    if (after === before) return;
    this.commit(({ nextSeq }) => {
      const next = { name, seq: nextSeq(), origin: '', at: now(), by_site: site, state: canonicalText(after) };
      const id = store.putDocument(next, row?.id);
      store.markDirty(id);
      this.noteBalance(name, id, before, after);
    });
  }

  /** Calls `listener` after every commit that changed amounts (see `Journal.movedAfter`); returns how to end that. */
  onMoved(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** One piece of work on the store and the live files at a time. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => {});
    return turn;
  }

  /**
   * Whether the database is older than the live files beside it: a restored backup. Its shadows are then worthless,
   * because everything that arrived since would be taken for a local change.
   */
  isOlderThanFiles(): boolean {
    const marker = readMarker(this.#markerPath());
    if (marker === undefined) return false;
    if (marker.id !== this.#id && !this.world.store.isRetired(marker.id)) return true;
    return marker.commits > this.#commits;
  }

  /** Begins to keep the marker. Not before the check of it, or it would hide what it is there to show. */
  openMarker(): void {
    this.#marker = fs.openSync(
      this.#markerPath(),
      fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_NOFOLLOW,
      0o600,
    );
    this.#writeMarker();
    // A power cut must not bring back what a database that is gone wrote here: ours would look older than its files.
    fs.fsyncSync(this.#marker);
    this.world.files.syncOwn();
  }

  close(): void {
    if (this.#marker !== undefined) fs.closeSync(this.#marker);
    this.#marker = undefined;
    this.world.store.close();
  }

  #markerPath(): string {
    return path.join(this.world.files.own, MARKER);
  }

  /**
   * After the commit, never before: the marker may lag behind the database, but never run ahead of it. So a disk that
   * refuses it is no reason to call the commit failed.
   */
  #writeMarker(): void {
    if (this.#marker === undefined) return;
    try {
      fs.writeSync(this.#marker, `${this.#id} ${this.#commits}`.padEnd(MARKER_BYTES - 1).concat('\n'), 0);
    } catch (error) {
      if (!this.#markerLags)
        this.world.log.warn('marker not written', { site: this.world.site, ...fieldsOf(troubleOf(error)) });
      this.#markerLags = true;
      return;
    }
    if (this.#markerLags) this.world.log.info('marker written again', { site: this.world.site });
    this.#markerLags = false;
  }
}

/** The document is being rebuilt from what other sites hold: again in a while. */
export class OutOfUse extends Error {
  readonly code = 'AXL-LOST';

  constructor(name: string) {
    super(`${name} is being rebuilt from other sites`);
  }
}

/** There is a live file, and it does not show what is asked for: torn or empty so far. That is not to be taken for nothing. */
export class Unread extends Error {
  readonly code = 'AXL-UNREAD';

  constructor(name: string) {
    super(`the file of ${name} cannot be read yet`);
  }
}

/** A bit that SQLite cannot miss: the database is whole, and what it holds is not. */
export class DamagedRowError extends Error {
  readonly code = 'AXL-STATE-CORRUPT';

  constructor(name: string, cause: unknown) {
    super(`the state of ${name} is no JSON`, { cause });
  }
}

function sameAmounts(before: DocState, after: DocState): boolean {
  const counters = Object.entries(after.counters ?? {});
  return counters.every(([path, counter]) => {
    const was = before.counters?.[path];
    return was !== undefined && counterValue(was) === counterValue(counter);
  });
}

export function readMarker(file: string): { id: ReplicaId; commits: number } | undefined {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const match = /^(\S+~[0-9a-f]{8}) (\d+) *\n$/.exec(text);
  return match === null ? undefined : { id: match[1] as string, commits: Number(match[2]) };
}
