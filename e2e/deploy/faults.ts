/** What goes wrong with a site on a real server, and the code by which `axle doctor` must name it. */
import type { Host } from '../lab/host.js';

export type Fault = {
  readonly what: string;
  /** Finding of doctor at `at`. */
  readonly code: string;
  readonly plant: (hosts: FaultHosts) => Promise<unknown>;
  readonly mend: (hosts: FaultHosts) => Promise<unknown>;
};

export type FaultHosts = { readonly hub: Host; readonly spoke: Host };

const SITE = 'roflfaucet';
const DATA = `/var/${SITE}-data/userdata`;
const STATE = `/var/lib/axle/${SITE}`;
const KEYS = '/var/lib/axle/.ssh/authorized_keys';
const CONFIG = '/etc/axle/spoke.yaml';
const UNIT = 'sync-to-hub';

const move = (host: Host, from: string, to: string): Promise<string> => host.must(['mv', from, to]);
const away = (file: string) => ({
  plant: ({ spoke }: FaultHosts) => move(spoke, file, `${file}.away`),
  mend: ({ spoke }: FaultHosts) => move(spoke, `${file}.away`, file),
});
/** Replaces the hub's authorized_keys by what `sed` makes of it. */
const keys = (script: string) => ({
  plant: ({ hub }: FaultHosts) => hub.must(['sed', '-i.before', script, KEYS]),
  mend: ({ hub }: FaultHosts) => move(hub, `${KEYS}.before`, KEYS),
});

/** On the spoke, where doctor runs, and at its hub. Each is mended before the next. */
export const FAULTS: readonly Fault[] = [
  {
    what: 'the unit does not run',
    code: 'AXL-UNIT-INACTIVE',
    plant: ({ spoke }) => spoke.must(['systemctl', 'stop', UNIT]),
    mend: ({ spoke }) => spoke.must(['systemctl', 'start', UNIT]),
  },
  {
    what: 'the daemon was killed and may not come back',
    code: 'AXL-NOT-RUNNING',
    plant: async ({ spoke }) => {
      await spoke.must(['systemctl', 'mask', '--runtime', UNIT]);
      await spoke.must(['systemctl', 'kill', '--signal=KILL', UNIT]);
      await spoke.run(['systemctl', 'stop', UNIT]);
    },
    mend: async ({ spoke }) => {
      await spoke.must(['systemctl', 'unmask', '--runtime', UNIT]);
      await spoke.must(['systemctl', 'start', UNIT]);
    },
  },
  {
    what: 'the unit does not start at boot',
    code: 'AXL-UNIT-DISABLED',
    plant: ({ spoke }) => spoke.must(['systemctl', 'disable', UNIT]),
    mend: ({ spoke }) => spoke.must(['systemctl', 'enable', UNIT]),
  },
  { what: 'rsync was removed', code: 'AXL-RSYNC', ...away('/usr/bin/rsync') },
  { what: 'ssh was removed', code: 'AXL-SSH', ...away('/usr/bin/ssh') },
  { what: 'the site’s key is gone', code: 'AXL-KEY-MISSING', ...away(`${STATE}/ssh/id_ed25519`) },
  {
    what: 'the hub shows another host key',
    code: 'AXL-HOST-KEY',
    plant: ({ spoke }) =>
      spoke.sh(
        `cp -p ${STATE}/ssh/known_hosts ${STATE}/ssh/known_hosts.before && read -r name rest < ${STATE}/ssh/known_hosts && read -r type key rest < /etc/ssh/ssh_host_ed25519_key.pub && echo "$name $type $key" > ${STATE}/ssh/known_hosts`,
      ),
    mend: ({ spoke }) => move(spoke, `${STATE}/ssh/known_hosts.before`, `${STATE}/ssh/known_hosts`),
  },
  { what: 'the hub does not take the key', code: 'AXL-KEY-REFUSED', ...keys(`/axle-${SITE}$/d`) },
  { what: 'the key opens a shell at the hub', code: 'AXL-FORCED-COMMAND', ...keys('s/^restrict,command="[^"]*" //') },
  {
    what: 'the hub’s sshd is down',
    code: 'AXL-PEER-UNREACHABLE',
    plant: ({ hub }) => hub.must(['systemctl', 'stop', 'ssh']),
    mend: ({ hub }) => hub.must(['systemctl', 'start', 'ssh']),
  },
  {
    what: 'PHP may not write balances',
    code: 'AXL-PHP-WRITE',
    plant: ({ spoke }) => spoke.must(['chown', 'root:root', `${DATA}/balances`]),
    mend: ({ spoke }) => spoke.must(['chown', 'www-data:www-data', `${DATA}/balances`]),
  },
  { what: 'a folder is missing', code: 'AXL-NO-FOLDER', ...away(`${DATA}/balances`) },
  {
    what: 'everybody may read the key',
    code: 'AXL-STATE-PERMISSION',
    plant: ({ spoke }) => spoke.must(['chmod', '0644', `${STATE}/ssh/id_ed25519`]),
    mend: ({ spoke }) => spoke.must(['chmod', '0600', `${STATE}/ssh/id_ed25519`]),
  },
  {
    what: 'the config has a mistake',
    code: 'AXL-CONFIG',
    plant: ({ spoke }) => spoke.must(['sed', '-i.before', '$a scan_intervall_s: 5', CONFIG]),
    mend: ({ spoke }) => move(spoke, `${CONFIG}.before`, CONFIG),
  },
  { what: 'the log’s folder is gone', code: 'AXL-LOG-FOLDER', ...away(`/var/${SITE}-data/logs`) },
  {
    what: 'the disk is nearly full',
    code: 'AXL-DISK',
    plant: async ({ spoke }) => {
      await spoke.must(['systemctl', 'stop', UNIT]);
      await spoke.must(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', DATA]);
    },
    mend: async ({ spoke }) => {
      await spoke.must(['umount', DATA]);
      await spoke.must(['systemctl', 'start', UNIT]);
    },
  },
  {
    what: 'a change is held',
    code: 'AXL-HELD',
    plant: async ({ spoke }) => {
      const file = `${DATA}/balances/7-held.txt`;
      await spoke.must(['runuser', '-u', 'www-data', '--', 'sh', '-c', `echo '{"balance":70}' > ${file}`]);
      await spoke.must(['sleep', '2']);
      await spoke.must(['runuser', '-u', 'www-data', '--', 'sh', '-c', `echo '{"balance":0}' > ${file}`]);
      await spoke.must(['sleep', '2']);
    },
    mend: ({ spoke }) => spoke.must(['axle', 'held', 'reject', '--all', '--config', CONFIG]),
  },
];
