/** The link to a peer with its conversation and comparer: what each of them tells, and who in this site is to know. */
import { Comparer } from '../link/comparer.js';
import { Conversation } from '../link/conversation.js';
import { type LinkEvents, PeerLink } from '../link/peer-link.js';
import type { Engine } from '../replica/engine.js';
import type { Replica } from '../replica/replica.js';
import type { Incarnation } from './incarnation.js';
import type { Joining } from './joining.js';
import type { PeerFolders, PeerOptions, SiteOptions } from './options.js';
import type { Programs } from './programs.js';
import type { RepairLog } from './repair-log.js';
import type { Reporter } from './reporter.js';
import type { Peer, Verifier } from './verifier.js';

export type LinkParts = {
  readonly options: Pick<SiteOptions, 'isHub' | 'batchDocuments' | 'batchBytes' | 'random'>;
  /** Of this start. */
  readonly session: string;
  readonly replica: Replica;
  readonly engine: Engine;
  readonly programs: Programs;
  readonly incarnation: Incarnation;
  readonly joining: Joining;
  /** Made when all links are. */
  readonly verifier: () => Verifier;
  readonly reporter: Reporter;
  readonly repairs: RepairLog;
  readonly isOpen: () => boolean;
  readonly wakeLinks: () => void;
  readonly onError: (step: string, error: unknown) => void;
};

/** While more files than this wait to be looked at, a batch waits for them: a transfer costs as much as fifty documents. */
const GATHER_LOOKS = 200;
const GATHER_MS = 200;

export function makeLink(parts: LinkParts, peer: PeerOptions, folders: PeerFolders): Peer {
  const { replica, engine, programs, incarnation, verifier, isOpen } = parts;
  const { isHub, batchDocuments, batchBytes, random } = parts.options;
  const conversation = makeConversation(parts, peer.site);
  const comparer = makeComparer(parts, peer.site, () => link.wake());
  const link: PeerLink = new PeerLink({
    replica,
    conversation,
    comparer,
    transport: peer.transport(folders),
    outbox: folders.outbox,
    inbox: folders.inbox,
    isHub,
    batchDocuments,
    batchBytes,
    random,
    // A spoke that joins would take what a hub has of a half-filled state for all there is.
    maySend: () => isOpen() && !(isHub && conversation.isPeerJoining && verifier().isRebuilding),
    gatherMs: () => {
      if (programs.desk.isDue(peer.site, replica.world.steady())) return 0;
      const isFull = replica.head - conversation.range.to >= batchDocuments;
      const burstMs = engine.backlog.looks >= GATHER_LOOKS && !isFull ? GATHER_MS : 0;
      return Math.max(programs.ledger.crowdMs, burstMs);
    },
    onSaid: (header, changed) => programs.desk.hear(peer.site, header, changed),
    // What a spoke sends may come before the hub has looked at its files: it adds to the state, whatever they say. Not
    // before the spokes have said what they have of the hub: it would use up the numbers by which a copy is known.
    mayMerge: () => (isHub ? incarnation.isSure : isOpen() || replica.phase === 'joining'),
    events: linkEvents(parts, peer.site, conversation),
  });
  return { site: peer.site, conversation, comparer, link };
}

function makeConversation(parts: LinkParts, site: string): Conversation {
  const { replica, session, incarnation, reporter, verifier } = parts;
  const { desk } = parts.programs;
  return new Conversation(
    replica,
    site,
    session,
    {
      onVerified: (_confirmed, forked) => incarnation.onVerified(site, forked),
      onRefused: (refusal) => reporter.refusedBy(site, refusal),
      onNewSession: () => verifier().forget(site),
    },
    {
      isDue: (now) => desk.isDue(site, now),
      dueInMs: () => desk.dueInMs(site),
      take: (now) => desk.take(site, now),
    },
  );
}

function makeComparer(parts: LinkParts, site: string, wake: () => void): Comparer {
  const { replica, repairs, verifier, isOpen } = parts;
  const { isHub, batchDocuments, batchBytes, random } = parts.options;
  return new Comparer({
    replica,
    peerSite: site,
    isHub,
    batchDocuments,
    batchBytes,
    random,
    mayAnswer: () => (isHub ? isOpen() : replica.phase === 'ready'),
    events: {
      onWork: wake,
      onRepaired: (names) => repairs.noteRepaired(site, names, 'compared'),
      onTold: (name, repaired) => verifier().told(site, name, repaired),
    },
  });
}

function linkEvents(parts: LinkParts, site: string, conversation: Conversation): LinkEvents {
  const { engine, programs, joining, reporter, repairs, wakeLinks, onError } = parts;
  return {
    onSent: (names, bytes, ms) => reporter.sent(site, names, bytes, ms),
    onReceived: (documents) => {
      reporter.received(site, documents);
      // Forward first: the way to the next site is the longer one.
      if (parts.options.isHub) wakeLinks();
      engine.show(documents.map(({ name }) => name));
    },
    onRepaired: (names) => repairs.noteRepaired(site, names, 'sent again'),
    onHeard: (head) => joining.onHeard(head, conversation.verified),
    onDown: (failure) => reporter.down(site, failure),
    onUnreachable: () => programs.desk.unreachable(site),
    onUp: () => reporter.up(site),
    onRefusal: (code, message, hint) => reporter.refusal(site, code, message, hint),
    onError: (step, error) => onError(`${step} ${site}`, error),
    onWorking: (step) => reporter.working(`${step} ${site}`),
  };
}
