/**
 * A cgroup of its own for each host. Where this machine runs systemd, nspawn asks it for a scope. Elsewhere (a
 * container, a bare VM) nspawn would put every host into the same group `payload`, and then each host's systemd sees,
 * counts and waits for the processes of the others: `systemctl stop ssh` hangs, and a restart finds the unit still busy.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';

/** True when PID 1 here is systemd and can hand out delegated scopes. */
export function hasSystemd(): boolean {
  return existsSync('/run/systemd/system') && readFileSync('/proc/1/comm', 'utf8').trim() === 'systemd';
}

/** Makes a host's cgroup in each hierarchy that its systemd uses; returns the `cgroup.procs` files to write a pid to. */
export function makeCgroups(labId: string, host: string): string[] {
  return parents().map((parent) => {
    const folder = `${parent}/${labId}/${host}`;
    mkdirSync(folder, { recursive: true });
    return `${folder}/cgroup.procs`;
  });
}

/** Removes a lab's cgroups; they must be empty of processes. */
export function removeCgroups(labId: string): void {
  for (const parent of parents()) removeTree(`${parent}/${labId}`);
}

export function hasCgroups(labId: string): boolean {
  return parents().some((parent) => existsSync(`${parent}/${labId}`));
}

/** Our own cgroup in the unified hierarchy and in systemd's named one, as folders; either may be absent. */
function parents(): string[] {
  const own = readFileSync('/proc/self/cgroup', 'utf8').split('\n');
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  const found: string[] = [];
  for (const mount of mounts) {
    const [, target = '', type = '', options = ''] = mount.split(' ');
    const prefix =
      type === 'cgroup2' ? '0::' : type === 'cgroup' && options.includes('name=systemd') ? ':name=systemd:' : '';
    if (prefix === '') continue;
    const line = own.find((candidate) => candidate.includes(prefix));
    const path = line?.slice(line.indexOf(prefix) + prefix.length).replace(/\/+$/, '');
    if (path !== undefined && existsSync(`${target}${path}`)) found.push(`${target}${path}`);
  }
  return found;
}

function removeTree(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(`${folder}/${entry.name}`);
  }
  try {
    rmdirSync(folder);
  } catch {
    // A process that is just ending still sits in it; an empty cgroup left over does no harm.
  }
}
