/** `node:fs` as far as Axle uses it, on simulated disks. Arguments, results and error codes are Node's. */
import type { Stats } from 'node:fs';
import { constants } from 'node:fs';
import path from 'node:path';
import type { Disk, Node } from './disk.js';
import type { Machine } from './machine.js';

type Place = { readonly machine: Machine; readonly disk: Disk; readonly folder: Node; readonly name: string };
type Open = {
  readonly machine: Machine;
  readonly node: Node;
  readonly file: string;
  readonly folder: Node | undefined;
};
type StatOptions = { readonly bigint?: boolean; readonly throwIfNoEntry?: boolean } | undefined;

/** File descriptors from here on are simulated. */
export const FD_FIRST = 1_000_000;

const YOUNG_MS = 20;

function fail(code: string, call: string, file: string): never {
  throw Object.assign(new Error(`${code}: simulated, ${call} '${file}'`), { code, syscall: call, path: file });
}

export class SystemCalls {
  readonly #open = new Map<number, Open>();
  #fd = FD_FIRST;

  constructor(readonly machineOf: (file: string) => { readonly machine: Machine; readonly rest: readonly string[] }) {}

  /** What happens at each call that changes a disk: time passes, and the machine may die before or after it. */
  #changing<T>(machine: Machine, call: string, work: () => T): T {
    machine.calling(call);
    const result = work();
    machine.called(call);
    return result;
  }

  #place(file: string, call: string): Place {
    const { machine, rest } = this.machineOf(file);
    machine.reach();
    const name = rest.at(-1) ?? fail('EBUSY', call, file);
    const folder = machine.disk.find(rest.slice(0, -1)) ?? fail('ENOENT', call, file);
    if (!folder.isFolder) fail('ENOTDIR', call, file);
    return { machine, disk: machine.disk, folder, name };
  }

  #find(file: string): { readonly machine: Machine; readonly node: Node | undefined } {
    const { machine, rest } = this.machineOf(file);
    machine.reach();
    return { machine, node: machine.disk.find(rest) };
  }

  #need(file: string, call: string): { readonly machine: Machine; readonly node: Node } {
    const { machine, node } = this.#find(file);
    return { machine, node: node ?? fail('ENOENT', call, file) };
  }

  #fdOf(fd: number): Open {
    const open = this.#open.get(fd) ?? fail('EBADF', 'fd', String(fd));
    open.machine.reach();
    return open;
  }

  /** All open files of a machine are gone. */
  forget(machine: Machine): void {
    for (const [fd, open] of this.#open) if (open.machine === machine) this.#open.delete(fd);
  }

  openSync(file: string, flags: number | string = 'r', mode = 0o666): number {
    const { machine, disk, folder, name } = this.#place(file, 'open');
    const bits = typeof flags === 'number' ? flags : flagBits(flags);
    let node = folder.entries?.get(name);
    if (node !== undefined && bits & constants.O_CREAT && bits & constants.O_EXCL) fail('EEXIST', 'open', file);
    if (node === undefined) {
      if (!(bits & constants.O_CREAT)) fail('ENOENT', 'open', file);
      node = this.#changing(machine, 'create', () => {
        const made = disk.make(false);
        made.mode = mode;
        disk.change({ folder, name, to: made });
        return made;
      });
    } else if (bits & constants.O_TRUNC) {
      const full = node;
      this.#changing(machine, 'truncate', () => {
        full.isDaemons = machine.isDaemonsTurn;
        disk.write(full, Buffer.alloc(0), true);
        for (const tell of folder.watchers) tell(name);
      });
    }
    node.opens++;
    this.#open.set(++this.#fd, { machine, node, file, folder });
    return this.#fd;
  }

  closeSync(fd: number): void {
    const open = this.#open.get(fd);
    if (open === undefined) return;
    open.node.opens--;
    this.#open.delete(fd);
  }

  readSync(fd: number, buffer: Buffer, offset: number, length: number, position: number | null): number {
    const { node } = this.#fdOf(fd);
    const from = position ?? 0;
    return node.data.copy(buffer, offset, from, Math.min(node.data.length, from + length));
  }

  writeSync(fd: number, text: string | Buffer, position: number | null = null): number {
    const { machine, node, file, folder } = this.#fdOf(fd);
    const data = Buffer.from(text as string);
    this.#changing(machine, 'write', () => {
      node.isDaemons = machine.isDaemonsTurn;
      const rest = position === null ? Buffer.alloc(0) : node.data.subarray(position + data.length);
      machine.disk.write(node, Buffer.concat([node.data.subarray(0, position ?? node.data.length), data, rest]));
      for (const tell of folder?.watchers ?? []) tell(path.basename(file));
    });
    return data.length;
  }

  fsyncSync(fd: number): void {
    const { machine, node } = this.#fdOf(fd);
    machine.passFor('sync');
    this.#changing(machine, 'fsync', () => machine.disk.sync(node));
  }

  fstatSync(fd: number, options?: StatOptions): Stats {
    return statOf(this.#fdOf(fd).node, options);
  }

  lstatSync(file: string, options?: StatOptions): Stats | undefined {
    const { node } = this.#find(file);
    if (node !== undefined) return statOf(node, options);
    return options?.throwIfNoEntry === false ? undefined : fail('ENOENT', 'lstat', file);
  }

  statSync(file: string, options?: StatOptions): Stats | undefined {
    return this.lstatSync(file, options);
  }

  existsSync(file: string): boolean {
    return this.#find(file).node !== undefined;
  }

  realpathSync(file: string): string {
    this.#need(file, 'realpath');
    return file;
  }

  ftruncateSync(fd: number): void {
    const { machine, node } = this.#fdOf(fd);
    this.#changing(machine, 'truncate', () => {
      node.isDaemons = false;
      machine.disk.write(node, Buffer.alloc(0), true);
    });
  }

  fchmodSync(fd: number, mode: number): void {
    this.#fdOf(fd).node.mode = mode;
  }

  fchownSync(fd: number, uid: number, gid: number): void {
    Object.assign(this.#fdOf(fd).node, { uid, gid });
  }

  futimesSync(fd: number, _atime: number, mtime: number): void {
    this.#fdOf(fd).node.mtime = mtime * 1000;
  }

  utimesSync(file: string, _atime: number | Date, mtime: number | Date): void {
    this.#need(file, 'utimes').node.mtime = typeof mtime === 'number' ? mtime * 1000 : mtime.getTime();
  }

  chmodSync(file: string, mode: number): void {
    this.#need(file, 'chmod').node.mode = mode;
  }

  chownSync(file: string, uid: number, gid: number): void {
    Object.assign(this.#need(file, 'chown').node, { uid, gid });
  }

  linkSync(from: string, to: string): void {
    const { node } = this.#need(from, 'link');
    const { machine, disk, folder, name } = this.#place(to, 'link');
    this.#changing(machine, 'link', () => {
      if (folder.entries?.has(name)) fail('EEXIST', 'link', to);
      disk.change({ folder, name, to: node });
    });
  }

  unlinkSync(file: string): void {
    const { machine, disk, folder, name } = this.#place(file, 'unlink');
    if (folder.entries?.get(name)?.isFolder !== false) fail('ENOENT', 'unlink', file);
    this.#changing(machine, 'unlink', () => disk.change({ folder, name, to: undefined }));
  }

  renameSync(from: string, to: string): void {
    const source = this.#place(from, 'rename');
    const target = this.#place(to, 'rename');
    const node = source.folder.entries?.get(source.name) ?? fail('ENOENT', 'rename', from);
    this.#changing(source.machine, 'rename', () => {
      node.renamed = source.disk.now;
      if (target.folder.entries?.get(target.name) === node) return;
      source.disk.change(
        { folder: target.folder, name: target.name, to: node },
        { folder: source.folder, name: source.name, to: undefined },
      );
    });
  }

  rmSync(file: string, options: { readonly force?: boolean; readonly recursive?: boolean } = {}): void {
    const { node } = this.#find(file);
    if (node === undefined) {
      if (!options.force) fail('ENOENT', 'rm', file);
      return;
    }
    const { machine, disk, folder, name } = this.#place(file, 'rm');
    if (node.isFolder && !options.recursive) fail('ERR_FS_EISDIR', 'rm', file);
    this.#changing(machine, 'unlink', () => disk.change({ folder, name, to: undefined }));
  }

  rmdirSync(file: string): void {
    const { disk, folder, name, machine } = this.#place(file, 'rmdir');
    const node = folder.entries?.get(name) ?? fail('ENOENT', 'rmdir', file);
    if ((node.entries?.size ?? 0) > 0) fail('ENOTEMPTY', 'rmdir', file);
    this.#changing(machine, 'rmdir', () => disk.change({ folder, name, to: undefined }));
  }

  mkdirSync(file: string, options: { readonly recursive?: boolean } = {}): void {
    const { machine, rest } = this.machineOf(file);
    machine.reach();
    let folder = machine.disk.root;
    for (const [depth, name] of rest.entries()) {
      const isLast = depth === rest.length - 1;
      let next = folder.entries?.get(name);
      if (next !== undefined && isLast && !options.recursive) fail('EEXIST', 'mkdir', file);
      if (next === undefined) {
        if (!isLast && !options.recursive) fail('ENOENT', 'mkdir', file);
        const parent = folder;
        next = this.#changing(machine, 'mkdir', () => {
          const made = machine.disk.make(true);
          machine.disk.change({ folder: parent, name, to: made });
          return made;
        });
      }
      folder = next;
    }
  }

  readdirSync(file: string): string[] {
    return [...(this.#need(file, 'readdir').node.entries?.keys() ?? fail('ENOTDIR', 'readdir', file))];
  }

  opendirSync(file: string): unknown {
    const { node, machine } = this.#need(file, 'opendir');
    const entries = [...(node.entries ?? fail('ENOTDIR', 'opendir', file))];
    // A listing can miss a name that is renamed over meanwhile (tmpfs).
    const young = entries.findIndex(([, child]) => machine.disk.now - child.renamed < YOUNG_MS);
    if (young >= 0 && machine.choices.chance(0.3)) entries.splice(young, 1);
    const list = entries.map(([name, child]) => ({ name, isFile: () => !child.isFolder }));
    return { readSync: () => list.shift() ?? null, closeSync: () => {} };
  }

  readFileSync(file: string | number, encoding?: string): string | Buffer {
    const { node } = typeof file === 'number' ? this.#fdOf(file) : this.#need(file, 'open');
    if (node.isFolder) fail('EISDIR', 'read', String(file));
    return encoding === undefined ? Buffer.from(node.data) : node.data.toString('utf8');
  }

  writeFileSync(file: string | number, text: string | Buffer, options: { readonly mode?: number } = {}): void {
    if (typeof file === 'number') {
      this.writeSync(file, text);
      return;
    }
    const fd = this.openSync(file, 'w', options.mode);
    try {
      this.writeSync(fd, text, 0);
    } finally {
      this.closeSync(fd);
    }
  }

  copyFileSync(from: string, to: string, mode = 0): void {
    const data = this.readFileSync(from);
    if (mode & constants.COPYFILE_EXCL && this.existsSync(to)) fail('EEXIST', 'copyfile', to);
    this.writeFileSync(to, data);
  }
}

function flagBits(flags: string): number {
  const { O_RDONLY, O_RDWR, O_WRONLY, O_CREAT, O_TRUNC, O_EXCL } = constants;
  const known: Record<string, number> = {
    r: O_RDONLY,
    'r+': O_RDWR,
    w: O_WRONLY | O_CREAT | O_TRUNC,
    wx: O_WRONLY | O_CREAT | O_TRUNC | O_EXCL,
  };
  return known[flags] ?? fail('EINVAL', 'open', flags);
}

function statOf(node: Node, options: StatOptions): Stats {
  const big = options?.bigint === true;
  const whole = (value: number): number | bigint => (big ? BigInt(value) : value);
  const nanos = (ms: number): bigint => BigInt(Math.floor(ms)) * 1_000_000n + BigInt(Math.round((ms % 1) * 1e6));
  const { mtime, ctime, birth } = node;
  return {
    dev: whole(1),
    ino: whole(node.ino),
    size: whole(node.data.length),
    nlink: whole(node.nlink),
    mode: whole(node.mode),
    uid: whole(node.uid),
    gid: whole(node.gid),
    mtimeMs: whole(Math.floor(mtime)),
    ctimeMs: whole(Math.floor(ctime)),
    mtime: new Date(mtime),
    ctime: new Date(ctime),
    ...(big && { mtimeNs: nanos(mtime), ctimeNs: nanos(ctime), birthtimeNs: nanos(birth) }),
    isFile: () => !node.isFolder,
    isDirectory: () => node.isFolder,
    isSymbolicLink: () => false,
  } as unknown as Stats;
}
