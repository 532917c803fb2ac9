import { describe, expect, it } from 'vitest';
import { needsLab } from '../lab/skip.js';
import { useSites } from './three-sites.js';

describe.skipIf(needsLab('changes between real sites'))('a change on one site', () => {
  const sites = useSites();

  it('I2: is on the hub and on the other spoke within a second, and each daemon says so', async () => {
    const { hub, rofl, click } = sites();
    // Word for word what a person types to try it out.
    const line = `echo '{"user_id": "999-test", "balance": 5000}' | tee ${rofl.userdata}/balances/test-999.txt`;
    const began = performance.now();
    expect((await rofl.host.sh(line)).code).toBe(0);
    await sites().textEverywhere('balances/test-999', '{"user_id": "999-test", "balance": 5000}\n');
    const took = performance.now() - began;
    console.info(`seed command to all sites: ${Math.round(took)} ms`);
    expect(took).toBeLessThan(1_000);

    const journal = (await rofl.host.must(['journalctl', '--no-pager', '-u', 'sync-to-hub'])).split('\n');
    expect(journal.some((entry) => entry.includes('balances/test-999 absorbed'))).toBe(true);
    await rofl.logged('balances/test-999 sent');
    await hub.logged(/balances\/test-999 materialised .*from=roflfaucet/);
    await click.logged(/balances\/test-999 materialised .*from=roflfaucet/);
    expect(click.logFile).toBe('/var/clickforcharity-data/logs/sync-daemon.log');
  });
});
