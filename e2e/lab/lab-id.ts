/**
 * A lab's identity: every mount, network namespace, cgroup and machine of a lab carries it, so that two labs never meet
 * and so that whoever comes later can tell the leftovers of a dead process from a lab in use.
 */

import { startTicks } from './processes.js';

/** Labs live under this folder, one mount point each, named by id. */
export const LABS = '/run/axle-lab';

let labs = 0;

/**
 * A new id for a lab that lives as long as its owner, by default this process: `axle-PID-START-NUMBER`. START keeps a
 * reused process id from looking like the owner.
 */
export function newLabId(owner = process.pid): string {
  labs += 1;
  return `axle-${owner}-${startTicks(owner) ?? 0}-${labs}`;
}

/** True for a lab's id whose process has gone; false for a living owner and for any name that is not a lab's. */
export function isOrphan(id: string): boolean {
  const match = /^axle-(\d+)-(\d+)-\d+$/.exec(id);
  return match !== null && startTicks(Number(match[1])) !== match[2];
}
