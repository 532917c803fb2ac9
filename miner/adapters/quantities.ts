/** Values as miners write them: numbers as text, units of every size, and many ways to say that there is no sensor. */
import type { Json } from './tolerant-json.js';

type Value = Json | undefined;

const PLAIN = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
const GROUPED = /^[-+]?\d{1,3}(,\d{3})+(\.\d+)?$/;
/** A unit behind a number, as in "5880 RPM"; units that change its size are not among them. */
const UNIT_BEHIND = /\s*(%|°?C|RPM|W|V|s)$/i;

/** No number is longer; to look for one in a megabyte of blanks takes minutes. */
const NUMBER_LENGTH_MAX = 100;

export function number(value: Value): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || value.length > NUMBER_LENGTH_MAX) return undefined;
  let plain = value.trim().replace(UNIT_BEHIND, '');
  if (GROUPED.test(plain)) plain = plain.replaceAll(',', '');
  if (!PLAIN.test(plain)) return undefined;
  const read = Number(plain);
  return Number.isFinite(read) ? read : undefined;
}

/** More than any miner can have counted. */
const COUNT_MAX = 1e21;

/** Not negative: a counter, an age, a speed. */
export function count(value: Value): number | undefined {
  const read = number(value);
  return read !== undefined && read >= 0 && read <= COUNT_MAX ? read : undefined;
}

/** Where 0 means that it is not known: a difficulty, a voltage, a frequency. */
export function positive(value: Value): number | undefined {
  const read = number(value);
  return read !== undefined && read > 0 ? read : undefined;
}

export function percent(value: Value): number | undefined {
  const read = count(value);
  return read !== undefined && read <= 100 ? read : undefined;
}

export const watts = count;

/** Of air: may be cold. -273 and the like are sensors that are not there. */
export function celsius(value: Value): number | undefined {
  const read = number(value);
  return read !== undefined && read > -40 && read <= 200 ? read : undefined;
}

/** Of a chip or a board that works: 0 and below is a sensor that is not there. */
export function chipCelsius(value: Value): number | undefined {
  const read = celsius(value);
  return read !== undefined && read > 0 ? read : undefined;
}

/** Prefix of a unit of hashrate. */
export type HashUnit = 'H' | 'KH' | 'MH' | 'GH' | 'TH' | 'PH' | 'EH';

const SCALE: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18, Z: 1e21 };

/** More than the whole world has: a miner that says so has a broken counter. */
const HASHRATE_MAX_HPS = 1e24;

/** In hashes a second; a unit in the text itself wins over the one that its name promises. */
export function hashrate(value: Value, unit: HashUnit): number | undefined {
  const own = typeof value === 'string' ? /^\s*([\d.,eE+-]+?)\s*([KMGTPE]?)(?:H|Sol)(?:\/s|s)?\s*$/i.exec(value) : null;
  const read = count(own?.[1] ?? value);
  if (read === undefined) return undefined;
  const scale = SCALE[(own?.[2] ?? unit.slice(0, -1)).toUpperCase()] ?? 1;
  const hps = read * scale;
  return hps <= HASHRATE_MAX_HPS ? hps : undefined;
}

/** Of "GH", "GH/s", "Gh", "ghs", and of "KSol/s": a solution of Equihash is a hash here. */
export function hashUnit(value: Value): HashUnit | undefined {
  const found = typeof value === 'string' ? /^\s*([KMGTPE]?)(?:H|Sol)(?:\/?s)?\s*$/i.exec(value) : null;
  return found === null ? undefined : (`${(found[1] ?? '').toUpperCase()}H` as HashUnit);
}

/** Of 4290000000, "4290000000", "4.29G". */
export function difficulty(value: Value): number | undefined {
  const scaled = typeof value === 'string' ? /^\s*([\d.,]+)\s*([KMGTPEZ])\s*$/i.exec(value) : null;
  if (scaled === null) return count(value);
  const read = count(scaled[1]);
  const scale = SCALE[(scaled[2] ?? '').toUpperCase()];
  // Rounded, because 4.29 × 10⁹ is 4290000000.0000005 otherwise.
  return read === undefined || scale === undefined ? undefined : Number((read * scale).toPrecision(15));
}

const SAYS_NOTHING = /^(|n\/?a|none|null|unknown|undefined|-+)$/i;

export function text(value: Value): string | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  if (typeof value !== 'string') return undefined;
  // Whatsminer quotes within the string.
  const bare = printable(value)
    .replace(/^'(.*)'$/s, '$1')
    .trim();
  return SAYS_NOTHING.test(bare) ? undefined : bare;
}

/** A device's words end up in terminals, logs and pages: without control characters. */
function printable(value: string): string {
  return value.replaceAll(/\p{Cc}+/gu, ' ').trim();
}

/** Text that somebody chose, such as a user's name: only nothing is nothing. */
export function label(value: Value): string | undefined {
  if (typeof value === 'number') return text(value);
  return typeof value === 'string' && printable(value) !== '' ? printable(value) : undefined;
}

export function macAddress(value: Value): string | undefined {
  if (typeof value !== 'string') return undefined;
  const digits = value.trim().toLowerCase().replaceAll(/[:.-]/g, '');
  if (!/^[0-9a-f]{12}$/.test(digits) || /^(0{12}|f{12})$/.test(digits)) return undefined;
  return digits.replaceAll(/..(?=.)/g, '$&:');
}

/** Of "Y", "true", 1, true; absent where it is neither yes nor no. */
export function flag(value: Value): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (value === 1 || value === 0) return value === 1;
  if (typeof value !== 'string') return undefined;
  if (/^(y|yes|true|1|on)$/i.test(value.trim())) return true;
  return /^(n|no|false|0|off)$/i.test(value.trim()) ? false : undefined;
}

/** All of a list, of "78-50-69-70", of "66 65 64". */
export function numbers(value: Value): readonly number[] {
  const parts = Array.isArray(value)
    ? value
    : typeof value === 'string'
      ? value.trim().split(/[\s/]+|(?<=\d)-/)
      : [value];
  return (parts as readonly Value[]).flatMap((part) => number(part) ?? []);
}
