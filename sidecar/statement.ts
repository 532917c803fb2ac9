/**
 * Where a balance came from. Changes made by program at this site are known with all their facts. What other sites, and
 * plain file writes here, contributed is known as sums, and one by one as far as the file's own lists name them.
 */
import { type Amount, add, parseAmount, ZERO } from '../common/core/amount.js';
import { entryTime } from '../common/core/entry.js';
import { logEntries } from '../common/core/log.js';
import { counterValue } from '../common/core/render.js';
import { type DocState, GENESIS, replicaSite } from '../common/core/state.js';
import { counterOf } from '../common/replica/booking.js';
import type { ChangeRow } from '../common/replica/journal.js';
import { BALANCE } from './balance.js';

export type Line = {
  readonly id: string | null;
  readonly at: number;
  readonly site: string;
  readonly source: string;
  readonly description: string;
  readonly amount: Amount;
  /** After it; null where only a list names it. */
  readonly balance: Amount | null;
};

export type Share = { readonly site: string; readonly added: Amount; readonly taken: Amount };

export const COVERS =
  'changes with an id were made by program at this site and are complete; those without one are read from the lists in the file, which are capped; shares are complete sums of what each site added and took';

/** What stood in the file when it became known, and what each site has added and taken since. */
export function sharesOf(state: DocState): { genesis: Amount; shares: Share[]; balance: Amount } {
  const counter = counterOf(state, BALANCE);
  const shares = new Map<string, Share>();
  for (const [replica, [added, taken]] of Object.entries(counter.by)) {
    const site = replicaSite(replica);
    const sum = shares.get(site) ?? { site, added: ZERO, taken: ZERO };
    shares.set(site, { site, added: add(sum.added, added), taken: add(sum.taken, taken) });
  }
  return { genesis: counter.genesis?.[0] ?? ZERO, shares: [...shares.values()], balance: counterValue(counter) };
}

/** Entries of the file's lists from `from` to `to` (milliseconds, `to` not included) that are none of `known`. */
export function listed(state: DocState, site: string, known: readonly ChangeRow[], from: number, to: number): Line[] {
  // Entries carry seconds: a change of this site is met again in the lists by second and amount.
  const own = new Set(known.map(({ at, amount }) => `${Math.floor(at / 1000)} ${amount}`));
  const lines: Line[] = [];
  for (const log of Object.values(state.logs ?? {}))
    for (const text of new Set(logEntries(log))) {
      const entry = JSON.parse(text) as Readonly<Record<string, unknown>>;
      const at = entryTime(text) ?? 0;
      const amount = parseAmount(String(entry.amount ?? entry.change ?? ''));
      if (amount === undefined || at < from || at >= to) continue;
      for (const owner of ownersOf(log.added, text)) {
        const by = owner === GENESIS ? 'before joining' : replicaSite(owner);
        if (by === site && own.has(`${Math.floor(at / 1000)} ${amount}`)) continue;
        const source = String(entry.source ?? entry.type ?? '');
        lines.push({
          id: null,
          at,
          site: by,
          source,
          description: String(entry.description ?? ''),
          amount,
          balance: null,
        });
      }
    }
  return lines;
}

function ownersOf(added: NonNullable<DocState['logs']>[string]['added'], text: string): string[] {
  return Object.entries(added).flatMap(([owner, cells]) => Array<string>(cells[text]?.[0] ?? 0).fill(owner));
}
