/** The hub and its two spokes, each on a host of its own. */

import type { Lab } from '../lab/lab.js';
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

  /** `hubOwner`: the uid of the hub's web server. */
  constructor(
    readonly lab: Lab,
    hubOwner?: number,
  ) {
    this.hub = new Site(lab, lab.host(HUB), hubOwner);
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
