import { describe, expect, it } from 'vitest';
import { POOLS, type Pool } from '../wallets/pools.js';
import { Claims } from './claims.js';

const ADDRESS = 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4';
const poolWith = (id: string) => POOLS.find((pool) => pool.id === id) as Pool;
const CKPOOL = poolWith('ckpool_btc');
const PUBLIC = poolWith('public_pool');
const CKPOOL_URL = 'stratum+tcp://solo.ckpool.org:3333';

/** Whether a device that logs in so has that worker. */
const has = (pool_url: string, pool_user: string, worker: string, pool = CKPOOL, address = ADDRESS) =>
  new Claims([{ pool_url, pool_user }], POOLS).has(pool, address, worker);

describe('a worker is one of a device here', () => {
  it.each([
    ['by its name', CKPOOL_URL, `${ADDRESS}.rig.1`, 'rig.1', CKPOOL],
    ['however it is written', 'solo.ckpool.org', `${ADDRESS.toUpperCase()}_RIG`, 'rig', CKPOOL],
    ['without a name', CKPOOL_URL, ADDRESS, '', CKPOOL],
    ['without a name, which the pool gives it', 'tcp://public-pool.io:21496', ADDRESS, 'worker', PUBLIC],
    ['where the pool ends a name at a dot', 'tcp://public-pool.io:21496', `${ADDRESS}.rig.1`, 'rig', PUBLIC],
    ['where the pool cuts a long name', CKPOOL_URL, `${ADDRESS}.a-name-that-is-too-long`, 'a-name-that-is-', CKPOOL],
    ['behind a proxy', 'stratum+tcp://192.168.1.9:3333', `${ADDRESS}.rig`, 'rig', CKPOOL],
  ])('%s', (_how, url, user, worker, pool) => {
    expect(has(url, user, worker, pool)).toBe(true);
  });

  it('under the same API by another name', () => {
    const own: Pool = { id: 'own', name: 'Own', hosts: ['pool.lan'], api: 'ckpool', api_url: CKPOOL.api_url as string };
    const pools = [own, ...POOLS];
    const claims = new Claims([{ pool_url: 'tcp://pool.lan:3333', pool_user: `${ADDRESS}.rig` }], pools);
    expect(claims.has(CKPOOL, ADDRESS, 'rig')).toBe(true);
  });

  it('perhaps, where a device does not say what it logs in with', () => {
    expect(new Claims([], POOLS, true).has(CKPOOL, ADDRESS, 'rig')).toBe(true);
  });
});

describe('a worker is none of a device here', () => {
  it.each([
    ['with another name', CKPOOL_URL, `${ADDRESS}.rig`, 'rig2'],
    ['with a longer one', CKPOOL_URL, `${ADDRESS}.rig`, 'rig.1'],
    ['at another pool', 'tcp://public-pool.io:21496', `${ADDRESS}.rig`, 'rig'],
    ['of another address', CKPOOL_URL, '1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2.rig', 'rig'],
  ])('%s', (_how, url, user, worker) => {
    expect(has(url, user, worker)).toBe(false);
  });
});
