import { beforeAll, describe, expect, it } from 'vitest';
import { needsLab } from '../lab/skip.js';
import { creditByNode } from './php.js';
import { balanceFile } from './shapes.js';
import type { Site } from './site.js';
import { useSites } from './three-sites.js';

const ANDY = 'balances/1-andy';
const BEA = 'balances/2-bea';
const LIMIT_MS = 30_000;

describe.skipIf(needsLab('lost state on real sites'))('I1: a spoke whose state is not what it was', () => {
  const sites = useSites();
  let andy = 1_000;
  let bea = 2_000;

  beforeAll(async () => {
    sites().hub.write(ANDY, balanceFile('1-andy', andy));
    sites().rofl.write(BEA, balanceFile('2-bea', bea));
    await credit(20);
  });

  /** Each spoke gives both users `count` credits; waits until all sites show them. */
  async function credit(count: number): Promise<void> {
    await settled();
    const { rofl, click } = sites();
    await Promise.all([
      creditByNode(rofl, { document: ANDY, count, amount: 1 }),
      creditByNode(click, { document: ANDY, count, amount: 10 }),
      creditByNode(rofl, { document: BEA, count, amount: 2 }),
      creditByNode(click, { document: BEA, count, amount: 20 }),
    ]);
    andy += count * 11;
    bea += count * 22;
    await settled();
  }

  /** The other sites go on while the spoke is down. */
  async function creditElsewhere(count: number): Promise<void> {
    await creditByNode(sites().click, { document: ANDY, count, amount: 100 });
    andy += count * 100;
    await creditByNode(sites().hub, { document: BEA, count, amount: 100 });
    bea += count * 100;
  }

  async function settled(): Promise<void> {
    await sites().balanceEverywhere(ANDY, andy, LIMIT_MS);
    await sites().balanceEverywhere(BEA, bea, LIMIT_MS);
  }

  it('joins anew where it was deleted, and nothing is counted twice', async () => {
    const { rofl } = sites();
    await rofl.stop();
    await creditElsewhere(5);
    rofl.dropState();
    await rofl.start();
    await settled();
    await credit(20);
    await sites().balanceStays(ANDY, andy, LIMIT_MS);
    await settled();
  });

  it('joins anew where it was restored from an old copy, and nothing is lost or counted twice', async () => {
    const { rofl } = sites();
    await rofl.stop();
    await keepCopy(rofl, [rofl.state]);
    await rofl.start();
    await credit(20);
    await rofl.stop();
    await creditElsewhere(5);
    await restoreCopy(rofl, [rofl.state]);
    await rofl.start();
    await rofl.logged('AXL-STATE-RESTORED');
    await settled();
    await credit(20);
    await sites().balanceStays(BEA, bea, LIMIT_MS);
    await settled();
  });

  it('goes on under a new incarnation where the whole machine was restored, live files and all', async () => {
    const { rofl } = sites();
    const folders = [rofl.state, rofl.userdata];
    await rofl.stop();
    await keepCopy(rofl, folders);
    await rofl.start();
    await credit(20);
    await rofl.stop();
    await creditElsewhere(5);
    await restoreCopy(rofl, folders);
    const from = rofl.log().length;
    await rofl.start();
    // Because the hub says so, or because it did not come to say anything in time.
    expect(rofl.log().slice(from)).toContain('new incarnation');
    await settled();
    await credit(20);
    await sites().balanceStays(ANDY, andy, LIMIT_MS);
    await settled();
  });
});

/** A backup of these folders inside the host, owners and times kept. */
async function keepCopy({ host }: Site, folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    await host.must(['rm', '-rf', `/var/backups/axle${folder}`]);
    await host.must(['mkdir', '-p', `/var/backups/axle${folder}`]);
    await host.must(['cp', '-a', `${folder}/.`, `/var/backups/axle${folder}`]);
  }
}

async function restoreCopy({ host }: Site, folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    await host.must(['find', folder, '-mindepth', '1', '-delete']);
    await host.must(['cp', '-a', `/var/backups/axle${folder}/.`, folder]);
  }
}
