/** Which wallet a miner works for, by its pool and the address that it logs in with. A person's link is never changed. */
import type { ConfigRow } from '../store/configs.js';
import type { FleetStore } from '../store/store.js';
import type { WalletRow } from '../store/wallets.js';
import { CURRENCIES, type Currency, parseAddress } from './addresses.js';
import { splitPoolUser } from './pool-user.js';
import { hostOf, POOLS, type Pool, poolOf } from './pools.js';

export class Matcher {
  readonly #store: FleetStore;
  readonly #pools: readonly Pool[];

  /** `pools`: those of the config before the known ones. */
  constructor(store: FleetStore, pools: readonly Pool[] = POOLS) {
    this.#store = store;
    this.#pools = pools;
  }

  match(miner_id: number): void {
    this.#match(this.#store.configs.list(miner_id));
  }

  /** Wallets have changed. */
  matchAll(): void {
    this.#store.transaction(() => this.#match(this.#store.configs.list()));
  }

  #match(configs: readonly ConfigRow[]): void {
    const automatic = configs.filter(({ linked }) => linked !== 'manual');
    if (automatic.length === 0) return;
    const wallets = this.#store.wallets.list();
    for (const config of automatic) {
      const link = matchOf(config, wallets, this.#pools);
      const isSame =
        link.wallet_id === config.wallet_id &&
        link.worker_name === config.worker_name &&
        link.reason === config.reason &&
        link.linked === config.linked;
      if (!isSame) this.#store.configs.link(config.id, link);
    }
  }
}

type Link = Pick<ConfigRow, 'wallet_id' | 'worker_name' | 'linked' | 'reason'>;

/** Pure. `reason` says in words by what it is matched, or what to do so that it is. */
export function matchOf(
  { pool_url, pool_user }: Pick<ConfigRow, 'pool_url' | 'pool_user'>,
  wallets: readonly WalletRow[],
  pools: readonly Pool[] = POOLS,
): Link {
  const pool = poolOf(pool_url, pools);
  const user = splitPoolUser(pool_user, pool);
  const worker_name = user.worker ?? null;
  const none = (reason: string): Link => ({ wallet_id: null, worker_name, linked: null, reason });
  if (pool_user.trim() === '') return none('the miner names no user for this pool: set one in its settings');
  if (user.isBroken)
    return none(`${short(user.account)} looks like an address, but its checksum is wrong: correct it in the miner`);
  const same = wallets.filter((wallet) => isSameAccount(wallet, user.account));
  if (pool === undefined) {
    const host = hostOf(pool_url);
    const what = host === undefined ? `${short(pool_url)} is no address of a pool` : `${host} is no pool that is known`;
    const [wallet] = same;
    return none(
      wallet === undefined
        ? `${what}: link the miner to a wallet by hand, or add the pool to pools in miner.yaml`
        : `${what}, though the address is that of wallet ${wallet.id} (${wallet.name}): link it by hand`,
    );
  }
  const wallet = same.find((one) => one.pool === pool.id);
  if (wallet !== undefined)
    return { wallet_id: wallet.id, worker_name, linked: 'auto', reason: `same address at ${pool.name}` };
  if (pool.currency !== undefined && !user.isAddress)
    return none(
      `${short(user.account)} is no ${pool.currency} address, which ${pool.name} asks for: look at the miner's settings`,
    );
  const [elsewhere] = same;
  if (elsewhere !== undefined)
    return none(
      `wallet ${elsewhere.id} (${elsewhere.name}) has this address at ${elsewhere.pool}, and the miner works at ${pool.id}: add a wallet for that pool`,
    );
  return none(`no wallet has ${short(user.account)} at ${pool.id}: add it`);
}

function isSameAccount(wallet: WalletRow, account: string): boolean {
  if (wallet.address === account) return true;
  const currency = CURRENCIES.find((one) => one === wallet.currency.toUpperCase()) as Currency | undefined;
  return (
    currency !== undefined && parseAddress(wallet.address, currency) === (parseAddress(account, currency) ?? account)
  );
}

function short(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
