/** What the files of a host should hold: pure functions of inventory, release and the other hosts' public keys. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { authorizedKeysLine } from '../common/link/rsyncd-config.js';
import { type Config, ConfigError, parseHubConfig, parseSpokeConfig } from '../common/runtime/config.js';
import { siteDropIn } from '../common/runtime/units.js';
import { DeployError } from './error.js';
import type { Facts } from './facts.js';
import type { Inventory, SiteEntry } from './inventory.js';
import { hostPattern } from './known-hosts.js';
import { placesOf } from './places.js';
import type { Tree } from './release/tree.js';

/** Begins every file that a person may come to edit. */
export const NOTE = '# Written by axle deploy: change the inventory, not this file.\n';

/** The site's config, checked by the daemon's own loader, and the drop-in of its unit. Throws DeployError. */
export function siteTexts(
  inventory: Inventory,
  entry: SiteEntry,
): { readonly config: string; readonly dropIn: string } {
  const { state, userdata, logFile, owner } = placesOf(entry);
  const config = {
    site: entry.site,
    userdata,
    state,
    log_file: logFile,
    ...(entry.role === 'hub'
      ? { spokes: inventory.spokes.map((spoke) => ({ site: spoke.site, link: linkTo(entry, spoke) })) }
      : { hub: { site: inventory.hub.site, link: linkTo(entry, inventory.hub), ...(entry.pulls && { pull: {} }) } }),
    files: { owner: owner.user, group: owner.group, ...(!entry.keepsOwner && { keep_owner: false }) },
    ...(entry.sidecar && { sidecar: entry.sidecar }),
    ...entry.config,
  };
  const text = `${NOTE}${stringify(config, { lineWidth: 0, aliasDuplicateObjects: false })}`;
  try {
    const checked: Config =
      entry.role === 'hub'
        ? { role: 'hub', config: parseHubConfig(text, 'config') }
        : { role: 'spoke', config: parseSpokeConfig(text, 'config') };
    return { config: text, dropIn: `${NOTE}${siteDropIn(checked)}` };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const words = error.problems.map((problem) => problem.replace(/^config:\d+: /, '')).join('\n  ');
    throw new DeployError(entry.site, `its config would be wrong:\n  ${words}`, 'Correct the inventory.');
  }
}

function linkTo(from: SiteEntry, to: SiteEntry): object {
  if (to.pulls) return { type: 'pull' };
  const { key, knownHosts } = placesOf(from);
  return { type: 'ssh', host: to.linkHost, port: to.linkPort, user: 'axle', key, known_hosts: knownHosts };
}

/** Sites that connect to this one. */
export function guestsOf({ hub, spokes }: Inventory, entry: SiteEntry): readonly SiteEntry[] {
  if (entry.role === 'hub') return spokes;
  return entry.pulls ? [] : [hub];
}

/** Sites that this one connects to. */
export function goalsOf({ hub, spokes }: Inventory, entry: SiteEntry): readonly SiteEntry[] {
  return entry.role === 'hub' ? spokes.filter((spoke) => !spoke.pulls) : [hub];
}

/** Undefined while a guest has no key yet. */
export function authorizedKeysText(
  inventory: Inventory,
  entry: SiteEntry,
  facts: ReadonlyMap<string, Facts>,
): string | undefined {
  const lines: string[] = [];
  for (const guest of guestsOf(inventory, entry)) {
    const key = facts.get(guest.site)?.publicKey;
    if (key === undefined) return undefined;
    lines.push(`${authorizedKeysLine(key, `${placesOf(entry).state}/rsyncd/${guest.site}.conf`, guest.site)}\n`);
  }
  return `${NOTE}${lines.join('')}`;
}

/** Undefined while a host's own key is not known. */
export function knownHostsText(
  inventory: Inventory,
  entry: SiteEntry,
  facts: ReadonlyMap<string, Facts>,
): string | undefined {
  const lines: string[] = [];
  for (const goal of goalsOf(inventory, entry)) {
    const keys = facts.get(goal.site)?.hostKeys ?? [];
    if (keys.length === 0) return undefined;
    for (const key of keys) lines.push(`${hostPattern(goal.linkHost, goal.linkPort)} ${key}\n`);
  }
  return `${NOTE}${lines.join('')}`;
}

/** Files in `systemd/` of the release. */
export function unitText(tree: Tree, unit: string): string {
  const file = tree.files.find(({ path }) => path === `systemd/${unit}`);
  if (file === undefined || 'link' in file) throw new Error(`the release has no systemd/${unit}`);
  return 'text' in file ? file.text : readFileSync(file.from, 'utf8');
}

/** Stands for all that a daemon has read when it has started. */
export function fingerprintOf(checksum: string, ...texts: readonly string[]): string {
  return createHash('sha256')
    .update(JSON.stringify([checksum, ...texts]))
    .digest('hex');
}
