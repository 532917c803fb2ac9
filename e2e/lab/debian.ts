/**
 * A bare Debian root made by debootstrap, for hosts on which nothing has been installed yet. Made once and kept in a cache
 * folder; hosts are overlays of it.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { must } from './exec.js';
import { findProgram } from './requirements.js';

/** What a small server has before anybody deploys to it; inotify-tools is what shell daemons watch with. */
const PACKAGES = [
  ...['systemd', 'systemd-sysv', 'dbus', 'openssh-server', 'rsync', 'sudo', 'iproute2', 'procps', 'kmod'],
  'inotify-tools',
];

/** Raised when a root made before would no longer do. */
const VERSION = 2;

const MAKE_MS_MAX = 15 * 60_000;

export function debianCache(): string {
  return process.env.AXLE_LAB_CACHE ?? '/var/cache/axle-lab';
}

/** The root's path; makes it where it is not there, from the mirror that this machine itself uses. */
export async function bareDebian(): Promise<string> {
  const { suite, mirror } = aptSource();
  const root = join(debianCache(), `${suite}-${VERSION}`);
  if (existsSync(root)) return root;
  if (findProgram('debootstrap') === undefined) throw new Error('debootstrap is missing: apt-get install debootstrap');
  mkdirSync(debianCache(), { recursive: true });
  const making = `${root}.${process.pid}`;
  try {
    const options = ['--variant=minbase', `--include=${PACKAGES.join(',')}`];
    await must(['debootstrap', ...options, suite, making, mirror], { timeoutMs: MAKE_MS_MAX });
    rmSync(join(making, 'var/cache/apt/archives'), { recursive: true, force: true });
    mkdirSync(join(making, 'var/cache/apt/archives/partial'), { recursive: true });
    // Whoever else made it meanwhile made the same.
    if (!existsSync(root)) renameSync(making, root);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return root;
}

/** The first Debian archive that apt has here. */
function aptSource(): { suite: string; mirror: string } {
  const suite = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'stable';
  const folder = '/etc/apt/sources.list.d';
  const lists = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  const text = ['/etc/apt/sources.list', ...lists]
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  // In deb822 a section may name any suite: a mirror of Debian or Ubuntu has `dists/` of all of them below /debian, /ubuntu.
  const found = /(?:^URIs:|^deb(?:\s+\[[^\]]*\])?)\s+(https?:\/\/\S*\/(?:debian|ubuntu)\/?)(?:\s|$)/m.exec(text);
  return { suite, mirror: found?.[1] ?? 'http://deb.debian.org/debian' };
}
