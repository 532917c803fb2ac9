/** Server-sent events: streams that are opened, kept alive, let go when nobody reads them, and all ended together. */
import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { ApiError } from './errors.js';

const HEARTBEAT_MS = 15_000;
/** Unread bytes after which a listener is let go: it comes back by itself. */
const UNREAD_MAX = 4 * 1024 * 1024;
/** A listener comes back now and then and shows anew who it is. */
const AGE_MAX_MS = 3_600_000;

export class Stream {
  constructor(readonly response: ServerResponse) {}

  /** `data` as JSON text, on one line. */
  send(event: string, data: string): void {
    if (this.response.destroyed || this.response.writableEnded) return;
    this.response.write(`event: ${event}\ndata: ${data}\n\n`);
    if (this.response.writableLength > UNREAD_MAX) this.response.destroy();
  }

  end(): void {
    this.response.end();
  }
}

export class Streams {
  readonly #open = new Map<Stream, number>();
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(readonly streams_max: number) {}

  /** From here on nobody answers but the stream. Throws ApiError where there are too many. */
  open(reply: FastifyReply, onClose: () => void): Stream {
    if (this.#open.size >= this.streams_max)
      throw new ApiError('rate_limited', 'too many event streams are open', {}, 10);
    reply.hijack();
    const { raw } = reply;
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
    raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-accel-buffering': 'no',
    });
    const stream = new Stream(raw);
    this.#open.set(stream, performance.now());
    this.#heartbeat ??= setInterval(() => this.#beat(), HEARTBEAT_MS);
    raw.on('close', () => {
      this.#open.delete(stream);
      if (this.#open.size === 0) {
        clearInterval(this.#heartbeat);
        this.#heartbeat = undefined;
      }
      onClose();
    });
    raw.write('retry: 2000\n\n');
    return stream;
  }

  close(): void {
    for (const stream of this.#open.keys()) stream.end();
  }

  #beat(): void {
    for (const [stream, since] of this.#open) {
      if (performance.now() - since > AGE_MAX_MS) stream.end();
      else stream.response.write(': still here\n\n');
    }
  }
}
