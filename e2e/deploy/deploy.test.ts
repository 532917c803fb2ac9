import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { needsLab } from '../lab/skip.js';
import { Servers } from './servers.js';

const HUB = 'directsponsor';
const ROFL = 'roflfaucet';
const CLICK = 'clickforcharity';
const HOME = 'homeserver';

describe.skipIf(needsLab('deploying to real hosts'))('axle deploy', () => {
  let servers: Servers;
  let inventory: string;

  beforeAll(async () => {
    servers = await Servers.up([HUB, ROFL, CLICK, HOME]);
    // The hub's web server is Apache under its own name; the others have Debian's www-data.
    await servers.lab.host(HUB).must(['useradd', '--system', '--user-group', 'apache']);
    inventory = servers.inventory('three', HUB, [ROFL, CLICK], { [HUB]: { owner: 'apache:apache' } });
  });

  beforeEach(({ onTestFailed }) => {
    onTestFailed(async () => {
      for (const host of servers.lab.hosts) console.error(await host.journal(undefined, 40));
    }, 30_000);
  });

  afterAll(async () => {
    await servers?.down();
  });

  it('brings three bare hosts to three syncing sites with one command', async () => {
    const said = await servers.deployWell(['apply', inventory, '--yes']);
    console.log(said);
    expect(said).toContain('a test file reached');
  });

  it('has nothing to do the second time', async () => {
    const plan = await servers.deployWell(['plan', inventory]);
    console.log(plan);
    expect(plan.match(/nothing to do/g)).toHaveLength(3);
    expect(await servers.deployWell(['apply', inventory, '--yes'])).toBe('nothing to do\n');
  });
});
