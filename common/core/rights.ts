/**
 * Spending rights: a replica may debit a counter only within its own rights, so that no two sites spend the same money,
 * connected or not. A credit gives rights to the replica that added it, genesis rights lie with the hub, and rights are
 * passed on by totals that only rise and belong to the giver. A bounded counter: Balegas et al., "Extending Eventually
 * Consistent Cloud Databases for Enforcing Numeric Invariants" (2015).
 *
 * What a replica knows of *itself* is exact, or too low by what others have given it meanwhile. A raw file write is never
 * refused and may leave its replica with negative rights: those are a debt of that replica, and nobody else's money.
 */
import { type Amount, add, compare, larger, subtract, ZERO } from './amount.js';
import { counterValue } from './render.js';
import type { CounterState, DocState, ReplicaId } from './state.js';

/** added − taken + received − given; negative after raw debits beyond them. Genesis is not in it: that is the hub's. */
export function rightsOf(counter: CounterState, replica: ReplicaId): Amount {
  const [added, taken] = counter.by[replica] ?? [ZERO, ZERO];
  const given = Object.values(counter.given?.[replica] ?? {}).reduce(add, ZERO);
  return subtract(subtract(add(added, received(counter, replica)), taken), given);
}

/** All rights that `replica` was ever given, by anybody. */
export function received(counter: CounterState, replica: ReplicaId): Amount {
  let sum = ZERO;
  for (const to of Object.values(counter.given ?? {})) sum = add(sum, to[replica] ?? ZERO);
  return sum;
}

/** What a spoke may debit now: its own rights, and no more than there is. */
export function spendableAtSpoke(counter: CounterState, replica: ReplicaId): Amount {
  return smaller(positive(rightsOf(counter, replica)), positive(counterValue(counter)));
}

/**
 * What the hub may debit or give now: all that there is, less the rights of every replica that is not its own.
 * `isHubs`: whether a replica's rights are the hub's: its own incarnations, and those of spokes that are over.
 */
export function spendableAtHub(counter: CounterState, isHubs: (replica: ReplicaId) => boolean): Amount {
  let left = counterValue(counter);
  for (const { rights } of holders(counter, isHubs)) left = subtract(left, rights);
  return positive(left);
}

/** What the hub may give to a replica now: filling that one's debt takes from nobody. */
export function grantableAtHub(counter: CounterState, isHubs: (replica: ReplicaId) => boolean, to: ReplicaId): Amount {
  return add(spendableAtHub(counter, isHubs), positive(subtract(ZERO, rightsOf(counter, to))));
}

/** Replicas that hold rights which are not the hub's, with the most first. */
export function holders(
  counter: CounterState,
  isHubs: (replica: ReplicaId) => boolean,
): { readonly replica: ReplicaId; readonly rights: Amount }[] {
  const replicas = new Set(Object.keys(counter.by));
  for (const to of Object.values(counter.given ?? {})) for (const replica of Object.keys(to)) replicas.add(replica);
  return [...replicas]
    .filter((replica) => !isHubs(replica))
    .map((replica) => ({ replica, rights: positive(rightsOf(counter, replica)) }))
    .filter(({ rights }) => rights !== ZERO)
    .sort((a, b) => compare(b.rights, a.rights));
}

/** The counter after `giver` has passed `amount` (not negative) of its rights to `receiver`. */
export function give(counter: CounterState, giver: ReplicaId, receiver: ReplicaId, amount: Amount): CounterState {
  const to = counter.given?.[giver];
  const sum = add(to?.[receiver] ?? ZERO, amount);
  return { ...counter, given: { ...counter.given, [giver]: { ...to, [receiver]: sum } } };
}

/** The counter after `replica` has added `amount`, or taken it where it is negative. */
export function change(counter: CounterState | undefined, replica: ReplicaId, amount: Amount): CounterState {
  const [added, taken] = counter?.by[replica] ?? [ZERO, ZERO];
  const totals =
    compare(amount, ZERO) > 0 ? ([add(added, amount), taken] as const) : ([added, subtract(taken, amount)] as const);
  return { ...counter, by: { ...counter?.by, [replica]: totals } };
}

/** Whether more was spent than there was: raw writes on several sites. Later credits fill it. */
export function isOverdrawn({ counters }: DocState): boolean {
  return Object.values(counters ?? {}).some((counter) => compare(counterValue(counter), ZERO) < 0);
}

function positive(amount: Amount): Amount {
  return larger(amount, ZERO);
}

function smaller(a: Amount, b: Amount): Amount {
  return compare(a, b) <= 0 ? a : b;
}
