/** The system account under which a site's peers deliver, and its uid. */
import { readFileSync } from 'node:fs';
import type { Host } from './host.js';
import { REPO_ROOT } from './repo.js';

export const AXLE_ACCOUNT = 'axle';
export const AXLE_HOME = '/var/lib/axle';

/** Makes the account and its folders as an installation does. */
export async function makeAxleAccount(host: Host): Promise<void> {
  for (const what of ['sysusers', 'tmpfiles'])
    host.write(`/usr/lib/${what}.d/axle.conf`, readFileSync(`${REPO_ROOT}/systemd/axle.${what}.conf`));
  await host.must(['systemd-sysusers', 'axle.conf']);
  await host.must(['systemd-tmpfiles', '--create', 'axle.conf']);
  // A new account is locked (`!`), and sshd without PAM refuses a locked one. `*` is no password, and not a lock.
  await host.must(['usermod', '--password', '*', AXLE_ACCOUNT]);
}
