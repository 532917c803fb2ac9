/**
 * What a schema cannot say of a config. These run even where the schema found mistakes, so that all are reported at once:
 * they take the raw value and look only at what has the right type.
 */
import { lstatSync, realpathSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { isKind } from '../core/names.js';
import type { Address, Problem } from './config-problems.js';

type Raw = Readonly<Record<string, unknown>>;

/** Rules between fields. */
export function ruleProblems(root: Raw): Problem[] {
  return [
    ...spokeProblems(root),
    ...hubProblems(root),
    ...kindProblems(root),
    ...nestingProblems(root),
    ...remoteProblems(root, 'sidecar'),
    ...remoteProblems(root, 'page'),
    ...passwordProblems(root),
    ...ownerProblems(root),
  ];
}

function ownerProblems({ files }: Raw): Problem[] {
  if (get(files, 'keep_owner') !== false || get(files, 'owner') !== undefined) return [];
  return [
    { address: ['files', 'keep_owner'], message: "needs files.owner: whom the ACL is to let in, the site's PHP" },
  ];
}

function spokeProblems(root: Raw): Problem[] {
  const problems: Problem[] = [];
  const seen = new Map<unknown, number>();
  const spokes = Array.isArray(root.spokes) ? root.spokes : [];
  spokes.forEach((spoke: unknown, index) => {
    const site = get(spoke, 'site');
    if (typeof site !== 'string') return;
    const address: Address = ['spokes', index, 'site'];
    const first = seen.get(site);
    if (site === root.site) problems.push({ address, message: `must not be this hub itself (got "${site}")` });
    else if (first !== undefined) {
      problems.push({ address, message: `must be named once (spokes[${first}] is "${site}" too)` });
    }
    if (first === undefined) seen.set(site, index);
  });
  return problems;
}

function hubProblems(root: Raw): Problem[] {
  const problems: Problem[] = [];
  const hub = get(root, 'hub');
  const site = get(hub, 'site');
  if (typeof site === 'string' && site === root.site) {
    problems.push({ address: ['hub', 'site'], message: `must not be this spoke itself (got "${site}")` });
  }
  if (get(hub, 'pull') !== undefined && get(get(hub, 'link'), 'type') === 'folder') {
    problems.push({ address: ['hub', 'pull'], message: 'needs an ssh link to fetch over (this one is a folder)' });
  }
  return problems;
}

function kindProblems(root: Raw): Problem[] {
  return Object.keys(group(root.kinds))
    .filter((kind) => !isKind(kind))
    .map((kind) => ({ address: ['kinds', kind], message: 'must be a folder below userdata, such as balances' }));
}

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|::1|localhost)$/;

function remoteProblems(root: Raw, section: 'sidecar' | 'page'): Problem[] {
  const { host, allow_remote } = group(root[section]);
  if (typeof host !== 'string' || isLoopback(host) || allow_remote === true) return [];
  return [
    { address: [section, 'host'], message: `must be of this machine, or set allow_remote: true (got "${host}")` },
  ];
}

/** Whether an address is of this machine alone. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

function passwordProblems(root: Raw): Problem[] {
  const { allow_remote, password } = group(root.page);
  if (allow_remote !== true || password !== undefined) return [];
  return [{ address: ['page', 'password'], message: 'is missing: allow_remote needs a file with a password' }];
}

// State inside userdata would be watched, and then sent.
function nestingProblems(root: Raw): Problem[] {
  const { userdata } = root;
  if (typeof userdata !== 'string') return [];
  return (['state', 'log_file'] as const).flatMap((key) => {
    const path = root[key];
    if (typeof path !== 'string' || !isInside(path, userdata)) return [];
    return [{ address: [key], message: `must not lie inside userdata (got "${path}")` }];
  });
}

/** What the disk must hold before a daemon may start. */
export function placeProblems(root: Raw): Problem[] {
  const { userdata } = root;
  if (typeof userdata !== 'string' || !userdata.startsWith('/')) return [];
  const address = ['userdata'];
  const entry = lstatSync(userdata, { throwIfNoEntry: false });
  if (entry === undefined) return [{ address, message: `must exist (got "${userdata}")` }];
  // The watcher refuses a root that is a link, and a link could be turned elsewhere under a running daemon.
  if (entry.isSymbolicLink()) {
    return [{ address, message: `must be the directory itself and not a symbolic link (got "${userdata}")` }];
  }
  if (!entry.isDirectory()) return [{ address, message: `must be a directory (got "${userdata}")` }];
  return [];
}

function isInside(path: string, folder: string): boolean {
  const way = relative(real(folder), real(path));
  return way === '' || (!way.startsWith('../') && way !== '..');
}

/** The path without symbolic links, as far as it exists. */
function real(path: string): string {
  const whole = resolve(path);
  try {
    return realpathSync(whole);
  } catch {
    const parent = dirname(whole);
    return parent === whole ? whole : join(real(parent), basename(whole));
  }
}

function group(value: unknown): Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Raw) : {};
}

function get(value: unknown, key: string): unknown {
  return group(value)[key];
}
