/** Work that a person must look at before it is credited. */
import Big from 'big.js';
import type { FleetStore } from '../store/store.js';
import type { WorkGroup } from '../store/works.js';
import { RELEASED } from './settling.js';

export interface HeldWork {
  /** Names it to `release` and `reject`. */
  readonly id: number;
  readonly miner_id: number;
  readonly miner: string;
  readonly worker: string;
  readonly pool_url: string;
  readonly pool_user: string;
  /** Whole seconds since 1970. */
  readonly from: number;
  readonly to: number;
  /** Decimal text. */
  readonly difficulty: string;
  readonly is_estimate: boolean;
  /** In words, why. */
  readonly reason: string;
}

const SHOWN_MAX = 10_000;

export function heldOf(store: FleetStore): HeldWork[] {
  return store.works.groups('held', SHOWN_MAX).map(shown);
}

function shown(group: WorkGroup): HeldWork {
  const [first] = group;
  return {
    id: first.id,
    miner_id: first.miner_id,
    miner: first.worker_key,
    worker: first.worker,
    pool_url: first.pool_url,
    pool_user: first.pool_user,
    from: first.from_at / 1_000,
    to: first.to_at / 1_000,
    difficulty: group.reduce((total, { difficulty }) => total.plus(difficulty), new Big(0)).toFixed(),
    is_estimate: group.some(({ is_estimate }) => is_estimate === 1),
    reason: first.reason ?? '',
  };
}

/** It is credited as if nothing had been found. Returns how many were held. */
export function release(store: FleetStore, ids: readonly number[]): number {
  return decide(store, ids, 'unassigned', RELEASED);
}

/** It is never credited. Returns how many were held. */
export function reject(store: FleetStore, ids: readonly number[], reason: string): number {
  return decide(store, ids, 'refused', reason);
}

function decide(store: FleetStore, ids: readonly number[], state: 'unassigned' | 'refused', reason: string): number {
  return store.transaction(() => {
    let decided = 0;
    for (const id of ids) {
      const works = store.works.groupWith(id, 'held');
      for (const work of works) store.works.settle(work.id, { state, reason, credit_id: null });
      if (works.length > 0) decided += 1;
    }
    return decided;
  });
}
