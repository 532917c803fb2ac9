/** Credits that the site has refused, tried again once what was wrong is put right. */
import Big from 'big.js';
import type { CreditRow } from '../store/credits.js';
import type { FleetStore } from '../store/store.js';
import { TAKEN_CODES } from './taken.js';

/** What a person does about a credit that was refused with this code. */
export function refusalHint(id: number, code: string): string {
  if (TAKEN_CODES.includes(code))
    return 'the site has credited some of that time: does another agent report it too? let one of them do so; after an older database was put back, the next credit settles it';
  return `put right what it names, then axle miner credits retry ${id}`;
}

/** Their works become credits anew, by the users and the rate of then. Returns how many credits. */
export function retryRefused(store: FleetStore, ids: readonly number[]): number {
  return store.transaction(() => ids.filter((id) => retry(store, id)).length);
}

function retry(store: FleetStore, id: number): boolean {
  const credit = store.credits.get(id);
  if (credit?.state !== 'refused' || TAKEN_CODES.includes(credit.error_code ?? '')) return false;
  const works = store.works.ofCredit(id);
  if (works.length === 0) return false;
  putBack(store, credit, works);
  for (const work of works) store.works.settle(work.id, { state: 'unassigned', reason: null, credit_id: null });
  return store.credits.remove(id);
}

/** What the credit took of what was left over before it, less what it left itself. */
function putBack(store: FleetStore, credit: CreditRow, works: readonly { readonly difficulty: string }[]): void {
  const { miner: worker_key, worker, user } = credit;
  const mined = works.reduce((total, { difficulty }) => total.plus(difficulty), new Big(0));
  const carry = store.works.carry(worker_key, worker, user);
  store.works.putCarry({
    worker_key,
    worker,
    user,
    amount: new Big(carry?.amount ?? 0).plus(credit.amount).minus(mined.times(credit.worth)).toFixed(),
    difficulty: new Big(carry?.difficulty ?? 0).plus(credit.difficulty).minus(mined).toFixed(),
    is_estimate: carry?.is_estimate ?? credit.is_estimate,
  });
}
