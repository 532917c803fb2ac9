/**
 * `merge(a, b)`: the join of two states. Commutative, associative and idempotent, so a batch may arrive twice, late or
 * out of order. Returns `a` itself where `b` brings nothing new: that is how a receiver knows that nothing changed.
 */
import { compare, larger } from './amount.js';
import { mergeLog } from './log.js';
import type { CounterState, DocState, Register, SetState } from './state.js';

export function merge(a: DocState, b: DocState): DocState {
  const counters = mergeRecords(a.counters, b.counters, mergeCounter);
  const registers = mergeRecords(a.registers, b.registers, laterRegister);
  const sets = mergeRecords(a.sets, b.sets, mergeSet);
  const logs = mergeRecords(a.logs, b.logs, mergeLog);
  const max = mergeRecords(a.max, b.max, mergeMax);
  const whole = optional(a.whole, b.whole, laterRegister);
  const form = optional(a.form, b.form, laterForm);
  const life = optional(a.life, b.life, Math.max);
  const dead = optional(a.dead, b.dead, laterDeath);
  if (
    counters === a.counters &&
    registers === a.registers &&
    sets === a.sets &&
    logs === a.logs &&
    max === a.max &&
    whole === a.whole &&
    form === a.form &&
    life === a.life &&
    dead === a.dead
  )
    return a;
  return {
    ...(counters && { counters }),
    ...(registers && { registers }),
    ...(sets && { sets }),
    ...(logs && { logs }),
    ...(max && { max }),
    ...(whole && { whole }),
    ...(form && { form }),
    ...(life !== undefined && { life }),
    ...(dead && { dead }),
  };
}

/** Joins two optional values; the left one is returned itself where the right adds nothing. */
export function optional<T>(a: T | undefined, b: T | undefined, join: (a: T, b: T) => T): T | undefined {
  if (b === undefined || a === b) return a;
  return a === undefined ? b : join(a, b);
}

/** Joins two records key by key; the left one is returned itself where the right adds nothing. */
export function mergeRecords<T>(
  a: Readonly<Record<string, T>> | undefined,
  b: Readonly<Record<string, T>> | undefined,
  join: (a: T, b: T, key: string) => T,
): Readonly<Record<string, T>> | undefined {
  if (b === undefined || a === b) return a;
  if (a === undefined) return b;
  let merged: Record<string, T> | undefined;
  for (const key of Object.keys(b)) {
    const theirs = b[key] as T;
    const mine = Object.hasOwn(a, key) ? a[key] : undefined;
    const joined = mine === undefined ? theirs : join(mine, theirs, key);
    if (joined === mine) continue;
    merged ??= { ...a };
    merged[key] = joined;
  }
  return merged ?? a;
}

/** Later stamp wins. Equal stamps hold equal values, unless somebody forged one: then the greater text, everywhere. */
export function laterRegister(a: Register, b: Register): Register {
  if (a[1] !== b[1]) return b[1] > a[1] ? b : a;
  return b[0] !== null && (a[0] === null || b[0] > a[0]) ? b : a;
}

export function mergeCounter(a: CounterState, b: CounterState): CounterState {
  const genesis = optional(a.genesis, b.genesis, earlierGenesis);
  const by = mergeRecords(a.by, b.by, laterTotals) ?? a.by;
  const given = mergeRecords(a.given, b.given, mergeGiven);
  const shape = optional(a.shape, b.shape, laterPair);
  if (genesis === a.genesis && by === a.by && given === a.given && shape === a.shape) return a;
  return { ...(genesis && { genesis }), by, ...(given && { given }), ...(shape && { shape }) };
}

type Genesis = NonNullable<CounterState['genesis']>;

function earlierGenesis(a: Genesis, b: Genesis): Genesis {
  if (a[1] !== b[1]) return b[1] < a[1] ? b : a;
  return compare(b[0], a[0]) > 0 ? b : a;
}

type Totals = CounterState['by'][string];

function laterTotals(a: Totals, b: Totals): Totals {
  const added = larger(a[0], b[0]);
  const taken = larger(a[1], b[1]);
  return added === a[0] && taken === a[1] ? a : [added, taken];
}

type Given = NonNullable<CounterState['given']>[string];

function mergeGiven(a: Given, b: Given): Given {
  return mergeRecords(a, b, larger) ?? a;
}

function laterPair<T extends readonly [string, string]>(a: T, b: T): T {
  if (a[1] !== b[1]) return b[1] > a[1] ? b : a;
  return b[0] > a[0] ? b : a;
}

type FormEntry = NonNullable<DocState['form']>;

function laterForm(a: FormEntry, b: FormEntry): FormEntry {
  if (a[1] !== b[1]) return b[1] > a[1] ? b : a;
  return JSON.stringify(b[0]) > JSON.stringify(a[0]) ? b : a;
}

type Death = NonNullable<DocState['dead']>;

function laterDeath(a: Death, b: Death): Death {
  if (a[0] !== b[0]) return b[0] > a[0] ? b : a;
  return b[1] > a[1] ? b : a;
}

type Element = SetState[string];

function mergeSet(a: SetState, b: SetState): SetState {
  return mergeRecords(a, b, laterElement) ?? a;
}

function laterElement(a: Element, b: Element): Element {
  if (a[1] !== b[1]) return b[1] > a[1] ? b : a;
  if (a[0] !== b[0]) return b[0] > a[0] ? b : a;
  return b[2] > a[2] ? b : a;
}

type SiteNumbers = Readonly<Record<string, string>>;

function mergeMax(a: SiteNumbers, b: SiteNumbers): SiteNumbers {
  return mergeRecords(a, b, largerNumber) ?? a;
}

/** The greater number; of two spellings of the same number the greater text, so that order of arrival cannot matter. */
function largerNumber(a: string, b: string): string {
  const order = compare(b, a);
  if (order !== 0) return order > 0 ? b : a;
  return b > a ? b : a;
}
