/** Asks a pool about an address: rarely, with a limit for time and size, and never twice for what it has just said. */
import type { Pool } from '../wallets/pools.js';
import { type PoolView, parseView } from './view.js';

export interface SeenView {
  readonly view: PoolView;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface PoolClientOptions {
  /** An answer is good for so long, and a pool that fails is left alone for so long. */
  readonly interval_ms: number;
  readonly timeout_ms: number;
  readonly now: () => number;
}

const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
const VIEWS_MAX = 2_000;

const PATHS = {
  ckpool: '/users/',
  public_pool: '/api/client/',
  '2miners': '/api/accounts/',
} as const;

export class PoolClient {
  readonly #options: PoolClientOptions;
  readonly #views = new Map<string, SeenView>();
  readonly #failed = new Map<string, { readonly at: number; readonly reason: string }>();

  constructor(options: PoolClientOptions) {
    this.#options = options;
  }

  /** The last answer, however old. */
  seen(pool: Pool, address: string): SeenView | undefined {
    return this.#views.get(keyOf(pool, address));
  }

  /** In words, of pools that do not answer now. */
  get failures(): readonly string[] {
    return [...this.#failed.values()].map(({ reason }) => reason);
  }

  /** In words, while it does not answer. */
  failureOf(pool: Pool): string | undefined {
    return this.#failed.get(pool.id)?.reason;
  }

  /** Whether something would be asked now. */
  isDue(pool: Pool, address: string): boolean {
    if (pool.api === undefined || pool.api_url === undefined) return false;
    const { now, interval_ms } = this.#options;
    const isFresh = (at: number | undefined) => at !== undefined && Math.abs(now() - at) < interval_ms;
    return !isFresh(this.#failed.get(pool.id)?.at) && !isFresh(this.seen(pool, address)?.at);
  }

  /** The answer, a new one where the last is old. Undefined where the pool does not answer; never rejects. */
  async ask(pool: Pool, address: string, signal?: AbortSignal): Promise<SeenView | undefined> {
    if (!this.isDue(pool, address)) return this.seen(pool, address);
    try {
      const view = await this.#fetch(pool, address, signal);
      const seen = { view, at: this.#options.now() };
      this.#keep(keyOf(pool, address), seen);
      this.#failed.delete(pool.id);
      return seen;
    } catch (error) {
      const reason = `${pool.name} (${pool.api_url}): ${wordsOf(error)}`;
      if (!signal?.aborted) this.#failed.set(pool.id, { at: this.#options.now(), reason });
      return undefined;
    }
  }

  async #fetch({ api, api_url }: Pool, address: string, signal: AbortSignal | undefined): Promise<PoolView> {
    if (api === undefined || api_url === undefined) throw new Error('tells nothing of its miners');
    const late = AbortSignal.timeout(this.#options.timeout_ms);
    const response = await fetch(`${api_url}${PATHS[api]}${encodeURIComponent(address)}`, {
      headers: { accept: 'application/json' },
      redirect: 'error',
      signal: signal === undefined ? late : AbortSignal.any([signal, late]),
    });
    const text = await textOf(response);
    // It knows nothing of this address.
    if (response.status === 404) return { workers: [] };
    if (response.status !== 200) throw new Error(`answers ${response.status}`);
    return parseView(api, JSON.parse(text), address);
  }

  #keep(key: string, seen: SeenView): void {
    this.#views.delete(key);
    this.#views.set(key, seen);
    const [oldest] = this.#views.keys();
    if (this.#views.size > VIEWS_MAX && oldest !== undefined) this.#views.delete(oldest);
  }
}

function keyOf(pool: Pool, address: string): string {
  return `${pool.id} ${address}`;
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > ANSWER_BYTES_MAX) throw new Error('its answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'no answer in time';
  if (error instanceof SyntaxError) return 'its answer is no JSON';
  const { cause } = error;
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
}
