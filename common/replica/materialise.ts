/**
 * `materialise`: make live files show their states, by the intent protocol (I3, I4). Nothing is replaced that was not
 * absorbed first, and nothing that changed since.
 */
import { readContent } from '../core/content.js';
import { render, viewText } from '../core/render.js';
import { detectStyle } from '../core/style.js';
import { type AbsorbResult, absorb, differs } from './absorb.js';
import { LATE_WRITE_MS, UNKNOWN_SHADOW } from './late-writes.js';
import { lockDocuments } from './locks.js';
import type { Replica } from './replica.js';

export type Materialised =
  | { readonly kind: 'written'; readonly by: string; readonly at: number }
  | { readonly kind: 'removed'; readonly by: string; readonly at: number }
  /** The file shows the state already. */
  | { readonly kind: 'same' }
  /** Somebody wrote the file while we were about to replace it: again, after absorbing. */
  | { readonly kind: 'again' }
  /** The live file cannot be replaced: see the absorb result. */
  | { readonly kind: 'blocked' };

export type MaterialiseResult = { readonly name: string; readonly outcome: Materialised; readonly absorbed: AbsorbResult };

type Plan = {
  readonly name: string;
  readonly id: number;
  readonly view: string;
  readonly from: { readonly print: string; readonly shadow: string } | undefined;
  readonly link: string;
  inode: string;
  tempPrint: string;
};

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
  const { store, files, steps, now } = replica.world;
  steps('materialise: locked');
  const results: MaterialiseResult[] = [];
  const plans: Plan[] = [];
  const removals: AbsorbResult[] = [];
  const clean: number[] = [];
  const absorbedBy = new Map<string, AbsorbResult>();
  for (const absorbed of await absorb(replica, names)) {
    const { name, look, state, outcome } = absorbed;
    absorbedBy.set(name, absorbed);
    const row = store.document(name);
    const done = (kind: 'same' | 'blocked'): void => {
      results.push({ name, outcome: { kind }, absorbed });
    };
    if (row === undefined || state === undefined) done('same');
    else if (outcome.kind === 'refused' && !mayReplace(absorbed, now())) done('blocked');
    else {
      const live = look.kind === 'file' ? readContent(look.text, replica.policiesOf(name)) : undefined;
      const valid = live?.kind === 'invalid' ? undefined : live;
      if (live?.kind !== 'invalid' && !differs(replica, name, state, valid)) {
        if (store.file(row.id)?.dirty === 1) clean.push(row.id);
        done('same');
        continue;
      }
      const view = render(state, replica.ruleOf(name), valid?.kind === 'json' ? valid.value : undefined);
      if (view === undefined) removals.push(absorbed);
      else if (!files.hasKind(name.slice(0, name.lastIndexOf('/')))) done('blocked');
      else {
        const style = look.kind === 'file' && valid?.kind === 'json' ? detectStyle(look.text) : undefined;
        const text = viewText(view, style, state);
        const link = `${row.id}.${replica.world.randomHex(4)}`;
        // A late write to a torn file is measured from what was last agreed on, not from the torn content.
        const shadow = valid === undefined ? store.file(row.id)?.shadow : look.kind === 'file' ? look.text : null;
        const from = look.kind === 'file' ? { print: look.print, shadow: shadow ?? UNKNOWN_SHADOW } : undefined;
        if (valid === undefined && look.kind === 'file') files.keepConflict(name, `torn-${now()}`, look.text);
        plans.push({ name, id: row.id, view: text, from, link, inode: '', tempPrint: '' });
      }
    }
  }
  const written = plans.length > 0 ? await replaceAll(replica, plans) : new Set<string>();
  if (removals.length > 0) removeAll(replica, removals);
  if (clean.length > 0) replica.commit(() => { for (const id of clean) store.markClean(id); });
  for (const { name } of plans) {
    const row = store.document(name);
    const outcome: Materialised = written.has(name)
      ? { kind: 'written', by: row?.by_site ?? '', at: row?.at ?? 0 }
      : { kind: 'again' };
    results.push({ name, outcome, absorbed: absorbedBy.get(name) as AbsorbResult });
  }
  for (const absorbed of removals) {
    const row = store.document(absorbed.name);
    results.push({ name: absorbed.name, outcome: { kind: 'removed', by: row?.by_site ?? '', at: row?.at ?? 0 }, absorbed });
  }
  return results;
}

/** A torn file that nobody has touched for this long is no write in progress. */
const TORN_LASTS_MS = 1_000;

/** A lasting torn file (an empty one left by a failed write) gives way to news; a symlink or a giant never does. */
function mayReplace({ outcome, look }: AbsorbResult, now: number): boolean {
  return outcome.kind === 'refused' && outcome.code === 'AXL-TORN' && look.kind === 'file' && now - look.mtime > TORN_LASTS_MS;
}

async function replaceAll(replica: Replica, plans: readonly Plan[]): Promise<Set<string>> {
  const { store, files, steps, now } = replica.world;
  for (const plan of plans) {
    const like = files.attributesLike(plan.from === undefined ? undefined : plan.name);
    const temp = files.writeTemp(plan.id, plan.name, plan.view, like);
    plan.inode = temp.inode;
    plan.tempPrint = temp.print;
  }
  steps('materialise: temp written');
  await files.syncTemps(plans.map(({ id }) => id));
  steps('materialise: temp synced');
  replica.commit(() => {
    for (const { id, inode, view, from, link } of plans) store.putIntent({ id, inode, view, link: from === undefined ? '' : link });
  });
  steps('materialise: intent committed');
  const written = new Set<string>();
  for (const { id, name, from, link } of plans) {
    const expected = from && { print: from.print, link };
    if (!files.replace(id, name, expected, () => steps('materialise: linked'))) continue;
    written.add(name);
    steps('materialise: renamed');
  }
  files.syncFolders(new Set([...written].map((name) => name.slice(0, name.lastIndexOf('/')))));
  steps('materialise: folder synced');
  const due = now() + LATE_WRITE_MS;
  replica.commit(() => {
    for (const { id, name, view, from, link, tempPrint } of plans) {
      store.dropIntent(id);
      if (!written.has(name)) continue;
      // A print that is not our temp's own means that somebody wrote already: '' makes the next look read the file.
      store.putFile({ id, print: files.printIfSame(name, tempPrint), shadow: view, dirty: 0 });
      if (from !== undefined) store.putReplaced({ link, id, shadow: from.shadow, due });
    }
  });
  for (const { id, name } of plans) if (!written.has(name)) files.removeTemp(id);
  steps('materialise: shadow committed');
  return written;
}

/**
 * Removes live files whose documents are deleted. No intent is needed: a crash after the unlink finds a missing file of a
 * dead document, which says nothing new.
 */
function removeAll(replica: Replica, removals: readonly AbsorbResult[]): void {
  const { store, files, now } = replica.world;
  const due = now() + LATE_WRITE_MS;
  for (const { name, look } of removals) {
    const row = store.document(name);
    if (row === undefined || look.kind !== 'file') continue;
    const link = `${row.id}.${replica.world.randomHex(4)}`;
    replica.commit(() => store.putReplaced({ link, id: row.id, shadow: look.text, due }));
    const removed = files.remove(name, { print: look.print, link });
    replica.commit(() => {
      if (removed) store.putFile({ id: row.id, print: '', shadow: null, dirty: 0 });
      else store.dropReplaced(link);
    });
  }
}
