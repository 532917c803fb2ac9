/** Shares, wallets, credits: put together. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Log } from '../../common/runtime/log.js';
import { troubleOf } from '../../common/runtime/troubles.js';
import { PoolCheck } from '../pools/pool-check.js';
import { PoolClient } from '../pools/pool-client.js';
import type { FleetStore } from '../store/store.js';
import type { WorkRow } from '../store/works.js';
import { Matcher } from '../wallets/matching.js';
import { POOLS, type Pool } from '../wallets/pools.js';
import { Accounts } from './accounts.js';
import type { CreditConfig, OwnPoolsConfig } from './config.js';
import { type HeldWork, heldOf, reject, release } from './held.js';
import { NetworkDifficulty } from './network-difficulty.js';
import { Outbox } from './outbox.js';
import { worthOfDifficulty } from './rate.js';
import { retryRefused } from './refused.js';
import { type SettlingOptions, settle } from './settling.js';
import { SidecarClient } from './sidecar-client.js';
import { type StatementQuery, type StatementRow, statementOf } from './statement.js';
import { tableOf } from './users.js';

export interface MoneyStatus {
  /** Credits that the site has not taken yet, and since when the oldest of them waits (milliseconds since 1970). */
  readonly owed: number;
  readonly oldest_owed_at?: number;
  /** Credits that the site refuses. */
  readonly refused: number;
  /** Works that a person must look at: at most 10,000 are counted, as of those that are nobody's. */
  readonly held: number;
  readonly unassigned: number;
  readonly last_paid_at?: number;
  /** What keeps credits from being taken, in words. */
  readonly error?: string;
}

export interface Money {
  readonly accounts: Pick<Accounts, 'take'>;
  readonly matcher: Pick<Matcher, 'match' | 'matchAll'>;
  /** From now, periods end, and credits are sent. */
  start(): void;
  /** Resolves when nothing is under way. What is owed stays owed. */
  stop(): Promise<void>;
  /** One round of what `start` does again and again. Rejects where the store fails. */
  round(): Promise<void>;
  statement(query?: StatementQuery): StatementRow[];
  held(): HeldWork[];
  release(ids: readonly number[]): number;
  reject(ids: readonly number[], reason: string): number;
  /** Refused credits are worked out anew, by the users and the rate of now. Returns how many. */
  retry(ids: readonly number[]): number;
  status(): MoneyStatus;
}

export interface MoneyOptions {
  readonly store: FleetStore;
  /** Without it, shares are counted and nothing is credited. */
  readonly credit?: CreditConfig | undefined;
  readonly pools?: OwnPoolsConfig;
  readonly log: Log;
  readonly now: () => number;
  /** Milliseconds, never set back. Without it, jumps of `now` are not seen. */
  readonly clock?: () => number;
  readonly random: () => number;
  /** Between two rounds. */
  readonly round_ms?: number;
}

const ROUND_MS = 5_000;
const TIDY_MS = 3_600_000;
const DAY_MS = 86_400_000;
const SHARES_D = 32;
/** Works that are credited, and those that a person has rejected. */
const WORKS_D = 90;
const PRUNED_MAX = 1_000;
const TOLD_MS = 3_600_000;

export function openMoney(options: MoneyOptions): Money {
  return new OpenMoney(options);
}

class OpenMoney implements Money {
  readonly accounts: Accounts;
  readonly matcher: Matcher;
  readonly #options: MoneyOptions;
  readonly #client: SidecarClient | undefined;
  readonly #outbox: Outbox | undefined;
  readonly #check: PoolCheck | undefined;
  readonly #network: NetworkDifficulty | undefined;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #tidied_at = Number.NEGATIVE_INFINITY;
  #failed_at: number | undefined;

  constructor(options: MoneyOptions) {
    const { store, credit, log, now, random } = options;
    this.#options = options;
    const pools = poolsOf(options.pools);
    this.matcher = new Matcher(store, pools);
    this.accounts = new Accounts(store, {
      isCredited: credit !== undefined,
      period_ms: (credit?.period_s ?? 600) * 1_000,
      plausible: credit?.plausible ?? { min: 0.5, max: 1.5 },
      pools,
      ...(options.clock && { clock: options.clock }),
      onHeld: (group, reason) => this.#tellHeld(group[0], reason),
      onLost: (miner, { pool_url, pool_user }) =>
        log.warn('shares unknown', {
          code: 'AXL-SHARES-LOST',
          miner: miner.name,
          pool: pool_url,
          user: pool_user,
          reason: 'its counters fell without a restart, further than can be explained',
        }),
    });
    if (credit !== undefined) {
      this.#client = new SidecarClient({
        ...credit.sidecar,
        ...(credit.token_file && { token_file: credit.token_file }),
      });
      this.#outbox = new Outbox(store, { client: this.#client, log, now, random });
      const { difficulty_url: url, network_difficulty: near } = credit.rate.pps ?? {};
      if (url !== undefined && near !== undefined) this.#network = new NetworkDifficulty({ store, url, near, now });
      const { pool_check: check } = credit;
      if (check !== undefined) {
        const { interval_s, timeout_s, min } = check;
        const client = new PoolClient({ interval_ms: interval_s * 1_000, timeout_ms: timeout_s * 1_000, now });
        this.#check = new PoolCheck(store, { client, pools, min, now });
      }
    }
  }

  start(): void {
    if (this.#timer !== undefined || this.#stop.signal.aborted) return;
    const run = (): void => {
      this.#running = this.round()
        .then(
          () => this.#worked(),
          (error: Error) => this.#fail(error),
        )
        .then(() => {
          if (!this.#stop.signal.aborted) this.#timer = setTimeout(run, this.#options.round_ms ?? ROUND_MS);
        });
    };
    this.#timer = setTimeout(run, 0);
  }

  /** Told once, and then once an hour. */
  #fail(error: Error): void {
    const at = this.#options.now();
    if (this.#failed_at !== undefined && Math.abs(at - this.#failed_at) < TOLD_MS) return;
    this.#failed_at = at;
    const { reason, hint } = troubleOf(error);
    this.#options.log.error('crediting failed', { code: 'AXL-CREDIT-FAULT', reason, hint });
  }

  #worked(): void {
    if (this.#failed_at !== undefined) this.#options.log.info('crediting works again', { code: 'AXL-CREDIT-FAULT' });
    this.#failed_at = undefined;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#running;
    this.#client?.close();
  }

  async round(): Promise<void> {
    const { store, credit, now } = this.#options;
    this.#tidy(now());
    if (credit === undefined) return;
    this.accounts.closeStale(now());
    const check = this.#check;
    await check?.refresh(this.#stop.signal);
    const network = this.#network;
    await network?.refresh(this.#stop.signal);
    if (network === undefined || network.current !== undefined) {
      const settling: SettlingOptions = {
        users: { ...credit.users, table: tableOf(credit.users.table) },
        worth: worthOfDifficulty(credit.rate, network?.current),
        now,
        onHeld: ([work], reason) => this.#tellHeld(work, reason),
        ...(check !== undefined && { doubtOf: (group) => check.doubtOf(group) }),
      };
      while (!this.#stop.signal.aborted && settle(store, settling).isMore) await nextTurn();
    }
    await this.#outbox?.sendDue(this.#stop.signal);
  }

  statement(query: StatementQuery = {}): StatementRow[] {
    return statementOf(this.#options.store, query);
  }

  held(): HeldWork[] {
    return heldOf(this.#options.store);
  }

  release(ids: readonly number[]): number {
    return release(this.#options.store, ids);
  }

  reject(ids: readonly number[], reason: string): number {
    return reject(this.#options.store, ids, reason);
  }

  retry(ids: readonly number[]): number {
    return retryRefused(this.#options.store, ids);
  }

  status(): MoneyStatus {
    const { store } = this.#options;
    const error = this.#outbox?.error ?? this.#network?.error;
    return {
      ...store.credits.status(),
      held: store.works.count('held'),
      unassigned: store.works.count('unassigned'),
      ...(error !== undefined && { error }),
    };
  }

  #tellHeld({ worker_key: miner, worker, difficulty }: WorkRow, reason: string): void {
    this.#options.log.warn('work held', { code: 'AXL-CREDIT-HELD', miner, worker, difficulty, reason });
  }

  #tidy(at: number): void {
    if (Math.abs(at - this.#tidied_at) < TIDY_MS) return;
    this.#tidied_at = at;
    const { store, credit } = this.#options;
    const shares = store.submissions.prune(at - (credit?.shares_d ?? SHARES_D) * DAY_MS, PRUNED_MAX);
    const works = store.works.prune(at - WORKS_D * DAY_MS, PRUNED_MAX);
    // The rest in the next rounds: readings must not wait for it.
    if (shares + works >= PRUNED_MAX) this.#tidied_at = Number.NEGATIVE_INFINITY;
  }
}

/** Those of the config, before the known ones. */
export function poolsOf(own: OwnPoolsConfig = []): readonly Pool[] {
  return [...own.map(ownPool), ...POOLS];
}

function ownPool({ id, name, hosts, currency, api, api_url }: OwnPoolsConfig[number]): Pool {
  return {
    id,
    name: name ?? id,
    hosts,
    hasSubdomains: true,
    ...(currency !== undefined && { currency }),
    ...(api !== undefined && { api }),
    ...(api_url !== undefined && { api_url: api_url.replace(/\/$/, '') }),
  };
}
