/** Addresses, pool users, pools and wallets. Addresses are those of the specifications, or made here. */
import { createHash } from 'node:crypto';
import { createBase58check } from '@scure/base';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FleetStore } from '../store/store.js';
import { type Currency, currencyOf, parseAddress } from './addresses.js';
import { Matcher } from './matching.js';
import { splitPoolUser } from './pool-user.js';
import { hostOf, POOLS, poolOf } from './pools.js';

const base58 = createBase58check((bytes: Uint8Array) => createHash('sha256').update(bytes).digest());
const made = (version: number) => base58.encode(Uint8Array.from([version, ...Array(20).keys()]));

const P2PKH = '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa';
const P2SH = '3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy';
const SEGWIT = 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4';
const TAPROOT = 'bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0';
const CASH = 'bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a';
const ETHER = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';

describe('an address', () => {
  it.each<[Currency, string, string]>([
    ['BTC', P2PKH, P2PKH],
    ['BTC', P2SH, P2SH],
    ['BTC', SEGWIT, SEGWIT],
    ['BTC', SEGWIT.toUpperCase(), SEGWIT],
    ['BTC', TAPROOT, TAPROOT],
    ['BCH', CASH, CASH],
    ['BCH', CASH.slice(12), CASH],
    ['BCH', CASH.toUpperCase(), CASH],
    ['BCH', P2PKH, P2PKH],
    ['LTC', 'ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9', 'ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9'],
    ['LTC', made(0x30), made(0x30)],
    ['DOGE', made(0x1e), made(0x1e)],
    ['RVN', made(0x3c), made(0x3c)],
    ['ETH', ETHER, ETHER.toLowerCase()],
    ['ETH', ETHER.toLowerCase(), ETHER.toLowerCase()],
  ])('of %s: %s', (currency, text, is) => {
    expect(parseAddress(text, currency)).toBe(is);
  });

  it.each<[string, Currency, string]>([
    ['another letter', 'BTC', P2PKH.replace('1A1z', '1A1y')],
    ['segwit with another letter', 'BTC', SEGWIT.replace('w508', 'w509')],
    ['mixed case', 'BTC', `${SEGWIT.slice(0, -2)}T4`],
    [
      'version 1 with the checksum of version 0',
      'BTC',
      'bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7k7grplx',
    ],
    ['another coin', 'BTC', made(0x30)],
    ['cash with another letter', 'BCH', CASH.replace('qpm2', 'qpm3')],
    ['cash of another prefix', 'BCH', CASH.replace('bitcoincash', 'bchtest')],
    ['capitals that are no checksum', 'ETH', ETHER.replace('5aA', '5aa')],
    ['too short', 'ETH', ETHER.slice(0, -1)],
    ['nothing', 'BTC', ''],
    ['a part of one', 'BTC', P2PKH.slice(0, 20)],
  ])('is none: %s', (_what, currency, text) => {
    expect(parseAddress(text, currency)).toBeUndefined();
  });

  it('is no other text, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 140 }), (text) => {
        expect(currencyOf(text)).toBeUndefined();
      }),
    );
  });
});

describe('a pool user', () => {
  it.each([
    [`${SEGWIT}.nerdminer01`, SEGWIT, 'nerdminer01'],
    [`${SEGWIT}.garage.rig.1`, SEGWIT, 'garage.rig.1'],
    [`${SEGWIT}.a/b+c_d`, SEGWIT, 'a/b+c_d'],
    [`${P2PKH}_rig`, P2PKH, 'rig'],
    [`${P2PKH}/rig`, P2PKH, 'rig'],
    [`${P2PKH}+1024`, P2PKH, '1024'],
    [P2PKH, P2PKH, undefined],
    [`${P2PKH}.`, P2PKH, undefined],
    [` ${P2PKH}.rig `, P2PKH, 'rig'],
    [`${CASH}.rig.2`, CASH, 'rig.2'],
    [`${CASH.slice(12)}.rig`, CASH, 'rig'],
    [`${ETHER}.rig`, ETHER.toLowerCase(), 'rig'],
    ['andy_k.rig.1', 'andy_k', 'rig.1'],
    ['andy', 'andy', undefined],
  ])('%s', (text, account, worker) => {
    expect(splitPoolUser(text)).toMatchObject({ account, ...(worker !== undefined && { worker }), isBroken: false });
    expect(splitPoolUser(text).worker).toBe(worker);
  });

  it('with a mistyped address says so, and tells its worker all the same', () => {
    const text = `${SEGWIT.replace('w508', 'w509')}.rig`;
    expect(splitPoolUser(text, poolOf('solo.ckpool.org'))).toMatchObject({
      worker: 'rig',
      isAddress: false,
      isBroken: true,
    });
  });

  it('comes apart into what was put together', () => {
    const worker = fc.stringMatching(/^[A-Za-z0-9._/+-]{1,40}$/);
    fc.assert(
      fc.property(fc.constantFrom(P2PKH, P2SH, SEGWIT, TAPROOT, CASH), worker, (address, name) => {
        expect(splitPoolUser(`${address}.${name}`)).toMatchObject({ account: address, worker: name, isAddress: true });
      }),
    );
  });
});

describe('a pool', () => {
  it.each([
    ['stratum+tcp://solo.ckpool.org:3333', 'ckpool_btc'],
    ['SOLO.CKPOOL.ORG', 'ckpool_btc'],
    ['stratum+ssl://eusolo.ckpool.org:3333/#xnsub', 'ckpool_btc'],
    ['stratum+tcp://solo-bch.2miners.com:7070', '2miners_solo_bch'],
    ['stratum+tcp://us-btc.2miners.com:1010', '2miners_btc'],
    ['rvn.2miners.com:6060', '2miners_rvn'],
    ['stratum+tcp://public-pool.io:21496', 'public_pool'],
    ['stratum+tcp://eu.stratum.braiins.com:3333', 'braiins'],
    ['stratum+tcp://solo.stratum.braiins.com:3333', 'braiins_solo_btc'],
    ['stratum+tcp://notckpool.org:3333', undefined],
    ['stratum+tcp://ckpool.org.evil.example:3333', undefined],
    ['stratum+tcp://evil.example/ckpool.org', undefined],
    ['stratum+tcp://solo-bch.2miners.com.example', undefined],
    ['stratum+tcp://x.solo-bch.2miners.com', undefined],
    ['', undefined],
  ])('of %s is %s', (url, id) => {
    expect(poolOf(url)?.id).toBe(id);
  });

  it('has the host that its address says, whatever stands around it', () => {
    expect(hostOf('stratum+tcp://[2001:db8::1]:3333')).toBe('2001:db8::1');
    expect(hostOf('stratum+tcp://user@pool.example:3333')).toBe('pool.example');
    expect(hostOf('pool.example.')).toBe('pool.example');
    expect(new Set(POOLS.map(({ id }) => id)).size).toBe(POOLS.length);
    fc.assert(fc.property(fc.string(), (text) => void poolOf(text)));
  });
});

describe('matching', () => {
  let store: FleetStore;
  beforeEach(() => {
    store = FleetStore.open(':memory:');
  });
  afterEach(() => store.close());

  const wallet = (address: string, pool: string, currency = 'BTC') =>
    store.wallets.add({ name: 'Mine', address, pool, currency, created_at: 0 });
  const seen = (pool_url: string, pool_user: string) => {
    const { id } = store.miners.add({ name: 'Rig', miner_type: 'cgminer', ip_address: '192.168.1.9', created_at: 0 });
    store.configs.observe(id, [{ pool_url, pool_user }], 1);
    const matcher = new Matcher(store);
    matcher.match(id);
    return { matcher, config: () => store.configs.list(id)[0] };
  };
  const CKPOOL = 'stratum+tcp://solo.ckpool.org:3333';

  it('links by pool and address, and names the worker', () => {
    const { id } = wallet(SEGWIT, 'ckpool_btc');
    wallet(P2PKH, 'ckpool_btc');
    expect(seen(CKPOOL, `${SEGWIT.toUpperCase()}.garage.1`).config()).toMatchObject({
      wallet_id: id,
      worker_name: 'garage.1',
      linked: 'auto',
    });
  });

  it('knows an address in another spelling', () => {
    const { id } = wallet(CASH.slice(12), '2miners_solo_bch', 'BCH');
    expect(seen('stratum+tcp://solo-bch.2miners.com:7070', `${CASH}.rig`).config()).toMatchObject({ wallet_id: id });
  });

  it.each([
    ['a wallet of which it is a part', CKPOOL, `${P2PKH.slice(0, -1)}.rig`, /1A1z/],
    ['no wallet', CKPOOL, `${SEGWIT}.rig`, /no wallet has bc1q.* at ckpool_btc: add it/],
    ['another pool', 'public-pool.io:21496', `${P2PKH}.rig`, /has this address at ckpool_btc.*works at public_pool/],
    [
      'an unknown pool',
      'stratum+tcp://pool.example:3333',
      `${P2PKH}.rig`,
      /pool\.example is no pool that is known.*by hand/,
    ],
    ['a mistyped address', CKPOOL, `${SEGWIT.replace('w508', 'w509')}.rig`, /checksum is wrong/],
    ['an account where addresses are asked for', CKPOOL, 'andy.rig', /is no BTC address/],
    ['no user', CKPOOL, '', /names no user/],
  ])('says why it does not: %s', (_what, url, user, reason) => {
    wallet(P2PKH, 'ckpool_btc');
    const config = seen(url, user).config();
    expect(config).toMatchObject({ wallet_id: null, linked: null });
    expect(config?.reason).toMatch(reason);
  });

  it("leaves a person's link alone, and looks again when wallets change", () => {
    const { matcher, config } = seen(CKPOOL, `${P2PKH}.rig`);
    const { id } = wallet(P2PKH, 'ckpool_btc');
    matcher.matchAll();
    expect(config()).toMatchObject({ wallet_id: id, linked: 'auto' });
    const other = wallet(P2SH, 'ckpool_btc');
    store.configs.link(config()?.id as number, {
      wallet_id: other.id,
      worker_name: 'x',
      linked: 'manual',
      reason: null,
    });
    matcher.matchAll();
    expect(config()).toMatchObject({ wallet_id: other.id, linked: 'manual' });
  });
});
