/**
 * I4: a writer that opened a live file before we replaced it, and wrote afterwards, wrote to an inode that no name leads
 * to any more. A hard link keeps that inode reachable for a few seconds; then it is looked at once more.
 */
import { canonicalText } from '../core/canonical.js';
import { readContent } from '../core/content.js';
import { type Held, heldAs } from './held.js';
import { judgeChange } from './raw-change.js';
import type { Replica } from './replica.js';
import type { HeldRow, ReplacedRow } from './store.js';

/** How long the link is kept. */
export const LATE_WRITE_MS = 3_000;
/** In place of a shadow: the replaced file had never been agreed on, so a difference to it has no meaning. */
export const UNKNOWN_SHADOW = '';

const ROUND = 500;

export type LateWrite = {
  readonly name: string;
  readonly outcome: 'absorbed' | 'kept aside' | 'held';
  readonly held?: Held;
};

/** Looks at every replaced inode that is due. Call inside `replica.exclusive`. */
export async function absorbLateWrites(replica: Replica): Promise<LateWrite[]> {
  const { store, files, steady } = replica.world;
  const late: LateWrite[] = [];
  const due = store.replacedDue(steady(), ROUND).filter(({ id }) => {
    const row = replica.sound(store.documentById(id));
    return row === undefined || !replica.losses.isOutOfUse(row.name, row);
  });
  if (due.length === 0) return late;
  replica.commit(({ nextSeq }) => {
    for (const row of due) {
      const found = absorbOne(replica, row, nextSeq);
      if (found !== undefined) late.push(found);
      store.dropReplaced(row.link);
    }
  });
  await files.removeLinks(due.map(({ link }) => link));
  return late;
}

function absorbOne(
  replica: Replica,
  { link, id, shadow: shadowText }: ReplacedRow,
  nextSeq: () => number,
): LateWrite | undefined {
  const { store, files, site, now } = replica.world;
  const row = store.documentById(id);
  const look = files.lookAtReplaced(link);
  if (row === undefined || !replica.knows(row.name) || look.kind !== 'file' || look.text === shadowText)
    return undefined;
  const policies = replica.policiesOf(row.name);
  const base = baseOf(heldAs(replica, row.name, shadowText)) ?? shadowText;
  const live = readContent(look.text, policies);
  const shadow = readContent(base, policies);
  // What was torn when it was replaced, and still is, says nothing; it is kept for people to read.
  if (live.kind === 'invalid' || shadow.kind === 'invalid') {
    files.keepConflict(row.name, 'replaced', look.text);
    return { name: row.name, outcome: 'kept aside' };
  }
  const before = replica.stateOf(row);
  const author = { replica: replica.author, stamp: replica.stamps.next(now()) };
  const known = { name: row.name, before, isKnown: true, mayShowHeld: false, shadow: base };
  const change = { ...known, live, text: look.text, at: now() };
  const { after, held } = judgeChange(replica, change, author);
  if (held !== undefined) return { name: row.name, outcome: 'held', held };
  if (after === before) return undefined;
  store.putDocument({ ...row, seq: nextSeq(), origin: '', at: now(), by_site: site, state: canonicalText(after) }, id);
  store.markDirty(id);
  replica.noteBalance(row.name, id, before, after);
  return { name: row.name, outcome: 'absorbed' };
}

/**
 * What a held file showed was never counted: what follows is measured from what was agreed on before it. What differed
 * when this site joined had never been agreed on; whoever read it started from it.
 */
function baseOf(held: HeldRow | undefined): string | undefined {
  return held?.reason === 'join' || held?.reason === 'damaged' ? undefined : held?.view;
}
