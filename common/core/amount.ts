/**
 * Exact decimal amounts. A number never passes through a float: amounts come from JSON number text and are kept as
 * plain decimal text ("12.5"), rounded to SCALE places because PHP writes 0.1 + 0.2 as 0.30000000000000004.
 */
import Big from 'big.js';

/** Decimal places to which every contribution is rounded. */
export const SCALE = 8;

/**
 * Digits before the point that a number in a file may have; more is refused as nonsense rather than stored. Totals may
 * have six more (AMOUNT), so that adding up what files said never makes a state that another site refuses.
 */
const INTEGER_DIGITS_MAX = 18;

const HALF_EVEN = 2;

/** An exact decimal in plain notation: `-?digits[.digits]`, at most SCALE places, no trailing zeros, never "-0". */
export type Amount = string;

export const ZERO: Amount = '0';

const NUMBER_TEXT = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,2})?$/;
const PLAIN_INTEGER = /^(?:0|-?[1-9]\d{0,14})$/;
const AMOUNT = /^(?:0|-?(?:0|[1-9]\d{0,23})(?:\.\d{0,7}[1-9])?)$/;

/** Parses JSON number text, or the same inside a string. Undefined where it is no number that can be money. */
export function parseAmount(text: string): Amount | undefined {
  if (PLAIN_INTEGER.test(text)) return text;
  if (text.length > 64 || !NUMBER_TEXT.test(text)) return undefined;
  const value = new Big(text).round(SCALE, HALF_EVEN);
  if (value.e >= INTEGER_DIGITS_MAX) return undefined;
  return plain(value);
}

/** Whether text has exactly the form of an Amount: what a batch or a stored state must hold. */
export function isAmount(text: unknown): text is Amount {
  return typeof text === 'string' && AMOUNT.test(text) && text !== '-0';
}

function plain(value: Big): Amount {
  const text = value.toFixed();
  return text === '-0' ? ZERO : text;
}

export function add(a: Amount, b: Amount): Amount {
  if (a === ZERO) return b;
  if (b === ZERO) return a;
  return areSmall(a, b) ? String(Number(a) + Number(b)) : plain(new Big(a).plus(b));
}

export function subtract(a: Amount, b: Amount): Amount {
  if (b === ZERO) return a;
  return areSmall(a, b) ? String(Number(a) - Number(b)) : plain(new Big(a).minus(b));
}

/** Negative, zero or positive, as a is less than, equal to or greater than b. */
export function compare(a: Amount, b: Amount): number {
  if (a === b) return 0;
  return areSmall(a, b) ? Number(a) - Number(b) : new Big(a).cmp(b);
}

/** Whole numbers of up to 15 digits, with sums and differences that a float holds exactly as well. */
function areSmall(a: Amount, b: Amount): boolean {
  return PLAIN_INTEGER.test(a) && PLAIN_INTEGER.test(b);
}

export function larger(a: Amount, b: Amount): Amount {
  return compare(a, b) >= 0 ? a : b;
}

/** How far two amounts are apart. */
export function distance(a: Amount, b: Amount): Amount {
  return compare(a, b) >= 0 ? subtract(a, b) : subtract(b, a);
}

/** Whether two JSON number texts mean the same number, however they are spelled (5, 5.0, 5e0). */
export function sameNumber(a: string, b: string): boolean {
  if (a === b) return true;
  if (a.length > 64 || b.length > 64) return false;
  return NUMBER_TEXT.test(a) && NUMBER_TEXT.test(b) && new Big(a).eq(b);
}

/** One spelling for a number text (5.0 and 5e0 become 5), so that a rewrite by another JSON library changes nothing. */
export function normalNumber(text: string): string {
  if (PLAIN_INTEGER.test(text) || text.length > 64 || !NUMBER_TEXT.test(text)) return text;
  const value = new Big(text);
  return Math.abs(value.e) > 40 ? text : plain(value);
}
