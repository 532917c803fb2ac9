/** Sends what is owed, oldest first, until the site has taken or refused it. What has no answer is sent again, for ever. */
import { Backoff } from '../../common/runtime/backoff.js';
import type { Log } from '../../common/runtime/log.js';
import { type CreditRow, DELAY_MS_MAX } from '../store/credits.js';
import type { FleetStore } from '../store/store.js';
import { refusalHint } from './refused.js';
import type { Outcome, SidecarClient } from './sidecar-client.js';
import { refusedWith, type SiteCredit, settleTaken, TAKEN_CODES } from './taken.js';

export interface OutboxOptions {
  readonly client: Pick<SidecarClient, 'credit' | 'credited'>;
  readonly log: Log;
  readonly now: () => number;
  readonly random: () => number;
}

export interface SentCounts {
  readonly paid: number;
  readonly refused: number;
  readonly later: number;
}

interface Asked {
  readonly outcome: Outcome;
  readonly listed: readonly SiteCredit[];
}

const BATCH = 100;
const FIRST_MS = 1_000;
const LIMIT_MS = 300_000;
/** Of one credit that fails where others do not. */
const ONE_FIRST_MS = 5_000;
const ONE_LIMIT_MS = 3_600_000;
/** After so many in a row, all wait. */
const FAILURES_MAX = 5;
const TOLD_MS = 3_600_000;

export class Outbox {
  readonly #store: FleetStore;
  readonly #options: OutboxOptions;
  readonly #backoff: Backoff;
  #paused_until = 0;
  #trouble: { readonly code: string; readonly reason: string; readonly told_at: number } | undefined;

  constructor(store: FleetStore, options: OutboxOptions) {
    this.#store = store;
    this.#options = options;
    this.#backoff = new Backoff({ first_ms: FIRST_MS, limit_ms: LIMIT_MS, random: () => 0.5 + options.random() / 2 });
  }

  /** What keeps credits from being taken, in words. */
  get error(): string | undefined {
    return this.#trouble?.reason;
  }

  /** All that is due. Returns early where the site does not answer, and does nothing while it is being waited for. */
  async sendDue(signal?: AbortSignal): Promise<SentCounts> {
    const counts = { paid: 0, refused: 0, later: 0 };
    const { now } = this.#options;
    const left_ms = this.#paused_until - now();
    if (left_ms > 0 && left_ms <= DELAY_MS_MAX) return counts;
    let failures = 0;
    for (;;) {
      const due = this.#store.credits.due(now(), BATCH);
      for (const credit of due) {
        if (signal?.aborted) return counts;
        const { outcome, listed } = await this.#ask(credit, signal);
        if (signal?.aborted && outcome.kind === 'later') return counts;
        counts[outcome.kind] += 1;
        failures = outcome.kind === 'later' ? failures + 1 : 0;
        if (this.#settle(credit, outcome, listed, failures)) return counts;
      }
      if (due.length < BATCH) return counts;
    }
  }

  /** Where its time is taken already, with what the site has credited. */
  async #ask(credit: CreditRow, signal: AbortSignal | undefined): Promise<Asked> {
    const { client } = this.#options;
    const outcome = await client.credit(credit, signal);
    if (outcome.kind !== 'refused' || !TAKEN_CODES.includes(outcome.code)) return { outcome, listed: [] };
    const [oldest = credit] = refusedWith(this.#store, credit);
    const listed = await client.credited(credit, Math.min(oldest.from_s, credit.from_s), signal);
    return 'kind' in listed ? { outcome: listed, listed: [] } : { outcome, listed };
  }

  /** True: all wait now. */
  #settle(credit: CreditRow, outcome: Outcome, listed: readonly SiteCredit[], failures: number): boolean {
    const { log, now, random } = this.#options;
    const { credits } = this.#store;
    const { miner, worker, user, amount } = credit;
    if (outcome.kind === 'paid') {
      const isFirst = !credits.hasPaid(user);
      credits.paid(credit.id, outcome.id, now());
      log.debug('credited', { miner, worker, user, amount });
      if (isFirst) this.#tellFirst(credit, outcome.balance);
      this.#works();
      return false;
    }
    if (outcome.kind === 'refused') {
      const { code, reason } = outcome;
      const taken = this.#store.transaction(() => {
        credits.refused(credit.id, reason, code);
        return settleTaken(this.#store, credit, listed, now());
      });
      if (taken !== undefined) {
        const hint = 'expected once after an older database was put back; else let one agent alone report this miner';
        log.warn('credited before', { code: 'AXL-CREDIT-KNOWN', miner, worker, user, ...taken, hint });
      } else {
        const hint = refusalHint(credit.id, code);
        const fields = { credit: credit.id, miner, worker, user, amount, reason, hint };
        log.error('credit refused', { code: 'AXL-CREDIT-REFUSED', ...fields });
      }
      this.#works();
      return false;
    }
    const isAll = outcome.isAll || failures >= FAILURES_MAX;
    const wait_ms = Math.min(
      DELAY_MS_MAX / 2,
      Math.max(outcome.wait_ms ?? 0, isAll ? this.#backoff.next() : delayOf(credit.attempts, random())),
    );
    credits.delayed(credit.id, now() + wait_ms, outcome.reason);
    this.#tell(outcome.code, outcome.reason, wait_ms);
    if (isAll) this.#paused_until = now() + wait_ms;
    return isAll;
  }

  /** A site takes any user: this is where a mistyped one is seen. */
  #tellFirst({ miner, worker, user, amount }: CreditRow, balance: string | undefined): void {
    const hint = 'is this whom it is for? A balance that is no more than the amount is a new one';
    const fields = { user, worker, miner, amount, ...(balance !== undefined && { balance }), hint };
    this.#options.log.info('first credit of a user', { code: 'AXL-CREDIT-FIRST', ...fields });
  }

  #works(): void {
    this.#backoff.reset();
    if (this.#trouble === undefined) return;
    this.#options.log.info('credits are taken again', { code: this.#trouble.code });
    this.#trouble = undefined;
  }

  /** Once, and then once an hour. */
  #tell(code: string, reason: string, wait_ms: number): void {
    const { log, now } = this.#options;
    const isNew = this.#trouble?.code !== code || this.#trouble.reason !== reason;
    if (!isNew && Math.abs(now() - (this.#trouble?.told_at ?? 0)) < TOLD_MS) return;
    log.warn('credits wait', { code, reason, retry_ms: wait_ms });
    this.#trouble = { code, reason, told_at: now() };
  }
}

function delayOf(attempts: number, random: number): number {
  const limit_ms = Math.min(ONE_LIMIT_MS, ONE_FIRST_MS * 2 ** Math.min(attempts, 16));
  return Math.ceil(limit_ms * (0.5 + random / 2));
}
