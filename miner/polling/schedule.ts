/** Pure. When a device is asked next, and what is to be thought of it. */
import type { MinerState } from '../fleet/fleet.js';

/** A device that fails is asked in every round, so long … */
const PATIENT_FAILURES = 10;
/** … and then less and less, but still so often. */
const SELDOM_MS = 300_000;

/** From one try to the next. `random`: uniform in [0, 1). */
export function waitAfter(failures: number, interval_ms: number, random: () => number): number {
  if (failures < PATIENT_FAILURES) return interval_ms;
  const wait_ms = interval_ms * 2 ** Math.min(failures - PATIENT_FAILURES + 1, 16);
  return Math.max(interval_ms, Math.min(wait_ms, SELDOM_MS) * (0.8 + 0.2 * random()));
}

/**
 * A round takes its time on purpose, a tenth of the interval and three seconds at most: so many devices asked at once
 * would be one burst of packets, and their answers another.
 */
export function spreadOver(interval_ms: number): number {
  return Math.min(interval_ms / 10, 3_000);
}

export interface StateLimits {
  readonly stale_after_ms: number;
  readonly offline_after_ms: number;
}

/** `age_ms`: of the last good reading; absent where there is none. */
export function stateOf(is_enabled: boolean, age_ms: number | undefined, limits: StateLimits): MinerState {
  if (!is_enabled) return 'disabled';
  if (age_ms === undefined) return 'unknown';
  if (age_ms >= limits.offline_after_ms) return 'offline';
  return age_ms >= limits.stale_after_ms ? 'stale' : 'online';
}
