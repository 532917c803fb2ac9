/** What a miner logs in with at its pool: an address or an account, and which worker it is. */
import { currencyOf, looksLikeAddress, parseAddress } from './addresses.js';
import type { Pool } from './pools.js';

export interface PoolUser {
  /** As it is compared: an address in its one spelling, or an account's name as it stands. */
  readonly account: string;
  /** Without it, the account itself works. */
  readonly worker?: string;
  /** An address whose form and checksum are right. */
  readonly isAddress: boolean;
  /** It looks like an address, and is none: a mistake. */
  readonly isBroken: boolean;
}

/** What pools put between address and worker. All behind the first of them is the worker's name, dots and slashes too. */
const ADDRESS_FORM = /^((?:[A-Za-z]{2,20}:)?[A-Za-z0-9]+)(?:[./_+,\-@](.*))?$/s;

/** `pool`: where it is known. Pure; never throws. */
export function splitPoolUser(pool_user: string, pool?: Pool): PoolUser {
  const text = pool_user.trim();
  const [, token, behind] = ADDRESS_FORM.exec(text) ?? [];
  if (token !== undefined) {
    const currency = pool?.currency ?? currencyOf(token);
    const address = currency === undefined ? undefined : parseAddress(token, currency);
    if (address !== undefined) return named(address, behind, true, false);
    if (looksLikeAddress(token)) {
      // Perhaps of another currency than its pool's: still an address, so that the worker is told apart the same way.
      return named(token, behind, false, currencyOf(token) === undefined);
    }
  }
  const dot = text.indexOf('.');
  return dot < 0 ? named(text, undefined, false, false) : named(text.slice(0, dot), text.slice(dot + 1), false, false);
}

function named(account: string, worker: string | undefined, isAddress: boolean, isBroken: boolean): PoolUser {
  return { account, ...(worker !== undefined && worker !== '' && { worker }), isAddress, isBroken };
}
