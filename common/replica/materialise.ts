/**
 * `materialise`: make live files show their states, by the intent protocol (I3, I4). Nothing is replaced that was not
 * absorbed first, and nothing that changed since.
 */
import { readContent } from '../core/content.js';
import type { PathPolicies } from '../core/policy.js';
import { viewText } from '../core/render.js';
import { detectStyle, type Style } from '../core/style.js';
import { type AbsorbResult, absorb, type Live, showsView, viewOf } from './absorb.js';
import { breathe } from './breathe.js';
import { LATE_WRITE_MS, UNKNOWN_SHADOW } from './late-writes.js';
import type { Temp } from './live-files.js';
import { lockDocuments } from './locks.js';
import { noteFormer } from './raw-change.js';
import type { Replica } from './replica.js';
import type { KnownRow } from './store.js';

export type Materialised =
  /** `print`: the new file's fingerprint, '' where somebody has written to it since. */
  | { readonly kind: 'written'; readonly by: string; readonly at: number; readonly print: string }
  | { readonly kind: 'removed'; readonly by: string; readonly at: number }
  /** The file shows the state already. */
  | { readonly kind: 'same' }
  /** Somebody wrote the file while we were about to replace it: again, after absorbing. */
  | { readonly kind: 'again' }
  /** The live file cannot be replaced: see the absorb result. */
  | { readonly kind: 'blocked' }
  /** Broken machinery (permission, disk full) for this one file: again later. */
  | { readonly kind: 'failed'; readonly error: unknown };

export type MaterialiseResult = {
  readonly name: string;
  readonly outcome: Materialised;
  readonly absorbed: AbsorbResult;
};

type Plan = {
  readonly absorbed: AbsorbResult;
  readonly name: string;
  readonly id: number;
  /** The newest change that the view shows. */
  readonly seq: number;
  readonly view: string;
  /** The live file that is replaced, and what a late write to it is measured from. */
  readonly from: { readonly print: string; readonly shadow: string } | undefined;
  readonly link: string;
  temp: Temp;
};

const NO_TEMP: Temp = { inode: '', print: '' };

/** Materialises a few hundred documents at most. Takes their locks; call outside `replica.exclusive`. */
export async function materialise(replica: Replica, names: readonly string[]): Promise<MaterialiseResult[]> {
  const release = await lockDocuments(replica.world.files.own, names);
  try {
    return await replica.exclusive(() => replaceLocked(replica, names));
  } finally {
    await release();
  }
}

async function replaceLocked(replica: Replica, names: readonly string[]): Promise<MaterialiseResult[]> {
  const { store, files, steps } = replica.world;
  steps('materialise: locked');
  const results: MaterialiseResult[] = [];
  const plans: Plan[] = [];
  const removals: AbsorbResult[] = [];
  const clean: KnownRow[] = [];
  const kinds = new Map<string, boolean>();
  const hasKind = (kind: string): boolean => {
    const has = kinds.get(kind) ?? files.hasKind(kind);
    kinds.set(kind, has);
    return has;
  };
  for (const [index, absorbed] of (await absorb(replica, names)).entries()) {
    await breathe(index);
    const { name, known, live, look, outcome } = absorbed;
    const policies = replica.policiesOf(name);
    const done = (kind: 'same' | 'blocked'): void => {
      results.push({ name, outcome: { kind }, absorbed });
    };
    if (known === undefined) done('same');
    else if (outcome.kind === 'held' && look.kind === 'missing') {
      // A held delete: the file stays away until somebody decides, whatever arrives for the document.
      if (known.dirty === 1) clean.push(known);
      done('blocked');
    } else if (outcome.kind === 'refused' && !mayReplace(absorbed)) done('blocked');
    else {
      const state = replica.stateOf(known);
      const shown = live ?? agreed(absorbed, policies);
      const view = viewOf(state, shown, policies);
      if (outcome.kind !== 'refused' && showsView(shown, view, policies)) {
        if (known.dirty === 1) clean.push(known);
        done('same');
      } else if (view === undefined) removals.push(absorbed);
      else if (!hasKind(name.slice(0, name.lastIndexOf('/')))) done('blocked');
      else plans.push(plan(replica, absorbed, known, viewText(view, styleOf(absorbed, shown), state)));
    }
  }
  const { written, failed } = await replaceAll(replica, plans);
  const kept = removeAll(replica, removals);
  if (clean.length > 0)
    replica.commit(() => {
      for (const { id, seq } of clean) store.markClean(id, seq);
    });
  for (const { absorbed } of plans) {
    const print = written.get(absorbed.name);
    const { by_site: by, at } = absorbed.known as KnownRow;
    const outcome: Materialised = failed.has(absorbed.name)
      ? { kind: 'failed', error: failed.get(absorbed.name) }
      : print === undefined
        ? { kind: 'again' }
        : { kind: 'written', by, at, print };
    results.push({ name: absorbed.name, outcome, absorbed });
  }
  for (const absorbed of removals) {
    const { name } = absorbed;
    const { by_site: by, at } = absorbed.known as KnownRow;
    const outcome: Materialised = kept.has(name)
      ? { kind: 'failed', error: kept.get(name) }
      : { kind: 'removed', by, at };
    results.push({ name, outcome, absorbed });
  }
  return results;
}

/** The live file's content where absorb had no need to take it apart, because it was the shadow's text. */
function agreed({ look, outcome }: AbsorbResult, policies: PathPolicies): Live | undefined {
  if (look.kind !== 'file' || outcome.kind === 'refused') return undefined;
  const content = readContent(look.text, policies);
  return content.kind === 'invalid' ? undefined : content;
}

/** The site's own style for a file it has; a new one takes that of its birth. */
function styleOf({ look }: AbsorbResult, shown: Live | undefined): Style | undefined {
  return look.kind === 'file' && shown?.kind === 'json' ? detectStyle(look.text) : undefined;
}

function plan(replica: Replica, absorbed: AbsorbResult, known: KnownRow, view: string): Plan {
  const { name, look, outcome } = absorbed;
  const { files, now, randomHex } = replica.world;
  const link = look.kind === 'file' ? `${known.id}.${randomHex(4)}` : '';
  if (look.kind !== 'file')
    return { absorbed, name, id: known.id, seq: known.seq, view, from: undefined, link, temp: NO_TEMP };
  // A late write to a torn file is measured from what was last agreed on, not from the torn content.
  const isTorn = outcome.kind === 'refused';
  if (isTorn) files.keepConflict(name, 'torn', look.text);
  else noteFormer(replica, name, look.text, now());
  const shadow = isTorn ? (known.shadow ?? UNKNOWN_SHADOW) : look.text;
  return {
    absorbed,
    name,
    id: known.id,
    seq: known.seq,
    view,
    from: { print: look.print, shadow },
    link,
    temp: NO_TEMP,
  };
}

/** A torn file that nobody has touched for this long is no write in progress. */
const TORN_LASTS_MS = 1_000;

/** A lasting torn file (an empty one left by a failed write) gives way to news; a symlink or a giant never does. */
function mayReplace({ outcome, look, readAt }: AbsorbResult): boolean {
  return (
    outcome.kind === 'refused' &&
    outcome.code === 'AXL-TORN' &&
    look.kind === 'file' &&
    readAt - look.mtime > TORN_LASTS_MS
  );
}

type Replaced = {
  /** Names that were replaced, with the fingerprints of the new files. */
  readonly written: ReadonlyMap<string, string>;
  /** Names of which that is not known, with what broke: their intents stand, and are settled before the next look. */
  readonly failed: ReadonlyMap<string, unknown>;
};

async function replaceAll(replica: Replica, plans: readonly Plan[]): Promise<Replaced> {
  const { store, files, steps, steady } = replica.world;
  const written = new Map<string, string>();
  const failed = new Map<string, unknown>();
  const takenOver = new Set<string>();
  if (plans.length === 0) return { written, failed };
  await writeTemps(replica, plans);
  replica.hasIntents = true;
  replica.commit(() => {
    for (const { id, temp, view, link } of plans) store.putIntent({ id, inode: temp.print, view, link });
  });
  steps('materialise: intent committed');
  for (const [index, { id, name, from, link, temp }] of plans.entries()) {
    await breathe(index);
    const expected = from && { print: from.print, link };
    try {
      if (!files.replace(id, name, expected, () => steps('materialise: linked'))) continue;
    } catch (error) {
      if (!isErrno(error)) throw error;
      if (expected !== undefined && error.code === 'EPERM' && tookOver(replica, name, expected)) takenOver.add(name);
      else failed.set(name, error);
      continue;
    }
    written.set(name, files.printIfSame(name, temp.print));
    replica.missing.delete(name);
    steps('materialise: renamed');
  }
  await files.syncFolders(new Set([...written.keys()].map((name) => name.slice(0, name.lastIndexOf('/')))));
  steps('materialise: folder synced');
  const due = steady() + LATE_WRITE_MS;
  replica.commit((tx) => {
    if (failed.size === 0) store.dropIntents();
    for (const { id, seq, name, view, from, link } of plans) {
      if (failed.has(name)) continue;
      if (failed.size > 0) store.dropIntent(id);
      // Replaced by its own text: a late write to it is one to the file that had it before.
      if (from !== undefined && takenOver.has(name)) store.putReplaced({ link, id, shadow: from.shadow, due });
      const print = written.get(name);
      if (print === undefined) continue;
      // '' where somebody wrote to our file already: the next look reads it.
      store.putFile({ id, print, shadow: view, dirty: 1 });
      // Programs may have changed the document meanwhile: then the file is to be written again.
      store.markClean(id, seq);
      replica.settled(name, tx);
      if (from !== undefined) store.putReplaced({ link, id, shadow: from.shadow, due });
    }
  });
  replica.hasIntents = failed.size > 0;
  for (const { id, name } of plans) if (!written.has(name) && !failed.has(name)) files.removeTemp(id);
  steps('materialise: shadow committed');
  return { written, failed };
}

/** All or none: on a full disk, what is half written would keep others from the last room. */
async function writeTemps(replica: Replica, plans: readonly Plan[]): Promise<void> {
  const { files, steps, now } = replica.world;
  try {
    for (const [index, plan] of plans.entries()) {
      await breathe(index);
      const like = plan.from && files.attributes(plan.name);
      plan.temp = files.writeTemp(plan.id, plan.name, plan.view, like, now());
    }
    steps('materialise: temp written');
    await files.syncTemps(plans.map(({ id }) => id));
  } catch (error) {
    if (isErrno(error)) for (const { id } of plans) files.removeTemp(id);
    throw error;
  }
  steps('materialise: temp synced');
}

/** A file of PHP's that we may replace and not link: ours from now on, and replaced at the next look. */
function tookOver({ world: { files, now } }: Replica, name: string, was: { print: string; link: string }): boolean {
  try {
    return files.takeOver(name, was, now());
  } catch (error) {
    if (!isErrno(error)) throw error;
    return false;
  }
}

/** What the file system refused, as against a fault of ours (or a crash that a test makes). */
function isErrno(error: unknown): error is NodeJS.ErrnoException {
  return typeof (error as NodeJS.ErrnoException).errno === 'number';
}

/**
 * Removes live files whose documents are deleted. No intent is needed: a crash after the unlink finds a missing file of a
 * dead document, which says nothing new. Returns the names of those that could not be removed, with what broke.
 */
function removeAll(replica: Replica, removals: readonly AbsorbResult[]): ReadonlyMap<string, unknown> {
  const { store, files, steady, steps } = replica.world;
  const kept = new Map<string, unknown>();
  const due = steady() + LATE_WRITE_MS;
  for (const { name, look, known: row } of removals) {
    if (row === undefined || look.kind !== 'file') continue;
    const link = `${row.id}.${replica.world.randomHex(4)}`;
    replica.commit(() => store.putReplaced({ link, id: row.id, shadow: look.text, due }));
    steps('materialise: unlinking');
    let removed = false;
    try {
      removed = files.remove(name, { print: look.print, link });
    } catch (error) {
      if (!isErrno(error)) throw error;
      kept.set(name, error);
    }
    steps('materialise: unlinked');
    replica.commit(() => {
      if (removed) store.putFile({ id: row.id, print: '', shadow: null, dirty: 0 });
      else if (!kept.has(name)) store.dropReplaced(link);
    });
  }
  return kept;
}
