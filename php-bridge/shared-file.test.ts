/** I5: PHP without a sidecar, Node and running sites write one file together, and nothing is lost. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { lockDocuments } from '../common/replica/locks.js';
import { Lab } from '../common/testing/sites.js';
import { BRIDGE, type Ended, missingForPhp, PhpSite, run } from './testing/php.js';

const missing = missingForPhp();
const ANDY = 'balances/1-andy';
const DONE: Ended = { code: 0, output: '' };

/** Credits 1 so many times from a PHP process that finds no sidecar. */
function creditByPhp(site: PhpSite, count: number): Promise<Ended> {
  return run('php', [path.join(BRIDGE, 'testing/credit.php'), site.configFile, '1-andy', String(count), '1']);
}

async function creditByNode(userdata: string, count: number): Promise<void> {
  const file = path.join(userdata, `${ANDY}.txt`);
  for (let n = 0; n < count; n++) {
    const release = await lockDocuments(path.join(userdata, '.axle'), [ANDY]);
    try {
      const content = JSON.parse(fs.readFileSync(file, 'utf8'));
      content.balance += 1;
      fs.writeFileSync(file, JSON.stringify(content, null, 4));
    } finally {
      await release();
    }
  }
}

describe.skipIf(missing !== undefined)(`I5: one file${missing === undefined ? '' : `: skipped, ${missing}`}`, () => {
  it('is credited by PHP and by Node, 1,000 times each', async () => {
    const site = new PhpSite();
    try {
      fs.writeFileSync(site.fileOf(ANDY), '{"balance":0,"last_updated":1}');
      const php = [creditByPhp(site, 500), creditByPhp(site, 500)];
      // From here on they are at it together.
      await expect
        .poll(() => fs.readFileSync(site.fileOf(ANDY), 'utf8'), { interval: 1 })
        .not.toContain('"balance":0,');
      await Promise.all([creditByNode(site.userdata, 500), creditByNode(site.userdata, 500)]);
      expect(await Promise.all(php)).toEqual([DONE, DONE]);
      expect(JSON.parse(fs.readFileSync(site.fileOf(ANDY), 'utf8')).balance).toBe(2_000);
      expect(fs.readdirSync(path.join(site.userdata, 'balances'))).toEqual(['1-andy.txt']);
      expect(fs.readdirSync(path.join(site.userdata, '.axle/locks'))).toEqual([]);
    } finally {
      await site.stop();
    }
  }, 60_000);

  it('is credited by PHP on one site while credits from another arrive in it', async () => {
    const lab = new Lab({ inMemory: true });
    const php = new PhpSite();
    try {
      const [faucet, charity] = [lab.site('roflfaucet'), lab.site('clickforcharity')];
      for (const site of lab.sites)
        site.write(ANDY, { balance: 100, last_updated: 1_770_000_000, recent_transactions: [] });
      await lab.start();
      php.configure({ userdata: path.dirname(path.dirname(faucet.path(ANDY))) });
      const credits = [creditByPhp(php, 150), creditByPhp(php, 150)];
      for (let n = 0; n < 150; n++) await charity.lockedCredit(ANDY, 1);
      expect(await Promise.all(credits)).toEqual([DONE, DONE]);
      await lab.expectBalance(ANDY, 550);
    } finally {
      await lab.close();
      await php.stop();
    }
  }, 60_000);
});
