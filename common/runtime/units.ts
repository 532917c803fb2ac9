/** Axle under systemd: the names of its units (systemd/), and what the one of a site must be told of that site. */
import path from 'node:path';
import type { Config, HubConfig, LinkConfig, SpokeConfig } from './config.js';

export const UNITS = {
  hub: 'hub-distribute.service',
  spoke: 'sync-to-hub.service',
  miner: 'axle-miner.service',
} as const;

/** What the units give the daemon by themselves, writable: StateDirectory= and RuntimeDirectory=. */
const GIVEN = ['/var/lib/axle', '/run/axle'];
/** What `ProtectHome=yes` hides. */
const HOMES = ['/home', '/root', '/run/user'];

/** Where a site's drop-in belongs: it stays when the unit itself is replaced. */
export function siteDropInPath(role: keyof typeof UNITS): string {
  return `/etc/systemd/system/${UNITS[role]}.d/site.conf`;
}

/**
 * The drop-in for the unit of a site. The units themselves open nothing but state and runtime directory: which folders a
 * site has, only its config says. These must exist when the unit starts, those of logs included.
 */
export function siteDropIn({ config }: Config): string {
  return `# Made from the config of ${config.site}: when its folders move, make it anew, then systemctl daemon-reload and restart.
${opening(writableFolders(config), 'Its live files and its log. A folder that is missing is not opened: the daemon then says which one.')}${config.files?.keep_owner === false ? SHARED : KEEPS_OWNER}`;
}

/** The same for the unit of the miner agent: `folders` are those that it writes, such as a site's `userdata/fleet`. */
export function minerDropIn(folders: readonly string[]): string {
  const wanted = notGiven(folders);
  return `# Made from miner.yaml: when its folders move, make it anew, then systemctl daemon-reload and restart.
${wanted.length === 0 ? '# It writes nothing that its unit does not open by itself.\n' : opening(wanted, 'What it publishes and logs.')}`;
}

/** `folders`: at least one. */
function opening(folders: readonly string[], why: string): string {
  const inHomes = folders.filter((folder) => HOMES.some((home) => isBelow(folder, home)));
  const quoted = (list: readonly string[]): string => list.map(quote).join(' ');
  return `[Unit]
# Not before the disks that hold them are there.
RequiresMountsFor=${quoted(folders)}

[Service]
# ${why}
ReadWritePaths=${quoted(folders.map((folder) => `-${folder}`))}
${
  inHomes.length === 0
    ? ''
    : `# Homes stay hidden but for these.
ProtectHome=tmpfs
BindPaths=${quoted(inHomes)}
`
}`;
}

const KEEPS_OWNER = `# Live files belong to the site's PHP, in folders that only PHP may write: replacing one and keeping its owner takes these
# three, and nothing more of root. Without them where files.keep_owner is false.
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER
AmbientCapabilities=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER
SystemCallFilter=@chown
`;

const SHARED = `# No capability (files.keep_owner: false): an ACL lets the account axle and the site's PHP write each other's files.
`;

/**
 * What a site with `files.keep_owner: false` needs once, with `setfacl -R -P -m`, for all of userdata: the daemon and PHP may
 * write each other's files, and what either makes from then on inherits that, whatever its umask.
 */
export function sharedAcl(php: string, daemon = 'axle'): string {
  const both = [daemon, php].map((account) => `u:${account}:rwX`);
  return [...both, ...both.map((entry) => `d:${entry}`)].join(',');
}

function writableFolders(config: HubConfig | SpokeConfig): string[] {
  const { userdata, state, log_file, sidecar } = config;
  const links = 'spokes' in config ? config.spokes.map(({ link }) => link) : [config.hub.link];
  return notGiven([
    userdata,
    ...(log_file === undefined ? [] : [path.dirname(log_file)]),
    state,
    ...(sidecar === undefined ? [] : [path.dirname(sidecar.socket)]),
    ...links.flatMap((link: LinkConfig) => (link.type === 'folder' ? [link.inbox] : [])),
  ]);
}

function notGiven(folders: readonly string[]): string[] {
  const wanted = new Set(folders.map((folder) => path.normalize(folder)));
  return [...wanted].filter((folder) => !GIVEN.some((given) => isBelow(folder, given)));
}

function isBelow(folder: string, top: string): boolean {
  return folder === top || folder.startsWith(`${top}/`);
}

/** As systemd.syntax(7) wants it: `%` begins a specifier, and a blank ends a word. */
function quote(word: string): string {
  const plain = word.replaceAll('%', '%%');
  return /^[\w@+=:,./~%-]+$/.test(plain) ? plain : `"${plain.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
