import { describe, expect, it } from 'vitest';
import { WWW_DATA } from '../lab/axle.js';
import { needsLab } from '../lab/skip.js';
import { sleep, waitFor } from '../lab/wait.js';
import { creditByNode, creditByPhp, needsPhp } from './php.js';
import { BALANCES, balanceFile, PROFILES } from './shapes.js';
import { useSites } from './three-sites.js';

const SHAPES = { ...BALANCES, ...PROFILES };

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
    console.info(`the first command, to all sites: ${Math.round(took)} ms`);
    expect(took).toBeLessThan(1_000);

    const journal = await rofl.host.must(['journalctl', '--no-pager', '--unit', 'sync-to-hub']);
    expect(journal).toContain('balances/test-999 absorbed');
    await rofl.logged('balances/test-999 sent');
    await hub.logged(/balances\/test-999 materialised .*from=roflfaucet/);
    await click.logged(/balances\/test-999 materialised .*from=roflfaucet/);
    expect(click.logFile).toBe('/var/clickforcharity-data/logs/sync-daemon.log');
  });

  it('I7: takes every shape of balance and profile as it is, byte for byte', async () => {
    for (const [document, text] of Object.entries(SHAPES)) sites().rofl.write(document, text);
    for (const [document, text] of Object.entries(SHAPES)) await sites().textEverywhere(document, text);
  });

  it("keeps a file the PHP user's own, with its mode, and gives new ones what their folder has", async () => {
    const { hub, click } = sites();
    for (const site of [hub, click]) {
      expect(site.ownerOf('balances/1-andy')).toEqual({ uid: WWW_DATA, gid: WWW_DATA, mode: '664' });
    }
    await click.host.must(['chmod', '0640', `${click.userdata}/balances/1-andy.txt`]);
    sites().rofl.write('balances/1-andy', balanceFile('1-andy', 15_000));
    await sites().balanceEverywhere('balances/1-andy', 15_000);
    expect(click.ownerOf('balances/1-andy')).toEqual({ uid: WWW_DATA, gid: WWW_DATA, mode: '640' });
  });

  it.skipIf(needsPhp('writing back by PHP'))("can be followed by a change of the other site's PHP", async () => {
    await creditByPhp(sites().click, { document: 'balances/1-andy', count: 1, amount: 11 });
    await sites().balanceEverywhere('balances/1-andy', 15_011);
    await creditByNode(sites().hub, { document: 'balances/1-andy', count: 1, amount: 11 });
    await sites().balanceEverywhere('balances/1-andy', 15_022);
  });

  it('I2: is seen also where a second one of the same size follows within the same second', async () => {
    const { rofl, click } = sites();
    const times: number[] = [];
    const arrival = async (amount: number) => {
      const began = performance.now();
      rofl.write('balances/6-hal', balanceFile('6-hal', amount));
      await waitFor(`${amount} on clickforcharity`, { timeoutMs: 5_000, everyMs: 2 }, () => {
        return click.balance('balances/6-hal') === amount;
      });
      times.push(Math.round(performance.now() - began));
    };
    for (let round = 1; round <= 5; round += 1) {
      await sleep(1_000 - (Date.now() % 1_000));
      await arrival(100 + round);
      await arrival(900 + round);
    }
    console.info(`single writes, spoke to spoke: ${times.sort((a, b) => a - b).join(' ')} ms`);
    // Without a wait between them: the last is the one that counts.
    for (let amount = 200; amount < 250; amount += 1) rofl.write('balances/6-hal', balanceFile('6-hal', amount));
    await sites().balanceStays('balances/6-hal', 249);
  });
});
