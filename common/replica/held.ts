/**
 * Held changes: what a guard (or the join rule) kept back until a person decides. A row holds both texts, what the file
 * was agreed to hold and what was written; nothing of it is in the state until it is approved.
 */

import { canonicalText } from '../core/canonical.js';
import { readContent, type Valid } from '../core/content.js';
import { diff } from '../core/diff.js';
import { fieldsOf } from '../core/fields.js';
import { HELD_REASONS, type HeldReason } from '../core/guard.js';
import { detectStyle } from '../core/style.js';
import type { Replica } from './replica.js';
import type { HeldRow } from './store.js';

export type Held = {
  /** A HeldReason; another text only in a list that an older version of Axle began. */
  readonly reason: string;
  readonly id: number;
  /** False: this very change was held before, and the file could not be put back yet. */
  readonly isNew: boolean;
};

/** Held decreases of one document that are kept beside each other; a further one takes the place of the newest. */
const HELD_PER_DOCUMENT = 20;

/** Notes a held change. Of writes to zero, stubs and deletes of one document only the newest is kept. Inside a commit. */
export function hold(replica: Replica, change: Omit<HeldRow, 'id'> & { readonly reason: HeldReason }): Held {
  const { store, files } = replica.world;
  const { document, reason, live } = change;
  const others = store.heldOf(document).filter((row) => row.reason === reason);
  const newest = others.at(-1);
  if (newest?.live === live && newest.view === change.view) return { reason, id: newest.id, isNew: false };
  if (newest !== undefined && (reason !== 'decreases' || others.length >= HELD_PER_DOCUMENT)) {
    store.dropHeld(newest.id);
    // A page that goes on writing zeros must not fill the disk.
    files.dropConflict(document, `held-${reason}`, newest.live);
  }
  const id = store.hold(change);
  try {
    if (live !== '') files.keepConflict(document, `held-${reason}`, live, { sync: false });
  } catch {
    // A copy for people to read, on a disk that may be full. What counts is the row.
  }
  return { reason, id, isNew: true };
}

/** The held change that wrote this very text; undefined where there is none. */
export function heldAs(replica: Replica, name: string, text: string): HeldRow | undefined {
  return replica.world.store.heldOf(name).find(({ live }) => live === text);
}

/** A held delete has no object any more: the file is back. True where there was one. Inside a commit. */
export function dropHeldDelete(replica: Replica, name: string): boolean {
  const { store } = replica.world;
  const row = store.heldOf(name).find(({ reason }) => reason === 'deletes');
  if (row !== undefined) store.dropHeld(row.id);
  return row !== undefined;
}

/** One line of the list. */
export type HeldLine = {
  readonly id: number;
  readonly document: string;
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The first amount that differs, if any does: path, what was agreed on, what was written (null: nothing). */
  readonly amount?: { readonly path: string; readonly from: string; readonly to: string | null };
};

export type HeldChange = HeldLine & {
  /** The file's text as it was written; null where the file was removed. */
  readonly live: string | null;
  /** The text from which the difference is taken. */
  readonly view: string;
};

/** At most `limit` held changes with greater ids than `after`, oldest first. */
export function listHeld(replica: Replica, after: number, limit: number): HeldLine[] {
  return replica.world.store.heldAfter(after, limit).map((row) => lineOf(replica, row));
}

/** Of one document, oldest first. */
export function heldLines(replica: Replica, document: string): HeldLine[] {
  return replica.world.store.heldOf(document).map((row) => lineOf(replica, row));
}

/** Undefined where there is none of that id (any more). */
export function showHeld(replica: Replica, id: number): HeldChange | undefined {
  const row = replica.world.store.held(id);
  return row && { ...lineOf(replica, row), live: row.live === '' ? null : row.live, view: row.view };
}

function lineOf(replica: Replica, row: HeldRow): HeldLine {
  const { id, document, reason, at } = row;
  const amount = replica.knows(document) ? amountOf(replica, row) : undefined;
  return { id, document, reason, at, ...(amount && { amount }) };
}

function amountOf(replica: Replica, { document, view, live }: HeldRow): HeldLine['amount'] {
  const [was, is] = [view, live].map((text) => {
    const content = valid(replica, document, text);
    return content?.kind === 'json' ? fieldsOf(content.value, replica.policiesOf(document)) : undefined;
  });
  for (const [path, field] of was ?? []) {
    const now = is?.get(path);
    const to = now?.policy === 'counter' ? now.value : null;
    if (field.policy === 'counter' && field.value !== to) return { path, from: field.value, to };
  }
  return undefined;
}

export type Decided = {
  /** Ids that were in the list, and are no more. */
  readonly done: readonly number[];
  /** Ids that the list does not hold, or that cannot be approved. */
  readonly unknown: readonly number[];
  /** Documents whose live files are to be written. */
  readonly documents: readonly string[];
};

/**
 * Counts held changes as contributions of now: the difference between what was agreed on then and what was written. In
 * one transaction with their removal from the list, so that neither happens twice. Call inside `replica.exclusive`.
 */
export function approveHeld(replica: Replica, ids: readonly number[]): Decided {
  return decide(replica, ids, (row, nextSeq) => {
    if (!HELD_REASONS.some((reason) => reason === row.reason) || !replica.knows(row.document)) return false;
    const { store, site, now } = replica.world;
    const known = replica.sound(store.known(row.document));
    if (known === undefined) return false;
    const before = replica.stateOf(known);
    const [view, live] = [valid(replica, row.document, row.view), valid(replica, row.document, row.live)];
    const author = { replica: replica.author, stamp: replica.stamps.next(now()) };
    const after = diff(before, view, live, detectStyle(row.live || '{}'), replica.policiesOf(row.document), author);
    if (after !== before) {
      const state = canonicalText(after);
      store.putDocument({ ...known, seq: nextSeq(), origin: '', at: now(), by_site: site, state }, known.id);
      replica.noteBalance(row.document, known.id, before, after);
    }
    giveUpFile(replica, row, known.id);
    return true;
  });
}

/** Takes changes off the list without counting them: the files stay, or are written, as the state has them. */
export function rejectHeld(replica: Replica, ids: readonly number[]): Decided {
  return decide(replica, ids, (row) => {
    const known = replica.world.store.known(row.document);
    if (known !== undefined) giveUpFile(replica, row, known.id);
    return true;
  });
}

/**
 * The live file is to be written. One whose delete was held is absent by decision now: what appears there is a new file.
 * One that still holds what was decided about (it could not be put back yet) says nothing new by that.
 */
function giveUpFile(replica: Replica, row: HeldRow, id: number): void {
  const { store, files } = replica.world;
  const look = files.look(row.document);
  if (row.reason === 'deletes') store.putFile({ id, print: '', shadow: null, dirty: 1 });
  else if (look.kind === 'file' && look.text === row.live) store.putFile({ id, print: '', shadow: row.live, dirty: 1 });
  else store.markDirty(id);
}

function decide(
  replica: Replica,
  ids: readonly number[],
  act: (row: HeldRow, nextSeq: () => number) => boolean,
): Decided {
  const { store } = replica.world;
  const [done, unknown]: [number[], number[]] = [[], []];
  const documents = new Set<string>();
  replica.commit(({ nextSeq }) => {
    for (const id of new Set(ids)) {
      const row = store.held(id);
      if (row === undefined || !act(row, nextSeq)) {
        unknown.push(id);
        continue;
      }
      store.dropHeld(id);
      done.push(id);
      documents.add(row.document);
    }
  });
  return { done, unknown, documents: [...documents] };
}

function valid(replica: Replica, document: string, text: string): Valid | undefined {
  const content = readContent(text, replica.policiesOf(document));
  return content.kind === 'invalid' ? undefined : content;
}
