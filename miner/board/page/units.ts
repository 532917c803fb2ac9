/** Figures as people read them. What is not known is a dash, and never 0. */

export const NONE = '–';

type Known = number | null | undefined;

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E', 'Z'];

/** Three digits with a prefix: `110 T`, `1.20 k`, `78.5 `. */
function scaled(value: number): string {
  let rest = Math.abs(value);
  let place = 0;
  while (rest >= 999.5 && place < PREFIXES.length - 1) {
    rest /= 1_000;
    place += 1;
  }
  const digits = rest >= 100 || (place === 0 && Number.isInteger(rest)) ? 0 : rest >= 9.995 ? 1 : 2;
  return `${value < 0 ? '−' : ''}${rest.toFixed(digits)} ${PREFIXES[place]}`;
}

/** `110 TH/s`, `78.5 kH/s`. */
export function hashrate(hps: Known): string {
  return isKnown(hps) ? `${scaled(hps)}H/s` : NONE;
}

/** `65.5 k`, for difficulty and large counts. */
export function short(value: Known): string {
  return isKnown(value) ? scaled(value).trim() : NONE;
}

export function temperature(celsius: Known): string {
  return isKnown(celsius) ? `${Math.round(celsius)} °C` : NONE;
}

/** `3,250 W`, `812 kW`. */
export function power(watts: Known): string {
  if (!isKnown(watts)) return NONE;
  return Math.abs(watts) < 9_999.5
    ? `${count(Math.abs(watts) < 10 ? round(watts, 1) : Math.round(watts))} W`
    : `${scaled(watts)}W`;
}

/** `29.5 J/TH`; a dash where nothing is hashed, or too little for it to mean anything. */
export function efficiency(watts: Known, hps: Known): string {
  if (!isKnown(watts) || !isKnown(hps) || hps < 1e9) return NONE;
  const joules = watts / (hps / 1e12);
  return `${joules < 99.95 ? joules.toFixed(1) : count(Math.round(joules))} J/TH`;
}

export function count(value: Known): string {
  return isKnown(value) ? value.toLocaleString('en') : NONE;
}

/** `0.4 %`, of all. */
export function share(part: Known, whole: Known): string {
  if (!isKnown(part) || !isKnown(whole) || whole <= 0) return NONE;
  const percent = (part / whole) * 100;
  return `${percent === 0 || percent >= 9.95 ? Math.round(percent) : percent.toFixed(percent < 0.1 ? 2 : 1)} %`;
}

/** `Antminer S19`; models that name their make themselves stay as they are. */
export function makeAndModel(make: string | undefined, model: string | undefined): string | undefined {
  if (make === undefined || model?.toLowerCase().startsWith(make.toLowerCase())) return model ?? make;
  return model === undefined ? make : `${make} ${model}`;
}

/** `45 s`, `12 min`, `3 h`, `5 days`. */
export function duration(s: Known): string {
  if (!isKnown(s)) return NONE;
  if (s < 100) return `${Math.round(s)} s`;
  if (s < 100 * 60) return `${Math.round(s / 60)} min`;
  return s < 48 * 3_600 ? `${Math.round(s / 3_600)} h` : `${Math.round(s / 86_400)} days`;
}

/** `just now`, `45 s ago`. */
export function ago(ms: number): string {
  return ms < 3_000 ? 'just now' : `${duration(ms / 1_000)} ago`;
}

/** Decimal text with its thousands apart; no digit is lost, for it is money. */
export function amount(text: string | null | undefined): string {
  if (text === null || text === undefined || text === '') return NONE;
  const [whole = '', rest] = text.split('.');
  return `${whole.replace(/\B(?=(\d{3})+$)/g, ',')}${rest === undefined ? '' : `.${rest}`}`;
}

/** `bc1qw508…v8f3t4`: enough to tell addresses apart. */
export function shortened(text: string, head = 8, tail = 6): string {
  return text.length <= head + tail + 1 ? text : `${text.slice(0, head)}…${text.slice(-tail)}`;
}

/** Host and port of a pool: what tells pools apart. */
export function poolName(url: string | null | undefined): string {
  return url ? url.replace(/^[a-z0-9+.-]+:\/\//i, '').replace(/\/.*$/, '') : NONE;
}

function isKnown(value: Known): value is number {
  return value !== null && value !== undefined && Number.isFinite(value);
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
