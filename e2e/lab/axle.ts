/** Axle on the hosts of a lab: the built project, one config and the real systemd unit per site. */

import { chownSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { stringify } from 'yaml';
import { loadConfig } from '../../common/runtime/config.js';
import { siteDropIn, siteDropInPath, UNITS } from '../../common/runtime/units.js';
import { AXLE_ACCOUNT, AXLE_HOME } from './accounts.js';
import type { Host } from './host.js';
import type { Lab } from './lab.js';
import { REPO_ROOT } from './repo.js';
import { hubAndSpokes, sshFiles } from './ssh.js';
import { waitFor } from './wait.js';

export const KINDS = ['balances', 'profiles', 'inbox', 'tokens'] as const;
export const MAIN = `${REPO_ROOT}/dist/cli/main.js`;

/** Debian's fixed id of the account under which a site's PHP runs. */
export const WWW_DATA = 33;

/** Paths of a site inside its host. */
export function sitePaths(site: string) {
  const data = `/var/${site}-data`;
  return { data, userdata: `${data}/userdata`, logs: `${data}/logs`, state: `${AXLE_HOME}/${site}` };
}

/** The unit that keeps a site's daemon running, in the words of the sites' own scripts. */
export function unitOf(lab: Lab, site: string): string {
  return hubAndSpokes(lab).hub.name === site ? UNITS.hub : UNITS.spoke;
}

/** Checks that the built project and this Node are there, at the same paths, inside every host. */
export async function installAxle(lab: Lab): Promise<void> {
  for (const host of lab.hosts) {
    const { code, stderr } = await host.run([process.execPath, '--check', MAIN]);
    if (code !== 0) throw new Error(`${host.name} cannot run ${MAIN} (npm run build?): ${stderr}`);
  }
}

/** Writes userdata folders, config and unit on each host. Needs the accounts and keys of `setUpSsh`. `more`: for its config. */
export async function writeConfigs(lab: Lab, more: (host: Host) => object = () => ({})): Promise<void> {
  const { hub, spokes } = hubAndSpokes(lab);
  const hubConfig = { ...common(hub), spokes: spokes.map((spoke) => ({ site: spoke.name, link: link(hub, spoke) })) };
  writeSite(lab, hub, 'hub', { ...hubConfig, ...more(hub) });
  for (const spoke of spokes) {
    writeSite(lab, spoke, 'spoke', {
      ...common(spoke),
      hub: { site: hub.name, link: link(spoke, hub) },
      ...more(spoke),
    });
  }
  for (const host of lab.hosts) {
    await host.must(['chown', `${AXLE_ACCOUNT}:`, sitePaths(host.name).state, sitePaths(host.name).logs]);
    await host.must(['systemctl', 'daemon-reload']);
  }
}

/** Empties a site's userdata and its daemon's state (not its keys). The daemon must be stopped. */
export function wipeSite(host: Host): void {
  const { userdata, state } = sitePaths(host.name);
  rmSync(host.path(userdata), { recursive: true, force: true });
  makeUserdata(host);
  for (const entry of readdirSync(host.path(state))) {
    if (entry !== 'ssh') rmSync(host.path(`${state}/${entry}`), { recursive: true, force: true });
  }
}

/** Starts the hub, then the spokes, and waits until each unit has been active for a moment. */
export async function startAxle(lab: Lab): Promise<void> {
  for (const host of lab.hosts) {
    await host.must(['systemctl', 'reset-failed']);
    await host.must(['systemctl', 'start', unitOf(lab, host.name)]);
    await waitFor(`Axle on ${host.name}`, { timeoutMs: 20_000 }, async () => {
      return (await host.run(['systemctl', 'is-active', '--quiet', unitOf(lab, host.name)])).code === 0;
    });
  }
}

export async function stopAxle(lab: Lab): Promise<void> {
  await Promise.all(lab.hosts.map((host) => host.must(['systemctl', 'stop', unitOf(lab, host.name)])));
}

function common(host: Host) {
  const { userdata, state, logs } = sitePaths(host.name);
  return { site: host.name, userdata, state, log_file: `${logs}/sync-daemon.log` };
}

/** How `from` reaches `to`. */
function link(from: Host, to: Host) {
  const { key, knownHosts } = sshFiles(from.name);
  return { type: 'ssh', host: to.address, port: 22, user: AXLE_ACCOUNT, key, known_hosts: knownHosts };
}

function writeSite(lab: Lab, host: Host, role: 'hub' | 'spoke', config: object): void {
  makeUserdata(host);
  mkdirSync(host.path(sitePaths(host.name).logs), { recursive: true });
  const configFile = `/etc/axle/${role}.yaml`;
  host.write(configFile, stringify(config));
  installUnit(lab, host, role, configFile);
}

function makeUserdata(host: Host): void {
  const { data, userdata } = sitePaths(host.name);
  for (const folder of [data, userdata, ...KINDS.map((kind) => `${userdata}/${kind}`)]) {
    mkdirSync(host.path(folder), { recursive: true, mode: 0o755 });
    chownSync(host.path(folder), WWW_DATA, WWW_DATA);
  }
}

/** The project's own unit, what the site's config adds to it, and, in place of an installed Axle, this checkout. */
function installUnit(lab: Lab, host: Host, role: 'hub' | 'spoke', configFile: string): void {
  const unit = unitOf(lab, host.name);
  host.write(`/etc/systemd/system/${unit}`, readFileSync(`${REPO_ROOT}/systemd/${unit}`));
  host.write(siteDropInPath(role), siteDropIn(loadConfig(host.path(configFile), { withDisk: false })));
  host.write(`/etc/systemd/system/${unit}.d/zz-checkout.conf`, checkoutDropIn(role, configFile));
}

/** Starts this checkout with this Node instead of what is installed, also from folders that the unit hides. */
function checkoutDropIn(role: 'hub' | 'spoke', configFile: string): string {
  const needed = [process.execPath, REPO_ROOT];
  const isBelow = (...tops: string[]) => needed.filter((path) => tops.some((top) => path.startsWith(`${top}/`)));
  return [
    '[Service]',
    'ExecStart=',
    `ExecStart=${process.execPath} ${MAIN} ${role} --config ${configFile}`,
    ...isBelow('/tmp', '/var/tmp').map((path) => `BindReadOnlyPaths=${path}`),
    ...(isBelow('/home', '/root').length > 0 ? ['ProtectHome=read-only'] : []),
    '',
  ].join('\n');
}
