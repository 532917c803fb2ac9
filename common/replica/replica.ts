/**
 * One site's replica: its store, its live files, its clock, and the few things that absorb, materialise and receive
 * share. It starts no timer and no process of its own; `Site` does that.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { JoinRule } from '../core/join.js';
import { type KindPolicy, PathPolicies, type Policies } from '../core/policy.js';
import { counterValue } from '../core/render.js';
import { isOverdrawn } from '../core/rights.js';
import { StampClock } from '../core/stamp.js';
import { type DocState, EMPTY, type ReplicaId } from '../core/state.js';
import type { Log } from '../runtime/log.js';
import type { LiveFiles } from './live-files.js';
import type { Steps } from './steps.js';
import type { DocumentRow, Store } from './store.js';

/** `joining`: no state yet, waiting for the hub's. `settling`: it is here, our files are being looked at. */
export type Phase = 'joining' | 'settling' | 'ready';

export type World = {
  readonly site: string;
  readonly store: Store;
  readonly files: LiveFiles;
  readonly policies: Policies;
  readonly joinRule: JoinRule;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** `bytes` random bytes as lower-case hexadecimal. */
  readonly randomHex: (bytes: number) => string;
  readonly log: Log;
  readonly steps: Steps;
  /** Stamps further ahead than this are refused, milliseconds. */
  readonly clockSkewMaxMs: number;
};

export type Transaction = { readonly nextSeq: () => number };

/** Name and state of what was last committed, beside the live files: tells a database that is older than they are. */
const MARKER = 'replica';
const MARKER_BYTES = 128;

export class Replica {
  readonly stamps: StampClock;
  /** Documents that stood here unreadable when this site joined: they are settled, not counted, once they can be read. */
  readonly unsettled: Set<string>;
  /** Documents whose live file was found missing, and when: a delete, or a writer between two steps of a save. */
  readonly missing = new Map<string, number>();
  #head: number;
  #commits: number;
  #id: ReplicaId;
  #phase: Phase;
  readonly #policies = new Map<string, PathPolicies>();
  #queue: Promise<unknown> = Promise.resolve();
  #marker: number | undefined;
  /** Tells this database from one that was lost: positions of its moves mean nothing in another. */
  readonly birth: string;
  /** The newest move that listeners know of. */
  #told: number;
  readonly #listeners = new Set<() => void>();

  constructor(readonly world: World) {
    const { store, site } = world;
    this.stamps = new StampClock(site, store.meta('stamp'));
    this.#head = Number(store.meta('seq') ?? 0);
    this.#commits = Number(store.meta('commits') ?? 0);
    this.#phase = (store.meta('phase') as Phase | undefined) ?? 'joining';
    this.#id = store.meta('replica') ?? '';
    this.#told = store.journal.position;
    this.birth = store.meta('birth') ?? world.randomHex(4);
    if (store.meta('birth') === undefined) store.setMeta('birth', this.birth);
    this.unsettled = new Set(store.unsettled());
    for (const [kind, policy] of Object.entries(world.policies)) this.#policies.set(kind, new PathPolicies(policy));
    if (this.#id === '') this.takeIncarnation();
  }

  get id(): ReplicaId {
    return this.#id;
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
    this.commit(() => this.world.store.setMeta('phase', phase));
    this.#phase = phase;
  }

  /** A new incarnation: what this replica contributes from now on is counted beside what its site contributed before. */
  takeIncarnation(): void {
    const id = `${this.world.site}~${this.world.randomHex(4)}`;
    this.commit(() => {
      // The marker may still name the incarnation before, after a crash or power cut: it is ours all the same.
      if (this.#id !== '') this.world.store.retireOwn(this.#id);
      this.world.store.setMeta('replica', id);
    });
    this.#id = id;
    this.#writeMarker();
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

  stateOf(row: DocumentRow | undefined): DocState {
    return row === undefined ? EMPTY : (JSON.parse(row.state) as DocState);
  }

  /** Whether the live file holds something that was not absorbed yet, as far as that can be seen without reading it. */
  isUnread(name: string): boolean {
    const { store, files } = this.world;
    const known = store.printOf(name);
    const print = files.print(name);
    if (print === undefined) return known?.hasFile === 1;
    return known === undefined || known.print !== print;
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
    const result = store.commit(() => {
      const value = work({ nextSeq: () => ++head });
      store.setMeta('seq', String(head));
      store.setMeta('stamp', this.stamps.last);
      store.setMeta('commits', String(this.#commits + 1));
      return value;
    });
    this.#head = head;
    this.#commits += 1;
    this.#writeMarker();
    const { position } = store.journal;
    if (position > this.#told) {
      this.#told = position;
      for (const listener of this.#listeners) listener();
    }
    return result;
  }

  /** Replaces a document's state as a change of this replica's own. Call inside `exclusive`. */
  edit(name: string, edit: (state: DocState) => DocState): void {
    const { store, site, now } = this.world;
    const row = store.document(name);
    const before = this.stateOf(row);
    const after = edit(before);
    if (after === before) return;
    this.commit(({ nextSeq }) => {
      const next = { name, seq: nextSeq(), origin: '', at: now(), by_site: site, state: JSON.stringify(after) };
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
  }

  close(): void {
    if (this.#marker !== undefined) fs.closeSync(this.#marker);
    this.#marker = undefined;
    this.world.store.close();
  }

  #markerPath(): string {
    return path.join(this.world.files.own, MARKER);
  }

  /** After the commit, never before: the marker may lag behind the database, but never run ahead of it. */
  #writeMarker(): void {
    if (this.#marker === undefined) return;
    fs.writeSync(this.#marker, `${this.#id} ${this.#commits}`.padEnd(MARKER_BYTES - 1).concat('\n'), 0);
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
