/** Whoever looks after the sites, at a shell of one of their hosts: another account on each kind of host. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Outcome } from '../lab/exec.js';
import { makeKey } from '../lab/root.js';
import { hostKeyLine } from '../lab/ssh.js';
import { waitFor } from '../lab/wait.js';
import type { Site } from '../sites/site.js';

export interface Operator {
  /** Runs a line as it is typed. For tests' own fixed text only. */
  sh(site: Site, command: string): Promise<Outcome>;
  /** As `sh`, and Ctrl-C after some seconds; resolves to what it printed. */
  follow(site: Site, command: string, seconds: number): Promise<string>;
  /** The operator's account on a site's host. */
  account(site: Site): { readonly user: string; readonly home: string };
}

/** As root on hosts of this machine's own making. */
export const ROOT: Operator = {
  sh: ({ host }, command) => host.sh(command, { timeoutMs: 30_000 }),
  follow: async ({ host }, command, seconds) => (await host.sh(`timeout ${seconds} ${command}`)).stdout,
  account: () => ({ user: 'root', home: '/root' }),
};

/** As `sh`, and it must succeed; resolves to what it printed. */
export async function typed(operator: Operator, site: Site, command: string): Promise<string> {
  const { code, stdout, stderr } = await operator.sh(site, command);
  if (code !== 0) throw new Error(`${site.name}$ ${command}: exit ${code}\n${stdout}${stderr}`);
  return stdout;
}

/** Types a line again until it shows what is wanted. */
export async function shows(
  operator: Operator,
  site: Site,
  command: string,
  wanted: string | RegExp,
  timeoutMs = 10_000,
): Promise<void> {
  let last = '';
  await waitFor(`${site.name}$ ${command} to show ${wanted}`, { timeoutMs, everyMs: 100 }, async () => {
    const { stdout, stderr } = await operator.sh(site, command);
    last = `${stdout}${stderr}`;
    return typeof wanted === 'string' ? stdout.includes(wanted) : wanted.test(stdout);
  }).catch((cause) => {
    throw new Error(`last: ${last}`, { cause });
  });
}

/** The operator's own way from one host to the others by their names: a key, and known hosts. */
export async function openWays(operator: Operator, from: Site, to: readonly Site[]): Promise<void> {
  const { user, home } = operator.account(from);
  const key = `${home}/.ssh/id_ed25519`;
  mkdirSync(dirname(from.host.path(key)), { recursive: true, mode: 0o700 });
  await makeKey(from.host.path(key), 'operator');
  const known = to.map(({ host, name }) => hostKeyLine(host).replace(host.address, name)).join('\n');
  from.host.write(`${home}/.ssh/known_hosts`, `${known}\n`, { mode: 0o600 });
  const users = to.map((site) => `Host ${site.name}\n  User ${operator.account(site).user}\n`).join('');
  from.host.write(`${home}/.ssh/config`, users, { mode: 0o600 });
  await from.host.must(['chown', '-R', `${user}:`, `${home}/.ssh`]);
  for (const site of to) {
    const there = operator.account(site);
    const script = 'umask 077; mkdir -p "$1/.ssh"; cat >> "$1/.ssh/authorized_keys"; chown -R "$2:" "$1/.ssh"';
    await site.host.must(['sh', '-c', script, 'sh', there.home, there.user], { input: from.host.read(`${key}.pub`) });
  }
}
