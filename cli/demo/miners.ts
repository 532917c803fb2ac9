/**
 * The demo's miners: a simulated fleet, each miner a server at a loopback address of its own, and the agent that turns their
 * work into credits at one of the sites.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { hashToken, readTokens, TOKEN_BYTES, TOKEN_PREFIX, writeTokens } from '../../common/runtime/tokens.js';
import { EXAMPLE_WALLET } from '../../miner/simulate/fleet.js';
import { FleetStore } from '../../miner/store/store.js';
import { SIDECAR_TOKENS } from '../../sidecar/access/tokens.js';
import type { DemoEvent } from './event.js';
import type { DemoSite } from './layout.js';

export type DemoMiners = {
  /** Of the site that pays. */
  readonly site: string;
  /** Another one, where it is shown arriving. */
  readonly watched: string;
  /** The balance that grows. Absolute. */
  readonly balance: string;
  readonly config: string;
  readonly state: string;
  /** Of the first simulated miner. */
  readonly first: string;
  readonly port: number;
};

export const COUNT = 4;
export const PERIOD_S = 20;
/** Whom the demo's miners belong to. */
const USER = '2-miner';
const TOKEN_NAME = 'miner-agent';
/** Where the simulated miners say that they work. */
const POOL = { id: 'demo_pool', name: 'Demo pool', hosts: ['pool.invalid'], currency: 'BTC' } as const;
/** Ports that need no rights. */
export const PORTS = { rpc: 4_028, http: 4_080, whatsminer: 4_433 } as const;

/** `port`: of the agent's page. Simulated miners need many loopback addresses, which only Linux has: else undefined. */
export function demoMiners(
  dir: string,
  sites: readonly DemoSite[],
  port: number,
  platform = process.platform,
): DemoMiners | undefined {
  const [site, other] = sites.filter(({ socket }) => socket !== undefined);
  if (site === undefined || other === undefined || platform !== 'linux') return undefined;
  const root = resolve(dir, 'miners');
  // Two demos on one machine have miners of their own.
  const [one = 0, two = 0] = createHash('sha256').update(root).digest();
  return {
    site: site.site,
    watched: other.site,
    balance: join(site.userdata, `balances/${USER}.txt`),
    config: join(root, 'miner.yaml'),
    state: root,
    first: `127.${20 + (one % 200)}.${two}.1`,
    port,
  };
}

/** Config, wallet and token of the agent, and that token among the site's: before its daemon starts. */
export function prepareMiners(miners: DemoMiners, site: DemoSite): void {
  mkdirSync(miners.state, { recursive: true });
  const token_file = join(miners.state, 'token');
  const tokens = join(site.state, 'tokens.json');
  if (!existsSync(token_file) || !readTokens(tokens, SIDECAR_TOKENS).some(({ name }) => name === TOKEN_NAME)) {
    mkdirSync(site.state, { recursive: true });
    const token = TOKEN_PREFIX + randomBytes(TOKEN_BYTES).toString('base64url');
    writeFileSync(token_file, `${token}\n`, { mode: 0o600 });
    const others = readTokens(tokens, SIDECAR_TOKENS).filter(({ name }) => name !== TOKEN_NAME);
    const created = new Date().toISOString();
    writeTokens(tokens, [
      ...others,
      { name: TOKEN_NAME, sha256: hashToken(token), scopes: ['miner-credits'], created },
    ]);
  }
  writeFileSync(
    miners.config,
    stringify({
      state: miners.state,
      networks: [`${miners.first.replace(/\d+$/, '0')}/28`],
      ports: PORTS,
      poll_interval_s: 5,
      pools: [POOL],
      api: { port: miners.port },
      credit: {
        sidecar: { socket: site.socket },
        token_file,
        rate: { per_difficulty: '0.00001' },
        period_s: PERIOD_S,
        users: { rules: [{ worker: '*', user: USER }] },
      },
    }),
  );
  addWallet(miners);
}

function addWallet({ state }: DemoMiners): void {
  const store = FleetStore.open(join(state, 'fleet.db'));
  try {
    if (store.wallets.list().length > 0) return;
    const { id, currency } = POOL;
    store.wallets.add({ name: 'Demo wallet', address: EXAMPLE_WALLET, pool: id, currency, created_at: Date.now() });
  } finally {
    store.close();
  }
}

/** What miners earn goes everywhere every few seconds: to be seen arriving at one site is enough beside what people do. */
export function isMinersNoise(miners: DemoMiners | undefined, { document, site, level }: DemoEvent): boolean {
  const isEarned = miners !== undefined && document === `balances/${USER}`;
  return isEarned && level === 'info' && site !== miners.watched;
}

/** Arguments of `axle` for the servers that pretend to be miners. */
export function fleetArguments({ first }: DemoMiners): string[] {
  const ports = ['--rpc-port', PORTS.rpc, '--http-port', PORTS.http, '--whatsminer-port', PORTS.whatsminer];
  return ['miner', 'simulate', '--count', `${COUNT}`, '--first', first, ...ports.map(String), '--json'];
}

/** Arguments of `axle` for the agent. */
export function agentArguments({ config }: DemoMiners): string[] {
  return ['miner', '--config', config, '--log-format', 'json'];
}
