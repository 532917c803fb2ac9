/** The systems that can be measured, by name. */

import type { System } from './system.js';
import { axle } from './systems/axle.js';
import { lsyncd } from './systems/lsyncd.js';
import { syncthing } from './systems/syncthing.js';

/**
 * Measured unless others are asked for: Axle, and each rival as fast as it can be set. lsyncd comes twice: its fastest
 * setting forgets the second of two writes in a second, and the setting that does not is hardly slower.
 */
export const DEFAULT_SYSTEMS = ['axle', 'lsyncd', 'lsyncd-ignore-times', 'syncthing'];

const SYSTEMS: readonly System[] = [
  axle(),
  lsyncd('lsyncd', { delaySeconds: 0 }),
  lsyncd('lsyncd-ignore-times', { delaySeconds: 0, ignoreTimes: true }),
  lsyncd('lsyncd-1s', { delaySeconds: 1 }),
  syncthing('syncthing', 1),
  syncthing('syncthing-default', 10),
];

export function systemNamed(name: string): System {
  const system = SYSTEMS.find((candidate) => candidate.name === name);
  if (system === undefined)
    throw new Error(`no system ${name}; there are ${SYSTEMS.map((one) => one.name).join(', ')}`);
  return system;
}
