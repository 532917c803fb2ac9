/** What a site answers a peer that compares: rendered when the message goes, so that it holds for what the message says. */
import { type Comparison, DOCUMENTS_MAX } from '../core/comparison.js';
import type { ShortDigest } from '../core/digest-tree.js';
import type { Replica } from '../replica/replica.js';
import { rowLine } from './row-line.js';

/** One part of a message, and the documents that go with it. */
export type Outgoing = { readonly part: Comparison; readonly lines: readonly string[] };

export type Limits = { readonly batchDocuments: number; readonly batchBytes: number };

/** The documents in these buckets, up to the limit of a message. */
export function documentsOf(replica: Replica, id: string, differing: readonly string[]): Outgoing {
  const buckets: string[] = [];
  const documents: Record<string, ShortDigest> = {};
  let count = 0;
  for (const bucket of differing) {
    if (count >= DOCUMENTS_MAX) break;
    buckets.push(bucket);
    for (const { name, digest } of replica.world.store.documentsIn(bucket)) {
      documents[name] = digest;
      count++;
    }
  }
  return { part: { id, step: 'documents', buckets, documents }, lines: [] };
}

/** These documents, and their digests: '' where there is none. Ends at the limit of a batch. */
export function answerWith(
  replica: Replica,
  names: readonly string[],
  whole: boolean,
  { batchBytes }: Limits,
): { lines: string[]; told: Record<string, ShortDigest> } {
  const lines: string[] = [];
  const told: Record<string, ShortDigest> = {};
  let bytes = 0;
  for (const name of names) {
    if (bytes > batchBytes) break;
    const row = replica.sound(replica.world.store.document(name));
    // What was damaged here says nothing, not even that there is nothing.
    if (replica.losses.isOutOfUse(name, row)) continue;
    told[name] = row?.digest ?? '';
    if (row === undefined || !replica.knows(name)) continue;
    const line = rowLine(replica, row, whole);
    bytes += line.length;
    lines.push(line);
  }
  return { lines, told };
}

/** All that is held, from the document after our own number `after`: one batch of it. */
export function everythingAfter(replica: Replica, id: string, after: number, limits: Limits): Outgoing {
  const rows = replica.world.store.documentsAfterId(after, limits.batchDocuments);
  const lines: string[] = [];
  let to = after;
  let bytes = 0;
  for (const stored of rows) {
    if (bytes > limits.batchBytes) break;
    const row = replica.sound(stored);
    to = row.id;
    if (replica.losses.isOutOfUse(row.name, row)) continue;
    const line = rowLine(replica, row, true);
    bytes += line.length;
    lines.push(line);
  }
  const more = rows.length === limits.batchDocuments || to !== (rows.at(-1)?.id ?? after);
  return { part: { id, step: 'told all', after, to, more }, lines };
}
