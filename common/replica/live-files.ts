/**
 * The live files of one site: looking at them, replacing them, and the folder `.axle` beside them. Everything that
 * touches a live file is here. Names have passed `isDocumentName`; symlinks are never followed.
 */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { documentFile, isDocumentFile } from '../core/names.js';
import { start } from '../runtime/spawn.js';
import { fingerprint } from './fingerprint.js';

export type Attributes = { readonly uid: number; readonly gid: number; readonly mode: number };

export type Look =
  | { readonly kind: 'missing' }
  | {
      readonly kind: 'file';
      readonly text: string;
      readonly print: string;
      readonly inode: string;
      /** Milliseconds since 1970 of the last write. */
      readonly mtime: number;
    }
  /** Not a document at all, or not now: a symlink, a folder, too large, not UTF-8, being written while we read. */
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string; readonly again: boolean };

/** A temp file: the inode that the live file will have, and its fingerprint so far. */
export type Temp = { readonly inode: string; readonly print: string };

export type LiveFilesOptions = {
  /** The site's userdata folder. */
  readonly root: string;
  readonly maxFileBytes: number;
  /** Owner, group and mode of files that Axle creates; by default the folder's owner and group, and 0664. */
  readonly created?: Partial<Attributes>;
};

/** More files than this are made durable by one syncfs instead of one fsync each. */
const FSYNC_EACH_MAX = 16;
const SYNC_TIMEOUT_MS = 120_000;
const OF_NEW_MS = 1_000;
/** Replaced files that are held open because no link to them could be made; each for a few seconds. */
const OPEN_MAX = 4_096;
/** What PHP needs to write a file that does not belong to it: a bit of its group, which is also what an ACL is limited by. */
const SHARED_MODE = 0o060;
/** Steps by this, modulo 1, never repeat soon. */
const GOLDEN = 0.618_033_988_7;

/** Folders of `.axle` that belong to whom `userdata` belongs to. */
const SITES_OWN: readonly string[] = ['.', 'locks', 'bridge'];

export class LiveFiles {
  readonly root: string;
  /** `userdata/.axle`: same file system as the live files, excluded from everything. */
  readonly own: string;
  #canChown = true;
  #fraction = 0;
  readonly #ofNew = new Map<string, { readonly at: number; readonly attributes: Attributes }>();
  /** Link → descriptor of a replaced file that could not be linked. */
  readonly #open = new Map<string, number>();

  constructor(readonly options: LiveFilesOptions) {
    this.root = fs.realpathSync(options.root);
    this.own = path.join(this.root, '.axle');
  }

  /** Makes `.axle` and its folders. The site's PHP user writes locks and php-bridge's records; the rest is the daemon's. */
  prepare(): void {
    const owner = fs.statSync(this.root);
    for (const [folder, mode] of [
      ['.', 0o755],
      ['locks', 0o775],
      ['bridge', 0o775],
      ['tmp', 0o700],
      ['replaced', 0o700],
      ['conflicts', 0o700],
    ] as const) {
      const full = path.join(this.own, folder);
      makeFolder(full);
      if (!fs.lstatSync(full).isDirectory()) throw new Error(`${full} must be a real folder`);
      if (SITES_OWN.includes(folder)) ifAllowed(() => fs.chownSync(full, owner.uid, owner.gid));
      // Where a daemon with more rights made it before, it is PHP's.
      ifAllowed(() => fs.chmodSync(full, mode));
    }
  }

  pathOf(name: string): string {
    return `${this.root}/${documentFile(name)}`;
  }

  tempOf(id: number): string {
    return `${this.own}/tmp/${id}`;
  }

  linkPath(link: string): string {
    return `${this.own}/replaced/${link}`;
  }

  /** `isLikelyMissing` saves the price of a failed open. */
  look(name: string, isLikelyMissing = false): Look {
    const file = this.pathOf(name);
    if (isLikelyMissing && fs.lstatSync(file, { throwIfNoEntry: false }) === undefined) return { kind: 'missing' };
    return this.lookAt(file);
  }

  lookAt(file: string): Look {
    let fd: number;
    try {
      fd = openLive(file);
    } catch (error) {
      return lookError(error as NodeJS.ErrnoException);
    }
    try {
      return this.#lookThrough(fd);
    } finally {
      fs.closeSync(fd);
    }
  }

  /** A file that was replaced a moment ago, by what its inode was kept with. */
  lookAtReplaced(link: string): Look {
    const fd = this.#open.get(link);
    return fd === undefined ? this.lookAt(this.linkPath(link)) : this.#lookThrough(fd);
  }

  #lookThrough(fd: number): Look {
    const before = fs.fstatSync(fd, { bigint: true });
    if (!before.isFile())
      return { kind: 'refused', code: 'AXL-NOT-A-FILE', reason: 'not a regular file', again: false };
    if (before.size > this.options.maxFileBytes)
      return {
        kind: 'refused',
        code: 'AXL-TOO-LARGE',
        reason: `${before.size} bytes, more than limits.max_file_bytes (${this.options.maxFileBytes})`,
        again: false,
      };
    const buffer = Buffer.allocUnsafe(Number(before.size) + 1);
    let length: number;
    try {
      length = fs.readSync(fd, buffer, 0, buffer.length, 0);
    } catch (error) {
      return lookError(error as NodeJS.ErrnoException);
    }
    const after = fs.fstatSync(fd, { bigint: true });
    const print = fingerprint(after);
    if (print !== fingerprint(before) || length !== Number(after.size))
      return { kind: 'refused', code: 'AXL-TORN', reason: 'written while it was read', again: true };
    const bytes = buffer.subarray(0, length);
    if (!isUtf8(bytes)) return { kind: 'refused', code: 'AXL-TORN', reason: 'not UTF-8 text', again: true };
    return {
      kind: 'file',
      text: bytes.toString('utf8'),
      print,
      inode: after.ino.toString(36),
      mtime: Number(after.mtimeMs),
    };
  }

  /** The fingerprint without reading; undefined where there is no regular file. */
  print(name: string): string | undefined {
    const stat = fs.lstatSync(this.pathOf(name), { bigint: true, throwIfNoEntry: false });
    return stat?.isFile() ? fingerprint(stat) : undefined;
  }

  inode(name: string): string | undefined {
    const stat = fs.lstatSync(this.pathOf(name), { bigint: true, throwIfNoEntry: false });
    return stat?.isFile() ? stat.ino.toString(36) : undefined;
  }

  /** Whether the folder of a kind is there as a real folder: without it, missing files mean nothing. */
  hasKind(kind: string): boolean {
    return fs.lstatSync(path.join(this.root, kind), { throwIfNoEntry: false })?.isDirectory() ?? false;
  }

  /** Whether a kind's folder is there and holds no document file. */
  isEmptied(kind: string): boolean {
    let folder: fs.Dir;
    try {
      folder = fs.opendirSync(path.join(this.root, kind));
    } catch {
      return false;
    }
    try {
      for (let entry = folder.readSync(); entry !== null; entry = folder.readSync())
        if (entry.isFile() && isDocumentFile(entry.name)) return false;
      return true;
    } finally {
      folder.closeSync();
    }
  }

  /**
   * Brings what was read to disk: after a power cut a file must not be older than the state that counted it. Files that
   * vanished meanwhile are passed over.
   */
  async syncNames(names: readonly string[]): Promise<void> {
    if (names.length > FSYNC_EACH_MAX) return this.syncAll();
    await Promise.all(names.map((name) => syncPath(this.pathOf(name))));
    await this.syncFolders(new Set(names.map(folderOf)));
  }

  /** syncfs of the file system that holds the live files. */
  async syncAll(): Promise<void> {
    const result = await start('sync', ['-f', this.root], { timeout_ms: SYNC_TIMEOUT_MS }).exited;
    if (result.code !== 0) throw new Error(`sync -f ${this.root} failed: ${result.failedToStart ?? result.stderr}`);
  }

  /** Owner, group and mode of a live file; undefined where it is missing. */
  attributes(name: string): Attributes | undefined {
    const stat = fs.lstatSync(this.pathOf(name), { throwIfNoEntry: false });
    // Without set-uid and set-gid: text that arrives from elsewhere is never to run as somebody.
    return stat?.isFile() ? { uid: stat.uid, gid: stat.gid, mode: stat.mode & 0o777 } : undefined;
  }

  /**
   * Writes a file's next content beside the live files, with the owner, group and mode it is to have. Not yet durable:
   * `syncTemps`. Its mtime (`now` in milliseconds) gets a fraction that the kernel's clock does not produce, so that
   * whoever writes to the file afterwards, however soon, changes its fingerprint.
   */
  writeTemp(id: number, name: string, text: string, like: Attributes | undefined, now: number): Temp {
    const fd = openNew(this.tempOf(id));
    try {
      // Not writeSync: on a nearly full disk one write takes a part, and says so only by a number.
      fs.writeFileSync(fd, Buffer.from(text));
      this.#dress(fd, like ?? this.#attributesOfNew(name, now), now);
      const stat = fs.fstatSync(fd, { bigint: true });
      return { inode: stat.ino.toString(36), print: fingerprint(stat) };
    } finally {
      fs.closeSync(fd);
    }
  }

  async syncTemps(ids: readonly number[]): Promise<void> {
    if (ids.length > FSYNC_EACH_MAX) return this.syncAll();
    await Promise.all(ids.map((id) => syncPath(this.tempOf(id))));
    // The folder too: recovery takes a missing temp file for a rename that happened.
    await syncPath(path.join(this.own, 'tmp'));
  }

  /**
   * Puts the temp file in the live file's place. With `expected`, only if the live file still has that fingerprint, and
   * its inode is first linked to `link`, where late writes to it can be found. Without, only if there is no live file.
   * False: the live file is not what was expected, nothing has been changed.
   */
  replace(
    id: number,
    name: string,
    expected: { print: string; link: string } | undefined,
    linked: () => void,
  ): boolean {
    const live = this.pathOf(name);
    if (expected === undefined) {
      try {
        fs.linkSync(this.tempOf(id), live);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
        throw error;
      }
      linked();
      fs.unlinkSync(this.tempOf(id));
      return true;
    }
    const link = this.linkPath(expected.link);
    try {
      fs.linkSync(live, link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
    linked();
    // The link is part of the comparison: it must hold the very inode that was absorbed. A link changes the change
    // time, so only what a writer changes is compared.
    const kept = fs.lstatSync(link, { bigint: true });
    const now = fs.lstatSync(live, { bigint: true, throwIfNoEntry: false });
    if (now === undefined || now.ino !== kept.ino || !sameContent(fingerprint(now), expected.print)) {
      fs.rmSync(link, { force: true });
      return false;
    }
    fs.renameSync(this.tempOf(id), live);
    return true;
  }

  /**
   * Makes a live file our own: the same text in a new file. The kernel lets nobody link a file that he may not write
   * (fs.protected_hardlinks), and PHP's may be such a file where we have no capability. The replaced inode is kept by a
   * descriptor instead, under the name of the link: what is written to it late is seen unless we end within seconds.
   * False: it is ours and cannot be linked all the same, or too many are kept already. True: done, or the file is not what was expected; either way look again.
   */
  takeOver(name: string, { print, link }: { print: string; link: string }, now: number): boolean {
    const live = this.pathOf(name);
    const attributes = this.attributes(name);
    if (this.#open.size >= OPEN_MAX || attributes?.uid === process.geteuid?.()) return false;
    const fd = openLive(live);
    const temp = `${this.own}/tmp/own-${link}`;
    let isKept = false;
    try {
      const look = this.#lookThrough(fd);
      if (look.kind !== 'file' || attributes === undefined || !sameContent(look.print, print)) return true;
      const own = openNew(temp);
      try {
        fs.writeFileSync(own, look.text);
        this.#dress(own, attributes, now);
        fs.fsyncSync(own);
      } finally {
        fs.closeSync(own);
      }
      if (this.printIfSame(name, print) === '') return true;
      fs.renameSync(temp, live);
      this.#open.set(link, fd);
      isKept = true;
      return true;
    } finally {
      if (!isKept) {
        fs.closeSync(fd);
        fs.rmSync(temp, { force: true });
      }
    }
  }

  /** Removes a live file that still has the expected fingerprint, keeping a link to it. False: it has changed. */
  remove(name: string, expected: { print: string; link: string }): boolean {
    const live = this.pathOf(name);
    this.#keep(live, expected.link);
    const now = fs.lstatSync(live, { bigint: true, throwIfNoEntry: false });
    if (now === undefined || !sameContent(fingerprint(now), expected.print)) {
      this.removeLink(expected.link);
      return false;
    }
    fs.unlinkSync(live);
    syncPathNow(path.join(this.root, folderOf(name)));
    return true;
  }

  /** The live file's fingerprint if it is still the file `print` was taken of, unwritten; '' where it is not. */
  printIfSame(name: string, print: string): string {
    const now = this.print(name);
    return now !== undefined && sameContent(now, print) ? now : '';
  }

  /** Brings the names in `.axle` itself to disk. */
  syncOwn(): void {
    syncPathNow(this.own);
  }

  async syncFolders(kinds: ReadonlySet<string>): Promise<void> {
    await Promise.all([...kinds].map((kind) => syncPath(path.join(this.root, kind))));
  }

  removeTemp(id: number): void {
    fs.rmSync(this.tempOf(id), { force: true });
  }

  /** The temp file's fingerprint; undefined where it is gone. */
  tempPrint(id: number): string | undefined {
    const stat = fs.lstatSync(this.tempOf(id), { bigint: true, throwIfNoEntry: false });
    return stat && fingerprint(stat);
  }

  /** Whether there is a link to a file that has since been replaced as the live file. */
  isReplaced(link: string, name: string): boolean {
    const stat = fs.lstatSync(this.linkPath(link), { bigint: true, throwIfNoEntry: false });
    return stat !== undefined && stat.ino.toString(36) !== this.inode(name);
  }

  removeLink(link: string): void {
    this.#close(link);
    fs.rmSync(this.linkPath(link), { force: true });
  }

  /** Beside the loop: after a burst these are the last names of hundreds of inodes, which a file system is slow to free. */
  async removeLinks(links: readonly string[]): Promise<void> {
    for (const link of links) this.#close(link);
    await Promise.all(links.map((link) => fs.promises.rm(this.linkPath(link), { force: true })));
  }

  /** Removes what a crash left in `tmp` and `replaced`, except the links that are still to be read. */
  sweep(keepLinks: ReadonlySet<string>): void {
    for (const temp of fs.readdirSync(path.join(this.own, 'tmp')))
      fs.rmSync(path.join(this.own, 'tmp', temp), { force: true });
    for (const link of fs.readdirSync(path.join(this.own, 'replaced'))) if (!keepLinks.has(link)) this.removeLink(link);
  }

  /**
   * Keeps content that lost, for people: `.axle/conflicts/<kind>/<name>.<why>-<digest>.txt`, whole or not at all. The
   * same content has the same name: a step that is tried again for hours on a full disk keeps it once. Synced unless it is
   * a copy of what the store holds. Returns the path.
   */
  keepConflict(name: string, why: string, text: string, { sync = true } = {}): string {
    const file = this.#conflictPath(name, why, text);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    try {
      fs.writeFileSync(file, text, { mode: 0o600 });
      if (sync) syncPathNow(file);
    } catch (error) {
      fs.rmSync(file, { force: true });
      throw error;
    }
    return file;
  }

  /** Removes what `keepConflict` kept, where something newer has taken its place. */
  dropConflict(name: string, why: string, text: string): void {
    fs.rmSync(this.#conflictPath(name, why, text), { force: true });
  }

  #conflictPath(name: string, why: string, text: string): string {
    const digest = createHash('sha256').update(text).digest('hex').slice(0, 12);
    return path.join(this.own, 'conflicts', `${name}.${why}-${digest}.txt`);
  }

  /** As configured, else as the folder has it (looked up once a second at most). */
  #attributesOfNew(name: string, now: number): Attributes {
    const kind = folderOf(name);
    let known = this.#ofNew.get(kind);
    if (known === undefined || now - known.at > OF_NEW_MS || now < known.at) {
      const folder = fs.statSync(path.join(this.root, kind));
      known = { at: now, attributes: { uid: folder.uid, gid: folder.gid, mode: 0o664, ...this.options.created } };
      this.#ofNew.set(kind, known);
    }
    return known.attributes;
  }

  /** Owner, group, mode and mtime of a file that we have just made. */
  #dress(fd: number, { uid, gid, mode }: Attributes, now: number): void {
    fs.fchmodSync(fd, this.#chown(fd, uid, gid) ? mode : mode | SHARED_MODE);
    this.#fraction = (this.#fraction + GOLDEN) % 1;
    const seconds = (Math.floor(now) + this.#fraction) / 1000;
    fs.futimesSync(fd, seconds, seconds);
  }

  /** By a link, or, where the kernel lets us make none, by a descriptor. */
  #keep(live: string, link: string): void {
    try {
      fs.linkSync(live, this.linkPath(link));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EPERM' || this.#open.size >= OPEN_MAX) throw error;
      this.#open.set(link, openLive(live));
    }
  }

  #close(link: string): void {
    const fd = this.#open.get(link);
    if (fd === undefined) return;
    this.#open.delete(link);
    fs.closeSync(fd);
  }

  /** False where the file goes on belonging to us. */
  #chown(fd: number, uid: number, gid: number): boolean {
    if (!this.#canChown) return false;
    try {
      fs.fchownSync(fd, uid, gid);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
      // Without CAP_CHOWN the group may still be given, where we are a member of it.
      try {
        fs.fchownSync(fd, -1, gid);
      } catch {
        this.#canChown = false;
      }
      return false;
    }
  }
}

/** What only an owner or root may do, and need not be done. */
function ifAllowed(work: () => void): void {
  try {
    work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
  }
}

function openLive(file: string): number {
  return fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
}

function folderOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/'));
}

/** Inode, size and mtime of two fingerprints; the change time also moves with links and owners. */
function sameContent(a: string, b: string): boolean {
  return a.slice(0, a.lastIndexOf(':')) === b.slice(0, b.lastIndexOf(':'));
}

/** Not `recursive`, with which Node calls a read-only disk ENOENT. */
function makeFolder(folder: string): void {
  try {
    fs.mkdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** A new file of our own; what a crash left under its name is removed first. */
function openNew(file: string): number {
  const flags = fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL | fs.constants.O_NOFOLLOW;
  try {
    return fs.openSync(file, flags, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    fs.unlinkSync(file);
    return fs.openSync(file, flags, 0o600);
  }
}

/** fsync beside the loop: programs' changes are answered meanwhile. What is gone is passed over. */
async function syncPath(file: string): Promise<void> {
  let handle: fs.promises.FileHandle;
  try {
    handle = await fs.promises.open(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function syncPathNow(file: string): void {
  let fd: number;
  try {
    fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function lookError(error: NodeJS.ErrnoException): Look {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return { kind: 'missing' };
  if (error.code === 'ELOOP')
    return { kind: 'refused', code: 'AXL-NOT-A-FILE', reason: 'a symbolic link', again: false };
  if (error.code === 'EACCES' || error.code === 'EPERM')
    return { kind: 'refused', code: 'AXL-PERMISSION', reason: 'permission denied', again: true };
  // A bad spot of the disk is this file's trouble alone.
  if (error.code === 'EIO') return { kind: 'refused', code: 'AXL-DISK-ERROR', reason: error.message, again: true };
  throw error;
}
