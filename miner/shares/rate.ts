/** What difficulty is worth, exactly. */
import Big from 'big.js';
import type { RateConfig } from './config.js';

/** Places to which the worth of one difficulty is known: far more than any credit has. */
const PLACES = 40;
/** Of amounts and difficulties that a site takes. */
export const SCALE = 8;

const DOWN = 0;
const exact = Big();
exact.DP = PLACES;
exact.RM = DOWN;

/** Credits for each 1 of difficulty, decimal text. `network_difficulty`: of the moment, instead of the one of the config. */
export function worthOfDifficulty({ per_difficulty, pps }: RateConfig, network_difficulty?: string): string {
  if (per_difficulty !== undefined) return new exact(per_difficulty).toFixed();
  if (pps === undefined) throw new Error('credit.rate: must be either per_difficulty or pps');
  return new exact(pps.block_reward)
    .times(new exact(1).minus(String(pps.fee)))
    .times(pps.per_coin)
    .div(network_difficulty ?? pps.network_difficulty)
    .toFixed();
}

export interface Carry {
  /** Decimal text, as many places as it has. */
  readonly amount: string;
  readonly difficulty: string;
}

export interface Priced {
  /** At most 8 places, "0" where it is too little to be a credit. */
  readonly amount: string;
  readonly difficulty: string;
  /** What is left over, to the last digit. */
  readonly carry: Carry;
}

export const NO_CARRY: Carry = { amount: '0', difficulty: '0' };

/** What these works come to, with what was left over before. Where it is too little, all of it is left over again. */
export function priceOf(difficulties: readonly string[], worth: string, before: Carry): Priced {
  const mined = difficulties.reduce((total, one) => total.plus(one), new exact(0));
  const amount = mined.times(worth).plus(before.amount);
  const difficulty = mined.plus(before.difficulty);
  const paid = amount.round(SCALE, DOWN);
  if (paid.lte(0)) return { amount: '0', difficulty: '0', carry: text(amount, difficulty) };
  const told = difficulty.round(SCALE, DOWN);
  return {
    amount: paid.toFixed(),
    difficulty: told.toFixed(),
    carry: text(amount.minus(paid), difficulty.minus(told)),
  };
}

function text(amount: Big, difficulty: Big): Carry {
  return { amount: amount.toFixed(), difficulty: difficulty.toFixed() };
}
