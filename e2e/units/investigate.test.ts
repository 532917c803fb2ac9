/** The operator's habits: the commands with which the sites were looked after before, word for word but for host names. */
import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Outcome } from '../lab/exec.js';
import { REPO_ROOT } from '../lab/repo.js';
import { makeKey } from '../lab/root.js';
import { needsLab } from '../lab/skip.js';
import { hostKeyLine } from '../lab/ssh.js';
import { sleep, waitFor } from '../lab/wait.js';
import { balanceFile } from '../sites/shapes.js';
import type { Site } from '../sites/site.js';
import { useSites } from '../sites/three-sites.js';

const SUDO = '#!/bin/sh\nexec "$@"\n';
const SCRIPT = '/var/roflfaucet/site/scripts/unified-balance.js';
const REBOOT_MS = 60_000;
const FOLLOW_S = 5;

describe.skipIf(needsLab("an operator's commands"))("an operator's commands", () => {
  const sites = useSites({
    before: ({ all }) => {
      for (const { host } of all) host.write('/usr/local/bin/sudo', SUDO, { mode: 0o755 });
    },
  });

  // The operator's own way from host to host: a key, and known hosts.
  beforeAll(async () => {
    const { rofl, all } = sites();
    const key = rofl.host.path('/root/.ssh/id_ed25519');
    mkdirSync(dirname(key), { recursive: true, mode: 0o700 });
    await makeKey(key, 'operator');
    const known = all.map(({ host, name }) => hostKeyLine(host).replace(host.address, name)).join('\n');
    rofl.host.write('/root/.ssh/known_hosts', `${known}\n`, { mode: 0o600 });
    for (const { host } of all)
      host.write('/root/.ssh/authorized_keys', rofl.host.read('/root/.ssh/id_ed25519.pub'), { mode: 0o600 });
    copyFileSync(join(REPO_ROOT, 'client', 'unified-balance.js'), made(rofl, SCRIPT));
  });

  const made = (site: Site, path: string): string => {
    mkdirSync(dirname(site.host.path(path)), { recursive: true });
    return site.host.path(path);
  };
  const sh = (site: Site, command: string): Promise<Outcome> => site.host.sh(command, { timeoutMs: 30_000 });
  const shMust = async (site: Site, command: string): Promise<string> => {
    const { code, stdout, stderr } = await sh(site, command);
    expect(code, `${command}\n${stderr}`).toBe(0);
    return stdout;
  };
  const arrives = (command: string, text: string): Promise<unknown> =>
    waitFor(`${command} to show ${text}`, { timeoutMs: 5_000 }, async () =>
      (await sh(sites().rofl, command)).stdout.includes(text),
    );

  it('1. check if daemons are running', async () => {
    const { hub, rofl, click } = sites();
    for (const [site, unit] of [
      [rofl, 'sync-to-hub'],
      [click, 'sync-to-hub'],
      [hub, 'hub-distribute'],
    ] as const) {
      const peers = site === hub ? '2 peers' : '1 peer';
      await waitFor(`${site.name} to say how it is`, { timeoutMs: 15_000 }, async () =>
        (await sh(site, `sudo systemctl status ${unit}`)).stdout.includes(`Status: "${peers}, 0 behind, `),
      );
      expect(await shMust(site, `sudo systemctl status ${unit}`)).toContain('Active: active (running)');
      expect(await shMust(site, `sudo journalctl -u ${unit} -n 20`)).toContain(`ready site=${site.name}`);
    }
  });

  it('2. test balance file write and sync', async () => {
    const { rofl } = sites();
    const follow = sh(rofl, `timeout ${FOLLOW_S} sudo journalctl -u sync-to-hub -f`);
    await sleep(500);
    await shMust(
      rofl,
      `echo '{"user_id": "999-test", "balance": 5000}' | sudo tee /var/roflfaucet-data/userdata/balances/test-999.txt`,
    );
    await arrives('ssh directsponsor cat /var/directsponsor-data/userdata/balances/test-999.txt', '"balance": 5000');
    await arrives(
      'ssh clickforcharity cat /var/clickforcharity-data/userdata/balances/test-999.txt',
      '"balance": 5000',
    );
    expect((await follow).stdout).toMatch(/balances\/test-999 absorbed/);
  });

  it('3. test JavaScript integration', async () => {
    // The script writes through the sites' PHP or the sidecar, never a file by itself.
    const files = await sh(sites().rofl, `grep -n "file_put_contents\\|fopen\\|fwrite" ${SCRIPT}`);
    expect(files.stdout).toBe('');
    expect(await shMust(sites().rofl, `grep -n "fetch\\|XMLHttpRequest" ${SCRIPT}`)).toContain('fetch');
  });

  it('4. monitor real-time sync', async () => {
    const { rofl, hub } = sites();
    const follows = [
      sh(rofl, `timeout ${FOLLOW_S} sudo journalctl -u sync-to-hub -f`),
      sh(hub, `timeout ${FOLLOW_S} sudo journalctl -u hub-distribute -f`),
    ];
    await sleep(500);
    await shMust(rofl, `echo '{"balance": 6000}' | sudo tee /var/roflfaucet-data/userdata/balances/test-999.txt`);
    await sites().balanceEverywhere('balances/test-999', 6000);
    const [atRofl, atHub] = await Promise.all(follows);
    expect(atRofl?.stdout).toMatch(/balances\/test-999 absorbed/);
    expect(atHub?.stdout).toMatch(/balances\/test-999 materialised .*from=roflfaucet/);
  });

  it('the log file beside the journal is there to be read', async () => {
    expect(await shMust(sites().rofl, 'sudo tail -n 20 /var/roflfaucet-data/logs/sync-daemon.log')).toContain(
      'test-999',
    );
  });

  for (const name of ['directsponsor', 'roflfaucet', 'clickforcharity'])
    it(`after a power cut, ${name} comes back and syncs without anybody's doing`, async () => {
      const { all } = sites();
      const site = all.find((one) => one.name === name) as Site;
      const writer = all.find((one) => one.name !== name) as Site;
      await boots(site);
      const user = `7-${name}`;
      await site.ready(async () => {
        await site.host.stop();
        writer.write(`balances/${user}`, balanceFile(user, 10));
        await site.host.start();
      }, REBOOT_MS);
      await sites().balanceEverywhere(`balances/${user}`, 10, REBOOT_MS);
      site.write(`balances/${user}`, balanceFile(user, 15));
      await sites().balanceEverywhere(`balances/${user}`, 15, REBOOT_MS);
      await waitFor('the boot to be complete', { timeoutMs: REBOOT_MS }, async () =>
        (await sh(site, `systemctl is-active ${site.unit}`)).stdout.startsWith('active'),
      );
    });

  /** A lab's host boots nothing but sshd: from now on also what is enabled, which is Axle alone. */
  const boots = async (site: Site): Promise<void> => {
    const wants = site.host.path('/etc/systemd/system/multi-user.target.wants');
    for (const unit of readdirSync(wants)) rmSync(join(wants, unit));
    await shMust(site, `systemctl enable ${site.unit}`);
    site.host.write('/etc/systemd/system/axle-lab.target.d/boot.conf', '[Unit]\nWants=multi-user.target\n');
  };
});
