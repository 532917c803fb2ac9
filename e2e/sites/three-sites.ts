/** The hub and its two spokes on three real hosts, over real ssh, for one file of tests. */

import { afterAll, beforeAll, beforeEach } from 'vitest';
import { installAxle, writeConfigs } from '../lab/axle.js';
import type { Host } from '../lab/host.js';
import { Lab } from '../lab/lab.js';
import { setUpSsh } from '../lab/ssh.js';
import { CLICK, HUB, ROFL, ThreeSites } from './sites.js';

export { CLICK, HUB, ROFL };

export interface UseSites {
  /** Runs while no daemon has started yet: for files that exist before the sites join. */
  before?: (sites: ThreeSites) => void | Promise<void>;
  startLimitMs?: number;
  /** For the config of each site. */
  more?: (host: Host) => object;
}

/** Boots the sites before the tests of this `describe`; when one fails, the journals of all three hosts are printed. */
export function useSites({ before, startLimitMs, more }: UseSites = {}): () => ThreeSites {
  let sites: ThreeSites | undefined;
  const printJournals = async () => console.error(await sites?.journals());

  beforeAll(async () => {
    sites = new ThreeSites(await Lab.up({ hosts: [HUB, ROFL, CLICK] }));
    await installAxle(sites.lab);
    await setUpSsh(sites.lab);
    await writeConfigs(sites.lab, more);
    try {
      await before?.(sites);
      await sites.start(startLimitMs);
    } catch (cause) {
      await printJournals();
      throw cause;
    }
  }, 120_000);

  beforeEach(({ onTestFailed }) => {
    onTestFailed(printJournals, 30_000);
  });

  afterAll(async () => {
    await sites?.lab.down();
  }, 30_000);

  return () => {
    if (sites === undefined) throw new Error('the sites are not up');
    return sites;
  };
}
