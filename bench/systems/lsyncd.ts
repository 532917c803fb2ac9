/**
 * lsyncd 2.2 as fast as it goes: rsync over one multiplexed ssh connection per hop, first spoke → hub → second spoke.
 * It mirrors one way; two lsyncds pointed at each other overwrite and delete each other's files.
 */

import { appendFileSync, mkdirSync } from 'node:fs';
import type { Host } from '../../e2e/lab/host.js';
import { missingPrograms } from '../../e2e/lab/requirements.js';
import { makeKey } from '../../e2e/lab/root.js';
import { hostKeyLine } from '../../e2e/lab/ssh.js';
import { emptyFolder, HUB, SPOKES, type System, stopUnit, writeUnit } from '../system.js';

const HOME = '/var/bench/lsyncd';
const FOLDER = `${HOME}/userdata`;
const UNIT = 'bench-lsyncd.service';
const SSH = `/usr/bin/ssh -i ${HOME}/id_ed25519 -o UserKnownHostsFile=${HOME}/known_hosts -o BatchMode=yes \
-o ControlMaster=auto -o ControlPath=/run/bench-lsyncd-%C -o ControlPersist=yes`;

export interface LsyncdOptions {
  /** How long it gathers events before it acts. Its default is 15. */
  delaySeconds: number;
  /** rsync's `--ignore-times`: send also what has the size and second of the file at the other end. Default false. */
  ignoreTimes?: boolean;
}

export function lsyncd(name: string, options: LsyncdOptions): System {
  const { delaySeconds, ignoreTimes = false } = options;
  return {
    name,
    settings: `delay ${delaySeconds}${ignoreTimes ? ', ignore_times' : ''}, rsync over ssh ControlMaster, one way`,
    twoWay: false,
    obstacles: () => missingPrograms({ lsyncd: 'lsyncd', rsync: 'rsync', ssh: 'openssh-client' }),
    version: async (lab) => (await lab.host(HUB).must(['lsyncd', '--version'])).trim().replace('Version: ', 'lsyncd '),
    paths: () => FOLDER,

    async start(lab) {
      const hops = [
        [lab.host(HUB), lab.host(SPOKES[1])],
        [lab.host(SPOKES[0]), lab.host(HUB)],
      ] as const;
      for (const host of lab.hosts) emptyFolder(host, FOLDER);
      for (const [from, to] of hops) await startHop(from, to, { delaySeconds, ignoreTimes });
    },

    async stop(lab) {
      await Promise.all(lab.hosts.map((host) => stopUnit(host, UNIT)));
    },
  };
}

async function startHop(from: Host, to: Host, options: Required<LsyncdOptions>): Promise<void> {
  await makeKey(prepareKeyFolder(from), `lsyncd@${from.name}`);
  const [, , , , , home = ''] = (await to.must(['getent', 'passwd', 'root'])).split(':');
  mkdirSync(to.path(`${home}/.ssh`), { recursive: true, mode: 0o700 });
  // It logs in as root, whose shell must not read a developer's start-up files at every rsync: that cost 150 ms a hop.
  await to.must(['usermod', '--shell', '/bin/sh', 'root']);
  appendFileSync(to.path(`${home}/.ssh/authorized_keys`), from.read(`${HOME}/id_ed25519.pub`), { mode: 0o600 });
  from.write(`${HOME}/known_hosts`, `${hostKeyLine(to)}\n`);
  from.write(`${HOME}/lsyncd.conf`, config(to.address, options));
  const masterFirst = `ExecStartPre=${SSH.replaceAll('%', '%%')} root@${to.address} true`;
  await writeUnit(from, UNIT, [masterFirst, `ExecStart=/usr/bin/lsyncd -nodaemon ${HOME}/lsyncd.conf`]);
  await from.must(['systemctl', 'start', UNIT]);
}

function prepareKeyFolder(host: Host): string {
  mkdirSync(host.path(HOME), { recursive: true });
  return host.path(`${HOME}/id_ed25519`);
}

function config(address: string, { delaySeconds, ignoreTimes }: Required<LsyncdOptions>): string {
  return `settings { nodaemon = true, insist = true }
sync {
  default.rsync,
  source = '${FOLDER}/',
  target = 'root@${address}:${FOLDER}/',
  delay = ${delaySeconds},
  rsync = { archive = true, compress = false, whole_file = true, ignore_times = ${ignoreTimes}, rsh = '${SSH}' },
}
`;
}
