/** Workers at pools that a device here has: it counts itself, and what its pool has seen of it must not be counted again. */
import { splitPoolUser } from '../wallets/pool-user.js';
import { type Pool, poolOf } from '../wallets/pools.js';

export interface PoolAndUser {
  readonly pool_url: string;
  readonly pool_user: string;
}

/** Pools cut longer names, so that they begin as the miner's does. */
const CUT_LENGTH = 15;
/** public-pool's word for a miner that gives no name. */
const NAMELESS = 'worker';

export class Claims {
  readonly #pools: readonly Pool[];
  /** By account: where, and the worker's name. */
  readonly #claimed = new Map<string, { readonly pool: Pool | undefined; readonly worker: string }[]>();
  /** A device that does not say what it logs in with may be any worker. */
  readonly #isAny: boolean;

  constructor(users: Iterable<PoolAndUser>, pools: readonly Pool[], isAny = false) {
    this.#pools = pools;
    this.#isAny = isAny;
    for (const user of users) this.#add(user);
  }

  /** `address`: as it is compared. Rather yes than no: names that a pool may have made of the same one are the same. */
  has(pool: Pool, address: string, worker: string): boolean {
    if (this.#isAny) return true;
    const name = plain(worker);
    const claimed = this.#claimed.get(plain(address)) ?? [];
    return claimed.some((one) => isSamePlace(one.pool, pool) && isSame(one.worker, name));
  }

  #add({ pool_url, pool_user }: PoolAndUser): void {
    const pool = poolOf(pool_url, this.#pools);
    const { account, worker = '' } = splitPoolUser(pool_user, pool);
    const key = plain(account);
    const known = this.#claimed.get(key) ?? [];
    known.push({ pool, worker: plain(worker) });
    this.#claimed.set(key, known);
  }
}

/** A host that is not known may be a proxy before any pool. */
function isSamePlace(one: Pool | undefined, other: Pool): boolean {
  if (one === undefined || one.id === other.id) return true;
  return one.api_url !== undefined && one.api_url === other.api_url;
}

/** Whether the pool may have made of a worker's own name the one that it has. */
export function isSameName(own: string, pools: string): boolean {
  return isSame(plain(own), plain(pools));
}

/** `pools`: as the pool has it, which may have ended it at a dot. */
function isSame(own: string, pools: string): boolean {
  if (own === pools || (own === '' && pools === NAMELESS)) return true;
  return pools !== '' && (own.startsWith(`${pools}.`) || (pools.length >= CUT_LENGTH && own.startsWith(pools)));
}

function plain(name: string): string {
  return name
    .replace(/^[./_+,\-@\s]+/, '')
    .trim()
    .toLowerCase();
}
