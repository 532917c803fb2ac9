/** Syncthing between bare hosts, each with each, as sites had it before Axle. */
import { readFileSync } from 'node:fs';
import { config, HOME, makeIdentity } from '../../../bench/systems/syncthing.js';
import { findProgram } from '../../lab/requirements.js';
import type { ThreeSites } from '../../sites/sites.js';

const UNIT = `[Unit]
Description=Syncthing for %i
[Service]
Environment=STNODEFAULTFOLDER=1 STNOUPGRADE=1 HOME=/root
ExecStart=/usr/bin/syncthing --home=${HOME}/home --no-browser --no-restart --no-upgrade
[Install]
WantedBy=multi-user.target
`;

/** Undefined where it is not installed on this machine, from which it is copied. */
export const SYNCTHING = findProgram('syncthing');

export async function startSyncthing({ all }: ThreeSites): Promise<void> {
  const ids = new Map<string, string>();
  for (const { host } of all) {
    host.write('/usr/bin/syncthing', readFileSync(SYNCTHING ?? ''), { mode: 0o755 });
    host.write('/etc/systemd/system/syncthing@.service', UNIT);
    ids.set(host.name, await makeIdentity(host));
  }
  for (const { host, userdata } of all) {
    const others = all.map((site) => site.host).filter((other) => other !== host);
    host.write(`${HOME}/home/config.xml`, config(host, others, ids, userdata, 1));
    await host.must(['mkdir', '-p', `${userdata}/.stfolder`]);
    await host.must(['systemctl', 'daemon-reload']);
    await host.must(['systemctl', 'enable', '--now', 'syncthing@root']);
  }
}
