/** Publishes the fleet to one place, again and again: one step that says what it did, and a loop that only waits. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../common/runtime/log.js';
import type { Fleet } from '../fleet/fleet.js';
import { GistFault } from './gist-fault.js';
import { countOnline, type Snapshot, snapshotOf, snapshotText } from './snapshot.js';

export interface Target {
  readonly name: 'gist' | 'hub';
  /** For the log: the Gist's id, the file. */
  readonly place: string;
  readonly interval_s: number;
  /** A fleet that is as it was is written again after so long. */
  readonly refresh_s: number;
  readonly write: (text: string) => Promise<void>;
}

export interface PublisherOptions {
  readonly target: Target;
  readonly fleet: () => Fleet | Promise<Fleet>;
  readonly addresses: boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly random: () => number;
  readonly log: Log;
}

/** How a place is served; without secrets, for the API. */
export interface TargetStatus {
  readonly place: string;
  readonly interval_s: number;
  /** Milliseconds since 1970. */
  readonly published_at?: number;
  readonly miners?: number;
  readonly online?: number;
  /** Of the last try, where it failed. */
  readonly error?: string;
  readonly failures: number;
}

export interface Step {
  /** `early`: no miner has been read yet. `same`: nothing has changed. */
  readonly did: 'published' | 'failed' | 'same' | 'early';
  readonly wait_ms: number;
}

/** So long the first round of polling may take. */
const EARLY_MS = 60_000;
const EARLY_WAIT_MS = 1_000;
/** What no waiting repairs is not asked for more often than this. */
const WAIT_MS_MAX = 900_000;
/** A failure that may be over soon. */
const RETRY_MS = 60_000;
/** The same failure is told again after so many. */
const TOLD_AGAIN = 30;

const CODES = { gist: 'AXL-RELAY-GIST', hub: 'AXL-RELAY-HUB' } as const;

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #started_at: number;
  #digest = '';
  #published: { readonly at: number; readonly miners: number; readonly online: number } | undefined;
  #error: string | undefined;
  #failures = 0;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#started_at = options.now();
  }

  status(): TargetStatus {
    const { place, interval_s } = this.#options.target;
    return {
      place,
      interval_s,
      ...(this.#published && {
        published_at: this.#published.at,
        miners: this.#published.miners,
        online: this.#published.online,
      }),
      ...(this.#error !== undefined && { error: this.#error }),
      failures: this.#failures,
    };
  }

  /** Never rejects. */
  async step(): Promise<Step> {
    const { target, fleet, addresses, now, log } = this.#options;
    const interval_ms = target.interval_s * 1_000;
    let taken: Fleet;
    try {
      taken = await fleet();
    } catch (error) {
      return { did: 'failed', wait_ms: this.#failed(error as Error) };
    }
    const { miners } = taken;
    const isEarly = miners.length > 0 && miners.every(({ state }) => state === 'unknown' || state === 'disabled');
    if (isEarly && this.#published === undefined && now() - this.#started_at < EARLY_MS)
      return { did: 'early', wait_ms: EARLY_WAIT_MS };
    const snapshot = snapshotOf(taken, { addresses, interval_s: target.interval_s });
    const digest = digestOf(snapshot);
    const age_ms = this.#published === undefined ? Number.POSITIVE_INFINITY : now() - this.#published.at;
    if (digest === this.#digest && age_ms >= 0 && age_ms < target.refresh_s * 1_000)
      return { did: 'same', wait_ms: interval_ms };
    const online = countOnline(snapshot);
    try {
      await target.write(snapshotText(snapshot));
    } catch (error) {
      return { did: 'failed', wait_ms: this.#failed(error as Error) };
    }
    const isNews = this.#published === undefined || this.#failures > 0;
    const fields = { [target.name]: target.place, miners: snapshot.miner_count, online };
    if (isNews)
      log.info(`${target.name} updated`, { ...fields, ...(this.#failures > 0 && { failures: this.#failures }) });
    else log.debug(`${target.name} updated`, fields);
    this.#digest = digest;
    this.#published = { at: now(), miners: snapshot.miner_count, online };
    this.#error = undefined;
    this.#failures = 0;
    return { did: 'published', wait_ms: interval_ms };
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { wait_ms } = await this.step();
      await sleep(wait_ms, undefined, { signal }).catch(() => {});
    }
  }

  /** How long to wait. */
  #failed(error: Error): number {
    const { target, log, now } = this.#options;
    const { hint } = error as { hint?: string };
    const isNews = this.#error === undefined || !this.#error.startsWith(error.message);
    this.#error = hint === undefined ? error.message : `${error.message}: ${hint}`;
    this.#failures += 1;
    const wait_ms = this.#waitAfter(error, now());
    const fields = {
      [target.name]: target.place,
      code: CODES[target.name],
      reason: error.message,
      failures: this.#failures,
      next_s: Math.round(wait_ms / 1_000),
      hint,
    };
    if (isNews || this.#failures % TOLD_AGAIN === 0) log.warn(`${target.name} not updated`, fields);
    else log.debug(`${target.name} not updated`, fields);
    return wait_ms;
  }

  #waitAfter(error: Error, now: number): number {
    const { target, random } = this.#options;
    const interval_ms = target.interval_s * 1_000;
    const grown_ms = Math.min(interval_ms * 2 ** Math.min(this.#failures, 20), Math.max(WAIT_MS_MAX, interval_ms));
    const code = error instanceof GistFault ? error.code : 'other';
    const isBrief = ['unreachable', 'server', 'conflict', 'other'].includes(code);
    const wait_ms = isBrief ? Math.min(interval_ms, RETRY_MS) : grown_ms;
    const asked_ms = error instanceof GistFault && error.not_before !== undefined ? error.not_before - now : 0;
    // Up to a tenth more, so that many agents do not come back in the same second.
    return Math.round(Math.max(wait_ms, asked_ms) * (1 + random() / 10));
  }
}

/** Of what says something new: times pass also where nothing happens. */
function digestOf({ miners, miner_count }: Snapshot): string {
  const told = Object.values(miners).map(({ uptime: _uptime, axle, ...miner }) => [miner, axle?.state]);
  return createHash('sha256')
    .update(JSON.stringify([miner_count, told]))
    .digest('hex');
}
