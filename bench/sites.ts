/** The folders that a measurement writes to and looks at, as seen from this machine. */

import type { Lab } from '../e2e/lab/lab.js';
import { HUB, SPOKES, type System } from './system.js';

export interface Sites {
  hub: string;
  /** The first spoke, where measurements write. */
  from: string;
  /** The second spoke, where they look. */
  to: string;
  twoWay: boolean;
}

export function sitesOf(lab: Lab, system: System): Sites {
  const balances = (site: string) => lab.host(site).path(`${system.paths(site)}/balances`);
  return { hub: balances(HUB), from: balances(SPOKES[0]), to: balances(SPOKES[1]), twoWay: system.twoWay };
}
