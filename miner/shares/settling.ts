/** Works whose period has ended become credits: each period of a worker one, for the user that the worker is of. */
import type { FleetStore } from '../store/store.js';
import type { WorkGroup, WorkRow } from '../store/works.js';
import { groupedBy } from './grouped-by.js';
import { NO_CARRY, priceOf } from './rate.js';
import { type UsersConfig, userOf } from './users.js';

export interface SettlingOptions {
  readonly users: UsersConfig;
  /** Credits for each 1 of difficulty, decimal text. */
  readonly worth: string;
  readonly now: () => number;
  /** In words why a period must be looked at by a person first. */
  readonly doubtOf?: (group: WorkGroup) => string | undefined;
  readonly onHeld?: (group: WorkGroup, reason: string) => void;
}

/** So many works are read at a time. */
const ROWS_MAX = 1_000;

export interface Settled {
  readonly credits: number;
  readonly held: number;
}

/** Everything that has a user now. Each transaction is small, so that readings need not wait. */
export function settle(store: FleetStore, options: SettlingOptions): Settled {
  let credits = 0;
  let held = 0;
  const workers = groupedBy(store.works.workers('unassigned'), ({ worker_key, worker }) =>
    JSON.stringify([worker_key, worker]),
  );
  for (const pools of workers) {
    if (pools.every((pool) => userOf(pool, store.workerUsers, options.users) === undefined)) continue;
    const [{ worker_key, worker }] = pools;
    // What stays unassigned is passed by: it must not be read again for ever, nor keep back what is behind it.
    for (let after = Number.NEGATIVE_INFINITY; ; ) {
      const groups = store.transaction(() => {
        const some = store.works.groupsOf('unassigned', worker_key, worker, ROWS_MAX, after);
        const done = some.map((group) => settleGroup(store, group, options));
        credits += done.filter((one) => one === 'credited').length;
        held += done.filter((one) => one === 'held').length;
        return some;
      });
      const last = groups.at(-1);
      if (last === undefined) break;
      after = last[0].from_at;
    }
  }
  return { credits, held };
}

function settleGroup(store: FleetStore, group: WorkGroup, options: SettlingOptions): WorkRow['state'] {
  const owners = new Set(group.map((work) => userOf(work, store.workerUsers, options.users)));
  const users = [...owners].filter((user) => user !== undefined);
  const [user] = users;
  if (user === undefined) return 'unassigned';
  const whose = users.length > 1 ? `belong to several users (${users.join(', ')})` : "are nobody's";
  const doubt =
    owners.size > 1
      ? `${users.length > 1 ? '' : 'some of '}its pools ${whose}: say whose the worker ${group[0].worker} is, then release it`
      : isReleased(group)
        ? undefined
        : options.doubtOf?.(group);
  if (doubt !== undefined) {
    for (const { id } of group) store.works.settle(id, { state: 'held', reason: doubt, credit_id: null });
    options.onHeld?.(group, doubt);
    return 'held';
  }
  credit(store, group, user, options);
  return 'credited';
}

/** A person has looked at it: it is not held again for the same. */
export const RELEASED = 'released';

function isReleased(group: WorkGroup): boolean {
  return group.some(({ reason }) => reason === RELEASED);
}

function credit({ works, credits }: FleetStore, group: WorkGroup, user: string, options: SettlingOptions): void {
  const [{ worker_key, worker, from_at, to_at }] = group;
  const carried = works.carry(worker_key, worker, user);
  const difficulties = group.map(({ difficulty }) => difficulty);
  const { amount, difficulty, carry } = priceOf(difficulties, options.worth, carried ?? NO_CARRY);
  const is_estimate = carried?.is_estimate === 1 || group.some((work) => work.is_estimate === 1) ? 1 : 0;
  const isTooLittle = amount === '0';
  works.putCarry({ worker_key, worker, user, ...carry, is_estimate: isTooLittle ? is_estimate : 0 });
  const credit_id = isTooLittle
    ? null
    : credits.add({
        miner: worker_key,
        worker,
        user,
        amount,
        difficulty,
        worth: options.worth,
        is_estimate,
        from_s: from_at / 1_000,
        to_s: to_at / 1_000,
        created_at: options.now(),
      });
  const reason = isTooLittle ? 'too little for a credit by itself: it is in the next one' : null;
  for (const { id } of group) works.settle(id, { state: 'credited', reason, credit_id });
}
