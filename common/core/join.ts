/**
 * Joining: what becomes of a file that stood here before this site took the hub's state. A file that shows the hub's
 * view is adopted and contributes nothing, so the same money on every site is counted once.
 */
import { type Amount, add, compare, subtract, ZERO } from './amount.js';
import type { Content } from './content.js';
import { type Author, diff } from './diff.js';
import { fieldsOf } from './fields.js';
import { isStubContent } from './guard.js';
import type { PathPolicies } from './policy.js';
import { newestStamp, render, shows } from './render.js';
import { stampMs } from './stamp.js';
import type { DocState } from './state.js';
import type { Style } from './style.js';

export const JOIN_RULES = ['hold', 'hub', 'local', 'newest', 'max'] as const;
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
  return { state, outcome: rule === 'hold' && differs ? 'held' : 'lost' };
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
