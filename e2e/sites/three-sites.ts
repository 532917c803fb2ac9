/** The hub and its two spokes on three real hosts, over real ssh, for one file of tests. */

import { afterAll, beforeAll, beforeEach } from 'vitest';
import { installAxle, writeConfigs } from '../lab/axle.js';
import { Lab } from '../lab/lab.js';
import { setUpSsh } from '../lab/ssh.js';
import { sleep, waitFor } from '../lab/wait.js';
import { Site } from './site.js';

export const HUB = 'directsponsor';
export const ROFL = 'roflfaucet';
export const CLICK = 'clickforcharity';

/** Longer than every second look of a daemon (young files, replaced inodes): what is wrong shows by then. */
const SECOND_LOOKS_MS = 4_000;

export class ThreeSites {
  readonly hub: Site;
  readonly rofl: Site;
  readonly click: Site;

  constructor(readonly lab: Lab) {
    this.hub = new Site(lab, lab.host(HUB));
    this.rofl = new Site(lab, lab.host(ROFL));
    this.click = new Site(lab, lab.host(CLICK));
  }

  get all(): readonly Site[] {
    return [this.hub, this.rofl, this.click];
  }

  /** Starts those daemons that are not running, the hub first. */
  async start(timeoutMs?: number): Promise<void> {
    await this.hub.start(timeoutMs);
    await Promise.all([this.rofl.start(timeoutMs), this.click.start(timeoutMs)]);
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map((site) => site.stop()));
  }

  /** Waits until every site's file has exactly this text. */
  async textEverywhere(document: string, text: string, timeoutMs = 10_000): Promise<void> {
    await waitFor(`${document} to be the same on all sites`, { timeoutMs, everyMs: 5 }, () =>
      this.all.every((site) => site.read(document) === text),
    ).catch((cause) => {
      throw new Error(`wanted ${text}\n${this.#show((site) => site.read(document))}`, { cause });
    });
  }

  /** Waits until every site shows this balance. */
  async balanceEverywhere(document: string, balance: number, timeoutMs = 15_000): Promise<void> {
    await waitFor(`${document} to be ${balance} on all sites`, { timeoutMs, everyMs: 20 }, () =>
      this.all.every((site) => site.balance(document) === balance),
    ).catch((cause) => {
      throw new Error(`wanted ${balance}\n${this.#show((site) => site.balance(document))}`, { cause });
    });
  }

  /** As `balanceEverywhere`, and it stays so: nothing is counted twice by a later look. */
  async balanceStays(document: string, balance: number, timeoutMs?: number): Promise<void> {
    await this.balanceEverywhere(document, balance, timeoutMs);
    await sleep(SECOND_LOOKS_MS);
    await this.balanceEverywhere(document, balance, 1);
  }

  async journals(lines?: number): Promise<string> {
    return (await Promise.all(this.all.map((site) => site.journal(lines)))).join('\n');
  }

  #show(what: (site: Site) => unknown): string {
    return this.all.map((site) => `${site.name}: ${what(site) ?? 'no file'}`).join('\n');
  }
}

export interface UseSites {
  /** Runs while no daemon has started yet: for files that exist before the sites join. */
  before?: (sites: ThreeSites) => void | Promise<void>;
  startLimitMs?: number;
}

/** Boots the sites before the tests of this `describe`; when one fails, the journals of all three hosts are printed. */
export function useSites({ before, startLimitMs }: UseSites = {}): () => ThreeSites {
  let sites: ThreeSites | undefined;
  const printJournals = async () => console.error(await sites?.journals());

  beforeAll(async () => {
    sites = new ThreeSites(await Lab.up({ hosts: [HUB, ROFL, CLICK] }));
    await installAxle(sites.lab);
    await setUpSsh(sites.lab);
    await writeConfigs(sites.lab);
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
