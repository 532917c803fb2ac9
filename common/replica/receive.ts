/** `receive`: merge another site's batch in one transaction. What changed is marked and materialised afterwards. */
import { foreignIn, hasGenesis, remembered, replacedGenesis } from '../core/authority.js';
import type { BatchDocument } from '../core/batch.js';
import { canonicalText } from '../core/canonical.js';
import { stampsOf } from '../core/decode.js';
import { merge } from '../core/merge.js';
import { type Stamp, stampMs } from '../core/stamp.js';
import { replicaSite } from '../core/state.js';
import type { Replica } from './replica.js';
import type { DocumentRow, PeerRow } from './store.js';

export type Received =
  | { readonly ok: true; readonly changed: readonly ReceivedDocument[] }
  /** Nothing of the batch was merged. `again`: the same batch may be acceptable later. */
  | { readonly ok: false; readonly code: string; readonly message: string; readonly hint: string };

export type ReceivedDocument = {
  readonly name: string;
  readonly by: string;
  readonly at: number;
  /** Whether with it more is spent than there was. */
  readonly overdrawn: boolean;
};

export type ReceiveRules = {
  /** Hub: what arrives is owed to the other peers, and a peer may send only its own contributions. Spoke: neither. */
  readonly isHub: boolean;
  /**
   * What the hub has lost, and has asked this peer for: documents of which it takes all that the peer holds, and those of
   * which it takes what it added itself besides what is the peer's own.
   */
  readonly believes?: (name: string) => 'all' | 'own' | undefined;
};

/** Merges documents and the peer's new cursor together. Call inside `replica.exclusive`. */
export function receive(
  replica: Replica,
  sent: readonly BatchDocument[],
  peer: PeerRow,
  rules: ReceiveRules,
): Received {
  const { store, site, now, clockSkewMaxMs, files } = replica.world;
  const documents = sent.map((document) =>
    rules.believes?.(document.name) === 'own'
      ? { ...document, state: remembered(document.state, replicaSite(peer.replica), site) }
      : document,
  );
  const isAskedFor = (name: string): boolean => rules.believes?.(name) !== undefined;
  const limitMs = now() + clockSkewMaxMs;
  let newest: Stamp | undefined;
  for (const { name, state } of documents) {
    if (!replica.knows(name)) continue;
    for (const stamp of stampsOf(state)) if (newest === undefined || stamp > newest) newest = stamp;
    if (newest !== undefined && stampMs(newest) > limitMs) return clockAhead(name, newest, now());
    const foreign = rules.isHub && !isAskedFor(name) ? foreignIn(state, replicaSite(peer.replica)) : undefined;
    if (foreign !== undefined) return notYours(peer, name, foreign);
  }
  const changed: ReceivedDocument[] = [];
  const forged = rules.isHub
    ? forgedGenesis(
        replica,
        documents.filter(({ name }) => !isAskedFor(name)),
        peer,
      )
    : undefined;
  if (forged !== undefined) return forged;
  if (newest !== undefined) replica.stamps.see(newest);
  replica.commit(({ nextSeq }) => {
    for (const { name, state, at, by } of documents) {
      if (!replica.knows(name)) continue;
      const row = replica.sound(store.document(name));
      const before = replica.stateOf(row);
      const after = merge(before, state);
      if (after === before && row !== undefined) continue;
      const lost = before.whole?.[0];
      if (
        lost &&
        state.whole &&
        after.whole !== before.whole &&
        before.whole?.[1].endsWith(`@${site}`) &&
        (row?.seq ?? 0) > peer.confirmed
      )
        files.keepConflict(name, 'lost', lost);
      const id = store.putDocument(
        { name, ...placed(row, peer, rules, nextSeq), at, by_site: by, state: canonicalText(after) },
        row?.id,
      );
      store.markDirty(id);
      changed.push({ name, by, at, overdrawn: replica.noteBalance(name, id, before, after) });
    }
    store.putPeer(peer);
  });
  return { ok: true, changed };
}

/** A peer that confirmed our genesis and sends another: no race of two joining sites, but a rewrite of what is settled. */
function forgedGenesis(replica: Replica, documents: readonly BatchDocument[], peer: PeerRow): Received | undefined {
  for (const { name, state } of documents) {
    if (!hasGenesis(state) || !replica.knows(name)) continue;
    const row = replica.sound(replica.world.store.document(name));
    if (row === undefined || row.seq > peer.confirmed) continue;
    if (replacedGenesis(replica.stateOf(row), state) !== undefined)
      return notYours(peer, name, 'another genesis than the one it confirmed');
  }
  return undefined;
}

/**
 * The sequence and origin of a merged document. The hub owes it to everybody else; to its sender only if the sender had
 * not yet confirmed what we knew before. A spoke owes nothing for what the hub sent, but still owes what it had not sent.
 */
function placed(
  row: DocumentRow | undefined,
  peer: PeerRow,
  rules: ReceiveRules,
  nextSeq: () => number,
): { seq: number; origin: string } {
  if (!rules.isHub) return { seq: row?.seq ?? 0, origin: row?.origin ?? '' };
  const hadAll = row === undefined || row.seq <= peer.confirmed || row.origin === peer.replica;
  return { seq: nextSeq(), origin: hadAll ? peer.replica : '' };
}

function clockAhead(name: string, stamp: Stamp, now: number): Received {
  const seconds = Math.round((stampMs(stamp) - now) / 1000);
  return {
    ok: false,
    code: 'AXL-CLOCK-AHEAD',
    message: `${name} carries a time ${seconds} s ahead of this site's clock`,
    hint: 'set the clocks right on both sites (timedatectl); the batch is accepted as soon as its time has come',
  };
}

function notYours(peer: PeerRow, name: string, what: string): Received {
  return {
    ok: false,
    code: 'AXL-NOT-YOURS',
    message: `${peer.site} sent ${name} with ${what}`,
    hint: `a site may only send its own changes: look for an intruder on ${peer.site}, or for two sites with one name`,
  };
}
