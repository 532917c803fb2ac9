/**
 * `diff`: what a site changed in a live file, as its own contributions to the state. Always live against shadow (what
 * file and state last agreed on), never against the view: what arrived from elsewhere meanwhile is not a local change.
 */
import { type Amount, add, compare, distance, isAmount, subtract, ZERO } from './amount.js';
import type { Valid } from './content.js';
import { type CounterField, type Fields, fieldsOf, type LogField, type RegisterField } from './fields.js';
import { sameJson } from './json.js';
import { clearLog, diffLog } from './log-diff.js';
import { COUNTER_BOX_KEY, childPath, type PathPolicies } from './policy.js';
import { counterValue, isAlive } from './render.js';
import type { Stamp } from './stamp.js';
import {
  type CounterState,
  type DocState,
  GENESIS,
  isBox,
  type LogState,
  type ReplicaId,
  replicaSite,
} from './state.js';
import type { Style } from './style.js';

export type Author = {
  readonly replica: ReplicaId;
  readonly stamp: Stamp;
  /** The file stood before this site joined and nobody knew it: its amounts are genesis, not credits. */
  readonly isGenesis?: boolean;
  /**
   * The file was missing for a moment: an editor that saves by renaming, or a delete and a page that begins at zero. An
   * amount counts from the last one agreed on or from zero, whichever is nearer to it.
   */
  readonly isReborn?: boolean;
};

/**
 * Adds the difference to `state`. `shadow` undefined: there was no file before; `live` undefined: there is none now.
 * Returns `state` itself where nothing changed.
 */
export function diff(
  state: DocState,
  shadow: Valid | undefined,
  live: Valid | undefined,
  style: Style,
  policies: PathPolicies,
  author: Author,
): DocState {
  if (live === undefined) return shadow === undefined ? state : removeFile(state, policies, author);
  const isReborn = state.dead !== undefined && !isAlive(state, policies.kind.delete);
  // A file born again on a site that knows of its delete starts another life, which that delete cannot end.
  const from = isReborn && state.dead ? { ...state, life: state.dead[0] + 1 } : state;
  const before: Fields = shadow?.kind === 'json' ? fieldsOf(shadow.value, policies) : new Map();
  if (live.kind === 'text') {
    if (shadow?.kind === 'text' && shadow.text === live.text && !isReborn) return state;
    return { ...diffFields(from, before, new Map(), style, author, isReborn), whole: [live.text, author.stamp] };
  }
  const next = diffFields(from, before, fieldsOf(live.value, policies), style, author, isReborn);
  if (next.whole === undefined || next.whole[0] === null || (next === state && shadow?.kind === 'json')) return next;
  return { ...next, whole: [null, author.stamp] };
}

function removeFile(state: DocState, policies: PathPolicies, { replica, stamp }: Author): DocState {
  if (policies.kind.delete === 'restore' || !isAlive(state, policies.kind.delete)) return state;
  // Entries have no stamp that a tombstone could be compared with when the same file is written again: they are removed.
  const logs = new Draft(state.logs);
  for (const [path, log] of Object.entries(state.logs ?? {})) logs.set(path, clearLog(log, replica));
  return { ...state, ...logs.as('logs'), dead: [state.life ?? 0, stamp] };
}

function diffFields(
  state: DocState,
  before: Fields,
  after: Fields,
  style: Style,
  author: Author,
  isReborn: boolean,
): DocState {
  const { replica, stamp } = author;
  const counters = new Draft(state.counters);
  const registers = new Draft(state.registers);
  const sets = new Draft(state.sets);
  const logs = new Draft(state.logs);
  const max = new Draft(state.max);
  for (const [path, field] of after) {
    const was = before.get(path);
    if (field.policy === 'counter') {
      const known = counters.get(path);
      const from = was?.policy === 'counter' ? was.value : ZERO;
      // Counters survive a delete: a file that comes back much as it was brings the same amount, not as much again.
      const survivor = isReborn && known !== undefined ? counterValue(known) : from;
      const next = counted(known, field, isNearerToZero(field.value, survivor) ? from : survivor, author);
      if (next !== undefined) counters.set(path, next);
    } else if (field.policy === 'register') {
      if (was?.policy !== 'register' || !sameRegister(was, field)) registers.set(path, [field.text, stamp]);
    } else if (field.policy === 'set') {
      const old = was?.policy === 'set' ? was.elements : [];
      const known = sets.get(path);
      if (known === undefined || !sameTexts(old, field.elements))
        sets.set(path, diffSet(known, old, field.elements, stamp));
    } else if (field.policy === 'log') {
      const old = was?.policy === 'log' ? was.entries : [];
      const known = logs.get(path);
      if (known === undefined || !sameTexts(old, field.entries)) logs.set(path, logged(known, old, field, author));
    } else {
      const site = replicaSite(replica);
      const numbers = max.get(path) ?? {};
      const mine = Object.hasOwn(numbers, site) ? numbers[site] : undefined;
      const from = was?.policy === 'max' ? was.text : undefined;
      if (
        (from === undefined || compare(field.text, from) > 0) &&
        (mine === undefined || compare(field.text, mine) > 0)
      )
        max.set(path, { ...numbers, [site]: field.text });
    }
  }
  // A missing key removes a plain value. Counters, sets, logs and maxima are written back instead.
  for (const [path, field] of before)
    if (field.policy === 'register' && after.get(path)?.policy !== 'register' && registers.get(path)?.[0] !== null)
      registers.set(path, [null, stamp]);

  const grew = state.form === undefined || [...after.keys()].some((path) => !before.has(path));
  const changed = [counters, registers, sets, logs, max].some((draft) => draft.changed) || state.form === undefined;
  if (!changed) return state;
  return {
    ...state,
    ...counters.as('counters'),
    ...registers.as('registers'),
    ...sets.as('sets'),
    ...logs.as('logs'),
    ...max.as('max'),
    ...(grew && { form: [{ order: fileOrder(after), style }, stamp] as const }),
  };
}

function sameRegister(a: RegisterField, b: RegisterField): boolean {
  return a.text === b.text || sameJson(a.value, b.value);
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i]);
}

/** Undefined where the change would make a total that no site accepts. */
function counted(
  known: CounterState | undefined,
  field: CounterField,
  from: string,
  { replica, stamp, isGenesis, isReborn }: Author,
): CounterState | undefined {
  const shape = known?.shape?.[0] === field.shape ? known.shape : ([field.shape, stamp] as const);
  if (known === undefined && isGenesis) return { genesis: [field.value, stamp], by: {}, shape };
  const start = isReborn && isNearerToZero(field.value, from) ? ZERO : from;
  const delta = subtract(field.value, start);
  if (known !== undefined && delta === ZERO && shape === known.shape) return known;
  const [added, taken] = known?.by[replica] ?? [ZERO, ZERO];
  const mine =
    compare(delta, ZERO) > 0 ? ([add(added, delta), taken] as const) : ([added, subtract(taken, delta)] as const);
  if (!isAmount(mine[0]) || !isAmount(mine[1])) return undefined;
  return { ...known, by: delta === ZERO ? (known?.by ?? {}) : { ...known?.by, [replica]: mine }, shape };
}

function isNearerToZero(value: Amount, other: Amount): boolean {
  return compare(distance(value, ZERO), distance(value, other)) < 0;
}

type SetElements = NonNullable<DocState['sets']>[string];

function diffSet(
  known: SetElements | undefined,
  old: readonly string[],
  now: readonly string[],
  stamp: Stamp,
): SetElements {
  const next: Record<string, SetElements[string]> = { ...known };
  const before = new Set(old);
  const after = new Set(now);
  now.forEach((text, position) => {
    if (!before.has(text)) next[text] = [1, stamp, position];
  });
  for (const text of old) if (!after.has(text)) next[text] = [0, stamp, 0];
  return next;
}

function logged(known: LogState | undefined, old: readonly string[], field: LogField, author: Author): LogState {
  const { replica, stamp, isGenesis } = author;
  return diffLog(known, old, field.entries, isGenesis ? GENESIS : replica, replica, stamp);
}

function fileOrder(fields: Fields): string[] {
  return [...fields].map(([path, field]) =>
    field.policy === 'counter' && isBox(field.shape) ? childPath(path, COUNTER_BOX_KEY) : path,
  );
}

/** One part of a state while it changes: copied only when something is really set. */
class Draft<T> {
  #own: Record<string, T> | undefined;

  constructor(readonly from: Readonly<Record<string, T>> | undefined) {}

  get(path: string): T | undefined {
    const source = this.#own ?? this.from;
    return source !== undefined && Object.hasOwn(source, path) ? source[path] : undefined;
  }

  set(path: string, value: T): void {
    if (this.get(path) === value) return;
    this.#own ??= { ...this.from };
    this.#own[path] = value;
  }

  get changed(): boolean {
    return this.#own !== undefined;
  }

  as<K extends string>(key: K): { [P in K]?: Readonly<Record<string, T>> } {
    return (this.#own === undefined ? {} : { [key]: this.#own }) as { [P in K]?: Readonly<Record<string, T>> };
  }
}
