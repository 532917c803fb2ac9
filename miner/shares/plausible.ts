/** Whether the shares that a miner counts fit the hashrate that it reports. Both are its own words: what does not fit is held. */

export interface Band {
  /** Of what was mined by the shares, divided by what the miner reports. */
  readonly min: number;
  readonly max: number;
}

export interface Pace {
  /** By the reported hashrate, over the time in which these were found. */
  readonly hashes: number;
  readonly shares: number;
  readonly difficulty: number;
}

const HASHES_PER_DIFFICULTY = 2 ** 32;
/** Where a hashrate of 0 is reported: it may have been measured in another minute. */
const EXPECTED_MIN = 0.1;
/** Held where luck explains it less often than once in a billion periods. */
const SURPRISE = Math.log(1e9);

/**
 * In words why it is not plausible, or undefined. Shares come as a Poisson process; the bound is Chernoff's, which never
 * overstates how unlikely something is, so that few shares prove nothing. Pure.
 */
export function doubtOf({ hashes, shares, difficulty }: Pace, { min, max }: Band): string | undefined {
  if (shares <= 0 || difficulty <= 0) return undefined;
  const expected = (hashes * shares) / (difficulty * HASHES_PER_DIFFICULTY);
  const ratio = shares / expected;
  if (ratio > max && surprise(shares, Math.max(EXPECTED_MIN, expected * max)) > SURPRISE)
    return expected === 0
      ? `counts ${shares} shares and reports no hashrate`
      : `mined ${shown(ratio)} times what its reported hashrate allows (at most ${max}), over ${shares} shares`;
  if (ratio < min && surprise(shares, expected * min) > SURPRISE)
    return `mined ${shown(ratio)} times what its reported hashrate says (at least ${min}), over ${shares} shares`;
  return undefined;
}

/** -ln of the bound for as many shares as these, or as few, where `expected` are. */
function surprise(shares: number, expected: number): number {
  return shares * Math.log(shares / expected) - shares + expected;
}

function shown(ratio: number): string {
  return ratio >= 10 ? String(Math.round(ratio)) : ratio.toPrecision(2);
}
