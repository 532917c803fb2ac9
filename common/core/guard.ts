/**
 * Guards (I8): what a raw change of a live file looks like before it is counted. Pure: facts in, a reason to hold the
 * change out. Rules in FILE_SYNC_STRATEGY.md, section 8.
 */
import { compare, distance, ZERO } from './amount.js';
import type { Valid } from './content.js';
import { type Field, type Fields, fieldsOf } from './fields.js';
import { balanceOf, explains } from './intent.js';
import type { PathPolicies } from './policy.js';
import { counterValue } from './render.js';
import type { DocState } from './state.js';

/**
 * Why a change is held. `join`: the file differed from the hub's when this site joined; `damaged`: the state was damaged,
 * and what its file showed differs from what was rebuilt.
 */
export const HELD_REASONS = ['zero', 'stub', 'decreases', 'deletes', 'join', 'damaged'] as const;
export type HeldReason = (typeof HELD_REASONS)[number];

export type RawChange = {
  /** What the change is measured from. */
  readonly base: Valid;
  readonly live: Valid;
  /** The state before and, if the change is counted, after it. */
  readonly from: DocState;
  readonly to: DocState;
  /** What a held write to zero of this very document showed, less than a window ago. */
  readonly zeroed?: Valid | undefined;
};

/** Whether the content of one change is suspicious by itself. */
export function judge(
  { base, live, from, to, zeroed }: RawChange,
  policies: PathPolicies,
): 'zero' | 'stub' | undefined {
  if (!policies.counts || base.kind !== 'json' || live.kind !== 'json') return undefined;
  const was = fieldsOf(base.value, policies);
  const is = fieldsOf(live.value, policies);
  const [before, after] = [balanceOf(was), balanceOf(is)];
  const isTaking = takes(from, to);
  if (policies.kind.delete === 'restore' && before !== undefined && after !== undefined && isTaking) {
    const isZero = compare(before, ZERO) > 0 && after === ZERO;
    const echoed = zeroed?.kind === 'json' ? balanceOf(fieldsOf(zeroed.value, policies)) : undefined;
    const isEcho = echoed !== undefined && compare(distance(after, echoed), distance(after, before)) < 0;
    if ((isZero || isEcho) && !explains(base, live, policies)) return 'zero';
  }
  return isStub(is) && !isStub(was) && loses(was, is, isTaking) ? 'stub' : undefined;
}

/** Whether a change takes from any counter. */
export function takes(from: DocState, to: DocState): boolean {
  if (from.counters === to.counters) return false;
  return Object.entries(to.counters ?? {}).some(([path, counter]) => {
    const known = from.counters !== undefined && Object.hasOwn(from.counters, path) ? from.counters[path] : undefined;
    return known !== counter && compare(counterValue(counter), known ? counterValue(known) : ZERO) < 0;
  });
}

/** Whether a document is a stub. In a kind that counts nothing none is: there every document would look like one. */
export function isStubContent(content: Valid, policies: PathPolicies): boolean {
  return policies.counts && content.kind === 'json' && isStub(fieldsOf(content.value, policies));
}

const ADDRESS = '/email';

/** A document as a page makes it that found none: nothing earned, nobody's address. */
function isStub(fields: Fields): boolean {
  for (const [path, field] of fields)
    if ((field.policy !== 'register' || path === ADDRESS) && isEarned(field)) return false;
  return true;
}

function isEarned(field: Field): boolean {
  switch (field.policy) {
    case 'counter':
      return field.value !== ZERO;
    case 'max':
      return compare(field.text, '1') > 0;
    case 'set':
      return field.elements.some((element) => element !== '"member"');
    case 'log':
      return field.entries.length > 0;
    case 'register':
      return !BLANK.has(field.text);
  }
}

const BLANK = new Set(['""', 'null', '0', 'false', '[]', '{}']);

/**
 * Whether a change empties or removes anything. What is no plain value is not touched where its key is left out, and a
 * maximum never falls.
 */
function loses(was: Fields, is: Fields, isTaking: boolean): boolean {
  return [...was].some(([path, field]) => {
    if (!isEarned(field) || field.policy === 'max') return false;
    const now = is.get(path);
    if (field.policy === 'register') return now === undefined || (now.policy === 'register' && !isEarned(now));
    return now?.policy === field.policy && !isEarned(now) && (field.policy !== 'counter' || isTaking);
  });
}

export type BurstLimits = {
  /** More documents than this … */
  readonly documents: number;
  /** … and more than so many per cent of the kind … */
  readonly percent: number;
  /** … within this time: what follows is held until as much time has passed without any. */
  readonly windowMs: number;
};

/** A folder that lost this many documents and has none left was emptied, however few they were. */
export const EMPTIED_MIN = 10;

export type BurstSight = {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Further documents of which the same is about to be said. */
  readonly waiting: number;
  /** Whether the kind has at least so many documents here. */
  readonly hasAtLeast: (documents: number) => boolean;
  /** Deletes: whether the kind's folder holds no document any more. */
  readonly isEmptied?: () => boolean;
};

/** Changes of one sort in one kind: counts documents in a sliding window. */
export class Burst {
  /** Document → when it was last changed in this way; oldest first. */
  readonly #seen = new Map<string, number>();
  #heldAt: number | undefined;

  constructor(readonly limits: BurstLimits) {}

  /** Takes note of a change. True: hold it. */
  isOver(sight: BurstSight): boolean {
    const { name, at, waiting, hasAtLeast, isEmptied } = sight;
    const { documents, percent, windowMs } = this.limits;
    // A clock that was set back must not make a window that never ends.
    if (this.#heldAt !== undefined && Math.abs(at - this.#heldAt) > windowMs) this.#heldAt = undefined;
    if (this.#heldAt === undefined) {
      for (const [other, when] of this.#seen) {
        if (Math.abs(at - when) <= windowMs) break;
        this.#seen.delete(other);
      }
      this.#seen.delete(name);
      this.#seen.set(name, at);
      const count = this.#seen.size + waiting;
      const isMany = count > documents && !hasAtLeast(Math.ceil((count * 100) / percent));
      if (!isMany && !(count >= EMPTIED_MIN && isEmptied?.())) return false;
      this.#seen.clear();
    }
    this.#heldAt = at;
    return true;
  }
}
