/**
 * What one replica knows of a peer and says to it: cursors, sessions, confirmations. No files, no timers: `hear` takes a
 * header, `next` says what to send now. The rules, in short:
 *
 * - Every message says what the sender has of the receiver (`confirms`). A confirmation that is lower than before means
 *   that the peer lost state: send again from there.
 * - A message of a new session (a restarted peer) is answered at once, so that a starting replica learns within a round
 *   trip what the other side has of it. Documents go out once that is known. Other bare confirmations go out once a second at most, and are not confirmed.
 * - A peer with a new incarnation is a new peer; what still comes from the old one is refused.
 */
import type { BatchHeader, Confirmation, Refusal } from '../core/batch.js';
import { replicaSite } from '../core/state.js';
import type { Replica } from '../replica/replica.js';
import type { PeerRow } from '../replica/store.js';

/**
 * Without progress of the peer's confirmation for this long, what was sent is sent again. Doubles up to the limit: the first
 * one for a peer that speaks, the second for one that says nothing. Its daemon may be down for days while its sshd goes on
 * filling the inbox; when it starts, it speaks first.
 */
const RESEND_FIRST_MS = 5_000;
const RESEND_LIMIT_MS = 60_000;
const RESEND_SILENT_LIMIT_MS = 6 * 3_600_000;
/**
 * Changes that may be under way unconfirmed. A receiver that is slower than we are (it writes files) otherwise finds all
 * of a million documents in its inbox, confirms the first ones after they were sent again, and so on: measured, six times.
 */
const UNDER_WAY_MAX = 50_000;
/** Between two messages that only confirm. */
const BARE_MS = 1_000;
/** Between two hellos to a peer that has not answered this session yet. */
const HELLO_MS = 1_000;

export type Heard =
  /** The peer row as it is once the batch's documents are merged; `isNews` where there is something to merge or note. */
  | { readonly ok: true; readonly peer: PeerRow; readonly gap: boolean }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      readonly hint: string;
      readonly replica?: string;
    };

export type Ask =
  | { readonly kind: 'documents'; readonly from: number }
  | { readonly kind: 'bare' }
  | { readonly kind: 'wait'; readonly ms: number };

export type ConversationEvents = {
  /** First answer to this session: what the peer has of us. `forked`: more than we ever gave, so we are a restored copy. */
  readonly onVerified: (confirmed: number, forked: boolean) => void;
  readonly onRefused: (refusal: Refusal) => void;
  /** The peer has started anew: what it was asked before is forgotten there. */
  readonly onNewSession: () => void;
};

/** What travels with the messages beside documents: see rights-desk.ts. */
export type Exchange = {
  /** Whether something is to be said now. */
  readonly isDue: (now: number) => boolean;
  /** Milliseconds until something may be. */
  readonly dueInMs: () => number;
  readonly take: (now: number) => Pick<BatchHeader, 'wants' | 'denied'>;
};

export class Conversation {
  /** How far the changes have been gone through for this peer: everything up to here was sent, or came from there. */
  #sent: number;
  /** End of the last message that was delivered: where the next one begins, so that the peer can see a gap. */
  #chain: number;
  #told = -1;
  #toldAt = Number.NEGATIVE_INFINITY;
  #peerSession = '';
  #mustAnswer = true;
  #verified = false;
  /** Since our own start. */
  #wasVerified = false;
  #progressAt = 0;
  #resendMs = RESEND_FIRST_MS;
  #refusal: Refusal | undefined;
  #lostUpTo = 0;
  #againUpTo = 0;
  #isPeerJoining = false;
  #refusedAt = Number.NEGATIVE_INFINITY;

  constructor(
    readonly replica: Replica,
    readonly peerSite: string,
    readonly session: string,
    readonly events: ConversationEvents,
    readonly exchange?: Exchange,
  ) {
    this.#sent = this.row()?.confirmed ?? 0;
    this.#chain = this.#sent;
  }

  row(): PeerRow | undefined {
    return this.replica.world.store.peer(this.peerSite);
  }

  get verified(): boolean {
    return this.#verified;
  }

  /** The peer has said since our own start what it has of us. */
  get hasAnswered(): boolean {
    return this.#wasVerified;
  }

  /** The peer lost state: changes up to here are sent again even where they came from there. */
  get lostUpTo(): number {
    return this.#lostUpTo;
  }

  /** The peer waits for our whole state. */
  get isPeerJoining(): boolean {
    return this.#isPeerJoining;
  }

  /** Whether everything this peer is owed has been sent and confirmed. */
  get isSettled(): boolean {
    return this.#sent >= this.replica.head && this.#chain <= (this.row()?.confirmed ?? 0);
  }

  /** What the next message covers at least: (from, to]. */
  get range(): { readonly from: number; readonly to: number } {
    return { from: this.#chain, to: this.#sent };
  }

  /** Takes note of a message. The returned row is to be stored together with its documents, once they are merged. */
  hear(header: BatchHeader): Heard {
    const { store } = this.replica.world;
    if (replicaSite(header.replica) !== this.peerSite)
      return refuse(
        'AXL-WRONG-SENDER',
        `a batch of ${header.replica} in the inbox of ${this.peerSite}`,
        'check which key and module each site uses',
      );
    if (header.to_site !== this.replica.world.site)
      return refuse(
        'AXL-WRONG-RECEIVER',
        `a batch for ${header.to_site}`,
        'check the module path in the rsync daemon configuration',
      );
    if (store.isRetired(header.replica))
      return {
        ...refuse(
          'AXL-RETIRED',
          `${header.replica} was given up by its site`,
          'its state was restored from a backup, and goes on under a new incarnation by itself; or two daemons are running for one site: stop one',
        ),
        replica: header.replica,
      };
    this.#resendMs = Math.min(this.#resendMs, RESEND_LIMIT_MS);
    const known = this.row();
    const isNewPeer = known?.replica !== header.replica;
    const isNewSession = header.session !== this.#peerSession;
    if (isNewSession || header.hello) this.#mustAnswer = true;
    this.#isPeerJoining = header.joining === true;
    if (!isNewPeer && isNewSession && known !== undefined && header.head < known.applied) {
      // Answered with what we have: the peer finds that it is a copy of an older self, and takes a new incarnation. What
      // it had sent was never sent back to it, so that no answer may say that it has that.
      this.#lostUpTo = this.replica.head;
      this.#resendFrom(0);
      this.#peerSession = header.session;
      return refuse(
        'AXL-SEQUENCE-BACK',
        `${header.replica} is at ${header.head}, but had sent ${known.applied} before`,
        'its state was restored from a backup; it goes on under a new incarnation by itself',
      );
    }
    const author = header.author ?? header.replica;
    const base: PeerRow =
      isNewPeer || known === undefined
        ? { site: this.peerSite, replica: header.replica, author, applied: 0, confirmed: 0 }
        : { ...known, author };
    // Before the new row, and again after a crash between them.
    if (known !== undefined && known.author !== author) store.putPassing(this.peerSite, header.head);
    if (isNewPeer) {
      this.#resendFrom(0);
      // Also within a session: what was told of the incarnation before it may be the same number.
      this.#mustAnswer = true;
    }
    if (isNewSession) {
      this.#peerSession = header.session;
      // Whatever it said before its restart, it may have lost its state since.
      this.#verified = false;
      this.events.onNewSession();
      this.#resendFrom(Math.min(this.#sent, base.confirmed));
    }
    let confirmed = header.joining && isNewSession ? 0 : base.confirmed;
    if (header.joining && isNewSession) this.#resendFrom(0);
    if (header.confirms !== undefined) confirmed = this.#hearConfirmation(header.confirms, confirmed);
    if (header.refused !== undefined) this.#hearRefusal(header.refused);
    const gap = header.from > base.applied;
    // Sent again what we have, or sent beyond it: our confirmation was lost, and is said once more.
    if (header.documents > 0 && (gap || header.to <= base.applied)) this.#told = -1;
    // What was said to an earlier start of ours may leave out what that one had, and a restored copy has not.
    const isToUs = header.confirms === undefined || header.confirms.session === this.session;
    // A late file of an earlier start may have made the peer believe in that one: it is told of this one.
    if (!isToUs) this.#mustAnswer = true;
    const applied = gap || !isToUs ? base.applied : Math.max(base.applied, header.to);
    return { ok: true, peer: { ...base, applied, confirmed }, gap };
  }

  /** What was given up before cannot begin anew: at our start, that says that we are a copy of an older self. */
  #hearRefusal(refusal: Refusal): void {
    this.events.onRefused(refusal);
    if (refusal.code !== 'AXL-RETIRED' || refusal.replica !== this.replica.id || this.#wasVerified) return;
    this.#wasVerified = true;
    this.events.onVerified(0, true);
  }

  #hearConfirmation({ replica, seq, session }: Confirmation, confirmed: number): number {
    if (replica !== this.replica.id) return confirmed;
    const isAnswer = session === this.session;
    if (isAnswer && !this.#verified) {
      // Only what was so at our start can make us a copy: what a restarted peer says later is nonsense, or worse. First what
      // follows from it: if a full disk refuses the new incarnation, the next answer asks for it again.
      if (!this.#wasVerified) this.events.onVerified(seq, !this.replica.hasGiven(seq));
      this.#wasVerified = true;
      this.#verified = true;
      // Under a new incarnation the peer has nothing of us yet.
      if (replica !== this.replica.id) return 0;
    }
    // Not ours to believe: either it is from before a restore, which `onVerified` has dealt with, or it is nonsense.
    if (!this.replica.hasGiven(seq)) return confirmed;
    if (seq > confirmed) {
      this.#progressAt = this.replica.world.steady();
      this.#resendMs = RESEND_FIRST_MS;
    } else if (seq < confirmed) {
      // Only an answer to this session can tell of a loss; a late file from before may just be old.
      if (!isAnswer) return confirmed;
      this.#lostUpTo = this.replica.head;
      this.#resendFrom(seq);
    }
    this.#sent = Math.max(this.#sent, seq);
    this.#chain = Math.max(this.#chain, seq);
    return seq;
  }

  #resendFrom(seq: number): void {
    this.#againUpTo = Math.max(this.#againUpTo, this.#chain);
    this.#sent = Math.min(this.#sent, seq);
    this.#chain = Math.min(this.#chain, seq);
  }

  /** What to do now. `maySend`: documents may be sent (not while joining, or before the incarnation is decided). */
  next(maySend: boolean, now: number): Ask {
    const row = this.row();
    const isKnown = row !== undefined;
    const sinceRefusal = now - this.#refusedAt;
    // Before documents, which a peer that is just starting leaves lying until it knows what we have of it.
    if (this.#mustAnswer && this.#refusal !== undefined && sinceRefusal >= BARE_MS) return { kind: 'bare' };
    // Not before the peer has answered: what it has of us may show that this state is an older copy, and would not any more.
    if (maySend && isKnown && this.#verified) {
      if (this.#chain > row.confirmed && now - this.#progressAt > this.#resendMs) {
        this.#resendFrom(row.confirmed);
        this.#resendMs = Math.min(this.#resendMs * 2, RESEND_SILENT_LIMIT_MS);
        this.#progressAt = now;
      }
      const hasRoom = this.#chain - row.confirmed < UNDER_WAY_MAX;
      if (this.replica.head > this.#sent && hasRoom) return { kind: 'documents', from: this.#sent };
    }
    if (isKnown && this.exchange?.isDue(now)) return { kind: 'bare' };
    const ask = this.#nextBare(row, now);
    return ask.kind === 'wait' && this.exchange ? { ...ask, ms: Math.min(ask.ms, this.exchange.dueInMs()) } : ask;
  }

  #nextBare(row: PeerRow | undefined, now: number): Ask {
    const isKnown = row !== undefined;
    const since = now - this.#toldAt;
    // Two that refuse each other's every word (of another version, say) must not answer each other at full speed.
    if (this.#mustAnswer && this.#refusal !== undefined) return { kind: 'wait', ms: BARE_MS - (now - this.#refusedAt) };
    if (this.#mustAnswer) return { kind: 'bare' };
    if (!this.#verified) return since >= HELLO_MS ? { kind: 'bare' } : { kind: 'wait', ms: HELLO_MS - since };
    if (isKnown && row.applied !== this.#told)
      return since >= BARE_MS ? { kind: 'bare' } : { kind: 'wait', ms: BARE_MS - since };
    if (isKnown && this.#sent > row.confirmed)
      return { kind: 'wait', ms: Math.max(1, this.#resendMs - (now - this.#progressAt)) };
    return { kind: 'wait', ms: RESEND_LIMIT_MS };
  }

  /** Milliseconds until a site that may only ask, and confirm nothing yet, says who it is once more. */
  helloDue(now: number): number {
    return this.#verified ? HELLO_MS : Math.max(0, this.#toldAt + HELLO_MS - now);
  }

  /** What was heard could not be stored: the peer's next message, or the same one again, begins its session anew. */
  forget(): void {
    this.#peerSession = '';
  }

  /** Refuses what was just heard: the next message says so. */
  refuse(refusal: Refusal): void {
    this.#refusal = refusal;
    this.#mustAnswer = true;
  }

  /** The header for a message about (from, to]. `mayConfirm`: a site that is not open yet confirms nothing. */
  header(from: number, to: number, joining: boolean, now: number, mayConfirm = true): Message {
    const row = this.row();
    return {
      replica: this.replica.id,
      ...(this.replica.author !== this.replica.id && { author: this.replica.author }),
      to_site: this.peerSite,
      session: this.session,
      from,
      to,
      head: Math.max(this.replica.head, to),
      // Before the peer has spoken there is no session to answer; it is told with the answer to its first message.
      ...(mayConfirm &&
        row !== undefined &&
        this.#peerSession !== '' && {
          confirms: { replica: row.replica, seq: row.applied, session: this.#peerSession },
        }),
      ...(!this.#verified && { hello: true }),
      ...(joining && { joining }),
      ...(from < this.#againUpTo && to > from && { again: true }),
      ...(this.#refusal && { refused: this.#refusal }),
      ...(row !== undefined && this.exchange?.take(now)),
      sent_at: this.replica.world.now(),
    };
  }

  /** The message is in the peer's inbox. */
  delivered(message: Message, now: number): void {
    // A resend that was decided while this message was under way begins before it: then it does not count.
    if (message.from === this.#chain && message.to > this.#chain) {
      if (this.#chain === this.row()?.confirmed) this.#progressAt = now;
      this.#chain = message.to;
      this.#sent = Math.max(this.#sent, message.to);
    }
    this.#told = message.confirms?.seq ?? -1;
    this.#toldAt = now;
    if (message.confirms?.session === this.#peerSession || this.#peerSession === '') this.#mustAnswer = false;
    if (message.refused !== undefined) this.#refusedAt = now;
    if (message.refused === this.#refusal) this.#refusal = undefined;
  }

  /** Nothing in (from, to] is owed to this peer: it all came from there. */
  skip(to: number): void {
    // A peer that joins waits until it has everything up to our head, also where the last of it is nothing to be sent.
    if (this.#isPeerJoining && to > this.#sent) this.#mustAnswer = true;
    this.#sent = Math.max(this.#sent, to);
  }

  /** Everything is sent again, under another incarnation. */
  restart(): void {
    const { store } = this.replica.world;
    const row = this.row();
    if (row !== undefined) store.putPeer({ ...row, confirmed: 0 });
    this.#resendFrom(0);
    this.#mustAnswer = true;
  }
}

export type Message = Omit<BatchHeader, 'axle' | 'documents' | 'digest'>;

function refuse(code: string, message: string, hint: string): Extract<Heard, { ok: false }> {
  return { ok: false, code, message, hint };
}
