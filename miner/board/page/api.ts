/** The agent's API as a page sees it. A token is asked for only where the API wants one, and kept while the tab is open. */
import { EventParser, type StreamEvent } from '../../../common/core/event-stream.js';

const TOKEN_KEY = 'axle-miner-token';
/** A fleet of thousands is one event. */
const EVENT_LENGTH_MAX = 64 * 1024 * 1024;

export class ApiFailure extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export class Api {
  #asking: Promise<boolean> | undefined;

  /** `askToken`: undefined where the person gives none. */
  constructor(readonly askToken: (wasWrong: boolean) => Promise<string | undefined>) {}

  async get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return (await this.#request(path, { ...(signal && { signal }) })).json() as Promise<T>;
  }

  async send<T = unknown>(method: 'POST' | 'PATCH' | 'PUT' | 'DELETE', path: string, body?: object): Promise<T> {
    const response = await this.#request(path, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await response.text();
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** Until the stream ends. `onBeat`: something came, be it only a sign of life. */
  async *events(path: string, onBeat: () => void = () => {}): AsyncGenerator<StreamEvent> {
    const response = await this.#request(path, { headers: { accept: 'text/event-stream' } });
    if (response.body === null) return;
    const parser = new EventParser(EVENT_LENGTH_MAX);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    try {
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        onBeat();
        yield* parser.push(piece.value);
      }
    } finally {
      // Whoever has heard enough leaves the loop.
      await reader.cancel().catch(() => {});
    }
  }

  async #request(path: string, init: RequestInit): Promise<Response> {
    for (;;) {
      const token = sessionStorage.getItem(TOKEN_KEY);
      const headers = { ...(init.headers as object), ...(token !== null && { authorization: `Bearer ${token}` }) };
      const response = await fetch(path, { ...init, headers, cache: 'no-store' }).catch((error: unknown) => {
        if (init.signal?.aborted) throw error;
        throw new ApiFailure(0, 'The agent does not answer. Is it running?');
      });
      if (response.ok) return response;
      const isNewer = token !== sessionStorage.getItem(TOKEN_KEY);
      if (response.status === 401 && (isNewer || (await this.#login(token !== null)))) continue;
      throw new ApiFailure(response.status, await explain(response));
    }
  }

  /** One question, however many requests were refused. */
  #login(wasWrong: boolean): Promise<boolean> {
    this.#asking ??= this.askToken(wasWrong)
      .then((token) => {
        if (token !== undefined) sessionStorage.setItem(TOKEN_KEY, token);
        return token !== undefined;
      })
      .finally(() => {
        this.#asking = undefined;
      });
    return this.#asking;
  }
}

async function explain(response: Response): Promise<string> {
  const text = await response.text().catch(() => '');
  try {
    const { error, detail, message } = JSON.parse(text);
    const words = error?.message ?? detail ?? message ?? error;
    const hint = error?.hint;
    if (typeof words === 'string') return typeof hint === 'string' ? `${words}. ${hint}` : words;
  } catch {}
  return `The agent answered ${response.status}${response.statusText && ` (${response.statusText})`}.`;
}
