/** Works whose period has ended become credits: each period of a worker one, for the user that the worker is of. */
import type { FleetStore } from '../store/store.js';
import type { Unassigned, WorkGroup } from '../store/works.js';
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

/** So many works are read at a time, and so many periods, about, are one transaction: readings need not wait. */
const ROWS_MAX = 200;

export interface Settled {
  readonly credits: number;
  readonly held: number;
  /** Not all has been done that has a user. */
  readonly isMore: boolean;
}

/** Some of what has a user now, in one transaction. */
export function settle(store: FleetStore, options: SettlingOptions): Settled {
  return store.transaction(() => {
    const counts = { unassigned: 0, credited: 0, held: 0 };
    for (const [{ worker_key, worker }, from_at] of due(store, options)) {
      // What stays unassigned is passed by: it must not keep back what is behind it.
      for (let after = from_at - 1; ; ) {
        if (counts.credited + counts.held + counts.unassigned >= ROWS_MAX) return settled(counts, true);
        const groups = store.works.groupsOf('unassigned', worker_key, worker, ROWS_MAX, after);
        for (const group of groups) counts[settleGroup(store, group, options)] += 1;
        const last = groups.at(-1);
        if (last === undefined) break;
        after = last[0].from_at;
      }
    }
    return settled(counts, false);
  });
}

/** Workers of which something can be settled, and where the first of that begins. */
function due({ works, workerUsers }: FleetStore, { users }: SettlingOptions): [Unassigned, number][] {
  const owned = works.unassigned().filter((pool) => userOf(pool, workerUsers, users) !== undefined);
  const workers = groupedBy(owned, ({ worker_key, worker }) => JSON.stringify([worker_key, worker]));
  return workers.map((pools) => [pools[0], Math.min(...pools.map(({ from_at }) => from_at))]);
}

function settled({ credited, held }: { readonly credited: number; readonly held: number }, isMore: boolean): Settled {
  return { credits: credited, held, isMore };
}

function settleGroup(
  store: FleetStore,
  group: WorkGroup,
  options: SettlingOptions,
): 'unassigned' | 'credited' | 'held' {
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
