/** Real small disks for tests of what happens when one is full or read-only: tmpfs mounts, which need root on Linux. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { DEFAULT_POLICIES } from '../core/policy.js';
import type { LabSite } from './sites.js';

/** For `it.skipIf`. With `CI=true` a machine that cannot mount is a failure, so that CI cannot pass by skipping. */
export function needsMounts(what: string): boolean {
  const obstacle = mountObstacle();
  if (obstacle === undefined) return false;
  const reason = `${what} cannot run here: ${obstacle}`;
  if (process.env.CI === 'true') throw new Error(reason);
  console.warn(`skipped: ${reason}`);
  return true;
}

function mountObstacle(): string | undefined {
  if (process.platform !== 'linux') return `small disks need Linux (this is ${process.platform})`;
  if (process.getuid?.() !== 0) return 'small disks need root (mount)';
  const folder = fs.mkdtempSync('/tmp/axle-mount-');
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'axle-test', folder], { stdio: 'pipe' });
    execFileSync('umount', [folder], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return `mount does not work: ${(error as Error).message}`;
  } finally {
    fs.rmdirSync(folder);
  }
}

export class SmallDisk {
  readonly #mounts: string[] = [];

  constructor(readonly folder: string) {}

  /** A tmpfs of so many KiB over the folder. */
  mount(sizeKiB: number): void {
    this.#mount(['-t', 'tmpfs', '-o', `size=${sizeKiB}k,mode=0755`, 'axle-test', this.folder]);
  }

  /** Leaves `leaveKiB` of room. */
  fill(leaveKiB = 0): void {
    const fd = fs.openSync(this.#filler, 'w');
    try {
      for (const piece of [Buffer.alloc(65_536, 1), Buffer.alloc(4_096, 1)]) while (writes(fd, piece));
      if (leaveKiB > 0) fs.ftruncateSync(fd, Math.max(0, fs.fstatSync(fd).size - leaveKiB * 1024));
    } finally {
      fs.closeSync(fd);
    }
  }

  free(): void {
    fs.rmSync(this.#filler, { force: true });
  }

  /**
   * From now on every path here is read-only, as after `errors=remount-ro`: a second mount of the same files over the
   * first one. (The kernel makes no mount read-only in which a file is open for writing.)
   */
  makeReadOnly(): void {
    this.#mount(['--bind', this.folder, this.folder]);
    execFileSync('mount', ['-o', 'remount,bind,ro', this.folder], { stdio: 'pipe' });
  }

  makeWritable(): void {
    this.#unmount();
  }

  /** Whatever still uses it. */
  unmountAll(): void {
    while (this.#mounts.length > 0) this.#unmount();
  }

  #mount(args: readonly string[]): void {
    execFileSync('mount', [...args], { stdio: 'pipe' });
    this.#mounts.push(this.folder);
  }

  #unmount(): void {
    if (this.#mounts.pop() !== undefined) execFileSync('umount', ['--lazy', this.folder], { stdio: 'pipe' });
  }

  get #filler(): string {
    return path.join(this.folder, '.filler');
  }
}

/** Mounts a small disk over a stopped site's `userdata` or `state`, and makes the folders there again. */
export function onSmallDisk(site: LabSite, what: 'userdata' | 'state', sizeKiB: number): SmallDisk {
  fs.mkdirSync(site[what], { recursive: true });
  const disk = new SmallDisk(site[what]);
  disk.mount(sizeKiB);
  if (what === 'userdata')
    for (const kind of Object.keys(DEFAULT_POLICIES)) fs.mkdirSync(path.join(site.userdata, kind), { recursive: true });
  else for (const peer of site.peers) fs.mkdirSync(site.inbox(peer), { recursive: true });
  return disk;
}

function writes(fd: number, piece: Buffer): boolean {
  try {
    fs.writeSync(fd, piece);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}
