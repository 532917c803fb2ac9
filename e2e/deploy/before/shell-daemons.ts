/** The shell daemons that sites had before Axle, on bare hosts: scripts, units of the same names, and root's ssh keys. */
import { readFileSync } from 'node:fs';
import { REPO_ROOT } from '../../lab/repo.js';
import type { Site } from '../../sites/site.js';
import type { ThreeSites } from '../../sites/sites.js';
import { openWays, ROOT } from '../../steps/operator.js';

const scriptOf = (site: Site): string => site.unit.replace('.service', '.sh');

export async function installShellDaemons({ hub, rofl, click, all }: ThreeSites): Promise<void> {
  await openWays(ROOT, hub, [rofl, click]);
  await openWays(ROOT, rofl, [hub]);
  await openWays(ROOT, click, [hub]);
  for (const site of all) {
    const script = `/home/sync/${scriptOf(site)}`;
    site.host.write(script, readFileSync(`${REPO_ROOT}/e2e/deploy/before/${scriptOf(site)}`), { mode: 0o755 });
    site.host.write(`/home/sync/${site.unit}`, unit(`${script} ${site.name}`));
  }
}

/** Their units are put back where they were, and they run. */
export async function startShellDaemons({ all }: ThreeSites): Promise<void> {
  for (const { host, unit } of all) {
    await host.must(['cp', `/home/sync/${unit}`, '/etc/systemd/system/']);
    await host.must(['systemctl', 'daemon-reload']);
    await host.must(['systemctl', 'enable', '--now', unit]);
  }
}

function unit(command: string): string {
  return `[Unit]\nDescription=File sync\n[Service]\nExecStart=${command}\nRestart=always\n[Install]\nWantedBy=multi-user.target\n`;
}
