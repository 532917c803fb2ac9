/** I5: PHP without a sidecar, Node and running sites write one file together, and nothing is lost. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { lockDocuments } from '../common/replica/locks.js';
import { Lab, type LabSite } from '../common/testing/sites.js';
import { BRIDGE, type Ended, missingForPhp, PhpSite, run } from './testing/php.js';

const missing = missingForPhp();
const ANDY = 'balances/1-andy';
const DONE: Ended = { code: 0, output: '' };

/** Makes the changes (`1-andy:-5`) so many times from a PHP process that finds no sidecar. */
function changeByPhp(site: PhpSite, count: number, ...changes: string[]): Promise<Ended> {
  return run('php', [path.join(BRIDGE, 'testing/change.php'), site.configFile, String(count), ...changes]);
}

const creditByPhp = (site: PhpSite, count: number): Promise<Ended> => changeByPhp(site, count, '1-andy:1');

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

  describe('what PHP spends while the daemon is away', () => {
    const A = { user_id: '1-andy', balance: 100, last_updated: 1_770_000_000 };
    const transactions = Array.from({ length: 10 }, (_, n) => ({
      timestamp: 1_769_000_000 - n,
      type: 'credit',
      old_balance: 90 - 10 * n,
      new_balance: 100 - 10 * n,
      change: 10,
      description: 'x',
    }));

    /** Every document with this content at all sites; PHP changes them while roflfaucet's daemon is away. */
    async function outage(
      documents: readonly string[],
      content: object,
      spend: (php: PhpSite) => Promise<void>,
      then: (lab: Lab, faucet: LabSite, php: PhpSite) => Promise<void>,
    ): Promise<void> {
      const lab = new Lab({ inMemory: true });
      const php = new PhpSite();
      try {
        const faucet = lab.site('roflfaucet');
        for (const site of lab.sites) for (const name of documents) site.write(name, content);
        await lab.start();
        await lab.settled();
        php.configure({ userdata: faucet.userdata });
        await faucet.stop();
        await spend(php);
        await faucet.start();
        await then(lab, faucet, php);
        expect(faucet.logged('held')).toBe(false);
      } finally {
        await lab.close();
        await php.stop();
      }
    }

    it.each([
      ['all at once', A, 1, ['1-andy:-100']],
      ['after a credit', A, 1, ['1-andy:20', '1-andy:-120']],
      ['bit by bit', A, 4, ['1-andy:5', '1-andy:-30']],
      ['from a file with a list', { ...A, transactions }, 2, ['1-andy:-50']],
      ['in more steps than a list keeps', { ...A, transactions }, 10, ['1-andy:10', '1-andy:-20']],
      ['in more steps than the new list keeps', A, 50, ['1-andy:2', '1-andy:-4']],
    ] as const)('stays spent, and is not spent again: %s', async (_, content, count, changes) => {
      await outage(
        [ANDY],
        content,
        async (php) => {
          expect(await changeByPhp(php, count, ...changes)).toEqual(DONE);
          expect(await changeByPhp(php, 1, '1-andy:-1')).toEqual({ code: 0, output: 'refused 1-andy:-1\n' });
        },
        async (lab, _faucet, php) => {
          await lab.expectBalance(ANDY, 0);
          expect(await changeByPhp(php, 1, '1-andy:-1')).toEqual({ code: 0, output: 'refused 1-andy:-1\n' });
        },
      );
    });

    it('stays spent where many spend', async () => {
      const users = Array.from({ length: 60 }, (_, n) => `${n + 1}-user`);
      await outage(
        users.map((user) => `balances/${user}`),
        A,
        async (php) => expect(await changeByPhp(php, 1, ...users.map((user) => `${user}:-30`))).toEqual(DONE),
        async (lab) => {
          for (const user of users) await lab.balance(`balances/${user}`, 70);
          await lab.settled();
          for (const user of users) await lab.balance(`balances/${user}`, 70);
        },
      );
    });
  });
});
