/** The difficulty of a coin's network, asked of whoever tells it. What is not known is not guessed: work waits for it. */
import Big from 'big.js';
import type { FleetStore } from '../store/store.js';

export interface NetworkDifficultyOptions {
  readonly store: FleetStore;
  /** Answers JSON with `difficulty`, as a node's getmininginfo, or `currentDifficulty`, as mempool's API. */
  readonly url: string;
  /** Decimal text; answers below a quarter or above four times of it are none. */
  readonly near: string;
  readonly now: () => number;
}

interface Told {
  readonly url: string;
  /** Decimal text. */
  readonly difficulty: string;
  readonly at: number;
}

const KEY = 'network_difficulty';
/** Networks change theirs every two weeks, some with each block. */
const AGE_MS_MAX = 86_400_000;
const ASK_MS = 3_600_000;
const ASK_AGAIN_MS = 300_000;
const TIMEOUT_MS = 10_000;
const ANSWER_LENGTH_MAX = 1_000_000;
const TIMES_MAX = 4;

export class NetworkDifficulty {
  readonly #options: NetworkDifficultyOptions;
  #told: Told | undefined;
  #asked_at = Number.NEGATIVE_INFINITY;
  #error: string | undefined;

  constructor(options: NetworkDifficultyOptions) {
    this.#options = options;
    const row = options.store.db.prepare<[string], { value: string }>('SELECT value FROM meta WHERE key = ?').get(KEY);
    const told = row && (JSON.parse(row.value) as Told);
    if (told?.url === options.url && this.#isNear(told.difficulty)) this.#told = told;
  }

  /** Decimal text; undefined where none is known that is young enough. */
  get current(): string | undefined {
    return this.#told !== undefined && this.#age_ms(this.#told.at) < AGE_MS_MAX ? this.#told.difficulty : undefined;
  }

  /** In words, while none is known. */
  get error(): string | undefined {
    if (this.current !== undefined) return undefined;
    return `credit.rate.pps.difficulty_url (${this.#options.url}): ${this.#error ?? 'not asked yet'}`;
  }

  /** Asks, where it is time to. Never rejects. */
  async refresh(signal: AbortSignal): Promise<void> {
    const { store, url, now } = this.#options;
    const isYoung = this.#told !== undefined && this.#age_ms(this.#told.at) < ASK_MS;
    if (isYoung || this.#age_ms(this.#asked_at) < ASK_AGAIN_MS) return;
    this.#asked_at = now();
    try {
      const difficulty = await this.#ask(signal);
      this.#told = { url, difficulty, at: now() };
      store.db.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)').run(KEY, JSON.stringify(this.#told));
      this.#error = undefined;
    } catch (error) {
      this.#error = (error as Error).message;
    }
  }

  async #ask(signal: AbortSignal): Promise<string> {
    const { url, near } = this.#options;
    const response = await fetch(url, {
      headers: { accept: 'application/json' },
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    const body = await textOf(response);
    if (response.status !== 200) throw new Error(`answers ${response.status}`);
    const { difficulty, currentDifficulty } = Object(JSON.parse(body)) as Record<string, unknown>;
    const told = difficulty ?? currentDifficulty;
    const text = typeof told === 'number' || typeof told === 'string' ? String(told) : '';
    if (!this.#isNear(text))
      throw new Error(`says ${JSON.stringify(told) ?? 'nothing'}, which is not near network_difficulty (${near})`);
    return new Big(text).toFixed();
  }

  /** Also false of what is no number. */
  #isNear(text: string): boolean {
    if (!/^\d{1,30}(\.\d{1,30})?(e\+?\d{1,2})?$/i.test(text)) return false;
    const { near } = this.#options;
    return new Big(text).times(TIMES_MAX).gte(near) && new Big(near).times(TIMES_MAX).gte(text);
  }

  #age_ms(at: number): number {
    return Math.abs(this.#options.now() - at);
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > ANSWER_LENGTH_MAX) throw new Error('its answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
