/**
 * The link to one peer: the sender's loop and the receiver's loop around a `Conversation`. The sender renders a batch
 * from state when it can be sent, never before, so a peer that is down costs nothing but time (I9).
 */
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { type BatchHeader, decodeBatch, encodeBatch } from '../core/batch.js';
import { type ReceivedDocument, receive } from '../replica/receive.js';
import type { Replica } from '../replica/replica.js';
import { sha256 } from '../replica/sha256.js';
import { Backoff } from '../runtime/backoff.js';
import type { Outgoing } from './answers.js';
import { isBatchName } from './batch-name.js';
import type { Comparer } from './comparer.js';
import type { Conversation, Message } from './conversation.js';
import { rowLine } from './row-line.js';
import type { Delivery, Failure, Transport } from './transport.js';

export type LinkOptions = {
  readonly replica: Replica;
  readonly conversation: Conversation;
  readonly comparer: Comparer;
  readonly transport: Transport;
  readonly outbox: string;
  readonly inbox: string;
  /** Hub: merged documents go down, only a spoke's own contributions are taken. Spoke: its own contributions go up. */
  readonly isHub: boolean;
  readonly batchDocuments: number;
  readonly batchBytes: number;
  readonly random: () => number;
  /** Documents may be sent and taken: false while joining waits, or before the incarnation is decided. */
  readonly maySend: () => boolean;
  readonly mayMerge: () => boolean;
  /** For how long in all what is to be sent may wait for more that is about to come, milliseconds; asked again and again. */
  readonly gatherMs?: () => number;
  /** What a message says beside its documents, once those are merged. Called inside `replica.exclusive`. */
  readonly onSaid?: (header: BatchHeader, changed: readonly string[]) => void;
  readonly events: LinkEvents;
};

export type LinkEvents = {
  readonly onSent: (documents: readonly string[], bytes: number, ms: number) => void;
  readonly onReceived: (documents: readonly ReceivedDocument[]) => void;
  /** What had been lost on the way came when it was sent again. */
  readonly onRepaired: (names: readonly string[]) => void;
  /** A message was taken, with or without documents. */
  readonly onHeard: (head: number, applied: number) => void;
  readonly onDown: (failure: Failure) => void;
  /** A transfer failed: the first, or one more. */
  readonly onUnreachable?: () => void;
  readonly onUp: () => void;
  readonly onRefusal: (code: string, message: string, hint: string) => void;
  readonly onError: (step: string, error: unknown) => void;
  /** The step did what it had to do. */
  readonly onWorking: (step: string) => void;
};

const INBOX_FILE_BYTES_MAX = 64 * 1024 * 1024;
/** The inbox is also looked at without a hint, because hints can be lost. */
const INBOX_LOOK_MS = 1_000;
/** A batch that may not be merged yet is tried again after this. */
const DEFER_MS = 20;
/** A transfer in hand when the daemon is stopped has this long to end. */
const FINISH_MS = 3_000;
const GATHER_LOOK_MS = 5;
const KNOCK_MS = 1_000;
/** Messages by which a peer's clock is judged: so many of the latest, and none older than the last by more than this. */
const CLOCK_GAPS = 16;
const CLOCK_MS = 60_000;
const BACKOFF = { first_ms: 200, limit_ms: 30_000 };

type NextMessage = {
  readonly message: Message;
  readonly lines: readonly string[];
  /** Documents sent because they changed. */
  readonly names: readonly string[];
  readonly part: Outgoing | undefined;
};

export type SendResult = 'sent' | 'skipped' | { readonly wait_ms: number } | Failure;
/** deferred: this batch waits. waiting: nothing else is there. */
export type ReceiveResult = 'received' | 'refused' | 'deferred' | 'waiting' | 'empty';

export class PeerLink {
  readonly #abort = new AbortController();
  readonly #cutOff = new AbortController();
  readonly #backoff: Backoff;
  #sender = new Wakeup();
  #receiver = new Wakeup();
  #loops: Promise<unknown>[] = [];
  #watch: fs.FSWatcher | undefined;
  #isDown = false;
  #failure: Failure | undefined;
  #heardAt: number | undefined;
  #unansweredSince: number | undefined;
  /** Of the latest messages: how far the peer's clock was ahead when each was taken, less its way here. */
  #clockGaps: { readonly at: number; readonly ms: number }[] = [];
  #failedAt = Number.NEGATIVE_INFINITY;
  #isSending = false;
  #isReceiving = false;
  /** Batches that wait until their documents may be merged. */
  readonly #deferred = new Set<string>();
  #name = 0;

  constructor(readonly options: LinkOptions) {
    this.#backoff = new Backoff({ ...BACKOFF, random: options.random });
  }

  start(): void {
    this.#watchInbox();
    this.options.transport.warm?.();
    this.#loops = [this.#sendLoop(), this.#receiveLoop()];
  }

  /**
   * Node's own watcher, not the shared one: a new batch must not wait behind the burst of our own file events. Where the
   * kernel has no watch left, the inbox is looked at once a second, and a watch is asked for again.
   */
  #watchInbox(): void {
    if (this.#watch !== undefined) return;
    const { inbox, events } = this.options;
    try {
      this.#watch = fs.watch(inbox, () => this.#receiver.wake());
      this.#watch.on('error', () => {});
      events.onWorking('watch inbox');
    } catch (error) {
      events.onError('watch inbox', error);
    }
  }

  /** There may be something to send. */
  wake(): void {
    this.#sender.wake();
    this.#receiver.wake();
  }

  /** Somebody waits for this peer: a backoff is cut short, once a second at most. False: it failed only just now. */
  knock(): boolean {
    if (this.#isDown && performance.now() - this.#failedAt < KNOCK_MS) return false;
    this.#sender.rouse();
    return true;
  }

  /** A batch is on its way out or is being taken in. */
  get isBusy(): boolean {
    return !this.#isDown && (this.#isSending || this.#isReceiving);
  }

  get isUp(): boolean {
    return !this.#isDown;
  }

  /** Why the peer cannot be reached; undefined while it can be, or nothing was tried yet. */
  get failure(): Failure | undefined {
    return this.#failure;
  }

  /** When the peer's last message was taken, by the steady clock. */
  get heardAt(): number | undefined {
    return this.#heardAt;
  }

  /** When documents were delivered first since the peer's last message, by the steady clock; undefined: none were. */
  get unansweredSince(): number | undefined {
    return this.#unansweredSince;
  }

  /**
   * How far the peer's clock is ahead of ours, milliseconds (negative: behind); the way of a message makes it look as much
   * less as the fastest of the latest took. Undefined before it was heard.
   */
  get clockAheadMs(): number | undefined {
    return this.#clockGaps.length === 0 ? undefined : Math.max(...this.#clockGaps.map(({ ms }) => ms));
  }

  /** Finishes the transfer in hand, then stops. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#watch?.close();
    const timer = setTimeout(() => this.#cutOff.abort(), FINISH_MS);
    await Promise.all(this.#loops);
    clearTimeout(timer);
    await this.options.transport.close();
  }

  async #sendLoop(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      let wait_ms = 0;
      let isBackoff = false;
      try {
        await this.#gather();
        const result = await this.sendOnce();
        this.options.events.onWorking('send');
        if (typeof result === 'object' && 'wait_ms' in result) wait_ms = result.wait_ms;
        // Nothing that it did had to wait for anything: everybody else has their turn now, or it is not before the end.
        else if (result === 'skipped') await turn();
        else if (typeof result === 'object') {
          wait_ms = this.#failed(result);
          isBackoff = true;
        } else this.#succeeded();
      } catch (error) {
        this.options.events.onError('send', error);
        wait_ms = BACKOFF.first_ms + this.#backoff.next();
        isBackoff = true;
      }
      // Only a backoff is deaf to new work: a peer that was last found down may owe us nothing and be up again.
      if (wait_ms > 0) await this.#sender.wait(wait_ms, this.#abort.signal, isBackoff);
    }
  }

  async #gather(): Promise<void> {
    const { gatherMs = () => 0 } = this.options;
    for (let waited = 0; waited < gatherMs() && !this.#abort.signal.aborted; waited += GATHER_LOOK_MS)
      await sleep(GATHER_LOOK_MS);
  }

  #failed(failure: Failure): number {
    this.#failedAt = performance.now();
    if (!this.#isDown) this.options.events.onDown(failure);
    this.#isDown = true;
    this.#failure = failure;
    this.options.events.onUnreachable?.();
    return Math.max(50, failure.retry ? this.#backoff.next() : BACKOFF.limit_ms);
  }

  #succeeded(): void {
    this.#backoff.reset();
    if (!this.#isDown) return;
    this.#isDown = false;
    this.#failure = undefined;
    this.options.events.onUp();
  }

  /** Sends one message if there is one to send. */
  async sendOnce(): Promise<SendResult> {
    const { replica, outbox, transport, events } = this.options;
    const { steady, steps } = replica.world;
    const next = this.#nextMessage();
    if (next === 'skipped' || 'wait_ms' in next) return next;
    const { message, lines, names, part } = next;
    const text = encodeBatch(message, lines, sha256);
    steps('send: rendered');
    const name = this.#batchName(replica.id);
    const file = path.join(outbox, name);
    let delivery: Delivery;
    try {
      fs.writeFileSync(file, text, { mode: 0o640 });
      steps('send: spooled');
      const cover = { from: message.from, to: message.to, documents: lines.length };
      delivery = await transport.deliver(name, this.#cutOff.signal, cover);
    } finally {
      // Also what a full disk left half written. The batch is rendered anew when it can be sent.
      fs.rmSync(file, { force: true });
    }
    if (!delivery.ok) return delivery;
    steps('send: delivered');
    this.options.conversation.delivered(message, steady());
    if (part) this.options.comparer.sent();
    if (names.length > 0) this.#unansweredSince ??= steady();
    if (lines.length > 0) events.onSent(names, text.length, delivery.ms);
    transport.warm?.();
    return 'sent';
  }

  /** What is to be said now, rendered; nothing of it is remembered before it is delivered. */
  #nextMessage(): NextMessage | 'skipped' | { readonly wait_ms: number } {
    const { replica, conversation, comparer, isHub, maySend } = this.options;
    const now = replica.world.steady();
    this.#isSending = false;
    // A hub that still looks at its own files has no state to speak of: a spoke would take the little there is for all.
    // It may ask what the spoke has of it, and of what it has lost.
    if (isHub && !maySend()) {
      const wait_ms = conversation.helloDue(now);
      if (wait_ms > 0 && !comparer.hasWork) return { wait_ms };
      const { to } = conversation.range;
      return this.#withPart(conversation.header(to, to, false, now, false), [], []);
    }
    const ask = conversation.next(maySend(), now);
    // With nothing to say, a peer that was down is still tried: others ask whether it is up.
    if (ask.kind === 'wait' && !comparer.hasWork && !this.#isDown) return { wait_ms: ask.ms };
    const range = conversation.range;
    const { lines, names, to } =
      ask.kind === 'documents' ? this.#render(ask.from) : { lines: [], names: [], to: range.to };
    // (To a peer that was down something is said all the same: else nobody would notice that it is up again.)
    if (ask.kind === 'documents' && lines.length === 0 && !comparer.hasWork && !this.#isDown) {
      // All of it came from this very peer, or the rows have moved on to higher numbers.
      conversation.skip(to);
      return 'skipped';
    }
    const message = conversation.header(range.from, to, !isHub && replica.phase !== 'ready', now);
    return this.#withPart(message, lines, names);
  }

  #withPart(message: Message, lines: readonly string[], names: readonly string[]): NextMessage {
    const part = this.options.comparer.render();
    this.#isSending = true;
    if (part === undefined) return { message, lines, names, part };
    return { message: { ...message, compare: part.part }, lines: [...lines, ...part.lines], names, part };
  }

  /** The documents owed to the peer after `from`, up to the limits of one batch, and how far that reaches. */
  #render(from: number): { lines: string[]; names: string[]; to: number } {
    const { replica, conversation, isHub, batchDocuments, batchBytes } = this.options;
    const peer = conversation.row();
    const rows = replica.world.store.changedSince(from, batchDocuments);
    const lines: string[] = [];
    const names: string[] = [];
    let bytes = 0;
    for (const [index, stored] of rows.entries()) {
      const row = replica.sound(stored);
      const isOwed = row.origin === '' || row.origin !== peer?.replica || row.seq <= conversation.lostUpTo;
      // What is being rebuilt gets a new number when that is done.
      if (isOwed && !replica.losses.isOutOfUse(row.name, row)) {
        const line = rowLine(replica, row, isHub);
        bytes += line.length;
        lines.push(line);
        names.push(row.name);
      }
      if (bytes > batchBytes && index < rows.length - 1) return { lines, names, to: row.seq };
    }
    // Where no row is left out, the batch reaches to the newest change, whether or not a row still carries its number.
    const last = rows.length < batchDocuments ? replica.head : (rows[rows.length - 1]?.seq ?? from);
    return { lines, names, to: last };
  }

  /** Names sort in the order of sending, also across restarts. */
  #batchName(replicaId: string): string {
    this.#name = Math.max(this.#name + 1, this.options.replica.world.now() * 100);
    return `${String(this.#name).padStart(16, '0')}-${replicaId}-${this.options.replica.world.randomHex(4)}.batch`;
  }

  async #receiveLoop(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      let wait_ms = INBOX_LOOK_MS;
      try {
        this.#watchInbox();
        const result = await this.receiveOnce();
        this.options.events.onWorking('receive');
        if (result === 'received' || result === 'refused' || result === 'deferred') wait_ms = 0;
        else if (result === 'waiting') wait_ms = DEFER_MS;
      } catch (error) {
        // What was heard may not be on disk: the same batch, tried again, is heard as if for the first time.
        this.options.conversation.forget();
        this.options.events.onError('receive', error);
      }
      // Reading and merging wait for nothing outside. Without a turn for everybody else, a full inbox (500 batches of a
      // joining spoke) stopped sending, confirming and writing files for three minutes.
      if (wait_ms > 0) await this.#receiver.wait(wait_ms, this.#abort.signal);
      else await turn();
    }
  }

  /**
   * Takes the oldest batch from the inbox, if there is one. While documents may not be merged, those that carry some lie
   * there, and what comes after them is heard: the answer that ends the waiting may be among it.
   */
  async receiveOnce(): Promise<ReceiveResult> {
    const { replica, conversation, comparer, inbox, events, isHub } = this.options;
    const { steps } = replica.world;
    const entries = fs.readdirSync(inbox);
    const names = entries.filter(isBatchName).sort();
    if (this.#deferred.size > 0 && this.options.mayMerge()) this.#deferred.clear();
    const name = names.find((one) => !this.#deferred.has(one));
    this.#isReceiving = names.length > 0;
    if (names.length === 0) sweepAbandoned(inbox, entries);
    if (name === undefined) return names.length === 0 ? 'empty' : 'waiting';
    const file = path.join(inbox, name);
    const text = readInboxFile(file);
    const decoded =
      text === undefined
        ? ({ ok: false, code: 'AXL-BATCH-FILE', message: 'no regular file of reasonable size' } as const)
        : decodeBatch(text, sha256);
    steps('receive: read');
    if (!decoded.ok) return this.#refuse(file, decoded.code, `${name}: ${decoded.message}`, HINT_BAD_BATCH);
    const { header, documents } = decoded.batch;
    this.#noteClock(header.sent_at);
    if (documents.length > 0 && !this.options.mayMerge()) {
      this.#deferred.add(name);
      return 'deferred';
    }
    const believes = comparer.believes(header.compare);
    const heard = conversation.hear(header);
    if (!heard.ok) return this.#refuse(file, heard.code, heard.message, heard.hint, heard.replica);
    const outcome = await replica.exclusive(async () => {
      const received = receive(replica, documents, heard.peer, { isHub, ...(believes && { believes }) });
      if (received.ok)
        this.options.onSaid?.(
          header,
          received.changed.map(({ name }) => name),
        );
      return received;
    });
    steps('receive: merged');
    if (!outcome.ok) return this.#refuse(file, outcome.code, outcome.message, outcome.hint);
    fs.rmSync(file, { force: true });
    steps('receive: removed');
    if (outcome.changed.length > 0) events.onReceived(outcome.changed);
    const changed = outcome.changed.map(({ name }) => name);
    if (header.again && header.compare === undefined && changed.length > 0) events.onRepaired(changed);
    this.options.transport.confirmed?.(heard.peer.confirmed);
    this.#heardAt = replica.world.steady();
    this.#unansweredSince = undefined;
    events.onHeard(header.head, heard.peer.applied);
    if (header.compare !== undefined)
      await comparer.hear(header.compare, {
        head: header.head,
        applied: heard.peer.applied,
        confirmed: header.confirms?.replica === replica.id ? header.confirms.seq : undefined,
        replica: header.replica,
        changed,
      });
    // A peer that speaks is up: no use in waiting for the backoff's end.
    this.#sender.rouse();
    return 'received';
  }

  #noteClock(sentAt: number): void {
    const { now, steady } = this.options.replica.world;
    const at = steady();
    const latest = this.#clockGaps.filter((gap) => at - gap.at < CLOCK_MS).slice(1 - CLOCK_GAPS);
    this.#clockGaps = [...latest, { at, ms: sentAt - now() }];
  }

  #refuse(file: string, code: string, message: string, hint: string, replica?: string): 'refused' {
    const { conversation, events } = this.options;
    fs.rmSync(file, { force: true });
    conversation.refuse({ code, message, ...(replica !== undefined && { replica }) });
    events.onRefusal(code, message, hint);
    // The peer speaks, so a backoff has nothing left to wait for; how often it is answered is the conversation's business.
    this.#sender.rouse();
    return 'refused';
  }
}

const HINT_BAD_BATCH = 'dropped; the peer sends it again. If it lasts, both sites must run the same version of Axle';

/** Longer than any transfer may last. */
const ABANDONED_MS = 30 * 60_000;

/** Temporary files of transfers that were killed: nobody else removes them. */
function sweepAbandoned(inbox: string, entries: readonly string[]): void {
  for (const entry of entries) {
    const file = path.join(inbox, entry);
    const stat = fs.lstatSync(file, { throwIfNoEntry: false });
    // File times are the true clock's, whatever the world's clock says.
    if (stat && !stat.isDirectory() && Date.now() - stat.mtimeMs > ABANDONED_MS) fs.rmSync(file, { force: true });
  }
}

const SHORTAGES = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** Content of a regular file, or undefined for anything else: the folder is writable from outside. */
function readInboxFile(file: string): string | undefined {
  let fd: number;
  try {
    fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
  } catch (error) {
    // Our own shortage says nothing about the batch.
    if (SHORTAGES.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return undefined;
  }
  try {
    const stat = fs.fstatSync(fd);
    if (!stat.isFile() || stat.size > INBOX_FILE_BYTES_MAX) return undefined;
    return fs.readFileSync(fd, 'utf8');
  } finally {
    fs.closeSync(fd);
  }
}

/** A sleep that can be cut short. A wake while nobody sleeps makes the next sleep return at once. */
class Wakeup {
  #isDue = false;
  #isDeaf = false;
  #done: (() => void) | undefined;

  /** There is work. A backoff is not cut short by it. */
  wake(): void {
    this.#isDue = true;
    if (!this.#isDeaf) this.#done?.();
  }

  /** What the backoff waited for has come. */
  rouse(): void {
    this.#isDue = true;
    this.#done?.();
  }

  async wait(ms: number, stop: AbortSignal, isDeaf = false): Promise<void> {
    if (stop.aborted) return;
    this.#isDeaf = isDeaf;
    if (!this.#isDue || isDeaf)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => this.#done?.(), ms);
        this.#done = () => {
          clearTimeout(timer);
          stop.removeEventListener('abort', this.#done as () => void);
          this.#done = undefined;
          resolve();
        };
        stop.addEventListener('abort', this.#done);
      });
    this.#isDue = false;
  }
}
