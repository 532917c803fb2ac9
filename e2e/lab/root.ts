/** Turns an overlay of this machine's root into the root of a host with an identity of its own. */

import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { must } from './exec.js';

/** A host boots this and nothing else: a developer's own enabled services (databases, web servers) stay off. */
const TARGET = `[Unit]
Description=A host of an Axle lab
Requires=basic.target
Wants=ssh.service
After=basic.target
AllowIsolate=yes
`;

/** Units of every boot that cost time in a container or wake up in the middle of a measurement. */
const MASKED = [
  'timers.target',
  'dev-hugepages.mount',
  'sys-fs-fuse-connections.mount',
  'systemd-update-utmp.service',
  'systemd-update-utmp-runlevel.service',
  'systemd-sysusers.service',
  'systemd-firstboot.service',
  'systemd-resolved.service',
  'systemd-networkd.service',
  'systemd-timesyncd.service',
  'ssh.socket',
];

/** Own file in place of Debian's: a developer's `AllowUsers` or port must not decide a test. */
const SSHD_CONFIG = `HostKey /etc/ssh/ssh_host_ed25519_key
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
UseDNS no
PrintMotd no
Subsystem sftp /usr/lib/openssh/sftp-server
`;

/** `neighbours` is name → address of every host of the lab, this one included. */
export async function prepareRoot(root: string, name: string, neighbours: ReadonlyMap<string, string>): Promise<void> {
  const units = `${root}/etc/systemd/system`;
  mkdirSync(units, { recursive: true });
  writeFileSync(`${units}/axle-lab.target`, TARGET);
  link('axle-lab.target', `${units}/default.target`);
  for (const unit of MASKED) link('/dev/null', `${units}/${unit}`);

  mkdirSync(`${root}/etc/systemd/journald.conf.d`, { recursive: true });
  writeFileSync(`${root}/etc/systemd/journald.conf.d/lab.conf`, '[Journal]\nStorage=persistent\nRateLimitBurst=0\n');

  // A machine id from the start: an empty one makes systemd run its first-boot steps.
  replace(`${root}/etc/machine-id`, `${randomBytes(16).toString('hex')}\n`);
  replace(`${root}/etc/hostname`, `${name}\n`);
  const hosts = [...neighbours].map(([host, address]) => `${address} ${host}\n`).join('');
  replace(`${root}/etc/hosts`, `127.0.0.1 localhost\n${hosts}`);
  await prepareSshd(root);
}

async function prepareSshd(root: string): Promise<void> {
  const folder = `${root}/etc/ssh`;
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(folder)) if (file.startsWith('ssh_host_')) rmSync(`${folder}/${file}`);
  rmSync(`${folder}/sshd_not_to_be_run`, { force: true });
  replace(`${folder}/sshd_config`, SSHD_CONFIG);
  await makeKey(`${folder}/ssh_host_ed25519_key`, 'host');
}

/** Makes an ed25519 key pair without a passphrase; the comment tells a reader of authorized_keys whose it is. */
export async function makeKey(path: string, comment: string): Promise<void> {
  rmSync(path, { force: true });
  rmSync(`${path}.pub`, { force: true });
  await must(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', path]);
}

// Never written through: on the machine itself these may be symlinks to places that a host does not have.
function replace(path: string, content: string): void {
  rmSync(path, { force: true });
  writeFileSync(path, content);
}

function link(target: string, path: string): void {
  rmSync(path, { force: true, recursive: true });
  symlinkSync(target, path);
}
