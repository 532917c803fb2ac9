/**
 * `axle show`: all that this site knows of one document: who added and took how much, who may spend it, the latest changes
 * one by one, and why the live file is what it is.
 */
import { type Amount, add, ZERO } from '../core/amount.js';
import { readContent } from '../core/content.js';
import { entryTime } from '../core/entry.js';
import { entryAmount } from '../core/intent.js';
import { logEntries } from '../core/log.js';
import { isDocumentName } from '../core/names.js';
import { counterValue, isAlive, viewText } from '../core/render.js';
import { holders, isOverdrawn, spendableAtHub } from '../core/rights.js';
import { type CounterState, type DocState, type LogState, type ReplicaId, replicaSite } from '../core/state.js';
import { showsView, viewOf } from '../replica/absorb.js';
import { type HeldLine, heldLines } from '../replica/held.js';
import type { Replica } from '../replica/replica.js';
import type { DocumentRow } from '../replica/store.js';
import { ControlError } from '../runtime/control.js';

/** What one site has added and taken, under all its incarnations. */
export type Contribution = {
  readonly site: string;
  readonly added: Amount;
  readonly taken: Amount;
  readonly replicas: readonly { readonly replica: ReplicaId; readonly added: Amount; readonly taken: Amount }[];
};

export type ShownCounter = {
  readonly path: string;
  readonly value: Amount;
  /** What the file held when the document became known. */
  readonly genesis: Amount | undefined;
  readonly contributions: readonly Contribution[];
  /** What each site may spend now without asking, as far as this site knows. The hub's is what nobody else has. */
  readonly rights: readonly { readonly site: string; readonly rights: Amount }[];
};

/** A change by program at this site. */
export type ShownChange = {
  readonly at: number;
  readonly path: string;
  readonly amount: Amount;
  readonly balance: Amount;
  readonly source: string;
  readonly description: string;
  readonly asker: string;
};

/** An entry of a list in the document, whoever wrote it. */
export type ShownEntry = {
  readonly path: string;
  /** Milliseconds since 1970. */
  readonly at: number | undefined;
  /** Undefined where it does not say. */
  readonly amount: Amount | undefined;
  /** Where it was written; several where several wrote the same. */
  readonly sites: readonly string[];
  readonly text: string;
};

export type DocumentReport = {
  readonly document: string;
  readonly site: string;
  readonly now: number;
  readonly isAlive: boolean;
  readonly isOverdrawn: boolean;
  /** Its stored state was damaged, and is being rebuilt from the peers. */
  readonly isOutOfUse: boolean;
  /** What the live file should hold; null where there should be none. */
  readonly view: string | null;
  /** `torn`: it cannot be read as a document. `text` is what it holds. */
  readonly file: {
    readonly is: 'same' | 'different' | 'missing' | 'torn';
    readonly why: string;
    readonly text?: string;
  };
  readonly changed: { readonly by: string; readonly at: number };
  readonly counters: readonly ShownCounter[];
  /** The latest first. */
  readonly changes: readonly ShownChange[];
  readonly entries: readonly ShownEntry[];
  readonly held: readonly HeldLine[];
  /** Peers that have not confirmed its newest change. */
  readonly unconfirmed: readonly string[];
};

export type ShowOptions = {
  readonly replica: Replica;
  readonly isHub: boolean;
  readonly peers: readonly { readonly site: string }[];
};

const CHANGES_MAX = 20;
const ENTRIES_MAX = 20;
const NEAR_MAX = 5;

/** The control route `show`: `{ document: string }`. Call inside `exclusive`: state and file are of one moment. */
export function showDocument(options: ShowOptions, input: unknown): DocumentReport {
  const { replica, peers } = options;
  const { store, site, now } = replica.world;
  const { document } = (input ?? {}) as { document?: unknown };
  if (typeof document !== 'string' || !isDocumentName(document))
    throw new ControlError('AXL-BAD-INPUT', `${JSON.stringify(document)} is no name of a document`, NAMES);
  const row = replica.sound(store.document(document));
  if (row === undefined || !replica.knows(document)) throw unknown(replica, document);
  const state = replica.stateOf(row);
  return {
    document,
    site,
    now: now(),
    isAlive: isAlive(state, replica.ruleOf(document)),
    isOverdrawn: isOverdrawn(state),
    isOutOfUse: replica.losses.isOutOfUse(document, row),
    ...fileOf(replica, document, state),
    changed: { by: row.by_site, at: row.at },
    counters: Object.entries(state.counters ?? {}).map(([path, counter]) => shownCounter(options, path, counter)),
    changes: store.journal.changesOf(row.id, Number.MAX_SAFE_INTEGER, CHANGES_MAX).map((change) => ({
      at: change.at,
      path: change.path,
      amount: change.amount,
      balance: change.balance,
      source: change.source,
      description: change.description,
      asker: change.asker,
    })),
    entries: Object.entries(state.logs ?? {}).flatMap(([path, log]) => shownEntries(path, log)),
    held: heldLines(replica, document),
    unconfirmed: peers.map((peer) => peer.site).filter((peer) => isOwed(replica, row, peer)),
  };
}

const NAMES = 'a document is named by its folder and file: balances/1-andy';

function unknown(replica: Replica, document: string): ControlError {
  const near = replica.world.store.namesLike(document, NEAR_MAX);
  const kind = document.slice(0, document.lastIndexOf('/'));
  const hint = replica.knows(document)
    ? near.length > 0
      ? `did you mean ${near.join(', ')}?`
      : NAMES
    : `${kind} is none of this site's kinds: ${replica.kinds.join(', ')}`;
  return new ControlError('AXL-NO-DOCUMENT', `nothing is known of ${document} here`, hint);
}

function shownCounter({ replica, isHub, peers }: ShowOptions, path: string, counter: CounterState): ShownCounter {
  const { site, store } = replica.world;
  const bySite = new Map<string, Contribution>();
  for (const [owner, [added, taken]] of Object.entries(counter.by)) {
    const name = replicaSite(owner);
    const before = bySite.get(name) ?? { site: name, added: ZERO, taken: ZERO, replicas: [] };
    bySite.set(name, {
      site: name,
      added: add(before.added, added),
      taken: add(before.taken, taken),
      replicas: [...before.replicas, { replica: owner, added, taken }],
    });
  }
  const hub = isHub ? site : (peers[0]?.site ?? '');
  const isHubs = (owner: ReplicaId): boolean => replicaSite(owner) === hub || store.isRetired(owner);
  const rights = new Map([[hub, spendableAtHub(counter, isHubs)]]);
  for (const { replica: owner, rights: own } of holders(counter, isHubs))
    rights.set(replicaSite(owner), add(rights.get(replicaSite(owner)) ?? ZERO, own));
  return {
    path,
    value: counterValue(counter),
    genesis: counter.genesis?.[0],
    contributions: [...bySite.values()].sort((a, b) => (a.site < b.site ? -1 : 1)),
    rights: [...rights].map(([name, own]) => ({ site: name, rights: own })).filter(({ rights: own }) => own !== ZERO),
  };
}

/** The newest of a list, as far as the list still holds them. */
function shownEntries(path: string, log: LogState): ShownEntry[] {
  return logEntries(log)
    .slice(-ENTRIES_MAX)
    .reverse()
    .map((text) => ({
      path,
      at: entryTime(text),
      amount: entryAmount(text),
      sites: [
        ...new Set(
          Object.entries(log.added)
            .filter(([, cells]) => Object.hasOwn(cells, text))
            .map(([owner]) => replicaSite(owner) || 'before joining'),
        ),
      ],
      text,
    }));
}

function fileOf(replica: Replica, document: string, state: DocState): Pick<DocumentReport, 'view' | 'file'> {
  const policies = replica.policiesOf(document);
  const look = replica.world.files.look(document);
  const content = look.kind === 'file' ? readContent(look.text, policies) : undefined;
  const live = content?.kind === 'invalid' ? undefined : content;
  const view = viewOf(state, live, policies);
  const shown = view === undefined ? null : viewText(view, undefined, state);
  const text = look.kind === 'file' ? { text: look.text } : {};
  const is = (what: DocumentReport['file']['is'], why: string) => ({ view: shown, file: { is: what, why, ...text } });
  if (look.kind === 'refused') return is('torn', look.reason);
  if (content?.kind === 'invalid') return is('torn', content.reason);
  if (showsView(live, view, policies)) return is('same', 'it shows the state');
  const { isUnread, isDirty } = agreement(replica, document);
  if (isUnread) return is(live ? 'different' : 'missing', 'somebody wrote it just now: it is looked at');
  if (isDirty) return is(live ? 'different' : 'missing', 'the state has changed: the file is about to be written');
  return is(live ? 'different' : 'missing', 'axle verify looks at it now, and has it written');
}

function agreement(replica: Replica, document: string): { readonly isUnread: boolean; readonly isDirty: boolean } {
  return { isUnread: replica.isUnread(document), isDirty: replica.world.store.known(document)?.dirty === 1 };
}

function isOwed(replica: Replica, row: DocumentRow, peer: string): boolean {
  const known = replica.world.store.peer(peer);
  return row.seq > 0 && row.seq > (known?.confirmed ?? 0) && (known === undefined || row.origin !== known.replica);
}
