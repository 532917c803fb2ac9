/** Server-sent events out of a stream of text, in whatever pieces it comes. */

export type StreamEvent = { readonly id: string | undefined; readonly event: string; readonly data: string };

/** Longer than a site's events: a stream that never ends a line must not fill memory. */
const LENGTH_MAX = 256 * 1024;

export class EventParser {
  #rest = '';
  #id: string | undefined;
  #event = '';
  #data: string[] = [];

  constructor(readonly length_max: number = LENGTH_MAX) {}

  /** The events that are complete with this piece. Throws where the stream is no event stream. */
  push(piece: string): StreamEvent[] {
    this.#rest += piece;
    if (this.#rest.length > this.length_max) throw new Error('an event is too long');
    const events: StreamEvent[] = [];
    // A carriage return at the end may be half of a line's end.
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const event = this.#take(line);
      if (event !== undefined) events.push(event);
    }
    return events;
  }

  #take(line: string): StreamEvent | undefined {
    if (line === '') return this.#end();
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#event = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    return undefined;
  }

  #end(): StreamEvent | undefined {
    const event = { id: this.#id, event: this.#event || 'message', data: this.#data.join('\n') };
    const isEmpty = this.#data.length === 0;
    this.#event = '';
    this.#data = [];
    return isEmpty ? undefined : event;
  }
}
