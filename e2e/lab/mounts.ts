/** The disks of a lab: each host's root is an overlay of this machine's `/` (or of another root), its changes in memory. */

import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { exec, must } from './exec.js';
import { LABS } from './lab-id.js';
import { sleep } from './wait.js';

/** Where a lab's mount point is. */
export function labFolder(labId: string): string {
  return `${LABS}/${labId}`;
}

/** Mounts the tmpfs that takes all writes of all hosts. It is a limit, not a reservation. */
export async function mountLab(labId: string, size: string): Promise<string> {
  const folder = labFolder(labId);
  mkdirSync(folder, { recursive: true });
  await must(['mount', '-t', 'tmpfs', '-o', `size=${size},mode=0755`, labId, folder]);
  return folder;
}

/** Mounts one host's root over `lower` and returns its path: the same file system that the host sees, inotify events included. */
export async function mountRoot(labFolderPath: string, host: string, lower: string): Promise<string> {
  const base = `${labFolderPath}/${host}`;
  for (const part of ['upper', 'work', 'root']) mkdirSync(`${base}/${part}`, { recursive: true });
  const layers = `lowerdir=${lower},upperdir=${base}/upper,workdir=${base}/work`;
  await must(['mount', '-t', 'overlay', 'overlay', '-o', layers, `${base}/root`]);
  return `${base}/root`;
}

/** Takes away everything that is mounted for a lab, innermost first, and its folder. */
export async function unmountLab(labId: string): Promise<void> {
  for (const target of mountsUnder(labFolder(labId)).reverse()) {
    if (!(await unmount(target))) await exec(['umount', '--lazy', target]);
  }
  if (existsSync(labFolder(labId))) rmdirSync(labFolder(labId));
}

/** Mount points at or below a folder, in mount order. */
export function mountsUnder(folder: string): string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((target) => target === folder || target.startsWith(`${folder}/`));
}

async function unmount(target: string): Promise<boolean> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    if ((await exec(['umount', target])).code === 0) return true;
    await sleep(100); // the last file of a process just killed is closed a moment later
  }
  return false;
}
