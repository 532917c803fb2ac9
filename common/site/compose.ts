/** From a checked configuration to a site: the one place where clock, randomness, accounts and transports are chosen. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { DEFAULT_POLICIES, type KindPolicy, mergePolicies } from '../core/policy.js';
import { FolderTransport } from '../link/folder-transport.js';
import { PullFetcher } from '../link/pull-fetcher.js';
import { RsyncTransport } from '../link/rsync-transport.js';
import { rsyncdConfig } from '../link/rsyncd-config.js';
import type { SshPeer } from '../link/ssh-args.js';
import { SshMaster } from '../link/ssh-master.js';
import type { Transport } from '../link/transport.js';
import type { GuardOptions } from '../replica/guard.js';
import type { Attributes } from '../replica/live-files.js';
import { noSteps } from '../replica/steps.js';
import { Backoff } from '../runtime/backoff.js';
import type { HubConfig, LinkConfig, SpokeConfig, SshLinkConfig } from '../runtime/config.js';
import type { Log } from '../runtime/log.js';
import { start } from '../runtime/spawn.js';
import type { PeerFolders, PeerOptions, SiteOptions } from './options.js';
import { PullOutbox } from './pull-outbox.js';

type Shared = Omit<SpokeConfig, 'hub'>;

export async function hubOptions(config: HubConfig, log: Log): Promise<SiteOptions> {
  const peers = config.spokes.map(
    ({ site, link }): PeerOptions => ({
      site,
      transport: (folders) => makeTransport(config, site, link, folders, log),
    }),
  );
  return { ...(await shared(config, log)), isHub: true, peers };
}

export async function spokeOptions(config: SpokeConfig, log: Log): Promise<SiteOptions> {
  const { site, link, pull } = config.hub;
  const peer: PeerOptions = { site, transport: (folders) => makeTransport(config, site, link, folders, log) };
  const base = { ...(await shared(config, log)), isHub: false };
  if (pull === undefined || link.type !== 'ssh') return { ...base, peers: [peer] };
  const make = (folders: PeerFolders) =>
    // A fetch and a delivery share no connection that either could block.
    new PullFetcher({ peer: sshPeer(config, link), module: pull.module, inboxFolder: folders.inbox, control: 'none' });
  return { ...base, peers: [{ ...peer, fetcher: { make, interval_ms: pull.interval_ms } }] };
}

async function shared(config: Shared, log: Log): Promise<Omit<SiteOptions, 'isHub' | 'peers'>> {
  const kinds = config.kinds as Record<string, Partial<KindPolicy>>;
  const created = await createdFiles(config.files);
  return {
    site: config.site,
    userdata: config.userdata,
    state: config.state,
    policies: mergePolicies(DEFAULT_POLICIES, kinds),
    kindsNamed: Object.keys(kinds),
    joinRule: config.join,
    guards: guardsOf(config),
    maxFileBytes: config.limits.max_file_bytes,
    batchDocuments: config.limits.batch_documents,
    batchBytes: config.limits.batch_bytes,
    clockSkewMaxMs: config.max_clock_skew_s * 1000,
    rightsIdleMs: config.rights_idle_s * 1000,
    scanIntervalMs: config.scan_interval_s * 1000,
    verifyIntervalMs: config.verify_interval_s * 1000,
    ...(created && { created }),
    log,
    now: () => Date.now(),
    steady: () => performance.now(),
    random: Math.random,
    randomHex: (bytes) => randomBytes(bytes).toString('hex'),
    steps: noSteps,
  };
}

/** The limits of the guards, as the replica takes them. */
export function guardsOf({ guards }: Pick<Shared, 'guards'>): GuardOptions {
  const { zero, burst_documents, burst_percent, window_s } = guards;
  return { zero, burst: { documents: burst_documents, percent: burst_percent, windowMs: window_s * 1000 } };
}

function makeTransport(config: Shared, peer: string, link: LinkConfig, folders: PeerFolders, log: Log): Transport {
  const clock = { now: () => performance.now() };
  if (link.type === 'folder')
    return new FolderTransport({ outboxFolder: folders.outbox, inboxFolder: link.inbox, clock });
  writeRsyncdConfig(config.state, peer, folders);
  if (link.type === 'pull') return new PullOutbox(folders.outbox, folders.shelf, () => Date.now());
  const ssh = sshPeer(config, link);
  const backoff = new Backoff({ first_ms: 500, limit_ms: 30_000, random: Math.random });
  const master = new SshMaster({
    peer: ssh,
    runtimeFolder: folders.run,
    backoff,
    onEnd: (why) => log.debug('ssh connection ended', { peer, code: why.code, reason: why.message }),
  });
  master.start();
  const rsync = new RsyncTransport({
    peer: ssh,
    module: link.module,
    outboxFolder: folders.outbox,
    control: master.control,
    clock,
    random: Math.random,
    limit_ms: link.timeout_s * 1000,
    onStale: () => master.restart(),
  });
  return {
    deliver: (name, signal) => rsync.deliver(name, signal),
    warm: () => rsync.warm(),
    close: async () => {
      await rsync.close();
      await master.close();
    },
  };
}

/** How an ssh link is reached, with the key and known hosts of this state where the config names none. */
export function sshPeer(config: Shared, link: SshLinkConfig): SshPeer {
  return {
    host: link.host,
    port: link.port,
    user: link.user,
    keyFile: link.key ?? path.join(config.state, 'ssh', 'id_ed25519'),
    knownHostsFile: link.known_hosts ?? path.join(config.state, 'ssh', 'known_hosts'),
  };
}

/** The rsync daemon configuration that the forced command of this peer's key names: `<state>/rsyncd/<peer>.conf`. */
function writeRsyncdConfig(state: string, peer: string, folders: PeerFolders): void {
  const folder = path.join(state, 'rsyncd');
  fs.mkdirSync(folder, { recursive: true });
  const text = rsyncdConfig({
    inboxFolder: folders.inbox,
    outboxFolder: folders.shelf,
    lockFile: path.join(folders.run, `rsyncd-${peer}.lock`),
  });
  const file = path.join(folder, `${peer}.conf`);
  if (fs.existsSync(file) && fs.readFileSync(file, 'utf8') === text) return;
  fs.writeFileSync(`${file}.new`, text, { mode: 0o644 });
  fs.renameSync(`${file}.new`, file);
}

/** Owner, group and mode of files that Axle creates, as numbers. Rejects where there is no such account. */
export async function createdFiles(files: Shared['files']): Promise<Partial<Attributes> | undefined> {
  if (files === undefined) return undefined;
  return {
    ...(files.owner !== undefined && { uid: await idOf('passwd', files.owner) }),
    ...(files.group !== undefined && { gid: await idOf('group', files.group) }),
    ...(files.mode !== undefined && { mode: Number.parseInt(files.mode, 8) }),
  };
}

const LOOKUP_MS = 10_000;

/** The number of an account or group by the system's own lookup (files, LDAP, …). */
async function idOf(database: 'passwd' | 'group', name: string): Promise<number> {
  const { code, stdout } = await start('getent', [database, name], { timeout_ms: LOOKUP_MS }).exited;
  const id = Number(stdout.split(':')[2]);
  if (code !== 0 || !Number.isInteger(id))
    throw new Error(
      `files: there is no ${database === 'passwd' ? 'account' : 'group'} ${JSON.stringify(name)} on this machine`,
    );
  return id;
}
