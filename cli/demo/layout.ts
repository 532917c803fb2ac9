/** The demo's three sites: their folders and config files. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { stringify } from 'yaml';
import type { Role } from '../../common/runtime/config.js';

export type DemoSite = {
  readonly site: string;
  readonly role: Role;
  /** Absolute. */
  readonly userdata: string;
  readonly state: string;
  readonly config: string;
};

const HUB = 'directsponsor';
const SPOKES = ['roflfaucet', 'clickforcharity'];
const KINDS = ['balances', 'profiles', 'tokens', 'inbox'];

/** The hub first. `dir` may be relative to the current folder. */
export function demoSites(dir: string): DemoSite[] {
  const root = resolve(dir);
  return [HUB, ...SPOKES].map((site) => ({
    site,
    role: site === HUB ? 'hub' : 'spoke',
    userdata: join(root, `${site}-data/userdata`),
    state: join(root, `${site}-data/axle`),
    config: join(root, `${site}-data/axle.yaml`),
  }));
}

/** Makes what is not there yet; files of an earlier demo stay as they are, configs are written anew. */
export function prepare(sites: readonly DemoSite[]): void {
  for (const site of sites) {
    for (const kind of KINDS) mkdirSync(join(site.userdata, kind), { recursive: true });
    mkdirSync(site.state, { recursive: true });
    writeFileSync(site.config, stringify(configOf(site, sites)));
  }
}

function configOf(site: DemoSite, sites: readonly DemoSite[]): object {
  const own = { site: site.site, userdata: site.userdata, state: site.state };
  const linkTo = (peer: DemoSite) => ({
    site: peer.site,
    link: { type: 'folder', inbox: join(peer.state, 'inbox', site.site) },
  });
  if (site.role === 'hub') return { ...own, spokes: sites.filter((peer) => peer.role === 'spoke').map(linkTo) };
  const hub = sites.find((peer) => peer.role === 'hub');
  if (hub === undefined) throw new Error('a demo has a hub');
  return { ...own, hub: linkTo(hub) };
}

/** The path as one types it in the current folder: relative where that is shorter, quoted for a shell where it must be. */
export function typed(path: string, cwd: string = process.cwd()): string {
  const way = relative(cwd, path) || '.';
  const shorter = way.length < path.length && !isAbsolute(way) ? way : path;
  return /^[\w./@%+:,~-]+$/.test(shorter) && !shorter.startsWith('~') && !shorter.startsWith('-')
    ? shorter
    : `'${shorter.replaceAll("'", `'\\''`)}'`;
}
