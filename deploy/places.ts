/** Where the things of a site are on its host. */
import { dirname } from 'node:path';
import { siteDropInPath, UNITS } from '../common/runtime/units.js';
import type { SiteEntry } from './inventory.js';

export const AXLE_HOME = '/var/lib/axle';
export const RELEASES = '/opt/axle/releases';
/** What was in force when the daemon, or the agent, was started last by a deploy. */
export const APPLIED = { site: '/opt/axle/applied', miner: '/opt/axle/applied-miner' } as const;

/** Made where they are missing: what sites have, and what the watcher would otherwise first hear of later. */
const KINDS = ['balances', 'profiles', 'tokens', 'inbox'];

export type Places = {
  readonly unit: string;
  /** Says what of the disk this site's daemon may write, and with which rights. */
  readonly dropIn: string;
  readonly restartSteps: string;
  readonly unitFile: string;
  readonly config: string;
  readonly state: string;
  readonly database: string;
  readonly key: string;
  readonly knownHosts: string;
  readonly authorizedKeys: string;
  readonly userdata: string;
  readonly kinds: readonly string[];
  /** Where the site's agent publishes; other sites that keep fleets have it, too. */
  readonly fleets: string;
  readonly logs: string;
  /** Of the sidecar. */
  readonly socket: string;
  /** Whom the sidecar lets in. */
  readonly tokens: string;
  readonly logFile: string;
  readonly owner: { readonly user: string; readonly group: string };
  /** Folders and files that a plan compares. */
  readonly looked: readonly string[];
};

export function placesOf({ role, site, userdata, owner, sidecar, keepsFleets }: SiteEntry): Places {
  const unit = UNITS[role];
  const state = `${AXLE_HOME}/${site}`;
  const logs = `${dirname(userdata)}/logs`;
  const files = {
    unitFile: `/etc/systemd/system/${unit}`,
    dropIn: siteDropInPath(role),
    restartSteps: `/etc/systemd/system/${unit}.d/restart-steps.conf`,
    config: `/etc/axle/${role}.yaml`,
    knownHosts: `${state}/ssh/known_hosts`,
    authorizedKeys: `${AXLE_HOME}/.ssh/authorized_keys`,
  };
  const fleets = `${userdata}/fleet`;
  const kinds = [...KINDS.map((kind) => `${userdata}/${kind}`), ...(keepsFleets ? [fleets] : [])];
  return {
    unit,
    ...files,
    state,
    database: `${state}/state.db`,
    key: `${state}/ssh/id_ed25519`,
    userdata,
    kinds,
    fleets,
    logs,
    socket: String(sidecar?.socket ?? `/run/axle/${site}/sidecar.sock`),
    tokens: String(sidecar?.tokens ?? `${state}/tokens.json`),
    logFile: `${logs}/sync-daemon.log`,
    owner,
    looked: [userdata, ...kinds, logs, state, `${state}/ssh`, ...Object.values(files)],
  };
}

/** Where an agent has its things. They are the host's: one agent looks after one network. */
export const MINER = {
  unit: UNITS.miner,
  unitFile: `/etc/systemd/system/${UNITS.miner}`,
  restartSteps: `/etc/systemd/system/${UNITS.miner}.d/restart-steps.conf`,
  dropIn: siteDropInPath('miner'),
  config: '/etc/axle/miner.yaml',
  state: `${AXLE_HOME}/miner`,
  /** With which it comes to the site's sidecar. */
  token: `${AXLE_HOME}/miner/token`,
  /** By which the sidecar knows the agent; its answers are kept under it. */
  tokenName: 'miner-agent',
} as const;

/** Folders and files that a plan compares. */
export const MINER_LOOKED: readonly string[] = [
  MINER.state,
  MINER.config,
  MINER.unitFile,
  MINER.dropIn,
  MINER.restartSteps,
];

export function unitsOf(entry: SiteEntry): readonly string[] {
  return [placesOf(entry).unit, ...(entry.miner === undefined ? [] : [MINER.unit])];
}
