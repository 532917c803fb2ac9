/**
 * `absorb`: read live files, take the difference to their shadows as this replica's own contributions, and commit state,
 * shadow and sequence number in one transaction.
 */
import { type Content, readContent } from '../core/content.js';
import { diff } from '../core/diff.js';
import { isUnordered, settle } from '../core/join.js';
import type { PathPolicies } from '../core/policy.js';
import { isAlive, render, shows, type View } from '../core/render.js';
import type { DocState } from '../core/state.js';
import { detectStyle } from '../core/style.js';
import { breathe } from './breathe.js';
import type { Look } from './live-files.js';
import type { Replica } from './replica.js';
import type { DocumentRow, KnownRow } from './store.js';

/** A file written less than this before it was read may be written again without its times showing it. */
export const RACY_MS = 60;
/** A file missing for less than this may be an editor's save by renaming: it is not taken for deleted. */
export const MISSING_MS = 300;
/** A text that has no end mark of its own (JSON has) must have been left alone for this long. */
const TEXT_QUIET_MS = 30;

export type Absorbed =
  /** The file shows nothing new. */
  | { readonly kind: 'same' }
  /** A local change: committed as `seq`. */
  | { readonly kind: 'changed'; readonly seq: number; readonly at: number }
  /** The file was removed; `restored` where it will be written back. */
  | { readonly kind: 'removed'; readonly restored: boolean }
  /** Existed before joining: adopted, counted, lost or held by the join rule. */
  | { readonly kind: 'settled'; readonly outcome: 'adopted' | 'counted' | 'lost' | 'held' }
  /** Not readable as a document (now): look again where `again`. */
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string; readonly again: boolean };

export type AbsorbResult = {
  readonly name: string;
  readonly outcome: Absorbed;
  /** What was read, for materialise; the file may have changed since. */
  readonly look: Look;
  /** Its content where that is a document. */
  readonly live: Live | undefined;
  /** The document as it is stored now; undefined where nothing is known of it. */
  readonly known: KnownRow | undefined;
  /** Not later than the file was looked at, milliseconds since 1970. */
  readonly readAt: number;
  /** Whether the file must be looked at once more because its times are too young to be trusted. */
  readonly racy: boolean;
  /** Whether the live file does not show the state: materialise it. */
  readonly dirty: boolean;
  /** Whether the change spent more than there was. */
  readonly overdrawn?: boolean;
};

export type Live = Exclude<Content, { kind: 'invalid' }>;

type Found = {
  readonly name: string;
  readonly look: Look;
  readonly live: Live | undefined;
};

/** Absorbs a few hundred documents at most. Call inside `replica.exclusive`. */
export async function absorb(replica: Replica, names: readonly string[], isJoining = false): Promise<AbsorbResult[]> {
  const { store, files, steps, now } = replica.world;
  const results: AbsorbResult[] = [];
  const found: Found[] = [];
  const prints: { id: number; print: string }[] = [];
  const readAt = now();
  for (const [index, name] of names.entries()) {
    await breathe(index);
    const known = store.known(name);
    const shadow = known?.shadow ?? null;
    const look = files.look(name, shadow === null && known !== undefined);
    const racy = look.kind === 'file' && readAt - look.mtime < RACY_MS;
    const done = (outcome: Absorbed, live?: Live): void => {
      results.push({ name, outcome, look, live, known, readAt, racy, dirty: known?.dirty === 1 });
    };
    if (look.kind === 'refused') {
      if (isJoining) found.push({ name, look, live: undefined });
      else done({ ...look, kind: 'refused' });
    } else if (look.kind === 'missing') {
      if (shadow === null || (known?.dirty === 1 && replica.ruleOf(name) === 'restore')) done({ kind: 'same' });
      else if (!files.hasKind(name.slice(0, name.lastIndexOf('/'))))
        done({ kind: 'refused', code: 'AXL-NO-FOLDER', reason: 'its folder is gone', again: true });
      else if (readAt - missingSince(replica, name, readAt) < MISSING_MS)
        done({ kind: 'refused', code: 'AXL-MISSING', reason: 'missing just now', again: true });
      else found.push({ name, look, live: undefined });
    } else if (known !== undefined && shadow === look.text) {
      replica.missing.delete(name);
      if (!racy && known.print !== look.print) prints.push({ id: known.id, print: look.print });
      done({ kind: 'same' });
    } else {
      const live = readContent(look.text, replica.policiesOf(name));
      if (live.kind === 'text' && readAt - look.mtime < TEXT_QUIET_MS)
        done({ kind: 'refused', code: 'AXL-TORN', reason: 'just written', again: true });
      else if (live.kind !== 'invalid') found.push({ name, look, live });
      else if (isJoining) found.push({ name, look, live: undefined });
      else done({ kind: 'refused', code: 'AXL-TORN', reason: live.reason, again: true });
    }
  }
  steps('absorb: read');
  if (prints.length > 0)
    replica.commit(() => {
      for (const { id, print } of prints) store.setPrint(id, print);
    });
  if (found.length === 0) return results;
  await files.syncNames(found.filter(({ live }) => live !== undefined).map(({ name }) => name));
  steps('absorb: synced');
  replica.commit(({ nextSeq }) => {
    for (const one of found) results.push(record(replica, one, readAt, isJoining, nextSeq));
  });
  steps('absorb: committed');
  return results;
}

function missingSince(replica: Replica, name: string, now: number): number {
  const since = replica.missing.get(name) ?? now;
  replica.missing.set(name, since);
  return since;
}

function record(
  replica: Replica,
  found: Found,
  readAt: number,
  isJoining: boolean,
  nextSeq: () => number,
): AbsorbResult {
  const { store, site } = replica.world;
  const { name, look, live } = found;
  // Anew: programs may have changed the document while what was read was brought to disk.
  const known = store.known(name);
  const policies = replica.policiesOf(name);
  const rule = policies.kind.delete;
  const before = replica.stateOf(known);
  if (live === undefined && look.kind !== 'missing') {
    // Unreadable while we join: when it can be read one day, it is an old file, not a new credit.
    store.putUnsettled(name);
    replica.unsettled.add(name);
    const refused =
      look.kind === 'refused' ? look : { code: 'AXL-TORN', reason: 'not readable while joining', again: true };
    return { name, look, live, outcome: { ...refused, kind: 'refused' }, known, readAt, racy: false, dirty: false };
  }
  const isOld = (isJoining || replica.unsettled.has(name)) && (known?.shadow ?? null) === null;
  const style = detectStyle(look.kind === 'file' ? look.text : '{}');
  const author = {
    replica: replica.id,
    stamp: replica.stamps.next(readAt),
    isGenesis: isOld && known === undefined,
    isReborn: look.kind === 'file' && replica.missing.has(name),
  };
  const racy = look.kind === 'file' && readAt - look.mtime < RACY_MS;
  let after: DocState;
  let outcome: Absorbed | undefined;
  if (isOld && known !== undefined && live !== undefined && look.kind === 'file') {
    const settled = settle(before, { live, style, mtime: look.mtime }, replica.world.joinRule, policies, author);
    after = settled.state;
    outcome = { kind: 'settled', outcome: settled.outcome };
    if (settled.outcome === 'lost' || settled.outcome === 'held')
      keepAside(replica, name, look.text, settled.outcome, before, readAt);
  } else {
    const shadow = known === undefined || known.shadow === null ? undefined : readContent(known.shadow, policies);
    after = diff(before, shadow?.kind === 'invalid' ? undefined : shadow, live, style, policies, author);
  }
  if (isOld) {
    store.dropUnsettled(name);
    replica.unsettled.delete(name);
  }
  let row: DocumentRow | undefined = known;
  if (after !== before || row === undefined) {
    const next = { name, seq: nextSeq(), origin: '', at: readAt, by_site: site, state: JSON.stringify(after) };
    row = { ...next, id: store.putDocument(next, known?.id) };
  }
  const overdrawn = replica.noteBalance(name, row.id, before, after);
  const dirty = differs(replica, name, after, live);
  const file = {
    id: row.id,
    print: look.kind === 'file' && !racy ? look.print : '',
    shadow: look.kind === 'file' ? look.text : rule === 'restore' ? (known?.shadow ?? null) : null,
    dirty: dirty ? (1 as const) : (0 as const),
  };
  store.putFile(file);
  // A balance that was deleted keeps its shadow until it is written back: should the file return by itself, it counts from it.
  if (look.kind === 'file' || rule !== 'restore') replica.missing.delete(name);
  if (outcome === undefined && live === undefined) outcome = { kind: 'removed', restored: isAlive(after, rule) };
  outcome ??= after === before ? { kind: 'same' } : { kind: 'changed', seq: row.seq, at: readAt };
  return { name, outcome, look, live, known: { ...row, ...file }, readAt, racy, dirty, overdrawn };
}

/** Whether the live file must be written to show the state. */
function differs(replica: Replica, name: string, state: DocState, live: Live | undefined): boolean {
  const policies = replica.policiesOf(name);
  return !showsView(live, viewOf(state, live, policies), policies);
}

/** The view of a state, in the key order and spelling of the live file. */
export function viewOf(state: DocState, live: Live | undefined, policies: PathPolicies): View | undefined {
  return render(state, policies.kind.delete, live?.kind === 'json' ? live.value : undefined);
}

export function showsView(live: Live | undefined, view: View | undefined, policies: PathPolicies): boolean {
  if (view === undefined || live === undefined) return view === undefined && live === undefined;
  if (view.kind === 'text') return live.kind === 'text' && live.text === view.text;
  return live.kind === 'json' && shows(live.value, view.value, isUnordered(policies));
}

function keepAside(
  replica: Replica,
  name: string,
  live: string,
  reason: 'lost' | 'held',
  state: DocState,
  at: number,
): void {
  const { store, files } = replica.world;
  files.keepConflict(name, `joined-${at}`, live);
  if (reason === 'held')
    store.hold({ document: name, reason: 'differs-at-join', live, view: JSON.stringify(state), at });
}
