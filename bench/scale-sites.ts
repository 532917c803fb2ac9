/** The two sites of the scale benchmark: a hub and one spoke with the folder link, below one folder of their own. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { stringify } from 'yaml';
import { balanceText } from './balance-file.js';

export interface ScaleSite {
  readonly role: 'hub' | 'spoke';
  readonly site: string;
  readonly config: string;
  /** Where the daemon's output goes. */
  readonly log: string;
  readonly balances: string;
}

export interface ScaleSites {
  readonly hub: ScaleSite;
  readonly spoke: ScaleSite;
}

/**
 * Makes folders and configs. All is at its default, as an operator has it, but the pause between two background scans
 * (300 s): one begins at once and goes on through all that is measured, or a window at rest would say nothing of it.
 */
export function makeSites(dir: string): ScaleSites {
  const hub = place(dir, 'hub', 'directsponsor');
  const spoke = place(dir, 'spoke', 'roflfaucet');
  const inboxOfHub = `${hub.state}/inbox/${spoke.site}`;
  const inboxOfSpoke = `${spoke.state}/inbox/${hub.site}`;
  for (const folder of [hub.balances, spoke.balances, inboxOfHub, inboxOfSpoke]) mkdirSync(folder, { recursive: true });
  const own = ({ site, userdata, state }: Place) => ({ site, userdata, state, scan_interval_s: 1 });
  const link = (inbox: string) => ({ type: 'folder', inbox });
  writeFileSync(hub.config, stringify({ ...own(hub), spokes: [{ site: spoke.site, link: link(inboxOfSpoke) }] }));
  writeFileSync(spoke.config, stringify({ ...own(spoke), hub: { site: hub.site, link: link(inboxOfHub) } }));
  return { hub, spoke };
}

type Place = ScaleSite & { readonly userdata: string; readonly state: string };

function place(dir: string, role: ScaleSite['role'], site: string): Place {
  const root = `${dir}/${site}-data`;
  const userdata = `${root}/userdata`;
  const state = `${root}/axle`;
  mkdirSync(state, { recursive: true });
  return {
    role,
    site,
    config: `${root}/axle.yaml`,
    log: `${root}/log`,
    balances: `${userdata}/balances`,
    userdata,
    state,
  };
}

/** The nth user, counted from 0. */
export function userOf(n: number): string {
  return `${n + 1}-user${n + 1}`;
}

/** Every user's balance file, as the site's PHP would have written it. */
export async function createBalances(folder: string, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const user = userOf(n);
    writeFileSync(`${folder}/${user}.txt`, balanceText(user, 1000 + (n % 9000)));
    if (n % 1000 === 999) await turn();
  }
}
