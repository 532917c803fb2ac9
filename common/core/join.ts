/**
 * Joining: what becomes of a file that stood here before this site took the hub's state. A file that shows the hub's
 * view is adopted and contributes nothing, so the same money on every site is counted once.
 */
import { type Amount, add, compare, subtract, ZERO } from './amount.js';
import type { Content } from './content.js';
import { stampsOf } from './decode.js';
import { type Author, diff } from './diff.js';
import { fieldsOf } from './fields.js';
import { isStubContent } from './guard.js';
import type { PathPolicies } from './policy.js';
import { newestStamp, render, shows } from './render.js';
import { type Stamp, stampMs, stampSite } from './stamp.js';
import { type DocState, GENESIS, replicaSite } from './state.js';
import type { Style } from './style.js';

export const JOIN_RULES = ['hold', 'genesis', 'hub', 'local', 'newest', 'max'] as const;
export type JoinRule = (typeof JOIN_RULES)[number];

export type Settlement = {
  readonly state: DocState;
  /**
   * adopted: the file shows the view. counted: the difference is this site's contribution now. lost: the view wins, keep
   * the file's content aside. held: amounts differ, a person must decide; until then the view stands.
   */
  readonly outcome: 'adopted' | 'counted' | 'lost' | 'held';
};

export type Local = {
  readonly live: Exclude<Content, { kind: 'invalid' }>;
  readonly style: Style;
  /** Last write of the file, milliseconds since 1970. */
  readonly mtime: number;
};

export function settle(
  state: DocState,
  local: Local,
  rule: JoinRule,
  policies: PathPolicies,
  author: Author,
): Settlement {
  const { live } = local;
  const view = render(state, policies.kind.delete, live.kind === 'json' ? live.value : undefined);
  if (view === undefined) return { state, outcome: 'lost' };
  const since = rule === 'genesis' && !isStubContent(live, policies) && sinceGenesis(state, local, policies, author);
  if (since) return since;
  if (
    view.kind === 'text'
      ? live.kind === 'text' && live.text === view.text
      : live.kind === 'json' && shows(live.value, view.value, isUnordered(policies))
  )
    return { state, outcome: 'adopted' };
  const count = (): Settlement => ({
    state: diff(state, view, live, local.style, policies, author),
    outcome: 'counted',
  });
  const [isStubHere, isStubThere] = [isStubContent(live, policies), isStubContent(view, policies)];
  if (isStubHere && !isStubThere && rule !== 'hold') return { state, outcome: 'lost' };
  // A balance of zero may well be spent: there the rule decides.
  if (isStubThere && !isStubHere && policies.kind.delete !== 'restore') return count();
  if (rule === 'local') return count();
  if (rule === 'newest') {
    const newest = newestStamp(state);
    return newest === '' || local.mtime > stampMs(newest) ? count() : { state, outcome: 'lost' };
  }
  if (view.kind === 'text' || live.kind === 'text') return { state, outcome: 'lost' };
  const here = fieldsOf(live.value, policies);
  const there = fieldsOf(view.value, policies);
  if (rule === 'max') {
    // Only counters that are greater here, on top of everything that the hub holds.
    let next = state;
    for (const [path, field] of here) {
      const known = there.get(path);
      const from = known?.policy === 'counter' ? known.value : ZERO;
      if (field.policy !== 'counter' || compare(field.value, from) <= 0) continue;
      next = credit(next, path, subtract(field.value, from), author);
    }
    return { state: next, outcome: next === state ? 'lost' : 'counted' };
  }
  const differs = [...here].some(([path, field]) => {
    const known = there.get(path);
    return field.policy === 'counter' && (known?.policy !== 'counter' || known.value !== field.value);
  });
  return { state, outcome: (rule === 'hold' || rule === 'genesis') && differs ? 'held' : 'lost' };
}

/** A copy is measured by the hub's beginning for so long after it, and no longer: it may have been written by the hub since. */
const GENESIS_MS_MAX = 24 * 3_600_000;

/**
 * All copies were equal when the hub began: what differs here from what the hub's file held then was done here since,
 * whatever other sites have added meanwhile. Undefined where that cannot be said: the beginning is long ago, or this
 * site has had a say in the document before.
 */
function sinceGenesis(
  state: DocState,
  { live, style }: Local,
  policies: PathPolicies,
  author: Author,
): Settlement | undefined {
  const site = replicaSite(author.replica);
  const stamps = [...stampsOf(state)].sort();
  const [first] = stamps;
  if (first === undefined || stampMs(author.stamp) - stampMs(first) > GENESIS_MS_MAX) return undefined;
  if (stamps.some((stamp) => stampSite(stamp) === site) || ownersOf(state).some((id) => replicaSite(id) === site))
    return undefined;
  // An amount without a beginning was born since, from zero: its copy here stands for all of it.
  if (Object.values(state.counters ?? {}).some(({ genesis }) => genesis === undefined)) return undefined;
  const began = render(atGenesis(state), policies.kind.delete);
  if (began?.kind !== 'json' || live.kind !== 'json') return undefined;
  const next = diff(state, began, live, style, policies, author);
  if (next === state) return { state, outcome: 'adopted' };
  // What others have written meanwhile cannot be told from what stood there before: theirs stays.
  const isTheirs = (stamp: Stamp): boolean => stampSite(stamp) !== stampSite(first);
  const registers = { ...next.registers, ...filtered(state.registers, ([, stamp]) => isTheirs(stamp)) };
  const sets = { ...next.sets };
  for (const [path, set] of Object.entries(state.sets ?? {}))
    sets[path] = { ...sets[path], ...filtered(set, ([, stamp]) => isTheirs(stamp)) };
  return {
    state: { ...next, ...(next.registers && { registers }), ...(next.sets && { sets }) },
    outcome: 'counted',
  };
}

/** The document before anybody contributed, as far as that is known. */
function atGenesis(state: DocState): DocState {
  const counters = Object.entries(state.counters ?? {}).map(([path, counter]) => [path, { ...counter, by: {} }]);
  const logs = Object.entries(state.logs ?? {}).map(([path, { removed, ...log }]) => [
    path,
    { ...log, added: filtered(log.added, (_cells, owner) => owner === GENESIS) },
  ]);
  return {
    ...state,
    ...(state.counters && { counters: Object.fromEntries(counters) }),
    ...(state.logs && { logs: Object.fromEntries(logs) }),
  };
}

function ownersOf({ counters, logs }: DocState): string[] {
  return [
    ...Object.values(counters ?? {}).flatMap(({ by }) => Object.keys(by)),
    ...Object.values(logs ?? {}).flatMap(({ added, removed }) => [
      ...Object.keys(added),
      ...Object.keys(removed ?? {}),
    ]),
  ];
}

function filtered<T>(record: Readonly<Record<string, T>> | undefined, keep: (value: T, key: string) => boolean) {
  return Object.fromEntries(Object.entries(record ?? {}).filter(([key, value]) => keep(value, key)));
}

function credit(state: DocState, path: string, amount: Amount, { replica }: Author): DocState {
  const known = state.counters?.[path] ?? { by: {} };
  const [added, taken] = known.by[replica] ?? [ZERO, ZERO];
  const by = { ...known.by, [replica]: [add(added, amount), taken] as const };
  return { ...state, counters: { ...state.counters, [path]: { ...known, by } } };
}

/** Paths in which order means nothing. */
export function isUnordered(policies: PathPolicies): (path: string) => boolean {
  return (path) => {
    const policy = policies.of(path);
    return policy === 'set' || policy === 'log';
  };
}
