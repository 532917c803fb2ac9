/** Reads an inventory: which sites there are, on which hosts. All mistakes are reported at once, each with its line. */
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { LineCounter, parseDocument } from 'yaml';
import { type Group, isGroup } from '../common/runtime/config-file.js';
import { type Address, ConfigError, describeError, locate, type Problem } from '../common/runtime/config-problems.js';
import {
  type HubEntry,
  type InventoryFile,
  InventorySchema,
  MINER_RESERVED,
  RESERVED,
  type SpokeEntry,
} from './inventory-schema.js';

/** One site with all that was left out filled in. */
export type SiteEntry = {
  readonly role: 'hub' | 'spoke';
  readonly site: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly become: 'sudo' | 'none';
  readonly key?: string;
  /** Where the other sites reach it. */
  readonly linkHost: string;
  readonly linkPort: number;
  readonly userdata: string;
  readonly owner: { readonly user: string; readonly group: string };
  readonly keepsOwner: boolean;
  readonly sidecar?: Readonly<Record<string, unknown>>;
  readonly config: Readonly<Record<string, unknown>>;
  /** The miner agent's config, as far as a person gave it; undefined where there is none. */
  readonly miner?: Readonly<Record<string, unknown>>;
  /** Fleets of miners are among its documents: the hub's, and those of sites whose agent publishes through it. */
  readonly keepsFleets: boolean;
  /** Nobody can connect to it: it fetches. Never the hub. */
  readonly pulls: boolean;
};

export type Inventory = {
  readonly knownHosts: string;
  readonly hub: SiteEntry;
  readonly spokes: readonly SiteEntry[];
};

/** The hub first. */
export function sitesOf({ hub, spokes }: Inventory): readonly SiteEntry[] {
  return [hub, ...spokes];
}

const ajv = new Ajv({
  allErrors: true,
  useDefaults: true,
  verbose: true,
  strict: true,
  allowUnionTypes: true,
  keywords: ['must'],
});
const validate = ajv.compile(InventorySchema);

/** What the agent of a site is told of publishing its fleet through the hub; undefined where it does not. */
export function hubRelayOf(miner: unknown): Group | undefined {
  const relay = isGroup(miner) ? miner.relay : undefined;
  return isGroup(relay) && isGroup(relay.hub) ? relay.hub : undefined;
}

/** Throws ConfigError. `home` is what ~ stands for. */
export function loadInventory(file: string, home: string): Inventory {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(file, [`${file}: cannot be read: ${(error as Error).message}`]);
  }
  return parseInventory(text, file, home);
}

/** As `loadInventory`, from text; `file` is a name for messages. */
export function parseInventory(text: string, file: string, home: string): Inventory {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, stringKeys: true });
  if (document.errors.length > 0) {
    const words = document.errors.map(
      ({ linePos, message }) => `${file}:${linePos?.[0].line ?? 1}: ${message.split('\n')[0]}`,
    );
    throw new ConfigError(file, words);
  }
  const root: unknown = document.toJS() ?? {};
  validate(root);
  const problems = (validate.errors ?? []).map((error) => describeError(error));
  if (problems.length === 0) problems.push(...ruleProblems(root as InventoryFile));
  if (problems.length > 0) {
    throw new ConfigError(file, locate(problems, file, document, lines));
  }
  return toInventory(root as InventoryFile, home);
}

function ruleProblems({ hub, spokes, config }: InventoryFile): Problem[] {
  const entries: [Address, HubEntry | SpokeEntry][] = [
    [['hub'], hub],
    ...spokes.map((spoke, index): [Address, SpokeEntry] => [['spokes', index], spoke]),
  ];
  const problems = overrideProblems(['config'], config);
  const sites = new Set<string>();
  const hosts = new Set<string>();
  for (const [address, entry] of entries) {
    if (sites.has(entry.site)) {
      problems.push({ address: [...address, 'site'], message: `must be named once (got "${entry.site}" again)` });
    }
    sites.add(entry.site);
    const place = `${entry.host}:${entry.port}`;
    if (hosts.has(place)) {
      problems.push({ address: [...address, 'host'], message: `must have one site only (got ${place} again)` });
    }
    hosts.add(place);
    if (entry.userdata !== undefined && /^\/(?:run|tmp|proc|sys|dev)(?:\/|$)/.test(entry.userdata)) {
      const message = `must be a place that services may write, such as /var/${entry.site}-data/userdata (got "${entry.userdata}")`;
      problems.push({ address: [...address, 'userdata'], message });
    }
    if (entry.become === 'none' && entry.user !== 'root') {
      problems.push({ address: [...address, 'become'], message: `must be sudo where the user is "${entry.user}"` });
    }
    problems.push(...overrideProblems([...address, 'config'], entry.config));
    if ('miner' in entry && entry.miner !== false) problems.push(...minerProblems(address, entry, entry.miner));
  }
  return problems;
}

function minerProblems(
  address: Address,
  entry: SpokeEntry,
  miner: true | Readonly<Record<string, unknown>>,
): Problem[] {
  const keys = miner === true ? {} : miner;
  const problems: Problem[] = MINER_RESERVED.filter((key) => key in keys).map((key) => ({
    address: [...address, 'miner', key],
    message: 'is made from the rest of the inventory',
  }));
  const { credit, relay } = keys;
  const groups: [Address, unknown][] = [
    [['credit'], credit],
    [['relay'], relay],
    [['relay', 'hub'], isGroup(relay) ? relay.hub : undefined],
  ];
  for (const [key, value] of groups)
    if (value !== undefined && !isGroup(value))
      problems.push({ address: [...address, 'miner', ...key], message: 'must be a group of keys' });
  if ('userdata' in (hubRelayOf(keys) ?? {}))
    problems.push({
      address: [...address, 'miner', 'relay', 'hub', 'userdata'],
      message: 'is made from the rest of the inventory',
    });
  if (entry.sidecar === false && isGroup(credit) && !('sidecar' in credit)) {
    const message = 'needs sidecar: true at this site, which takes the credits; or another one in credit.sidecar';
    problems.push({ address: [...address, 'miner', 'credit'], message });
  }
  if (entry.site === 'miner')
    problems.push({ address: [...address, 'site'], message: 'must not be "miner": that is the folder of the agent' });
  return problems;
}

function overrideProblems(address: Address, overrides: Readonly<Record<string, unknown>>): Problem[] {
  return Object.keys(overrides)
    .filter((key) => (RESERVED as readonly string[]).includes(key))
    .map((key) => ({ address: [...address, key], message: 'is made from the rest of the inventory' }));
}

function toInventory({ known_hosts, config, hub, spokes }: InventoryFile, home: string): Inventory {
  const full = (path: string): string => (path.startsWith('~/') ? `${home}/${path.slice(2)}` : path);
  const toSite = (entry: HubEntry | SpokeEntry, role: 'hub' | 'spoke'): SiteEntry => {
    const [user = '', group = ''] = entry.owner.split(':');
    const { sidecar } = entry;
    const isRelaying = (spoke: HubEntry | SpokeEntry) => 'miner' in spoke && hubRelayOf(spoke.miner) !== undefined;
    const keepsFleets = role === 'hub' ? spokes.some(isRelaying) : isRelaying(entry);
    const { kinds = {}, ...others }: Group = { ...config, ...entry.config };
    return {
      role,
      site: entry.site,
      host: entry.host,
      port: entry.port,
      user: entry.user,
      become: entry.become ?? (entry.user === 'root' ? 'none' : 'sudo'),
      ...(entry.key !== undefined && { key: full(entry.key) }),
      linkHost: entry.link_host ?? entry.host,
      linkPort: entry.link_port ?? entry.port,
      userdata: entry.userdata ?? `/var/${entry.site}-data/userdata`,
      owner: { user, group },
      keepsOwner: entry.keep_owner,
      ...(sidecar !== false && { sidecar: sidecar === true ? {} : sidecar }),
      ...('miner' in entry && entry.miner !== false && { miner: entry.miner === true ? {} : entry.miner }),
      keepsFleets,
      config:
        keepsFleets && isGroup(kinds) ? { ...others, kinds: { fleet: {}, ...kinds } } : { ...config, ...entry.config },
      pulls: 'link' in entry && entry.link === 'pull',
    };
  };
  return {
    knownHosts: full(known_hosts),
    hub: toSite(hub, 'hub'),
    spokes: spokes.map((spoke) => toSite(spoke, 'spoke')),
  };
}
