/** The demo's three sites: their folders and config files. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { stringify } from 'yaml';
import type { Role } from '../../common/runtime/config.js';
import { DEMO_SOURCES } from './page.js';

export type DemoSite = {
  readonly site: string;
  readonly role: Role;
  /** Absolute. */
  readonly userdata: string;
  readonly state: string;
  readonly config: string;
  /** Where a spoke's sidecar listens. */
  readonly socket?: string;
  /** The file with what the auth server and a spoke's sidecar share. */
  readonly secret?: string;
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
    ...(site !== HUB && { socket: socketOf(root, site), secret: join(root, 'jwt-secret') }),
  }));
}

/** The name of a socket must be short. */
const SOCKET_BYTES_MAX = 100;

function socketOf(root: string, site: string): string {
  const inside = join(root, `${site}-data/axle/sidecar.sock`);
  if (Buffer.byteLength(inside) <= SOCKET_BYTES_MAX) return inside;
  const name = createHash('sha256').update(inside).digest('hex').slice(0, 12);
  return join(tmpdir(), `axle-demo-${name}.sock`);
}

/**
 * Makes what is not there yet; files of an earlier demo stay as they are, configs are written anew. `pagePort`: where the
 * hub shows how it is.
 */
export function prepare(sites: readonly DemoSite[], pagePort?: number): void {
  for (const site of sites) {
    for (const kind of KINDS) mkdirSync(join(site.userdata, kind), { recursive: true });
    // Here and not left to each daemon: a peer that starts a moment earlier would find no inbox and back off.
    for (const peer of peersOf(site, sites)) mkdirSync(inboxOf(site, peer), { recursive: true });
    if (site.secret !== undefined && !existsSync(site.secret))
      writeFileSync(site.secret, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
    writeFileSync(site.config, stringify(configOf(site, sites, pagePort)));
  }
}

function configOf(site: DemoSite, sites: readonly DemoSite[], pagePort: number | undefined): object {
  const own = { site: site.site, userdata: site.userdata, state: site.state };
  const links = peersOf(site, sites).map((peer) => ({
    site: peer.site,
    link: { type: 'folder', inbox: inboxOf(peer, site) },
  }));
  if (site.role === 'spoke') return { ...own, hub: links[0], sidecar: sidecarOf(site) };
  return { ...own, spokes: links, ...(pagePort !== undefined && { page: { port: pagePort } }) };
}

/** A visitor of the demo may press the button as often as they like. */
function sidecarOf({ socket, secret }: DemoSite): object {
  const sources = DEMO_SOURCES.map((source) => [source, { amount: 20, total: 1_000_000, window_s: 3600 }]);
  return { port: 0, socket, jwt_secret: secret, sources: Object.fromEntries(sources) };
}

/** A hub's peers are the spokes, a spoke's only peer is the hub. */
function peersOf(site: DemoSite, sites: readonly DemoSite[]): DemoSite[] {
  return sites.filter(({ role }) => role !== site.role);
}

/** Where `site` receives what `peer` sends. */
function inboxOf(site: DemoSite, peer: DemoSite): string {
  return join(site.state, 'inbox', peer.site);
}

/** The path as one types it in the current folder: relative where that is shorter, quoted for a shell where it must be. */
export function typed(path: string, cwd: string = process.cwd()): string {
  const way = relative(cwd, path) || '.';
  const shorter = way.length < path.length && !isAbsolute(way) ? way : path;
  return /^[\w./@%+:,~-]+$/.test(shorter) && !shorter.startsWith('~') && !shorter.startsWith('-')
    ? shorter
    : `'${shorter.replaceAll("'", `'\\''`)}'`;
}
