/**
 * One machine's file system, in memory: folders, files, hard links, and what of it is on disk already. Changes of names
 * stand in a journal, in order; a power cut keeps the beginning of the journal, at least up to the last sync, and of
 * each file whose content was not synced: all of it, what was synced last, nothing, or its first bytes.
 */
import type { Choices } from '../random.js';

export class Node {
  mtime: number;
  ctime: number;
  mode = 0o644;
  uid = 0;
  gid = 0;
  nlink = 0;
  /** Whether the daemon wrote its content, and not somebody of the site. */
  isDaemons = false;
  /** When it was last renamed. */
  renamed = 0;
  opens = 0;
  data: Buffer = EMPTY;
  /** What of a file was synced last, while that is not all. */
  saved: { readonly data: Buffer; readonly mtime: number; isTruncated: boolean } | undefined;
  readonly watchers = new Set<(name: string) => void>();

  constructor(
    readonly ino: number,
    readonly entries: Map<string, Node> | undefined,
    readonly birth: number,
  ) {
    this.mtime = birth;
    this.ctime = birth;
    if (entries === undefined) this.saved = { data: EMPTY, mtime: birth, isTruncated: false };
  }

  get isFolder(): boolean {
    return this.entries !== undefined;
  }
}

const EMPTY = Buffer.alloc(0);
/** The kernel's clock for file times. */
const TICK_MS = 4;

type Renamed = { readonly folder: Node; readonly name: string; readonly before: Node | undefined };

export type DiskRules = {
  /** A file's sync brings all names to disk, as on ext4; otherwise only a folder's sync does. */
  readonly syncsNames: boolean;
};

export class Disk {
  readonly #rules: DiskRules;
  #root: Node;
  #journal: Renamed[][] = [];
  #lastIno = 100;
  /** Numbers of removed files, given to new ones: an inode number alone proves nothing. */
  #free: number[] = [];

  constructor(
    rules: DiskRules,
    readonly clock: () => number,
  ) {
    this.#rules = rules;
    this.#root = new Node(2, new Map(), 0);
  }

  get root(): Node {
    return this.#root;
  }

  /** Time as files get it: in the kernel's ticks. */
  get now(): number {
    return Math.floor(this.clock() / TICK_MS) * TICK_MS;
  }

  find(path: readonly string[]): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const name of path) {
      node = node.entries?.get(name);
      if (node === undefined) return undefined;
    }
    return node;
  }

  make(isFolder: boolean): Node {
    return new Node(this.#free.pop() ?? ++this.#lastIno, isFolder ? new Map() : undefined, this.now);
  }

  /** Sets or removes names, as one step. */
  change(...changes: readonly { readonly folder: Node; readonly name: string; readonly to: Node | undefined }[]): void {
    const undo: Renamed[] = [];
    const now = this.now;
    for (const { folder, name, to } of changes) {
      const entries = folder.entries as Map<string, Node>;
      const before = entries.get(name);
      undo.push({ folder, name, before });
      if (to !== undefined) {
        to.nlink++;
        to.ctime = now;
        entries.set(name, to);
      } else entries.delete(name);
      if (before !== undefined) {
        before.nlink--;
        before.ctime = now;
        if (before.nlink === 0 && before.opens === 0 && !before.isFolder) this.#dropped.push(before.ino);
      }
      folder.mtime = now;
      folder.ctime = now;
      for (const tell of folder.watchers) tell(name);
    }
    this.#journal.push(undo);
  }

  #dropped: number[] = [];

  write(node: Node, data: Buffer, isTruncated = false): void {
    node.saved ??= { data: node.data, mtime: node.mtime, isTruncated: false };
    if (isTruncated) node.saved.isTruncated = true;
    node.data = data;
    node.mtime = this.now;
    node.ctime = this.now;
  }

  sync(node: Node): void {
    node.saved = undefined;
    if (node.isFolder || this.#rules.syncsNames) this.#commit();
  }

  /** Everything reaches the disk, as after half a minute of quiet. */
  syncAll(): void {
    this.#commit();
    for (const file of this.files()) file.saved = undefined;
  }

  #commit(): void {
    this.#journal = [];
    this.#free.push(...this.#dropped);
    this.#dropped = [];
  }

  *files(folder: Node = this.#root): Generator<Node> {
    for (const node of folder.entries?.values() ?? [])
      if (node.isFolder) yield* this.files(node);
      else yield node;
  }

  /** Power off and on: what was not on disk may be lost. */
  cut(choices: Choices): void {
    const kept = choices.chance(0.3)
      ? this.#journal.length
      : choices.chance(0.4)
        ? 0
        : choices.within(0, this.#journal.length);
    for (const step of this.#journal.splice(kept).reverse())
      for (const { folder, name, before } of [...step].reverse()) {
        if (before === undefined) folder.entries?.delete(name);
        else folder.entries?.set(name, before);
      }
    this.#journal = [];
    this.#dropped = [];
    this.#free = [];
    const seen = new Set<Node>();
    for (const file of this.files()) {
      if (seen.has(file)) file.nlink++;
      else file.nlink = 1;
      seen.add(file);
    }
    for (const file of seen) if (file.saved !== undefined) lose(file, file.saved, choices);
    const forget = (folder: Node): void => {
      folder.watchers.clear();
      for (const node of folder.entries?.values() ?? []) if (node.isFolder) forget(node);
    };
    forget(this.#root);
  }

  /** A copy of everything, as a disk image holds it. */
  image(): Node {
    return copyOf(this.#root);
  }

  /** Puts an image in place of everything. Inode numbers are those of the image. */
  restore(image: Node): void {
    this.#root = copyOf(image);
    this.#journal = [];
    this.#free = [];
    this.#dropped = [];
  }
}

function copyOf(node: Node, copies = new Map<Node, Node>()): Node {
  const known = copies.get(node);
  if (known !== undefined) return known;
  const copy = new Node(node.ino, node.entries && new Map(), node.birth);
  copies.set(node, copy);
  const { mtime, ctime, mode, uid, gid, nlink, data, isDaemons } = node;
  Object.assign(copy, { mtime, ctime, mode, uid, gid, nlink, data, isDaemons, saved: undefined });
  for (const [name, child] of node.entries ?? []) copy.entries?.set(name, copyOf(child, copies));
  return copy;
}

function lose(file: Node, saved: NonNullable<Node['saved']>, choices: Choices): void {
  const fate = choices.next();
  file.saved = undefined;
  if (fate < 0.35) return;
  if (fate < 0.7) {
    file.data = saved.data;
    file.mtime = saved.mtime;
  } else if (saved.isTruncated || saved.data.length === 0) {
    file.data = fate < 0.85 ? EMPTY : file.data.subarray(0, choices.within(0, file.data.length));
  }
}
