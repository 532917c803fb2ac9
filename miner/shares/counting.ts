/**
 * What was mined between two readings of a counter. Rather too little than twice: where two answers are possible, it is the
 * smaller one, and where nothing can be known, nothing.
 */
import Big from 'big.js';

/** What one reading says of the shares of one pool and user, or of the whole miner. */
export interface Count {
  /** Milliseconds since 1970, by our clock, which may jump. */
  readonly at: number;
  /** Since the mining program started, by the miner's clock. */
  readonly uptime_s: number | null;
  readonly accepted: number | null;
  readonly rejected: number | null;
  /** Sum of the assigned difficulty of every accepted share. */
  readonly difficulty_accepted: number | null;
  /** Assigned at the moment. */
  readonly difficulty: number | null;
  /** `difficulty_accepted` is an estimate itself. */
  readonly is_estimate?: boolean;
  /** How many entries of the miner's list this is the sum of. */
  readonly entries: number;
}

/**
 * first: a counter that was never seen is a baseline. counted: the difference. restarted: all that it shows was mined since.
 * reset: the same, without a restart. wrapped: it went on from 0 at the end of 32 bits. lost: it fell, and what it shows
 * may be from before. older: said before the last one, as by a cache on the way; that one still holds.
 */
export type StepKind = 'first' | 'counted' | 'restarted' | 'reset' | 'wrapped' | 'lost' | 'older';

export interface Step {
  readonly kind: StepKind;
  /** Shares, whole. */
  readonly accepted: number;
  readonly rejected: number;
  /** Decimal text. */
  readonly difficulty: string;
  /** From a number of shares and the difficulty of the moment. */
  readonly is_estimate: boolean;
  /** For how long it was worked, as far as is known; 0 where `difficulty` says nothing of it. */
  readonly seconds: number;
}

const NOTHING = { accepted: 0, rejected: 0, difficulty: '0', is_estimate: false, seconds: 0 } as const;

/** Clocks of miners are this much off. */
const CLOCK_PART = 0.01;
const CLOCK_S = 10;
/** What could have been mined: so many times what is expected, and so many shares. */
const LUCK_PART = 2;
const LUCK_SHARES = 10;
const HASHES_PER_DIFFICULTY = 2 ** 32;
const WRAPS = [2 ** 31, 2 ** 32];

/** `hashrate_hps`: what the miner reports, or undefined. Pure. */
export function stepBetween(before: Count | undefined, now: Count, hashrate_hps: number | undefined): Step {
  if (before === undefined) return { kind: 'first', ...NOTHING };
  const passed_s = Math.max(0, (now.at - before.at) / 1_000);
  const kind = kindOf(before, now, passed_s, hashrate_hps);
  if (kind === 'first' || kind === 'lost' || kind === 'older') return { kind, ...NOTHING };
  const isExact = before.difficulty_accepted !== null && now.difficulty_accepted !== null;
  const accepted = changeOf(kind, before.accepted, now.accepted);
  const rejected = changeOf(kind, before.rejected, now.rejected);
  const difficulty = isExact
    ? changeOf(kind, before.difficulty_accepted, now.difficulty_accepted)
    : accepted.times(assigned(before, now));
  return {
    kind,
    accepted: Math.floor(accepted.toNumber()),
    rejected: Math.floor(rejected.toNumber()),
    difficulty: difficulty.toFixed(),
    is_estimate: (!isExact || now.is_estimate === true) && difficulty.gt(0),
    seconds:
      kind === 'restarted' ? Math.min(passed_s, now.uptime_s ?? passed_s) : secondsBetween(before, now, passed_s),
  };
}

function kindOf(before: Count, now: Count, passed_s: number, hashrate_hps: number | undefined): StepKind {
  const [was, is] = mainOf(before, now);
  // It counted nothing that can be compared: a baseline for what it counts now.
  if (was === undefined || is === undefined) return 'first';
  const has = (seconds: number, difficulty: number) => isPossible(now, difficulty, seconds, hashrate_hps);
  const [was_up, is_up] = [before.uptime_s, now.uptime_s];
  const hasOtherFallen = fell(before.rejected, now.rejected) || fell(before.accepted, now.accepted);
  if (was_up !== null && is_up !== null && is_up < was_up) {
    const isInTime = is_up <= longest(passed_s);
    // Where our own clock was set back, nobody knows how much time has passed.
    if (is < was || hasOtherFallen) return isInTime || now.at < before.at ? 'restarted' : 'older';
    // Its clock may have been set back, with the counters going on: then this is not since the start.
    if (isInTime && has(is_up, worthOf(now))) return 'restarted';
  }
  // Another number of entries is another sum.
  if (before.entries !== now.entries) return 'lost';
  if (is >= was) return 'counted';
  const seconds = secondsBetween(before, now, passed_s);
  const isMainShares = before.difficulty_accepted === null || now.difficulty_accepted === null;
  const isAlone = !fell(before.rejected, now.rejected) && (isMainShares || !fell(before.accepted, now.accepted));
  const limit = wrapOf(was);
  if (isAlone && limit !== undefined && has(seconds, worthOf(now, limit - was))) return 'wrapped';
  return has(seconds, worthOf(now)) ? 'reset' : 'lost';
}

function wrapOf(was: number): number | undefined {
  return WRAPS.find((limit) => limit > was);
}

function fell(was: number | null, is: number | null): boolean {
  return was !== null && is !== null && is < was;
}

/** The counter that credits come from. */
function mainOf(before: Count, now: Count): [number | undefined, number | undefined] {
  if (before.difficulty_accepted !== null && now.difficulty_accepted !== null)
    return [before.difficulty_accepted, now.difficulty_accepted];
  return [before.accepted ?? undefined, now.accepted ?? undefined];
}

/** Difficulty of all that a counter shows, and `more` of the same. */
function worthOf(now: Count, more = 0): number {
  if (now.difficulty_accepted !== null) return now.difficulty_accepted + more;
  return ((now.accepted ?? 0) + more) * (now.difficulty ?? Number.POSITIVE_INFINITY);
}

function isPossible(now: Count, difficulty: number, seconds: number, hashrate_hps: number | undefined): boolean {
  if (difficulty === 0) return true;
  if (hashrate_hps === undefined) return false;
  const expected = (hashrate_hps * (seconds + CLOCK_S)) / HASHES_PER_DIFFICULTY;
  const share = now.difficulty ?? (now.accepted ? worthOf(now) / now.accepted : 0);
  return difficulty <= LUCK_PART * expected + LUCK_SHARES * share;
}

/** By the miner's own clock where it goes on: ours may jump. But its clock may jump too, and no time is longer for it. */
function secondsBetween(before: Count, now: Count, passed_s: number): number {
  const { uptime_s } = now;
  if (uptime_s === null || before.uptime_s === null || uptime_s < before.uptime_s) return passed_s;
  const seconds = uptime_s - before.uptime_s;
  return passed_s === 0 ? seconds : Math.min(seconds, longest(passed_s));
}

/** That can have passed by the miner's clock. */
function longest(passed_s: number): number {
  return passed_s * (1 + CLOCK_PART) + CLOCK_S;
}

function changeOf(kind: StepKind, was: number | null, is: number | null): Big {
  const zero = new Big(0);
  if (is === null) return zero;
  if (kind === 'restarted' || kind === 'reset') return new Big(is);
  if (was === null) return zero;
  const change = new Big(is).minus(was);
  if (change.gte(0)) return change;
  if (kind !== 'wrapped') return zero;
  const limit = wrapOf(was);
  return limit === undefined ? zero : change.plus(limit);
}

/** The lower one where it has changed meanwhile. */
function assigned(before: Count, now: Count): number {
  const known = [before.difficulty, now.difficulty].filter((one) => one !== null);
  return known.length === 0 ? 0 : Math.min(...known);
}
