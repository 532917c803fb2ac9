/**
 * Time that the site has credited already: by this agent before an older database was put back, or by another one. What the
 * site knows is entered in our books, and what it has not credited is still paid.
 */
import Big from 'big.js';
import type { CreditRow } from '../store/credits.js';
import type { FleetStore } from '../store/store.js';
import type { WorkRow } from '../store/works.js';
import { SCALE } from './rate.js';

/** The site's codes for a time that it has credited already: some of it, or the same with another amount. */
export const TAKEN_CODES: readonly string[] = ['already_credited', 'idempotency_key_reused'];

/** As the site lists it. */
export type SiteCredit = Pick<CreditRow, 'user' | 'worker' | 'amount' | 'difficulty' | 'from_s' | 'to_s'> & {
  readonly id: string;
};

export interface Taken {
  /** How many credits of the site's are in our books now. */
  readonly known: number;
  /** What is still owed, decimal text. */
  readonly rest: string;
}

/** Credits of its worker that were refused because their time is taken, it among them. Oldest first. */
export function refusedWith(store: FleetStore, { miner, worker }: CreditRow): CreditRow[] {
  return store.credits.refusedOf(miner, worker).filter(({ error_code }) => TAKEN_CODES.includes(error_code ?? ''));
}

/**
 * Of a refused credit. `listed`: the site's for its worker, since the oldest of `refusedWith`. Undefined, and nothing changes,
 * where a credit of the site's goes on behind it: the next one will be refused as well, and then both are settled.
 */
export function settleTaken(
  store: FleetStore,
  credit: CreditRow,
  listed: readonly SiteCredit[],
  now: number,
): Taken | undefined {
  const { ours, theirs } = overlapping(credit, refusedWith(store, credit), listed);
  const end_s = Math.max(...theirs.map(({ to_s }) => to_s));
  const last = ours.at(-1);
  if (last === undefined || theirs.length === 0 || end_s > last.to_s) return undefined;
  if (ours.some(({ user }) => user !== credit.user)) return undefined;
  const { credits, works } = store;
  const { user, miner, worker, worth } = last;
  const is_estimate = ours.some((one) => one.is_estimate === 1) ? 1 : 0;
  const rest = restOf(ours, theirs, worth);
  const minedWorks = ours.flatMap(({ id }) => works.ofCredit(id));
  for (const { id } of ours) credits.remove(id);
  const shared = { miner, worth, is_estimate, created_at: now } as const;
  for (const { id, ...one } of theirs) credits.paid(credits.add({ ...shared, ...one }), id, now);
  const isOwed = rest.amount.gt(0) && end_s < last.to_s;
  if (isOwed) {
    const [amount, difficulty] = [rest.amount.toFixed(), rest.difficulty.toFixed()];
    const credit_id = credits.add({ ...shared, worker, user, amount, difficulty, from_s: end_s, to_s: last.to_s });
    keepRest(store, minedWorks, credit_id, { difficulty, from_s: end_s });
    return { known: theirs.length, rest: amount };
  }
  const carry = works.carry(miner, worker, user);
  works.putCarry({
    worker_key: miner,
    worker,
    user,
    amount: rest.amount.plus(carry?.amount ?? 0).toFixed(),
    difficulty: rest.difficulty.plus(carry?.difficulty ?? 0).toFixed(),
    is_estimate: carry?.is_estimate ?? is_estimate,
  });
  for (const { id } of minedWorks)
    works.settle(id, { state: 'credited', reason: 'the site had credited it already', credit_id: null });
  return { known: theirs.length, rest: '0' };
}

/** Refused credits and the site's, as far as one overlaps the next, around one of them. */
function overlapping(credit: CreditRow, refused: readonly CreditRow[], listed: readonly SiteCredit[]) {
  type Any = {
    readonly from_s: number;
    readonly to_s: number;
    readonly ours?: CreditRow;
    readonly theirs?: SiteCredit;
  };
  const all: Any[] = [
    ...refused.map((ours) => ({ from_s: ours.from_s, to_s: ours.to_s, ours })),
    ...listed.map((theirs) => ({ from_s: theirs.from_s, to_s: theirs.to_s, theirs })),
  ].toSorted((one, other) => one.from_s - other.from_s);
  let group: Any[] = [];
  let end_s = Number.NEGATIVE_INFINITY;
  for (const one of all) {
    if (one.from_s >= end_s) {
      if (group.some(({ ours }) => ours?.id === credit.id)) break;
      group = [];
    }
    group.push(one);
    end_s = Math.max(end_s, one.to_s);
  }
  return { ours: group.flatMap(({ ours }) => ours ?? []), theirs: group.flatMap(({ theirs }) => theirs ?? []) };
}

type Sum = Pick<CreditRow, 'amount' | 'difficulty'>;

/** What was mined beyond what the site has credited: never below 0, at most `SCALE` places. */
function restOf(ours: readonly Sum[], theirs: readonly Sum[], worth: string): { amount: Big; difficulty: Big } {
  const zero = new Big(0);
  const sum = (all: readonly Sum[], name: keyof Sum) => all.reduce((total, one) => total.plus(one[name]), zero);
  const [mined, credited] = [sum(ours, 'difficulty'), sum(theirs, 'difficulty')];
  const difficulty = mined.minus(credited);
  if (difficulty.lte(0)) return { amount: zero, difficulty: zero };
  const [worthOurs, worthTheirs] = [sum(ours, 'amount'), sum(theirs, 'amount')];
  // Each was rounded, and left a rest of each to the next: by the same rate, what is exact is the difference of amounts.
  const places = new Big(worth)
    .plus(1)
    .times(2 * (ours.length + theirs.length + 1))
    .times(`1e-${SCALE}`);
  const isPriced = (amount: Big, of: Big) => amount.minus(of.times(worth)).abs().lte(places);
  const isSameRate = isPriced(worthOurs, mined) && isPriced(worthTheirs, credited);
  const amount = isSameRate ? worthOurs.minus(worthTheirs) : difficulty.times(worth).round(SCALE, Big.roundDown);
  return { amount: amount.lt(0) ? zero : amount, difficulty };
}

/** In one of its works, so that it can be worked out anew where the site refuses it for something else. */
function keepRest(
  { works }: FleetStore,
  all: readonly WorkRow[],
  credit_id: number,
  { difficulty, from_s }: { readonly difficulty: string; readonly from_s: number },
): void {
  const [first, ...others] = all.toReversed();
  if (first === undefined) return;
  works.extend(first.id, { ...first, difficulty });
  works.close(first.id, { ...first, from_at: from_s * 1_000, reason: null });
  works.settle(first.id, { state: 'credited', reason: null, credit_id });
  for (const { id } of others)
    works.settle(id, { state: 'credited', reason: 'the site had credited it already', credit_id: null });
}
