/** Syncthing as fast as it goes, on a private network: fixed addresses, no discovery, relays, NAT traversal or GUI. */

import type { Host } from '../../e2e/lab/host.js';
import type { Lab } from '../../e2e/lab/lab.js';
import { missingPrograms } from '../../e2e/lab/requirements.js';
import { emptyFolder, HUB, SPOKES, type System, stopUnit, writeUnit } from '../system.js';

/** Where its identity and index are. */
export const HOME = '/var/bench/syncthing';
const FOLDER = `${HOME}/userdata`;
const UNIT = 'bench-syncthing.service';
const PORT = 22_000;

/** `watcherDelaySeconds` is Syncthing's `fsWatcherDelayS`: default 10; version 1.19 takes whole seconds only, so 1 at least. */
export function syncthing(name: string, watcherDelaySeconds: number): System {
  return {
    name,
    settings: `fsWatcherDelayS ${watcherDelaySeconds}, fixed tcp addresses, fsync off`,
    twoWay: true,
    obstacles: () => missingPrograms({ syncthing: 'syncthing' }),
    version: async (lab) => (await lab.host(HUB).must(['syncthing', '--version'])).split(' ').slice(0, 2).join(' '),
    paths: () => FOLDER,

    async start(lab) {
      const ids = new Map<string, string>();
      for (const host of lab.hosts) {
        emptyFolder(host, FOLDER);
        ids.set(host.name, await makeIdentity(host));
      }
      for (const host of lab.hosts) {
        host.write(`${HOME}/home/config.xml`, config(host, neighbours(lab, host), ids, FOLDER, watcherDelaySeconds));
        const command = `/usr/bin/syncthing --home=${HOME}/home --no-browser --no-restart --no-upgrade`;
        const silent = 'Environment=STNODEFAULTFOLDER=1 STNOUPGRADE=1 HOME=/root';
        await writeUnit(host, UNIT, [silent, `ExecStart=${command}`]);
        await host.must(['systemctl', 'start', UNIT]);
      }
    },

    async stop(lab) {
      await Promise.all(lab.hosts.map((host) => stopUnit(host, UNIT)));
    },
  };
}

/** A fresh identity and an empty index for each start. */
export async function makeIdentity(host: Host): Promise<string> {
  await host.must(['rm', '-rf', `${HOME}/home`]);
  await host.must(['syncthing', 'generate', `--home=${HOME}/home`, '--no-default-folder']);
  return (await host.must(['syncthing', `--home=${HOME}/home`, '--device-id'])).trim();
}

/** The hub knows both spokes, a spoke only the hub: the same paths as Axle's. */
function neighbours(lab: Lab, host: Host): Host[] {
  return host.name === HUB ? SPOKES.map((name) => lab.host(name)) : [lab.host(HUB)];
}

/** `folder` is shared with `peers`; `ids`: host name → identity. */
export function config(
  host: Host,
  peers: readonly Host[],
  ids: ReadonlyMap<string, string>,
  folder: string,
  watcherDelayS: number,
): string {
  const devices = [host, ...peers];
  const members = devices.map(({ name }) => `<device id="${ids.get(name)}"></device>`).join('');
  const entries = devices.map(({ name, address }) => {
    const tcp = `<address>tcp://${address}:${PORT}</address>`;
    return `<device id="${ids.get(name)}" name="${name}" compression="never">${tcp}</device>`;
  });
  return `<configuration version="35">
  <folder id="userdata" path="${folder}" type="sendreceive" rescanIntervalS="3600" fsWatcherEnabled="true"
      fsWatcherDelayS="${watcherDelayS}" ignorePerms="true">
    ${members}<minDiskFree unit="%">0</minDiskFree><disableFsync>true</disableFsync>
  </folder>
  ${entries.join('\n  ')}
  <gui enabled="false"></gui>
  <options>
    <listenAddress>tcp://0.0.0.0:${PORT}</listenAddress>
    <globalAnnounceEnabled>false</globalAnnounceEnabled><localAnnounceEnabled>false</localAnnounceEnabled>
    <relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled>
    <reconnectionIntervalS>1</reconnectionIntervalS><startBrowser>false</startBrowser>
    <urAccepted>-1</urAccepted><crashReportingEnabled>false</crashReportingEnabled>
    <autoUpgradeIntervalH>0</autoUpgradeIntervalH><setLowPriority>false</setLowPriority>
  </options>
</configuration>
`;
}
