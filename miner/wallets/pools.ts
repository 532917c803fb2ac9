/** The pools that are known, by the host that miners connect to. */
import type { Currency } from './addresses.js';

/** How a pool tells what it sees of an address, where it does so to everybody. */
export const POOL_APIS = ['ckpool', 'public_pool', '2miners'] as const;
export type PoolApi = (typeof POOL_APIS)[number];

export interface Pool {
  /** Such as ckpool_btc: wallets are registered at it. */
  readonly id: string;
  readonly name: string;
  /** Exactly these, and what is below them where `hasSubdomains`. Lower case. */
  readonly hosts: readonly string[];
  readonly hasSubdomains?: boolean;
  /** Miners log in by an address of it; without it, by an account's name. */
  readonly currency?: Currency;
  readonly api?: PoolApi;
  /** Where its API is, without a slash at the end. */
  readonly api_url?: string;
}

const REGIONS = ['', 'us-', 'asia-', 'eu-'];

function twoMiners(coin: string, currency: Currency, isSolo: boolean): Pool {
  const name = `${isSolo ? 'solo-' : ''}${coin}`;
  const regional = REGIONS.flatMap((region) =>
    isSolo ? [`${region}solo-${coin}`, `solo-${region}${coin}`] : [`${region}${coin}`],
  );
  return {
    id: `2miners_${isSolo ? 'solo_' : ''}${coin}`,
    name: `2Miners ${currency}${isSolo ? ' solo' : ''}`,
    hosts: [...new Set(regional)].map((host) => `${host}.2miners.com`),
    currency,
    api: '2miners',
    api_url: `https://${name}.2miners.com`,
  };
}

export const POOLS: readonly Pool[] = [
  {
    id: 'ckpool_btc',
    name: 'Solo CKPool',
    hosts: ['ckpool.org'],
    hasSubdomains: true,
    currency: 'BTC',
    api: 'ckpool',
    api_url: 'https://solo.ckpool.org',
  },
  twoMiners('bch', 'BCH', true),
  twoMiners('btc', 'BTC', true),
  twoMiners('bch', 'BCH', false),
  twoMiners('btc', 'BTC', false),
  twoMiners('eth', 'ETH', false),
  twoMiners('rvn', 'RVN', false),
  twoMiners('eth', 'ETH', true),
  twoMiners('rvn', 'RVN', true),
  {
    id: 'public_pool',
    name: 'Public Pool',
    hosts: ['public-pool.io'],
    hasSubdomains: true,
    currency: 'BTC',
    api: 'public_pool',
    api_url: 'https://public-pool.io:40557',
  },
  { id: 'ocean_btc', name: 'OCEAN', hosts: ['ocean.xyz'], hasSubdomains: true, currency: 'BTC' },
  { id: 'nerdminers_btc', name: 'NerdMiners', hosts: ['nerdminers.org'], hasSubdomains: true, currency: 'BTC' },
  { id: 'nerdminer_io_btc', name: 'NerdMiner.io', hosts: ['nerdminer.io'], hasSubdomains: true, currency: 'BTC' },
  { id: 'kano_btc', name: 'KanoPool', hosts: ['kano.is'], hasSubdomains: true },
  { id: 'braiins_solo_btc', name: 'Braiins Solo', hosts: ['solo.stratum.braiins.com'], currency: 'BTC' },
  { id: 'braiins', name: 'Braiins Pool', hosts: ['stratum.braiins.com', 'slushpool.com'], hasSubdomains: true },
  { id: 'nicehash', name: 'NiceHash', hosts: ['nicehash.com'], hasSubdomains: true, currency: 'BTC' },
  { id: 'f2pool', name: 'F2Pool', hosts: ['f2pool.com'], hasSubdomains: true },
  { id: 'viabtc', name: 'ViaBTC', hosts: ['viabtc.io', 'viabtc.com', 'viabtc.net'], hasSubdomains: true },
  { id: 'antpool', name: 'AntPool', hosts: ['antpool.com'], hasSubdomains: true },
  { id: 'luxor', name: 'Luxor', hosts: ['luxor.tech'], hasSubdomains: true },
  { id: 'foundry', name: 'Foundry USA', hosts: ['foundryusapool.com'], hasSubdomains: true },
];

/** Of what stands in a miner's settings, such as stratum+tcp://solo.ckpool.org:3333 or solo.ckpool.org:3333. */
export function hostOf(pool_url: string): string | undefined {
  const rest = pool_url.trim().replace(/^[A-Za-z][A-Za-z0-9+.-]*:\/\//, '');
  const authority = rest.split(/[/?#]/, 1)[0] ?? '';
  const address = authority.slice(authority.lastIndexOf('@') + 1);
  const host = /^\[([0-9A-Fa-f:.]+)\](?::\d+)?$/.exec(address)?.[1] ?? /^([^:[\]]+)\.?(?::\d+)?$/.exec(address)?.[1];
  return host?.toLowerCase().replace(/\.$/, '') || undefined;
}

/** The pool whose host this is, or whose domain it is in; the more exact one wins. */
export function poolOf(pool_url: string, pools: readonly Pool[] = POOLS): Pool | undefined {
  const host = hostOf(pool_url);
  if (host === undefined) return undefined;
  const exact = pools.find(({ hosts }) => hosts.includes(host));
  if (exact !== undefined) return exact;
  return pools
    .filter(({ hasSubdomains }) => hasSubdomains)
    .flatMap((pool) => pool.hosts.filter((domain) => host.endsWith(`.${domain}`)).map((domain) => ({ pool, domain })))
    .toSorted((one, other) => other.domain.length - one.domain.length)[0]?.pool;
}
