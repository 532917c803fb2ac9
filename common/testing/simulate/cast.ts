/** What plans and the world both speak of: sites, ways of writing, weather. Loads nothing of Axle. */
export const HUB = 'directsponsor';
export const SPOKES = ['roflfaucet', 'clickforcharity'] as const;
/** Joins later, if at all. */
export const JOINER = 'newcomer';
export const SITES = [HUB, ...SPOKES, JOINER] as const;

/**
 * How people write: holding the lock or not, in place or by renaming, at one instant, with a pause after truncating
 * (slow), over a file opened some time ago (late), or by removing the file and writing it anew (resave).
 */
export const WAYS = ['locked', 'locked rename', 'raw', 'rename', 'slow', 'late', 'resave'] as const;
export type Way = (typeof WAYS)[number];

/** `kill`: of the daemon alone. `cut`: power off, for everybody on the machine. */
export type DeathKind = 'kill' | 'cut';

/** Chances of what becomes of a message. */
export type Weather = {
  readonly fail: number;
  /** Arrives, but its sender is told that it did not. */
  readonly unanswered: number;
  readonly lose: number;
  readonly twice: number;
  /** Said to have arrived, and arrives later than those after it. */
  readonly late: number;
  /** Changed on its way by a spoke that takes itself for another site. */
  readonly forged: number;
  readonly delayMs: number;
};

export const FAIR: Weather = { fail: 0, unanswered: 0, lose: 0, twice: 0, late: 0, forged: 0, delayMs: 30 };
