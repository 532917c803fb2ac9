/**
 * Amounts in the browser: whole units of 1e-8, because 0.1 + 0.2 must be 0.3 also after a thousand plays. Pages give and
 * get plain numbers; on the wire and in storage an amount is decimal text.
 */

/** Units of 0.00000001. */
export type Units = bigint;

const PLACES = 8;
const SCALE = 10n ** BigInt(PLACES);
/** Beyond this a JavaScript number does not hold 8 decimals anyway; no balance comes near. */
const NUMBER_MAX = 1e15;
const DECIMAL = /^([+-]?)(\d{1,18})(?:\.(\d{1,40}))?$/;

/** What a page, a file or a server calls an amount: a number, decimal text, or `{coins}`. Undefined: none of these. */
export function unitsOf(value: unknown): Units | undefined {
  if (typeof value === 'number') return Math.abs(value) <= NUMBER_MAX ? unitsOf(value.toFixed(PLACES)) : undefined;
  if (typeof value === 'object' && value !== null && 'coins' in value) return unitsOf(value.coins);
  if (typeof value !== 'string') return undefined;
  const part = DECIMAL.exec(value.trim());
  if (part === null) return undefined;
  const [, sign = '', whole = '', fraction = ''] = part;
  const kept = BigInt(whole + fraction.padEnd(PLACES, '0').slice(0, PLACES));
  // PHP spells 0.3 as 0.30000000000000004.
  const units = (fraction[PLACES] ?? '0') >= '5' ? kept + 1n : kept;
  return sign === '-' ? -units : units;
}

/** Exact decimal text without needless zeros: 12.5 */
export function textOf(units: Units): string {
  const digits = (units < 0n ? -units : units).toString().padStart(PLACES + 1, '0');
  const fraction = digits.slice(-PLACES).replace(/0+$/, '');
  return `${units < 0n ? '-' : ''}${digits.slice(0, -PLACES)}${fraction === '' ? '' : `.${fraction}`}`;
}

export function numberOf(units: Units): number {
  return Number(textOf(units));
}

/** As the sites show an amount: the whole coins that one has. */
export function shownOf(units: Units): string {
  const whole = units / SCALE;
  return String(units < 0n && units % SCALE !== 0n ? whole - 1n : whole);
}
