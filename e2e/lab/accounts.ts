/** The system account under which a site's peers deliver, and its uid. */

import type { Host } from './host.js';

export const AXLE_ACCOUNT = 'axle';
export const AXLE_HOME = '/var/lib/axle';

/** Makes the account unless it exists. */
export async function makeAxleAccount(host: Host): Promise<void> {
  if ((await host.run(['id', AXLE_ACCOUNT])).code === 0) return;
  const account = ['--system', '--user-group', '--home-dir', AXLE_HOME, '--create-home', '--shell', '/bin/sh'];
  await host.must(['useradd', ...account, AXLE_ACCOUNT]);
  // useradd locks the account (`!`), and sshd without PAM refuses a locked one. `*` is no password, and not a lock.
  await host.must(['usermod', '--password', '*', AXLE_ACCOUNT]);
  await host.must(['chmod', '0755', AXLE_HOME]);
}
