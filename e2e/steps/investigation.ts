/** The operator's habits: the commands with which the sites were looked after before, word for word but for host names. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { REPO_ROOT } from '../lab/repo.js';
import { sleep } from '../lab/wait.js';
import type { Site } from '../sites/site.js';
import type { ThreeSites } from '../sites/sites.js';
import { type Operator, openWays, shows, typed } from './operator.js';

const SCRIPT = '/var/roflfaucet/site/scripts/unified-balance.js';
const FOLLOW_S = 5;

/** Tests of a story in which three sites are in step. `operatorOf` is asked once they are. */
export function investigation(sites: () => ThreeSites, operatorOf: () => Operator): void {
  const sh = (site: Site, command: string) => operatorOf().sh(site, command);
  const shMust = (site: Site, command: string) => typed(operatorOf(), site, command);
  const shown = (site: Site, command: string, text: string) => shows(operatorOf(), site, command, text);

  beforeAll(async () => {
    const { rofl, all } = sites();
    const script = rofl.host.path(SCRIPT);
    mkdirSync(dirname(script), { recursive: true });
    copyFileSync(join(REPO_ROOT, 'client', 'unified-balance.js'), script);
    await openWays(operatorOf(), rofl, all);
  });

  it('1. check if daemons are running', async () => {
    const { hub, rofl, click } = sites();
    for (const [site, unit] of [
      [rofl, 'sync-to-hub'],
      [click, 'sync-to-hub'],
      [hub, 'hub-distribute'],
    ] as const) {
      const peers = site === hub ? '2 peers' : '1 peer';
      await shown(site, `sudo systemctl status ${unit}`, `Status: "${peers}, 0 behind, `);
      expect(await shMust(site, `sudo systemctl status ${unit}`)).toContain('Active: active (running)');
      expect(await shMust(site, `sudo journalctl -u ${unit} -n 20`)).toContain(`site=${site.name}`);
    }
  });

  it('2. test balance file write and sync', async () => {
    const { rofl } = sites();
    const follow = operatorOf().follow(rofl, 'sudo journalctl -u sync-to-hub -f', FOLLOW_S);
    await sleep(1_000);
    await shMust(
      rofl,
      `echo '{"user_id": "999-test", "balance": 5000}' | sudo tee /var/roflfaucet-data/userdata/balances/test-999.txt`,
    );
    await shown(
      rofl,
      'ssh directsponsor cat /var/directsponsor-data/userdata/balances/test-999.txt',
      '"balance": 5000',
    );
    await shown(
      rofl,
      'ssh clickforcharity cat /var/clickforcharity-data/userdata/balances/test-999.txt',
      '"balance": 5000',
    );
    expect(await follow).toMatch(/balances\/test-999 absorbed/);
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
      operatorOf().follow(rofl, 'sudo journalctl -u sync-to-hub -f', FOLLOW_S),
      operatorOf().follow(hub, 'sudo journalctl -u hub-distribute -f', FOLLOW_S),
    ];
    await sleep(1_000);
    await shMust(rofl, `echo '{"balance": 6000}' | sudo tee /var/roflfaucet-data/userdata/balances/test-999.txt`);
    await sites().balanceEverywhere('balances/test-999', 6000);
    const [atRofl, atHub] = await Promise.all(follows);
    expect(atRofl).toMatch(/balances\/test-999 absorbed/);
    expect(atHub).toMatch(/balances\/test-999 materialised .*from=roflfaucet/);
  });

  it('the log file beside the journal is there to be read', async () => {
    expect(await shMust(sites().rofl, 'sudo tail -n 20 /var/roflfaucet-data/logs/sync-daemon.log')).toContain(
      'test-999',
    );
  });
}
