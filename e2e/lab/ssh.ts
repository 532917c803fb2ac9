/** Keys, known hosts and forced commands between the hub (a lab's first host) and its spokes. */

import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { AXLE_ACCOUNT, AXLE_HOME, makeAxleAccount } from './accounts.js';
import type { Host } from './host.js';
import type { Lab } from './lab.js';
import { makeKey } from './root.js';

/** A site's own ends of its links: its private key, and the peers it trusts. Paths inside the host. */
export function sshFiles(site: string): { key: string; knownHosts: string } {
  return { key: `${AXLE_HOME}/${site}/ssh/id_ed25519`, knownHosts: `${AXLE_HOME}/${site}/ssh/known_hosts` };
}

/** The first host is the hub; each other host is a spoke and knows nobody but the hub. */
export function hubAndSpokes(lab: Lab): { hub: Host; spokes: readonly Host[] } {
  const [hub, ...spokes] = lab.hosts;
  if (hub === undefined) throw new Error('a lab without hosts');
  return { hub, spokes };
}

/** Afterwards the account `axle` of each host may open an rsync daemon at its peers, and nothing else. */
export async function setUpSsh(lab: Lab): Promise<void> {
  const { hub, spokes } = hubAndSpokes(lab);
  await Promise.all(lab.hosts.map(makeSite));
  for (const spoke of spokes) {
    admit(hub, spoke);
    admit(spoke, hub);
  }
  for (const host of lab.hosts) await host.must(['chown', '-R', `${AXLE_ACCOUNT}:`, AXLE_HOME]);
}

async function makeSite(host: Host): Promise<void> {
  await makeAxleAccount(host);
  const folder = host.path(`${AXLE_HOME}/${host.name}/ssh`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  mkdirSync(host.path(`${AXLE_HOME}/.ssh`), { recursive: true, mode: 0o700 });
  rmSync(host.path(sshFiles(host.name).knownHosts), { force: true });
  rmSync(host.path(`${AXLE_HOME}/.ssh/authorized_keys`), { force: true });
  await makeKey(`${folder}/id_ed25519`, host.name);
}

/** `host` lets `guest` in, and `guest` knows by which key to recognise `host`. */
function admit(host: Host, guest: Host): void {
  const config = `${AXLE_HOME}/${host.name}/rsyncd/${guest.name}.conf`;
  const options = `restrict,command="rsync --server --daemon --config=${config} ."`;
  const key = guest.read(`${sshFiles(guest.name).key}.pub`).trim();
  appendFileSync(host.path(`${AXLE_HOME}/.ssh/authorized_keys`), `${options} ${key}\n`, { mode: 0o600 });
  appendFileSync(guest.path(sshFiles(guest.name).knownHosts), `${hostKeyLine(host)}\n`, { mode: 0o600 });
}

/** A known_hosts line for a host, read from its disk: no first connection has to be trusted. */
export function hostKeyLine(host: Host): string {
  const [type, key] = host.read('/etc/ssh/ssh_host_ed25519_key.pub').split(' ');
  return `${host.address} ${type} ${key}`;
}
