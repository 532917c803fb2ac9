/** The operator's commands on hosts of this machine's own making; e2e/deploy has them on hosts that were deployed to. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe } from 'vitest';
import { needsLab } from '../lab/skip.js';
import { useSites } from '../sites/three-sites.js';
import { boots, bootsAsInstalled } from '../steps/boots.js';
import { investigation } from '../steps/investigation.js';
import { ROOT } from '../steps/operator.js';

const SUDO = '#!/bin/sh\nexec "$@"\n';

describe.skipIf(needsLab("an operator's commands"))("an operator's commands", () => {
  const sites = useSites({
    before: ({ all }) => {
      for (const { host } of all) host.write('/usr/local/bin/sudo', SUDO, { mode: 0o755 });
    },
  });

  investigation(sites, () => ROOT);

  describe('when hosts go down', () => {
    beforeAll(async () => {
      for (const { host, unit } of sites().all) {
        // Of what this machine itself has enabled, Axle alone.
        const wants = host.path('/etc/systemd/system/multi-user.target.wants');
        for (const enabled of readdirSync(wants)) rmSync(join(wants, enabled));
        await host.must(['systemctl', 'enable', unit]);
        await bootsAsInstalled(host);
      }
    });

    boots(sites);
  });
});
