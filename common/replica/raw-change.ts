/**
 * A raw change: what somebody wrote into a live file without asking. It is measured from what its writer started from,
 * put before the guards, and either counted as this replica's contribution or held.
 */
import { readContent, type Valid } from '../core/content.js';
import { type Author, diff } from '../core/diff.js';
import { isStubContent } from '../core/guard.js';
import { type Intent, intentOf } from '../core/intent.js';
import type { PathPolicies } from '../core/policy.js';
import { render, viewText } from '../core/render.js';
import { makeStamp } from '../core/stamp.js';
import { type DocState, replicaSite } from '../core/state.js';
import { detectStyle } from '../core/style.js';
import { type Held, heldAs, hold } from './held.js';
import type { Replica } from './replica.js';

export type RawChange = {
  readonly name: string;
  readonly before: DocState;
  /** Whether the document was known before. */
  readonly isKnown: boolean;
  /** Whether the file may still show a held change, because it has not been put back yet. */
  readonly mayShowHeld: boolean;
  /** The text on which file and state last agreed; null where there was no file. */
  readonly shadow: string | null;
  /** What the file holds now; undefined where there is none. */
  readonly live: Valid | undefined;
  /** Its text, '' where there is none. */
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly at: number;
};

/** A race that the transaction list repaired, or one that it could not. */
export type Race = Exclude<Intent, { kind: 'plain' }>;

export type Judged = {
  /** The state with the change, or without it where it is held. */
  readonly after: DocState;
  readonly held?: Held;
  readonly race?: Race;
};

/** Call inside a commit: what is held is written in the same transaction. */
export function judgeChange(replica: Replica, change: RawChange, author: Author): Judged {
  const { name, before, live, text, at } = change;
  const policies = replica.policiesOf(name);
  const shadow = valid(change.shadow, policies);
  const race =
    live && replica.former.has(name) ? intentOf(shadow, live, former(replica, name, at), policies) : undefined;
  const base = race?.kind === 'repaired' ? race.base : shadow;
  const by = live !== undefined && !change.isKnown && isStubContent(live, policies) ? weak(author) : author;
  const after = diff(before, base, live, detectStyle(text || '{}'), policies, by);
  if (after === before) return { after };
  const pending = change.mayShowHeld ? heldAs(replica, name, text) : undefined;
  if (pending !== undefined) return { after: before, held: { reason: pending.reason, id: pending.id, isNew: false } };
  const view = base === undefined ? render(before, policies.kind.delete) : undefined;
  const reason = replica.guards.judge(replica, { name, base: base ?? view, live, from: before, to: after, at });
  if (reason === undefined) return race === undefined || race.kind === 'plain' ? { after } : { after, race };
  // A change that its list explains is never held: what a held one was measured from is the shadow.
  const from = change.shadow ?? (view ? viewText(view, undefined, before) : '');
  return { after: before, held: hold(replica, { document: name, reason, live: text, view: from, at }) };
}

/**
 * A page made this file because it found none, and we know of none either: another site may. Its values are written as
 * if before all time, so that they give way to whatever anybody really wrote.
 */
function weak(author: Author): Author {
  return { ...author, stamp: makeStamp(0, 0, replicaSite(author.replica)), isGenesis: false };
}

function valid(text: string | null, policies: PathPolicies): Valid | undefined {
  const content = text === null ? undefined : readContent(text, policies);
  return content?.kind === 'invalid' ? undefined : content;
}

function* former(replica: Replica, name: string, at: number): Generator<Valid> {
  for (const text of replica.former.of(name, at)) {
    const content = valid(text, replica.policiesOf(name));
    if (content !== undefined) yield content;
  }
}

/** The live file showed `text` until now: a writer may have read it, and write what follows from it a moment later. */
export function noteFormer(replica: Replica, name: string, text: string, at: number): void {
  const policies = replica.policiesOf(name);
  if (policies.counts && policies.logs) replica.former.add(name, text, at);
}
