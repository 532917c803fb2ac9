/** What has to change on a host: a pure value, worked out from what should be and what is. An empty plan: nothing to do. */
import { dirname } from 'node:path';
import { authorizedKeysText, fingerprintOf, guestsOf, knownHostsText, siteTexts, unitText } from './desired.js';
import type { Facts, FileFact } from './facts.js';
import { hubRelayOf, type Inventory, type SiteEntry, sitesOf } from './inventory.js';
import { minerChanges, minerFingerprint } from './miner.js';
import { MINER, placesOf, RELEASES } from './places.js';
import type { Manifest, Tree } from './release/tree.js';

/** One thing to be done on a host. `text` is what a plan shows of it. */
export type Change = { readonly text: string } & (
  | { readonly do: 'release' }
  | { readonly do: 'account' }
  | { readonly do: 'folders'; readonly paths: readonly string[]; readonly owner: string; readonly mode: string }
  | { readonly do: 'share'; readonly paths: readonly string[] }
  | { readonly do: 'key' }
  | {
      readonly do: 'file';
      readonly path: string;
      readonly owner: string;
      readonly mode: string;
      /** Undefined in a plan that is only shown: a key that belongs into it does not exist yet. */
      readonly content: string | undefined;
      readonly check?: 'config';
    }
  | { readonly do: 'current' }
  | { readonly do: 'token' }
  | { readonly do: 'remove-miner' }
  | { readonly do: 'start'; readonly what: 'site' | 'miner' }
);

export type HostPlan = {
  readonly entry: SiteEntry;
  /** Why nothing can be done on this host, each with its remedy. */
  readonly problems: readonly string[];
  readonly changes: readonly Change[];
  /** What is in force once all is done. */
  readonly fingerprint: string;
  /** The same of the miner agent; undefined where there is none. */
  readonly minerFingerprint?: string;
};

export type Plan = readonly HostPlan[];

/** Changes that other hosts wait for: a key that does not exist cannot be let in. */
export const FIRST: ReadonlySet<Change['do']> = new Set(['release', 'account', 'folders', 'share', 'key']);

/** `facts`: of every site of the inventory. */
export function makePlan(inventory: Inventory, tree: Tree, facts: ReadonlyMap<string, Facts>): Plan {
  return sitesOf(inventory).map((entry) => planHost(inventory, entry, tree, facts));
}

function planHost(inventory: Inventory, entry: SiteEntry, tree: Tree, all: ReadonlyMap<string, Facts>): HostPlan {
  const facts = all.get(entry.site);
  if (facts === undefined) throw new Error(`nothing is known of the host of ${entry.site}`);
  const places = placesOf(entry);
  const { config, dropIn } = siteTexts(inventory, entry);
  const unit = unitText(tree, places.unit);
  const fingerprint = fingerprintOf(tree.manifest.checksum, config, unit, dropIn);
  const before = [
    ...releaseChanges(tree.manifest, facts),
    ...accountChanges(facts),
    ...folderChanges(entry, facts),
    ...shareChanges(entry, facts),
  ];
  if (facts.publicKey === undefined) before.push({ do: 'key', text: `ssh key of ${entry.site}` });

  const file = (path: string, content: string | undefined, owner: string, mode: string, text = path): Change[] =>
    isSame(facts.files.get(path), content, owner, mode) ? [] : [{ do: 'file', path, owner, mode, content, text }];
  const restartSteps = facts.systemd < RESTART_STEPS_SINCE ? undefined : unitText(tree, 'restart-steps.conf');
  const guests = guestsOf(inventory, entry).map((guest) => guest.site);
  const lets = guests.length === 0 ? 'lets nobody in' : `lets in ${guests.join(', ')}, to deliver batches only`;
  const after: Change[] = [
    ...file(
      places.knownHosts,
      knownHostsText(inventory, entry, all),
      'axle:axle',
      '600',
      `${places.knownHosts}, pinned host keys`,
    ),
    ...file(
      places.authorizedKeys,
      authorizedKeysText(inventory, entry, all),
      'axle:axle',
      '600',
      `${places.authorizedKeys}, ${lets}`,
    ),
    ...file(places.config, config, 'root:axle', '640').map((change) => ({ ...change, check: 'config' as const })),
    ...file(places.unitFile, unit, 'root:root', '644'),
    ...file(places.dropIn, dropIn, 'root:root', '644'),
    ...(restartSteps === undefined ? [] : file(places.restartSteps, restartSteps, 'root:root', '644')),
  ];
  if (facts.current !== tree.manifest.version || !facts.hasCommand) {
    const from = facts.current === undefined ? '' : `${facts.current} → `;
    after.push({ do: 'current', text: `version ${from}${tree.manifest.version}` });
  }
  after.push(...startChanges(entry, facts, fingerprint, [...before, ...after]));
  after.push(...minerChanges(entry, facts, tree, file, restartSteps));
  const minerPrint = minerFingerprint(entry, tree);
  return {
    entry,
    problems: [...problemsOf(entry, facts, tree.manifest), ...foreignUnit(entry, facts, unit)],
    changes: [...before, ...after],
    fingerprint,
    ...(minerPrint !== undefined && { minerFingerprint: minerPrint }),
  };
}

function releaseChanges({ version, checksum, node }: Manifest, { releases }: Facts): Change[] {
  if (releases.some((release) => release.version === version && release.checksum === checksum)) return [];
  return [{ do: 'release', text: `${RELEASES}/${version}, with Node ${node}` }];
}

function accountChanges({ account }: Facts): Change[] {
  if (account === 'good') return [];
  return [{ do: 'account', text: account === 'locked' ? 'account axle, opened for forced commands' : 'account axle' }];
}

function folderChanges(entry: SiteEntry, { folders }: Facts): Change[] {
  const { userdata, kinds, fleets, logs, state, owner } = placesOf(entry);
  const wrong = (paths: readonly string[], belongs: string, mode: string): Change[] => {
    const wanted = paths.filter((path) => folders.get(path) !== `${belongs}:${mode}`);
    return wanted.length === 0
      ? []
      : [{ do: 'folders', paths: wanted, owner: belongs, mode, text: textOf(wanted, belongs) }];
  };
  const textOf = ([first = '', ...more]: readonly string[], belongs: string): string => {
    const top = more.every((path) => path.startsWith(`${first}/`)) ? first : dirname(first);
    const below = more.map((path) => path.slice(top.length + 1));
    return top === first
      ? `${first}${below.length === 0 ? '' : `, with ${below.join(', ')}`} (${belongs})`
      : `${[first, ...below].join(', ')} (${belongs})`;
  };
  const hasFleet = hubRelayOf(entry.miner) !== undefined;
  // What the site has made itself stays as it is.
  const missing = [userdata, ...kinds].filter((path) => !folders.has(path) && !(hasFleet && path === fleets));
  return [
    ...wrong([state], 'axle:axle', '750'),
    ...wrong([`${state}/ssh`], 'axle:axle', '700'),
    ...wrong([logs], 'axle:axle', '755'),
    ...(entry.miner === undefined ? [] : wrong([MINER.state], 'axle:axle', '750')),
    ...wrong(missing, `${owner.user}:${owner.group}`, '755'),
    // The agent has no capability and no group of the site's: this one folder is its own, and PHP's by its group or the ACL.
    ...(hasFleet ? wrong([fleets], `${entry.keepsOwner ? 'axle' : owner.user}:${owner.group}`, '2775') : []),
  ];
}

/** Once: what PHP or the daemon makes from then on inherits it. */
function shareChanges(entry: SiteEntry, { folders, shared }: Facts): Change[] {
  const { userdata, kinds, owner } = placesOf(entry);
  const all = [userdata, ...kinds];
  if (entry.keepsOwner || all.every((path) => folders.has(path) && shared.has(path))) return [];
  return [{ do: 'share', paths: all, text: `${userdata}: ${owner.user} and axle may write each other's files (ACL)` }];
}

function startChanges({ site }: SiteEntry, facts: Facts, fingerprint: string, changes: readonly Change[]): Change[] {
  const { active, enabled } = facts.unit;
  const isRunning = active === 'active' && enabled === 'enabled';
  if (isRunning && facts.applied === fingerprint && !changes.some(isForDaemon)) return [];
  const verb = active === 'active' ? 'restart' : 'start';
  return [{ do: 'start', what: 'site', text: `${verb} ${site}, and wait until it is ready` }];
}

/** Whether a daemon that runs does not have it yet. Whom sshd lets in is none of its business. */
function isForDaemon(change: Change): boolean {
  if (change.do === 'file') return !change.path.endsWith('/authorized_keys');
  return change.do === 'key' || change.do === 'current';
}

function isSame(fact: FileFact | undefined, content: string | undefined, owner: string, mode: string): boolean {
  return fact !== undefined && fact.content === content && fact.attributes === `${owner}:${mode}`;
}

/** Older ones warn of what they do not know. */
const RESTART_STEPS_SINCE = 254;

const MACHINES: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64', arm: 'armv7l' };
const RSYNC_MIN = [3, 2, 4] as const;
/** Two releases with their Node. */
const FREE_KIB_MIN = 600 * 1024;

function problemsOf(entry: SiteEntry, facts: Facts, release: Manifest): string[] {
  const problems: string[] = [];
  if (!facts.isRoot) problems.push('what runs there does not run as root. Set become: sudo.');
  if (facts.systemd === 0) problems.push('systemd is not running there. Axle is run by systemd.');
  if (release.platform !== 'linux' || facts.machine !== (MACHINES[release.arch] ?? release.arch)) {
    const ours = `${release.platform}-${release.arch}`;
    problems.push(`it is Linux on ${facts.machine}, and this release is for ${ours}. Deploy from such a machine.`);
  }
  const packages = new Set(facts.missing.map((program) => PACKAGES[program] ?? program));
  if (packages.size > 0) {
    const names = [...packages].sort().join(' ');
    problems.push(`${facts.missing.join(', ')}: missing. There, as root: apt-get install ${names}`);
  } else if (facts.rsync !== undefined && isOlder(facts.rsync, RSYNC_MIN)) {
    problems.push(`rsync is ${facts.rsync}, and Axle needs ${RSYNC_MIN.join('.')} or newer. Upgrade the system.`);
  }
  if (!facts.owner.user || !facts.owner.group) {
    const { user, group } = entry.owner;
    const what = facts.owner.user ? `group ${group}` : `account ${user}`;
    problems.push(`there is no ${what}, to whom the site's files would belong. Correct owner:, or install PHP first.`);
  }
  if (!entry.keepsOwner && !facts.hasAcl) {
    problems.push('setfacl: missing, which keep_owner: false needs. There, as root: apt-get install acl');
  }
  if (facts.hostKeys.length === 0) problems.push("its sshd's host keys cannot be read. Other sites could not know it.");
  if (facts.freeKiB < FREE_KIB_MIN && facts.current === undefined) {
    problems.push(`only ${Math.floor(facts.freeKiB / 1024)} MB are free in /opt. A release takes 200 MB.`);
  }
  const same = facts.releases.find(({ version }) => version === release.version);
  if (same !== undefined && same.checksum !== release.checksum && facts.current === release.version) {
    problems.push(
      `another build of ${release.version} is in use there. Raise "version" in package.json: a version is never changed in place.`,
    );
  }
  if (facts.schema !== undefined && facts.schema > release.schema) problems.push(schemaProblem(facts.schema, release));
  return problems;
}

/**
 * A unit of the same name that runs something else: what copied files before Axle. Taken away on one host while it runs on
 * another, it would bring credits there a second time.
 */
function foreignUnit(entry: SiteEntry, facts: Facts, ours: string): string[] {
  const { unit, unitFile } = placesOf(entry);
  const content = facts.files.get(unitFile)?.content;
  if (facts.unit.active !== 'active' || content === undefined || content === ours) return [];
  if (content.includes(dirname(RELEASES))) return [];
  return [
    `another ${unit} runs there, which is not Axle's. Stop and disable it, on all hosts before any of them: systemctl disable --now ${unit} (docs/OPERATING.md, From the shell daemons).`,
  ];
}

/** What an older release says to a database that a newer one has written. */
export function schemaProblem(schema: number, { version, schema: readable }: Manifest): string {
  return (
    `its state has schema ${schema}, and ${version} reads up to ${readable}. ` +
    'Stay with the newer version; to go back all the same, restore a backup of the state that is as old as that version.'
  );
}

const PACKAGES: Readonly<Record<string, string>> = {
  systemctl: 'systemd',
  'systemd-sysusers': 'systemd',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  sshd: 'openssh-server',
  runuser: 'util-linux',
  sha256sum: 'coreutils',
  install: 'coreutils',
};

function isOlder(version: string, least: readonly number[]): boolean {
  const parts = version.split('.').map(Number);
  for (const [index, wanted] of least.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part < wanted;
  }
  return false;
}
