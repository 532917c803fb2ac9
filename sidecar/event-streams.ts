/**
 * Server-sent events: the newest balance of every document whose amounts change here, whoever changed them. An event's id
 * is a position in the store; a listener that comes back with it is sent everything that has changed since, newest state
 * only, also after a restart.
 */
import type { ServerResponse } from 'node:http';
import { OutOfUse } from '../common/replica/replica.js';
import type { DocumentRow } from '../common/replica/store.js';
import { BALANCES, balanceOf } from './balance.js';
import type { Books } from './books.js';

/** How often listeners are told at most. */
const GATHER_MS = 10;
const PAGE = 500;
const HEARTBEAT_MS = 15_000;
/** Unread bytes after which a listener is let go: it comes back with the id of its last event. */
const UNREAD_MAX = 1024 * 1024;
/** A listener comes back now and then and shows anew who it is. */
const AGE_MAX_MS = 3_600_000;

type Stream = {
  readonly response: ServerResponse;
  /** The document it listens to; undefined: all balances. */
  readonly document: string | undefined;
  readonly since: number;
  /** Sent up to here. */
  position: number;
};

export class EventStreams {
  readonly #streams = new Set<Stream>();
  #stopListening: (() => void) | undefined;
  #wake: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #running = false;
  #again = false;

  constructor(
    readonly books: Books,
    readonly onCount: (streams: number) => void,
    readonly onError: (error: unknown) => void,
  ) {}

  get count(): number {
    return this.#streams.size;
  }

  /** `lastId`: what the listener saw last; without it, it is sent the present balance of its one document, and what comes. */
  add(response: ServerResponse, document: string | undefined, lastId: string | undefined): void {
    const { journal } = this.books.replica.world.store;
    const isNew = lastId === undefined;
    const position = isNew ? (document === undefined ? journal.position : 0) : this.#positionOf(lastId);
    const stream: Stream = { response, document, since: performance.now(), position };
    this.#streams.add(stream);
    this.onCount(this.#streams.size);
    response.on('close', () => this.#drop(stream));
    response.write('retry: 2000\n\n');
    this.#stopListening ??= this.books.replica.onMoved(() => this.#soon());
    this.#heartbeat ??= setInterval(() => this.#beat(), HEARTBEAT_MS);
    this.#soon(0);
  }

  /** Ends all streams. */
  close(): void {
    for (const { response } of this.#streams) response.end();
  }

  #drop(stream: Stream): void {
    this.#streams.delete(stream);
    this.onCount(this.#streams.size);
    if (this.#streams.size > 0) return;
    this.#stopListening?.();
    this.#stopListening = undefined;
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
    clearTimeout(this.#wake);
    this.#wake = undefined;
  }

  #soon(ms = GATHER_MS): void {
    this.#wake ??= setTimeout(() => {
      this.#wake = undefined;
      void this.#tell();
    }, ms);
  }

  /** Brings every stream up to the present, those that are furthest behind first, a page at a time. */
  async #tell(): Promise<void> {
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#running = true;
    try {
      do {
        this.#again = false;
        for (let isMore = true; isMore; ) {
          isMore = this.#tellPage();
          if (isMore) await new Promise((resolve) => setImmediate(resolve));
        }
      } while (this.#again);
    } catch (error) {
      this.onError(error);
    } finally {
      this.#running = false;
    }
  }

  /** Whether there is more to tell. */
  #tellPage(): boolean {
    if (!this.books.isReady || this.#streams.size === 0) return false;
    const { store } = this.books.replica.world;
    const head = store.journal.position;
    for (const stream of this.#streams)
      if (stream.document !== undefined && stream.position < head) {
        const moved = store.journal.positionOf(stream.document);
        if (moved > stream.position || stream.position === 0) this.#send(stream, stream.document, moved);
        stream.position = head;
      }
    const all = [...this.#streams].filter(({ document }) => document === undefined);
    const from = Math.min(head, ...all.map(({ position }) => position));
    if (from === head) return false;
    const moves = store.journal.movedAfter(from, PAGE);
    for (const { position, document } of moves)
      if (document.startsWith(`${BALANCES}/`))
        for (const stream of all) if (stream.position < position) this.#send(stream, document, position);
    const reached = moves.length < PAGE ? head : (moves.at(-1)?.position ?? head);
    for (const stream of all) stream.position = Math.max(stream.position, reached);
    return reached < head;
  }

  #send({ response }: Stream, document: string, position: number): void {
    const row = this.#row(document);
    const { balance, known } = balanceOf(row);
    if (!known || row === undefined) return;
    const user = document.slice(BALANCES.length + 1);
    const data = JSON.stringify({ user, balance, at: row.at });
    response.write(`id: ${this.books.replica.birth}-${position}\nevent: balance\ndata: ${data}\n\n`);
    if (response.writableLength > UNREAD_MAX) response.destroy();
  }

  /** Undefined also while it is being rebuilt: when that is done, it counts as changed. */
  #row(document: string): DocumentRow | undefined {
    try {
      return this.books.replica.inUse(document);
    } catch (error) {
      if (error instanceof OutOfUse) return undefined;
      throw error;
    }
  }

  #beat(): void {
    for (const { response, since } of this.#streams) {
      if (performance.now() - since > AGE_MAX_MS) response.end();
      else response.write(': still here\n\n');
    }
  }

  /** A position of another database means nothing here: that listener is told everything. */
  #positionOf(id: string): number {
    const [birth, position = ''] = id.split('-');
    const { replica } = this.books;
    if (birth !== replica.birth || !/^\d{1,16}$/.test(position)) return 0;
    return Math.min(Number(position), replica.world.store.journal.position);
  }
}
