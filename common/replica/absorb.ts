/**
 * `absorb`: read live files, take the difference to their shadows as this replica's own contributions, and commit state,
 * shadow and sequence number in one transaction.
 */
import { canonicalText } from '../core/canonical.js';
import { type Content, readContent } from '../core/content.js';
import { isUnordered, settle } from '../core/join.js';
import type { PathPolicies } from '../core/policy.js';
import { isAlive, render, shows, type View, viewText } from '../core/render.js';
import type { DocState } from '../core/state.js';
import { detectStyle } from '../core/style.js';
import { breathe } from './breathe.js';
import { dropHeldDelete, type Held } from './held.js';
import type { Look } from './live-files.js';
import { judgeChange, noteFormer, type Race } from './raw-change.js';
import { settleIntents } from './recover.js';
import type { Replica, Transaction } from './replica.js';
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
  | { readonly kind: 'changed'; readonly seq: number; readonly at: number; readonly race?: Race | undefined }
  /** The file was removed; `restored` where it will be written back. */
  | { readonly kind: 'removed'; readonly restored: boolean }
  /** A guard stopped it: nothing is counted, and the file is put back. */
  | ({ readonly kind: 'held' } & Held)
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
  const { store, files, steps, now, steady } = replica.world;
  if (replica.hasIntents) settleIntents(replica);
  const results: AbsorbResult[] = [];
  const found: Found[] = [];
  const prints: { id: number; name: string; print: string }[] = [];
  const readAt = now();
  for (const [index, name] of names.entries()) {
    await breathe(index);
    const known = replica.sound(store.known(name));
    const shadow = known?.shadow ?? null;
    const look = files.look(name, shadow === null && known !== undefined);
    const racy = look.kind === 'file' && readAt - look.mtime < RACY_MS;
    const done = (outcome: Absorbed, live?: Live): void => {
      results.push({ name, outcome, look, live, known, readAt, racy, dirty: known?.dirty === 1 });
    };
    const isUnknown = isJoining && known === undefined && replica.losses.isEverythingLost();
    if (isUnknown || replica.losses.isOutOfUse(name, known)) {
      if (isJoining) found.push({ name, look: WAITING, live: undefined });
      else done(WAITING);
    } else if (look.kind === 'refused') {
      if (isJoining) found.push({ name, look, live: undefined });
      else done({ ...look, kind: 'refused' });
    } else if (look.kind === 'missing') {
      const held = shadow === null ? undefined : heldDelete(replica, name);
      if (shadow === null || (known?.dirty === 1 && replica.ruleOf(name) === 'restore')) done({ kind: 'same' });
      else if (held !== undefined) done({ kind: 'held', ...held });
      else if (!files.hasKind(name.slice(0, name.lastIndexOf('/'))))
        done({ kind: 'refused', code: 'AXL-NO-FOLDER', reason: 'its folder is gone', again: true });
      else if (steady() - replica.missing.since(name, steady()) < MISSING_MS)
        done({ kind: 'refused', code: 'AXL-MISSING', reason: 'missing just now', again: true });
      else found.push({ name, look, live: undefined });
    } else if (known !== undefined && shadow === look.text) {
      replica.missing.delete(name);
      if (!racy && known.print !== look.print) prints.push({ id: known.id, name, print: look.print });
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
      for (const { id, name, print } of prints) {
        store.setPrint(id, print);
        dropHeldDelete(replica, name);
      }
    });
  if (found.length === 0) return results;
  await files.syncNames(found.filter(({ live }) => live !== undefined).map(({ name }) => name));
  steps('absorb: synced');
  replica.commit((tx) => {
    for (const one of found) results.push(record(replica, one, readAt, isJoining, tx));
  });
  steps('absorb: committed');
  return results;
}

/** What a file says cannot be told from what was known before, as long as that is lost. */
const WAITING = {
  kind: 'refused',
  code: 'AXL-LOST',
  reason: 'its state is being rebuilt from other sites',
  again: true,
} as const;

function record(replica: Replica, found: Found, readAt: number, isJoining: boolean, tx: Transaction): AbsorbResult {
  const { nextSeq, afterwards } = tx;
  const { store, site } = replica.world;
  const { name, look, live } = found;
  // Anew: programs may have changed the document while what was read was brought to disk, or found it damaged.
  const known = replica.sound(store.known(name));
  if (!isJoining && replica.losses.isOutOfUse(name, known))
    return { name, look, live, outcome: WAITING, known, readAt, racy: false, dirty: known?.dirty === 1 };
  const policies = replica.policiesOf(name);
  const rule = policies.kind.delete;
  const before = replica.stateOf(known);
  if (live === undefined && look.kind !== 'missing') {
    // Unreadable while we join: when it can be read one day, it is an old file, not a new credit.
    store.putUnsettled(name);
    afterwards(() => replica.unsettled.add(name));
    const refused =
      look.kind === 'refused' ? look : { code: 'AXL-TORN', reason: 'not readable while joining', again: true };
    return { name, look, live, outcome: { ...refused, kind: 'refused' }, known, readAt, racy: false, dirty: false };
  }
  const isOld =
    ((isJoining || replica.unsettled.has(name)) && (known?.shadow ?? null) === null) || replica.isFromBefore(known);
  const author = {
    replica: replica.author,
    stamp: replica.stamps.next(readAt),
    isGenesis: isOld && known === undefined,
    isReborn: look.kind === 'file' && replica.missing.has(name),
  };
  const racy = look.kind === 'file' && readAt - look.mtime < RACY_MS;
  let after: DocState;
  let race: Race | undefined;
  let outcome: Absorbed | undefined;
  if (isOld && known !== undefined && live !== undefined && look.kind === 'file') {
    const local = { live, style: detectStyle(look.text), mtime: look.mtime };
    const settled = settle(before, local, replica.joinRule, policies, author);
    after = settled.state;
    outcome = { kind: 'settled', outcome: settled.outcome };
    if (settled.outcome === 'lost' || settled.outcome === 'held')
      keepAside(replica, name, look.text, settled.outcome, before, readAt);
  } else {
    const text = look.kind === 'file' ? look.text : '';
    const shadow = known?.shadow ?? null;
    const mayShowHeld = known?.dirty === 1 && known.print === '';
    const change = { name, before, isKnown: known !== undefined, mayShowHeld, shadow, live, text, at: readAt };
    const judged = judgeChange(replica, change, author);
    if (judged.held !== undefined && known !== undefined) return held(replica, found, known, judged.held, readAt);
    ({ after, race } = judged);
  }
  if (look.kind === 'file') {
    if (known?.print === '') dropHeldDelete(replica, name);
    if (typeof known?.shadow === 'string') noteFormer(replica, name, known.shadow, readAt);
  }
  if (isOld) replica.settled(name, tx);
  let row: DocumentRow | undefined = known;
  if (after !== before || row === undefined) {
    const next = { name, seq: nextSeq(), origin: '', at: readAt, by_site: site, state: canonicalText(after) };
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
  if (look.kind === 'file' || rule !== 'restore') afterwards(() => replica.missing.delete(name));
  if (outcome === undefined && live === undefined) outcome = { kind: 'removed', restored: isAlive(after, rule) };
  outcome ??= after === before ? { kind: 'same' } : { kind: 'changed', seq: row.seq, at: readAt, race };
  return { name, outcome, look, live, known: { ...row, ...file }, readAt, racy, dirty, overdrawn };
}

/**
 * A held change leaves the state and what is agreed on as they are; the file is put back. One whose file was removed
 * stays away until somebody decides.
 */
function held(replica: Replica, found: Found, known: KnownRow, held: Held, readAt: number): AbsorbResult {
  const { store } = replica.world;
  const { name, look, live } = found;
  const dirty = live !== undefined && differs(replica, name, replica.stateOf(known), live);
  const file = {
    id: known.id,
    print: '',
    // Where the file happens to show the state, that is what both agree on now.
    shadow: look.kind === 'file' && !dirty ? look.text : known.shadow,
    dirty: dirty ? (1 as const) : (0 as const),
  };
  store.putFile(file);
  replica.missing.delete(name);
  if (look.kind === 'file') {
    dropHeldDelete(replica, name);
    noteFormer(replica, name, look.text, readAt);
  }
  const row = { ...known, ...file };
  return { name, outcome: { kind: 'held', ...held }, look, live, known: row, readAt, racy: false, dirty };
}

function heldDelete(replica: Replica, name: string): Held | undefined {
  const row = replica.world.store.heldOf(name).find(({ reason }) => reason === 'deletes');
  return row && { reason: 'deletes', id: row.id, isNew: false };
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
  files.keepConflict(name, 'joined', live);
  const view = reason === 'held' ? viewOf(state, undefined, replica.policiesOf(name)) : undefined;
  if (view) store.hold({ document: name, reason: 'join', live, view: viewText(view, undefined, state), at });
}
