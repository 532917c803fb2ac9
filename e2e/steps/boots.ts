/** Each host goes down and comes back while another site writes. */
import { it } from 'vitest';
import type { Host } from '../lab/host.js';
import { waitFor } from '../lab/wait.js';
import { balanceFile } from '../sites/shapes.js';
import type { Site } from '../sites/site.js';
import { CLICK, HUB, ROFL, type ThreeSites } from '../sites/sites.js';

const REBOOT_MS = 60_000;

/** A lab's host boots nothing but sshd: from now on also what is enabled. */
export async function bootsAsInstalled(host: Host): Promise<void> {
  host.write('/etc/systemd/system/axle-lab.target.d/boot.conf', '[Unit]\nWants=multi-user.target\n');
  await host.must(['systemctl', 'daemon-reload']);
}

const WAYS: readonly (readonly [string, (host: Host, meanwhile: () => void) => Promise<void>])[] = [
  [
    'a power cut',
    async (host, meanwhile) => {
      await host.stop();
      meanwhile();
      await host.start();
    },
  ],
  [
    'an orderly reboot',
    async (host, meanwhile) => {
      const rebooted = host.reboot();
      meanwhile();
      await rebooted;
    },
  ],
];

/** Tests of a story whose hosts boot as installed. */
export function boots(sites: () => ThreeSites): void {
  for (const [what, goDown] of WAYS)
    for (const name of [HUB, ROFL, CLICK])
      it(`after ${what}, ${name} comes back and syncs without anybody's doing`, async () => {
        const { all } = sites();
        const site = all.find((one) => one.name === name) as Site;
        const writer = all.find((one) => one.name !== name) as Site;
        const document = `balances/7-${name}-${what.split(' ').at(-1)}`;
        const text = (balance: number) => balanceFile(document.slice('balances/'.length), balance);
        await site.ready(() => goDown(site.host, () => writer.write(document, text(10))), REBOOT_MS);
        await sites().balanceEverywhere(document, 10, REBOOT_MS);
        site.write(document, text(15));
        await sites().balanceEverywhere(document, 15, REBOOT_MS);
        await waitFor('the boot to be complete', { timeoutMs: REBOOT_MS }, async () => {
          return (await site.host.run(['systemctl', 'is-active', site.unit])).stdout.startsWith('active');
        });
      });
}
