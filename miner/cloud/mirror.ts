/**
 * The published fleet as the cloud side shows it: kept for a while, and shown on while it cannot be fetched anew, but never
 * as if it were of now: what is old says so, with its age.
 */
import type { Log } from '../../common/runtime/log.js';
import type { Fleet, FleetMember } from '../fleet/fleet.js';
import { GistFault } from '../relay/gist-fault.js';
import type { Part, Source } from './sources.js';

export interface AgentSeen {
  readonly name: string;
  readonly stale: boolean;
  /** Milliseconds since 1970, by its own clock. */
  readonly updated_at: number;
  /** Seconds since it wrote, as far as can be known here. */
  readonly age_s: number;
  readonly miners: number;
}

export interface CloudFleet extends Fleet {
  readonly source: 'gist' | 'hub';
  /** What is shown is older than it should be, or there is nothing to show. */
  readonly stale: boolean;
  /** Of the oldest that is shown; absent where there is nothing. */
  readonly age_s?: number;
  /** Milliseconds since 1970: when the source was last reached. */
  readonly fetched_at?: number;
  readonly agents: readonly AgentSeen[];
  /** What is wrong, and what to do. */
  readonly message?: string;
}

export interface MirrorOptions {
  readonly source: Source;
  /** What was fetched is shown so long without asking again. */
  readonly ttl_s: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds since some beginning, by a clock that is never set: for waiting, and for how long something is known. */
  readonly elapsed: () => number;
  readonly random: () => number;
  readonly log: Log;
  /** Who asks waits no longer for a fetch. */
  readonly patience_ms?: number;
}

const PATIENCE_MS = 5_000;
const WAIT_MS_MAX = 900_000;
const RETRY_MS = 60_000;
/** So many intervals of the agent may pass. */
const INTERVALS = 3;
/** A clock that is further ahead than this is told of. */
const AHEAD_MS = 120_000;
/** The same failure is told again after so many. */
const TOLD_AGAIN = 30;

export class Mirror {
  readonly #options: MirrorOptions;
  #parts: readonly Part[] = [];
  #problems: readonly string[] = [];
  /** Agent → what it last wrote, and since when we know that, as all that is waited for by `elapsed`. */
  readonly #seen = new Map<string, { readonly updated_at: number; readonly since: number }>();
  #fetched_at: number | undefined;
  #next_at = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #error = '';
  #fetching: Promise<void> | undefined;

  constructor(options: MirrorOptions) {
    this.#options = options;
  }

  get ttl_s(): number {
    return this.#options.ttl_s;
  }

  /** Fetches first where that is due; bounded in time. Never rejects. */
  async view(): Promise<CloudFleet> {
    const { elapsed, patience_ms = PATIENCE_MS } = this.#options;
    if (elapsed() >= this.#next_at)
      this.#fetching ??= this.#fetch().finally(() => {
        this.#fetching = undefined;
      });
    if (this.#fetching !== undefined) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, patience_ms);
      });
      await Promise.race([this.#fetching, late]);
      clearTimeout(timer);
    }
    return this.shown();
  }

  async #fetch(): Promise<void> {
    const { source, ttl_s, now, elapsed, log } = this.#options;
    try {
      const { parts, problems, not_before = 0 } = await source.look();
      if (parts !== undefined) {
        this.#parts = parts;
        this.#note(parts);
      }
      this.#problems = problems;
      const isNews = this.#fetched_at === undefined || this.#failures > 0;
      this.#fetched_at = now();
      if (isNews)
        log.info('fleet fetched', {
          source: source.name,
          agents: this.#parts.length,
          miners: this.#miners(),
          failures: this.#failures,
        });
      this.#failures = 0;
      this.#error = '';
      this.#next_at = elapsed() + Math.max(ttl_s * 1_000, not_before - now());
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  #miners(): number {
    return this.#parts.reduce((total, { published }) => total + published.miners.length, 0);
  }

  #note(parts: readonly Part[]): void {
    for (const name of this.#seen.keys()) if (!parts.some((part) => part.name === name)) this.#seen.delete(name);
    for (const { name, published } of parts) {
      if (this.#seen.get(name)?.updated_at === published.updated_at) continue;
      this.#seen.set(name, { updated_at: published.updated_at, since: this.#options.elapsed() });
    }
  }

  #failed(error: Error): void {
    const { source, ttl_s, now, elapsed, random, log } = this.#options;
    const { hint } = error as { hint?: string };
    const told = hint === undefined ? error.message : `${error.message}: ${hint}`;
    const isNews = told !== this.#error;
    this.#error = told;
    this.#failures += 1;
    const code = error instanceof GistFault ? error.code : 'other';
    const grown_ms = Math.min(ttl_s * 1_000 * 2 ** Math.min(this.#failures, 20), Math.max(WAIT_MS_MAX, ttl_s * 1_000));
    const isBrief = ['unreachable', 'server', 'other'].includes(code);
    const asked_ms = error instanceof GistFault && error.not_before !== undefined ? error.not_before - now() : 0;
    const wait_ms = Math.max(isBrief ? Math.min(ttl_s * 1_000, RETRY_MS) : grown_ms, asked_ms) * (1 + random() / 10);
    this.#next_at = elapsed() + wait_ms;
    const fields = {
      source: source.name,
      code: 'AXL-DASHBOARD',
      reason: error.message,
      failures: this.#failures,
      next_s: Math.round(wait_ms / 1_000),
      hint,
    };
    if (isNews || this.#failures % TOLD_AGAIN === 0) log.warn('fleet not fetched', fields);
    else log.debug('fleet not fetched', fields);
  }

  /** Without fetching. */
  shown(): CloudFleet {
    const { source, now } = this.#options;
    const agents = this.#parts.map((part) => this.#agentOf(part));
    const ages = agents.map(({ age_s }) => age_s);
    const message = this.#message(agents);
    return {
      at: now(),
      poll_interval_s: Math.max(...this.#parts.map(({ published }) => published.poll_interval_s), 1),
      miners: this.#parts.flatMap((part, place) => this.#membersOf(part, place, agents[place]?.stale ?? true)),
      source: source.name,
      stale: agents.length === 0 || agents.some(({ stale }) => stale),
      ...(ages.length > 0 && { age_s: Math.max(...ages) }),
      ...(this.#fetched_at !== undefined && { fetched_at: this.#fetched_at }),
      agents,
      ...(message !== '' && { message }),
    };
  }

  /** By the agent's clock and by ours, whichever makes it older: a clock that is ahead must not keep old data young. */
  #agentOf({ name, published }: Part): AgentSeen {
    const { source, ttl_s, now, elapsed } = this.#options;
    const { updated_at, interval_s, miners } = published;
    const age_ms = Math.max(now() - updated_at, elapsed() - (this.#seen.get(name)?.since ?? elapsed()), 0);
    const limit_s = INTERVALS * interval_s + ttl_s + source.delay_s;
    return {
      name,
      stale: age_ms > limit_s * 1_000,
      updated_at,
      age_s: Math.round(age_ms / 1_000),
      miners: miners.length,
    };
  }

  #membersOf({ name, published }: Part, place: number, isStale: boolean): FleetMember[] {
    const isAlone = this.#parts.length === 1;
    return published.miners.map((member) => ({
      ...member,
      ...(isAlone ? {} : { id: place * 1_000_000 + member.id, name: `${name}/${member.name}` }),
      // Nobody knows whether it still runs.
      ...(isStale && member.state === 'online' && { state: 'stale' as const }),
    }));
  }

  #message(agents: readonly AgentSeen[]): string {
    const { source, now } = this.#options;
    const said: string[] = [];
    if (this.#failures > 0) {
      const since =
        this.#fetched_at === undefined
          ? 'never yet'
          : `last ${duration(Math.max(now() - this.#fetched_at, 0) / 1_000)} ago`;
      said.push(`The ${source.name} cannot be fetched (${since}): ${this.#error}.`);
    }
    for (const { name, stale, age_s } of agents)
      if (stale && this.#failures === 0)
        said.push(
          `What ${agents.length === 1 ? 'the agent' : name} wrote is ${duration(age_s)} old: is the agent running (axle miner), does its log say that the ${source.name} is updated, and is the clock right there?`,
        );
    for (const { name, published } of this.#parts) {
      if (published.updated_at - now() > AHEAD_MS)
        said.push(`The clock of ${name} is ahead of this one's: set it right.`);
      if (published.left_out > 0)
        said.push(`${published.left_out} miners of ${name} are not listed: they found no room.`);
    }
    return [...said, ...this.#problems].join(' ');
  }
}

/** 45 s, 12 min, 5 h, 3 days. */
export function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
