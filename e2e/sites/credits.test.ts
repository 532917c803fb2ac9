import { describe, it } from 'vitest';
import { needsLab } from '../lab/skip.js';
import { creditByNode, creditByPhp, needsPhp } from './php.js';
import { balanceFile } from './shapes.js';
import { useSites } from './three-sites.js';

const EACH = 1_000;

describe.skipIf(needsLab('credits on two real sites'))('two sites credit the same user at the same time', () => {
  const sites = useSites();

  const begin = async (document: string) => {
    sites().hub.write(document, balanceFile(document.slice('balances/'.length), 500));
    await sites().balanceEverywhere(document, 500);
  };

  it('I5: 1,000 each by Node under the lock, and none is lost', async () => {
    await begin('balances/1-andy');
    const credits = { document: 'balances/1-andy', count: EACH };
    await Promise.all([
      creditByNode(sites().rofl, { ...credits, amount: 3 }),
      creditByNode(sites().click, { ...credits, amount: 5 }),
    ]);
    await sites().balanceStays('balances/1-andy', 500 + EACH * 8);
  });

  it.skipIf(needsPhp('credits by PHP'))('I5: 1,000 each by PHP under the same lock, and none is lost', async () => {
    await begin('balances/2-bea');
    const credits = { document: 'balances/2-bea', count: EACH };
    await Promise.all([
      creditByPhp(sites().rofl, { ...credits, amount: 3 }),
      creditByPhp(sites().click, { ...credits, amount: -1 }),
      // On one site both kinds of writers meet each other and the daemon.
      creditByNode(sites().click, { ...credits, count: 100, amount: 7 }),
    ]);
    await sites().balanceStays('balances/2-bea', 500 + EACH * 2 + 700);
  });
});
