/**
 * Anti-entropy with one peer: compares digests level by level, asks for the documents that differ, and answers the peer's
 * own questions. No timers and no files: `hear` takes a part of a message, `render` says what the next message carries.
 * A comparison that is not answered in time is given up; the site begins another one later.
 */
import { ASK_MAX, type Comparison, NODES_MAX } from '../core/comparison.js';
import { CHILDREN, parseNode, type ShortDigest } from '../core/digest-tree.js';
import { OWN, wholeIn } from '../replica/losses.js';
import type { Replica } from '../replica/replica.js';
import type { StoredRow } from '../replica/store.js';
import { answerWith, documentsOf, everythingAfter, type Outgoing } from './answers.js';
import { type Difference, StuckDifferences } from './stuck.js';

export type ComparerOptions = {
  readonly replica: Replica;
  readonly peerSite: string;
  readonly isHub: boolean;
  readonly batchDocuments: number;
  readonly batchBytes: number;
  readonly random: () => number;
  /** What we hold is whole enough to answer: not while joining. */
  readonly mayAnswer: () => boolean;
  readonly events: ComparerEvents;
};

export type ComparerEvents = {
  /** There is something to send. */
  readonly onWork: () => void;
  /** These documents were not what they should have been, here, and now are. */
  readonly onRepaired: (names: readonly string[]) => void;
  /** The peer has told what it holds of a lost document, or of everything. */
  readonly onTold: (name: string, repaired: number) => void;
};

export type CompareResult = {
  /**
   * same: nothing differs, but for changes on their way. repaired: what differed is the same now. differs: something is
   * still different after both sides have sent what they may. unsure: too many changes on their way to tell. unanswered: the
   * peer is away, or does not compare.
   */
  readonly outcome: 'same' | 'repaired' | 'differs' | 'unsure' | 'unanswered';
  /** Found different before anything was repaired. */
  readonly found: readonly Difference[];
  /** Still different. */
  readonly left: readonly Difference[];
  /** Of these, what has not been said before. */
  readonly news: readonly Difference[];
};

/** What is known of the message that carried a part, once its documents are merged. */
export type MessageContext = {
  readonly head: number;
  /** How far we have the peer's changes. */
  readonly applied: number;
  /** How far the peer has ours; undefined where it did not say. */
  readonly confirmed: number | undefined;
  readonly replica: string;
  readonly changed: readonly string[];
};

const ANSWER_MS = 30_000;
type Question = {
  readonly id: string;
  readonly whole: boolean;
  readonly done: (result: CompareResult) => void;
  until: number;
  asked: ReadonlySet<string>;
  found: Difference[];
  left: Difference[];
  news: Difference[];
  repaired: number;
};

export class Comparer {
  #question: Question | undefined;
  /** What is to be sent next: our own question, and the answer to the peer's. Rendered when it can be sent. */
  #ask: (() => Outgoing) | undefined;
  #answer: (() => Outgoing) | undefined;
  #rendered: (() => Outgoing) | undefined;
  readonly #stuck = new StuckDifferences();
  /** How far the peer has told everything: there an interrupted question goes on. */
  #toldTo = 0;

  constructor(readonly options: ComparerOptions) {}

  get isBusy(): boolean {
    return this.#question !== undefined;
  }

  get hasWork(): boolean {
    return this.#ask !== undefined || this.#answer !== undefined;
  }

  /** Compares everything with the peer, and repairs what differs. One question at a time: see `isBusy`. */
  async compare(): Promise<CompareResult> {
    const { replica } = this.options;
    const { id, result } = this.#begin(false);
    await replica.digests.refresh();
    const nodes = Object.fromEntries(replica.kinds.map((kind) => [kind, replica.digests.of(kind)]));
    this.#say(id, () => ({ part: { id, step: 'digests', nodes }, lines: [] }));
    return result;
  }

  /** Asks the peer for what it holds of lost documents; with what stands for all documents among them for all there is. */
  async askFor(names: readonly string[]): Promise<CompareResult> {
    const { id, result } = this.#begin(this.options.isHub);
    const whole = wholeIn(names);
    if (whole !== undefined) {
      (this.#question as Question).asked = new Set([whole]);
      this.#askAll(id, this.#toldTo);
    } else this.#askNames(id, names.slice(0, ASK_MAX));
    return result;
  }

  /** Gives up what was not answered in time. */
  tick(): void {
    const { steady } = this.options.replica.world;
    if (this.#question !== undefined && steady() > this.#question.until) this.#finish('unanswered');
  }

  /** Gives up at once: the peer has started anew, or is gone. */
  forget(): void {
    this.#answer = undefined;
    this.#toldTo = 0;
    this.#finish('unanswered');
  }

  /** What of a message's documents is to be believed even where it is not the sender's own: what we asked for. */
  believes(part: Comparison | undefined): ((name: string) => 'all' | 'own' | undefined) | undefined {
    const question = this.#question;
    if (!this.options.isHub || part === undefined || question?.whole !== true || part.id !== question.id)
      return undefined;
    if (part.step === 'told all') return () => (question.asked.has(OWN) ? 'own' : 'all');
    return part.step === 'told' ? (name) => (question.asked.has(name) ? 'all' : undefined) : undefined;
  }

  /** Takes a part of a message whose documents have been merged. */
  async hear(part: Comparison, context: MessageContext): Promise<void> {
    const isMine = part.id === this.#question?.id;
    if (isMine && this.#question !== undefined) this.#question.until = this.options.replica.world.steady() + ANSWER_MS;
    if (part.step === 'digests') await this.#hearDigests(part.id, part.nodes, isMine);
    else if (part.step === 'ask' && !isMine) this.#hearAsk(part, context);
    else if (part.step === 'ask all' && !isMine) this.#hearAskAll(part);
    else if (!isMine) return;
    else if (part.step === 'same') this.#finish('same');
    else if (part.step === 'documents') this.#hearDocuments(part, context);
    else if (part.step === 'told') this.#hearTold(part.documents, context);
    else if (part.step === 'told all') this.#hearTheWhole(part, context);
  }

  /** What the next message carries; `sent` says that it has gone. */
  render(): Outgoing | undefined {
    // In turns, so that two sides that ask at the same time both get their answers.
    const isAsk = this.#ask !== undefined && (this.#answer === undefined || this.#rendered === this.#answer);
    this.#rendered = isAsk ? this.#ask : this.#answer;
    return this.#rendered?.();
  }

  /** What was rendered last is in the peer's inbox. The peer may have heard it, and have been heard, before this is called. */
  sent(): void {
    if (this.#ask === this.#rendered) this.#ask = undefined;
    if (this.#answer === this.#rendered) this.#answer = undefined;
  }

  #begin(whole: boolean): { id: string; result: Promise<CompareResult> } {
    const { randomHex, steady } = this.options.replica.world;
    const id = randomHex(4);
    const result = new Promise<CompareResult>((done) => {
      const until = steady() + ANSWER_MS;
      this.#question = { id, whole, done, until, asked: new Set(), found: [], left: [], news: [], repaired: 0 };
    });
    return { id, result };
  }

  #finish(outcome: CompareResult['outcome']): void {
    const question = this.#question;
    if (question === undefined) return;
    this.#question = undefined;
    this.#ask = undefined;
    const { found, left, news } = question;
    question.done({ outcome, found, left, news });
  }

  #say(id: string, say: () => Outgoing): void {
    if (id === this.#question?.id) this.#ask = say;
    else this.#answer = say;
    this.options.events.onWork();
  }

  /** Both sides: what differs, one level further down. */
  async #hearDigests(id: string, nodes: Readonly<Record<string, ShortDigest>>, isMine: boolean): Promise<void> {
    const { replica } = this.options;
    if (!isMine && !this.options.mayAnswer()) return;
    const { digests } = replica;
    await digests.refresh();
    const differing = Object.keys(nodes).filter((node) => {
      const kind = parseNode(node)?.kind;
      return kind !== undefined && replica.kinds.includes(kind) && digests.of(node) !== nodes[node];
    });
    if (differing.length === 0) {
      if (isMine) this.#finish('same');
      else this.#say(id, () => ({ part: { id, step: 'same' }, lines: [] }));
      return;
    }
    const level = parseNode(differing[0] as string)?.level;
    // Where not all of it fits, another part of it each time.
    const alike = this.#shuffled(differing.filter((node) => parseNode(node)?.level === level));
    if (level === 'bucket') this.#say(id, () => documentsOf(replica, id, alike));
    else {
      const below = digests.below(alike.slice(0, NODES_MAX / CHILDREN));
      this.#say(id, () => ({ part: { id, step: 'digests', nodes: below }, lines: [] }));
    }
  }

  #hearDocuments({ buckets, documents }: Extract<Comparison, { step: 'documents' }>, context: MessageContext): void {
    const { replica } = this.options;
    const question = this.#question as Question;
    // What we have not been given yet may well be all the difference.
    if (context.applied < context.head || context.confirmed === undefined) {
      this.#finish('unsure');
      return;
    }
    const mine = new Map(
      buckets.flatMap((bucket) => replica.world.store.documentsIn(bucket)).map((row) => [row.name, row]),
    );
    const due: string[] = [];
    for (const name of new Set([...Object.keys(documents), ...mine.keys()])) {
      const row = mine.get(name);
      const difference = { name, mine: row?.digest ?? '', theirs: documents[name] ?? '' };
      if (difference.mine === difference.theirs || !replica.knows(name) || replica.losses.isOutOfUse(name, undefined))
        continue;
      if (row !== undefined && isOnItsWay(row, context)) continue;
      question.found.push(difference);
      if (this.#stuck.isStuck(difference, replica.world.steady())) question.left.push(difference);
      else due.push(name);
    }
    if (due.length > 0) this.#askNames(question.id, due.slice(0, ASK_MAX));
    else this.#finish(question.left.length > 0 ? 'differs' : 'same');
  }

  #askNames(id: string, names: readonly string[]): void {
    const question = this.#question as Question;
    question.asked = new Set(names);
    this.#say(id, () => {
      const { lines } = answerWith(this.options.replica, names, this.options.isHub, this.options);
      return { part: { id, step: 'ask', names, ...(question.whole && { whole: true }) }, lines };
    });
  }

  #askAll(id: string, after: number): void {
    this.#say(id, () => ({ part: { id, step: 'ask all', after }, lines: [] }));
  }

  #hearAsk({ id, names, whole = false }: Extract<Comparison, { step: 'ask' }>, context: MessageContext): void {
    const { replica, isHub, events } = this.options;
    const asked = new Set(names);
    const repaired = context.changed.filter((name) => asked.has(name));
    if (repaired.length > 0) events.onRepaired(repaired);
    if (!this.options.mayAnswer()) return;
    this.#say(id, () => {
      const { lines, told } = answerWith(replica, names, isHub || whole, this.options);
      return { part: { id, step: 'told', documents: told }, lines };
    });
  }

  #hearTold(documents: Readonly<Record<string, ShortDigest>>, context: MessageContext): void {
    const { replica, events } = this.options;
    const { store } = replica.world;
    const question = this.#question as Question;
    const repaired = context.changed.filter((name) => question.asked.has(name));
    if (repaired.length > 0) events.onRepaired(repaired);
    question.repaired += repaired.length;
    const open = new Set(question.asked);
    for (const name of question.asked) {
      const theirs = documents[name];
      if (theirs === undefined) continue;
      open.delete(name);
      events.onTold(name, repaired.length);
      const row = store.document(name);
      const difference = { name, mine: row?.digest ?? '', theirs };
      if (difference.mine === theirs) this.#stuck.forget(name);
      else if (context.applied >= context.head && (row === undefined || !isOnItsWay(row, context))) {
        question.left.push(difference);
        if (this.#stuck.note(difference, replica.world.steady())) question.news.push(difference);
      }
    }
    // Not all of it fitted into one message. Without any progress it would never end.
    if (open.size > 0 && open.size < question.asked.size) this.#askNames(question.id, [...open]);
    else this.#finish(question.left.length > 0 ? 'differs' : open.size > 0 ? 'unsure' : 'repaired');
  }

  #hearAskAll({ id, after }: Extract<Comparison, { step: 'ask all' }>): void {
    const { replica, mayAnswer } = this.options;
    if (mayAnswer()) this.#say(id, () => everythingAfter(replica, id, after, this.options));
  }

  #hearTheWhole({ to, more }: Extract<Comparison, { step: 'told all' }>, context: MessageContext): void {
    const question = this.#question as Question;
    question.repaired += context.changed.length;
    this.#toldTo = more ? to : 0;
    if (more) {
      this.#askAll(question.id, to);
      return;
    }
    for (const name of question.asked) this.options.events.onTold(name, question.repaired);
    this.#finish('repaired');
  }

  #shuffled<T>(list: T[]): T[] {
    for (let i = list.length - 1; i > 0; i--) {
      const j = Math.floor(this.options.random() * (i + 1));
      [list[i], list[j]] = [list[j] as T, list[i] as T];
    }
    return list;
  }
}

/** Our newest change of this document has not reached the peer, as of its message: then the two differ as they should. */
function isOnItsWay(row: Pick<StoredRow, 'seq' | 'origin'>, { confirmed, replica }: MessageContext): boolean {
  return row.seq > (confirmed ?? 0) && row.origin !== replica;
}
