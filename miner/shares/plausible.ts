/** Whether the shares that a miner counts fit the hashrate that it reports. Both are its own words: what does not fit is held. */

export interface Band {
  /** Of what was mined by the shares, divided by what the miner reports. */
  readonly min: number;
  readonly max: number;
}

export interface Pace {
  /** By the reported hashrate, over the time in which these were found; or as the miner counts them. */
  readonly hashes: number;
  readonly shares: number;
  readonly difficulty: number;
}

const HASHES_PER_DIFFICULTY = 2 ** 32;
/** Held where luck explains it less often than once in a billion periods. */
const SURPRISE = Math.log(1e9);

/**
 * In words why it is not plausible, or undefined. Shares come as a Poisson process; the bound is Chernoff's, which never
 * overstates how unlikely something is, so that few shares prove nothing. Pure.
 */
export function doubtOf(pace: Pace, { min, max }: Band): string | undefined {
  const { hashes, difficulty } = pace;
  if (difficulty <= 0) return undefined;
  // Where only difficulty is counted, it is at least one.
  const shares = Math.max(1, pace.shares);
  const counted = `${shares} ${shares === 1 ? 'share' : 'shares'}`;
  if (hashes <= 0) return `counts ${counted} and reports no hashrate`;
  const expected = (hashes * shares) / (difficulty * HASHES_PER_DIFFICULTY);
  const ratio = shares / expected;
  // Nothing can be said by numbers that are larger than numbers are.
  if (!Number.isFinite(expected) || !Number.isFinite(ratio)) return 'counts more than can be';
  if (ratio > max && surprise(shares, expected * max) > SURPRISE)
    return `mined ${shown(ratio)} times what its reported hashrate allows (at most ${max}), over ${counted}`;
  if (ratio < min && surprise(shares, expected * min) > SURPRISE)
    return `mined ${shown(ratio)} times what its reported hashrate says (at least ${min}), over ${counted}`;
  return undefined;
}

/** -ln of the bound for as many shares as these, or as few, where `expected` are. */
function surprise(shares: number, expected: number): number {
  return shares * Math.log(shares / expected) - shares + expected;
}

function shown(ratio: number): string {
  return ratio >= 10 ? String(Math.round(ratio)) : ratio.toPrecision(2);
}
