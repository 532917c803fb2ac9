/** The sidecar, without PHP in between. */

import { EventParser } from '../common/core/event-stream.js';
import { type Units, unitsOf } from './amount.js';
import type { ClaimAnswer, ClaimedTransaction } from './claims.js';
import { type Outcome, sidecarOutcome } from './outcome.js';
import type { Pending } from './pending.js';
import { ask, claimAnswerOf, objectOf, type Server, type Token } from './server.js';

export type BalanceEvent = { readonly id: string | undefined; readonly balance: Units };

/** The sidecar says that it is there every 15 s: after so much silence it is not. */
const SILENCE_MS_MAX = 40_000;

export class SidecarServer implements Server {
  readonly hasSources = true;

  /** `base`: where a browser reaches it, without a slash at the end. */
  constructor(
    readonly base: string,
    readonly token: Token,
  ) {}

  async read(user: string): Promise<Units> {
    const { status, body } = await ask(this.#balance(user), { token: this.token(user), isElsewhere: true });
    const balance = status === 200 ? unitsOf(body?.balance) : undefined;
    if (balance === undefined) throw new Error(`the balance could not be read (${status})`);
    return balance;
  }

  async change(user: string, { key, amount, source, description }: Pending): Promise<Outcome> {
    const body = { amount, source, ...(description !== '' && { description }) };
    try {
      const headers = { 'idempotency-key': key };
      const url = `${this.#balance(user)}/changes`;
      return sidecarOutcome(
        await ask(url, { method: 'POST', body, headers, token: this.token(user), isElsewhere: true }),
      );
    } catch {
      return { kind: 'unknown' };
    }
  }

  async claim(user: string, transactions: readonly ClaimedTransaction[]): Promise<ClaimAnswer | undefined> {
    const url = `${this.base}/v1/guests/${encodeURIComponent(user)}/claim`;
    return claimAnswerOf(
      await ask(url, { method: 'POST', body: { transactions }, token: this.token(user), isElsewhere: true }),
    );
  }

  /** Every request says by itself who is asking. */
  async signIn(): Promise<boolean> {
    return false;
  }

  /**
   * The balance as it changes, whoever changes it, from where the last stream ended. Resolves when the stream has ended in
   * good order; rejects where it broke, fell silent, or was aborted.
   */
  async follow(
    user: string,
    lastId: string | undefined,
    onEvent: (event: BalanceEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const token = this.token(user);
    const quiet = new AbortController();
    const stop = (): void => quiet.abort();
    signal.addEventListener('abort', stop);
    let timer = setTimeout(stop, SILENCE_MS_MAX);
    try {
      const response = await fetch(`${this.base}/v1/events?user=${encodeURIComponent(user)}`, {
        cache: 'no-store',
        credentials: 'include',
        signal: quiet.signal,
        headers: {
          accept: 'text/event-stream',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(lastId !== undefined && { 'last-event-id': lastId }),
        },
      });
      if (signal.aborted || response.status !== 200 || response.body === null)
        throw new Error(`no events (${response.status})`);
      const parser = new EventParser();
      const text = new TextDecoder();
      const reader = response.body.getReader();
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        clearTimeout(timer);
        timer = setTimeout(stop, SILENCE_MS_MAX);
        for (const { id, event, data } of parser.push(text.decode(piece.value, { stream: true }))) {
          const told = event === 'balance' ? objectOf(data) : undefined;
          const balance = told?.user === user ? unitsOf(told.balance) : undefined;
          if (balance !== undefined) onEvent({ id, balance });
        }
      }
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      quiet.abort();
    }
  }

  #balance(user: string): string {
    return `${this.base}/v1/balances/${encodeURIComponent(user)}`;
  }
}
