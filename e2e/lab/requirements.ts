/** What a lab needs from the machine, and how to get it. */

import { accessSync, constants } from 'node:fs';
import { BARE_ENV } from './exec.js';

/** Program → Debian package. The set-up script installs exactly these packages. */
export const LAB_PACKAGES: Readonly<Record<string, string>> = {
  'systemd-nspawn': 'systemd-container',
  nsenter: 'util-linux',
  mount: 'mount',
  ip: 'iproute2',
  useradd: 'passwd',
  sshd: 'openssh-server',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  rsync: 'rsync',
};

/** One sentence per obstacle; an empty list means that `Lab.up` can work here. */
export function labObstacles(): string[] {
  if (process.platform !== 'linux') return [`a lab of real hosts needs Linux (this is ${process.platform})`];
  const obstacles = missingPrograms(LAB_PACKAGES);
  if (process.getuid?.() !== 0) obstacles.unshift('a lab of real hosts needs root (mounts, network namespaces)');
  return obstacles;
}

/** Of a program → package table, a sentence for each program that is not installed. */
export function missingPrograms(packages: Readonly<Record<string, string>>): string[] {
  return Object.entries(packages)
    .filter(([program]) => findProgram(program) === undefined)
    .map(([program, name]) => `${program} is missing: apt-get install ${name}`);
}

/** Where a program is, in the directories that the lab itself uses. */
export function findProgram(program: string): string | undefined {
  const folders = (BARE_ENV.PATH ?? '').split(':');
  return folders.map((folder) => `${folder}/${program}`).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
