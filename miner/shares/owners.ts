/** Each user's workers, and the workers that have none: for a person to look over. */
import type { FleetStore } from '../store/store.js';
import type { Unassigned } from '../store/works.js';
import { ownerOf, type SaidBy, tableOf, type UsersConfig } from './users.js';

export interface OwnedWorker {
  readonly user: string;
  readonly worker: string;
  /** Its `worker_key`; absent where it has mined nothing yet. */
  readonly miner?: string;
  /** Absent where something else says whose it is by now. */
  readonly by?: SaidBy;
  /** The end of the first period that the site has taken, in seconds since 1970; absent where none is. */
  readonly paid_from_s?: number;
}

export interface Owners {
  /** By user. */
  readonly owned: readonly OwnedWorker[];
  /** Work that waits because nobody has said whose it is. */
  readonly nobodys: readonly Unassigned[];
}

/** `users`: as the config has them. */
export function ownersOf({ works, workerUsers }: FleetStore, users: UsersConfig): Owners {
  const config = { ...users, table: tableOf(users.table) };
  const owned = new Map<string, OwnedWorker>();
  const add = (one: OwnedWorker): void => {
    const key = JSON.stringify([one.user, one.worker, one.miner]);
    if (!owned.has(key)) owned.set(key, one);
  };
  for (const { worker_key: miner, worker, user, paid_from_s, pool_url, pool_user } of workerUsers.credited()) {
    const pool = { pool_url: pool_url ?? '', pool_user: pool_user ?? '' };
    const owner = ownerOf({ worker_key: miner, worker, ...pool }, workerUsers, config);
    const by = owner?.user === user ? owner.by : undefined;
    add({ user, worker, miner, ...(by && { by }), ...(paid_from_s !== null && { paid_from_s }) });
  }
  const nobodys: Unassigned[] = [];
  for (const one of works.unassigned()) {
    const owner = ownerOf(one, workerUsers, config);
    if (owner === undefined) nobodys.push(one);
    else add({ ...owner, worker: one.worker, miner: one.worker_key });
  }
  // What was said of workers that have mined nothing for that user.
  const names = new Set(
    [...owned.values()].flatMap(({ user, worker, miner }) => [`${user} ${worker}`, `${user} ${miner}`]),
  );
  const said: OwnedWorker[] = [
    ...workerUsers.list().map(({ worker, user }) => ({ user, worker, by: 'users set' as const })),
    ...Object.entries(config.table).map(([worker, user]) => ({ user, worker, by: 'users.table' as const })),
  ];
  for (const one of said) if (!names.has(`${one.user} ${one.worker}`)) add(one);
  return {
    owned: [...owned.values()].toSorted((one, other) => (one.user < other.user ? -1 : one.user > other.user ? 1 : 0)),
    nobodys,
  };
}
