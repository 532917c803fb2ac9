import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { needsLab } from '../lab/skip.js';
import { balanceFile } from './shapes.js';
import type { Site } from './site.js';
import { useSites } from './three-sites.js';

const USERS = 50;
const name = (n: number) => `balances/${n}-user`;

describe.skipIf(needsLab('joining of real sites'))('sites that join with files they have had for long', () => {
  const sites = useSites({
    before: ({ all, hub, rofl, click }) => {
      for (const site of all)
        for (let n = 1; n <= USERS; n += 1) site.write(name(n), balanceFile(`${n}-user`, 100 + n));
      hub.write('balances/60-differs', balanceFile('60-differs', 600));
      click.write('balances/60-differs', balanceFile('60-differs', 666));
      rofl.write('balances/61-rofl', balanceFile('61-rofl', 61));
      click.write('balances/62-click', balanceFile('62-click', 62));
      for (const spoke of [rofl, click]) spoke.write('balances/63-spokes', balanceFile('63-spokes', 63));
    },
  });

  it('genesis: the same file on three sites is the same money, not three times as much', async () => {
    for (let n = 1; n <= USERS; n += 1) await sites().balanceEverywhere(name(n), 100 + n);
    await sites().balanceStays('balances/63-spokes', 63);
    // Counters begin where the files stood: a credit afterwards counts from there.
    sites().click.write(name(1), balanceFile('1-user', 101 + 9));
    await sites().balanceEverywhere(name(1), 110);
    for (const site of sites().all) expect(filesOf(site)).toBe(USERS + 4);
  });

  it('genesis: a file that only one site has comes to all', async () => {
    await sites().balanceEverywhere('balances/61-rofl', 61);
    await sites().balanceEverywhere('balances/62-click', 62);
  });

  it("a file that differs is held: the hub's amount stands, the other content is kept and logged", async () => {
    const { click } = sites();
    await sites().balanceEverywhere('balances/60-differs', 600);
    await click.logged(/balances\/60-differs held .*AXL-JOIN-HELD/);
    const conflicts = `${click.userdata}/.axle/conflicts/balances`;
    const [kept = ''] = readdirSync(click.host.path(conflicts)).filter((file) => file.startsWith('60-differs.'));
    expect(JSON.parse(click.host.read(`${conflicts}/${kept}`))).toMatchObject({ balance: 666 });
  });
});

function filesOf(site: Site): number {
  return readdirSync(site.host.path(`${site.userdata}/balances`)).length;
}
