/** Where the things of a site are on its host. */
import { dirname } from 'node:path';
import { siteDropInPath, UNITS } from '../common/runtime/units.js';
import type { SiteEntry } from './inventory.js';

export const AXLE_HOME = '/var/lib/axle';
export const RELEASES = '/opt/axle/releases';

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
  readonly logs: string;
  readonly logFile: string;
  readonly owner: { readonly user: string; readonly group: string };
  /** Folders and files that a plan compares. */
  readonly looked: readonly string[];
};

export function placesOf({ role, site, userdata, owner }: SiteEntry): Places {
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
  const kinds = KINDS.map((kind) => `${userdata}/${kind}`);
  return {
    unit,
    ...files,
    state,
    database: `${state}/state.db`,
    key: `${state}/ssh/id_ed25519`,
    userdata,
    kinds,
    logs,
    logFile: `${logs}/sync-daemon.log`,
    owner,
    looked: [userdata, ...kinds, logs, state, `${state}/ssh`, ...Object.values(files)],
  };
}
