/** `axle verify`: compares state, live files and peers now, and says what differs and what is being done about it. */
import { setImmediate as turn } from 'node:timers/promises';
import { readContent } from '../core/content.js';
import { isDocumentName } from '../core/names.js';
import type { CompareResult } from '../link/comparer.js';
import { showsView, viewOf } from '../replica/absorb.js';
import type { Engine } from '../replica/engine.js';
import type { Replica } from '../replica/replica.js';
import type { StoredRow } from '../replica/store.js';
import type { Verifier } from './verifier.js';

/** Where it differs: the stored state in itself, the live file from it, or a peer's state from it. */
export type VerifyDifference = {
  readonly document: string;
  readonly where: 'state' | 'file' | 'peer';
  readonly peer?: string;
  readonly what: string;
  readonly doing: string;
};

export type VerifyReport = {
  readonly site: string;
  readonly documents: number;
  readonly ms: number;
  /** The first `DIFFERENCES_MAX` of `count`. */
  readonly differences: readonly VerifyDifference[];
  readonly count: number;
  readonly peers: readonly { readonly site: string; readonly outcome: CompareResult['outcome'] }[];
};

export type VerifyParts = {
  readonly replica: Replica;
  readonly engine: Engine;
  readonly verifier: Verifier;
  readonly isOpen: boolean;
  readonly signal: AbortSignal;
};

const DIFFERENCES_MAX = 1_000;
/** Documents between two turns of the event loop: 2 ms, of which most is reading files. */
const ROWS = 64;
/** A comparison in the middle of changes is tried again this often. */
const UNSURE_MAX = 5;

export async function verifyNow(parts: VerifyParts): Promise<VerifyReport> {
  const { replica, verifier, isOpen } = parts;
  const { site, now } = replica.world;
  if (!isOpen) throw Object.assign(new Error(`${site} is not ready yet`), { code: 'AXL-NOT-READY' });
  const startedAt = now();
  const found = new Found();
  const documents = await checkDocuments(parts, found);
  const peers: { site: string; outcome: CompareResult['outcome'] }[] = [];
  for (const peer of verifier.options.peers) {
    let result = await verifier.compareNow(peer);
    for (let tries = 1; result.outcome === 'unsure' && tries < UNSURE_MAX; tries++)
      result = await verifier.compareNow(peer);
    const left = new Set(result.left.map(({ name }) => name));
    for (const { name, mine, theirs } of result.found)
      found.add({
        document: name,
        where: 'peer',
        peer: peer.site,
        what: mine === '' ? 'missing here' : theirs === '' ? `missing at ${peer.site}` : 'another state',
        doing: left.has(name)
          ? 'both sent what they may, and it still differs: see the logs of both sites'
          : 'repaired',
      });
    peers.push({ site: peer.site, outcome: result.outcome });
  }
  return { site, documents, ms: Math.round(now() - startedAt), differences: found.first, count: found.count, peers };
}

class Found {
  readonly first: VerifyDifference[] = [];
  count = 0;

  add(difference: VerifyDifference): void {
    this.count++;
    if (this.first.length < DIFFERENCES_MAX) this.first.push(difference);
  }
}

/** Every row against its digest, and every live file against its row. Returns how many there are. */
async function checkDocuments({ replica, engine, signal }: VerifyParts, found: Found): Promise<number> {
  const { store } = replica.world;
  for (const { name } of replica.losses.outOfUse()) found.add(rebuilding(name));
  let count = 0;
  for (let after = 0; !signal.aborted; ) {
    const rows = store.documentsAfterId(after, ROWS);
    for (const stored of rows) {
      count++;
      const wasOutOfUse = replica.losses.isOutOfUse(stored.name, stored);
      const row = replica.sound(stored);
      if (replica.losses.isOutOfUse(row.name, row)) {
        if (!wasOutOfUse) found.add(rebuilding(row.name));
        continue;
      }
      const what = fileDifference(replica, row);
      if (what === undefined) continue;
      found.add({
        document: row.name,
        where: 'file',
        what,
        doing: 'looked at now: what is new in it counts, then it is written',
      });
      engine.look(row.name);
      engine.show([row.name]);
    }
    if (rows.length < ROWS) break;
    after = rows.at(-1)?.id ?? after;
    await turn();
  }
  return count;
}

function rebuilding(document: string): VerifyDifference {
  return {
    document,
    where: 'state',
    what: 'its stored state is damaged',
    doing: 'set aside; being rebuilt from the peers',
  };
}

/** How a live file differs from its state; undefined where it shows it. */
function fileDifference(replica: Replica, row: StoredRow): string | undefined {
  const { files } = replica.world;
  // A kind that is not configured any more is nobody's business.
  if (!replica.knows(row.name) || !isDocumentName(row.name)) return undefined;
  const policies = replica.policiesOf(row.name);
  const look = files.look(row.name, false);
  if (look.kind === 'refused') return `the file cannot be read: ${look.reason}`;
  const content = look.kind === 'file' ? readContent(look.text, policies) : undefined;
  if (content?.kind === 'invalid') return `the file is no document: ${content.reason}`;
  const view = viewOf(replica.stateOf(row), content, policies);
  if (showsView(content, view, policies)) return undefined;
  if (content === undefined) return 'the file is missing';
  return view === undefined ? 'the file of a deleted document is there' : 'the file shows something else';
}
