/** Axle itself, with the configuration and units of its end-to-end tests. */

import { existsSync } from 'node:fs';
import {
  installAxle,
  MAIN,
  sitePaths,
  startAxle,
  stopAxle,
  unitOf,
  wipeSite,
  writeConfigs,
} from '../../e2e/lab/axle.js';
import { missingPrograms } from '../../e2e/lab/requirements.js';
import { setUpSsh } from '../../e2e/lab/ssh.js';
import { HUB, type System, stopUnit } from '../system.js';

export function axle(): System {
  return {
    name: 'axle',
    settings: 'default settings, rsync over ssh into restricted accounts',
    twoWay: true,
    obstacles: () => [
      ...(existsSync(MAIN) ? [] : [`${MAIN} is missing: npm run build`]),
      ...missingPrograms({ rsync: 'rsync', ssh: 'openssh-client' }),
    ],
    version: async (lab) => `axle ${(await lab.host(HUB).must([process.execPath, MAIN, '--version'])).trim()}`,
    paths: (site) => sitePaths(site).userdata,

    async start(lab) {
      await installAxle(lab);
      await setUpSsh(lab);
      await writeConfigs(lab);
      for (const host of lab.hosts) wipeSite(host);
      await startAxle(lab);
    },

    stop: async (lab) => {
      await stopAxle(lab).catch(() => Promise.all(lab.hosts.map((host) => stopUnit(host, unitOf(lab, host.name)))));
    },
  };
}
