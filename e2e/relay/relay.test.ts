/** The fleet's way out of the local network, with real daemons: agent's machine → spoke → hub → `axle dashboard`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { CloudFleet } from '../../miner/cloud/mirror.js';
import type { Fleet } from '../../miner/fleet/fleet.js';
import { hubText, writeHubFile } from '../../miner/relay/hub-file.js';
import { snapshotOf, snapshotText } from '../../miner/relay/snapshot.js';
import { GistServer } from '../../miner/relay/testing/gist-server.js';
import { Fleet as Miners } from '../../miner/simulate/fleet.js';
import { KINDS, MAIN } from '../lab/axle.js';
import { waitFor } from '../lab/wait.js';

const HUB = 'directsponsor';
const HOME = 'home';
const OTHER = 'roflfaucet';
const FLEET = { kinds: { fleet: {} } };
const PORTS = { rpc: 14_258, http: 18_310, whatsminer: 14_663 };

let root: string;
let children: { readonly child: ChildProcess; readonly ended: Promise<unknown> }[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'axle-e2e-relay-'));
  children = [];
});

afterEach(async () => {
  for (const { child } of children) child.kill('SIGTERM');
  await Promise.all(children.map(({ ended }) => ended));
  rmSync(root, { recursive: true, force: true });
});

/** Everything that a run of `axle` says. */
class Run {
  said = '';
  readonly ended: Promise<number>;

  constructor(args: readonly string[], env: Record<string, string> = {}) {
    const child = spawn(process.execPath, [MAIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, GIST_ID: '', GIST_TOKEN: '', CLOUD_MODE: '', ...env },
    });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.said += text;
      });
    this.ended = new Promise((resolve) => child.on('close', (code) => resolve(code ?? 137)));
    children.push({ child, ended: this.ended });
  }

  async told(what: RegExp): Promise<RegExpExecArray> {
    await waitFor(`${what}`, { timeoutMs: 20_000 }, () => what.test(this.said)).catch((cause) => {
      throw new Error(this.said.slice(-4_000), { cause });
    });
    return what.exec(this.said) as RegExpExecArray;
  }
}

const userdata = (site: string): string => join(root, site, 'userdata');

function makeSite(site: string, peers: readonly string[], more: object): Run {
  for (const kind of KINDS) mkdirSync(join(userdata(site), kind), { recursive: true });
  for (const peer of peers) mkdirSync(join(root, site, 'state/inbox', peer), { recursive: true });
  const links = peers.map((peer) => ({
    site: peer,
    link: { type: 'folder', inbox: join(root, peer, 'state/inbox', site) },
  }));
  const file = join(root, `${site}.yaml`);
  const own = { site, userdata: userdata(site), state: join(root, site, 'state'), ...more };
  writeFileSync(file, stringify(site === HUB ? { ...own, spokes: links } : { ...own, hub: links[0] }));
  return new Run([site === HUB ? 'hub' : 'spoke', '--config', file, '--log-format', 'journal']);
}

async function startSites(): Promise<Run[]> {
  // Every inbox before any daemon: one that finds none backs off.
  for (const [site, peer] of [
    [HUB, HOME],
    [HUB, OTHER],
    [HOME, HUB],
    [OTHER, HUB],
  ] as const)
    mkdirSync(join(root, site, 'state/inbox', peer), { recursive: true });
  for (const site of [HUB, HOME]) mkdirSync(join(userdata(site), 'fleet'), { recursive: true });
  const sites = [makeSite(HUB, [HOME, OTHER], FLEET), makeSite(HOME, [HUB], FLEET), makeSite(OTHER, [HUB], {})];
  await Promise.all(sites.map((site) => site.told(/ready site=/)));
  return sites;
}

const shown = async (port: string | undefined): Promise<CloudFleet> =>
  (await (await fetch(`http://127.0.0.1:${port}/api/fleet`)).json()) as CloudFleet;

function fleetOf(count: number, at: number): string {
  const miners = Array.from({ length: count }, (_, place) => ({
    id: place + 1,
    name: `rig${place + 1}`,
    miner_type: 'antminer',
    model: 'Antminer S19j Pro',
    firmware: 'Wed Dec 21 10:51:24 CST 2022',
    address: `10.0.${place >> 8}.${place & 255}`,
    state: 'online' as const,
    at,
    reading: {
      family: 'antminer' as const,
      hashrate_hps: 104.123e12 + place,
      hashrate_avg_hps: 103e12,
      temperature_c: 71,
      power_w: 3_068,
      frequency_hz: 525e6,
      uptime_s: 86_400 + place,
      shares_accepted: 1_234 + place,
      shares_rejected: 5,
      pools: [{ active: true, difficulty: 65_536 }],
      fans: [{ rpm: 5_880 }],
      boards: [],
    },
  }));
  const fleet: Fleet = { at, poll_interval_s: 30, miners };
  return snapshotText(snapshotOf(fleet, { addresses: false, interval_s: 60 }));
}

describe.skipIf(!existsSync(MAIN))('the relay', () => {
  it('brings the fleet of the local network to a dashboard at the hub', async () => {
    const sites = await startSites();
    const miners = await Miners.start({ count: 3, first: '127.23.8.1', kinds: ['antminer', 'bitaxe'], ports: PORTS });
    const ports = [
      '--rpc-port',
      `${PORTS.rpc}`,
      '--http-port',
      `${PORTS.http}`,
      '--whatsminer-port',
      `${PORTS.whatsminer}`,
    ];
    const where = ['--hub-data', userdata(HOME), '--name', HOME];
    try {
      const relay = new Run(['miner', 'relay', '--once', '--scan', '127.23.8.0/29', ...where, ...ports]);
      expect(await relay.ended).toBe(0);
      expect(relay.said).toMatch(/Polled 3 miners, 3 online\nSuccessfully updated .*fleet\/home\.txt with 3 miners/);
    } finally {
      await miners.stop();
    }
    const dashboard = new Run(['dashboard', '--hub-data', userdata(HUB), '--port', '18471', '--log-format', 'journal']);
    const [, port] = await dashboard.told(/dashboard .*port=(\d+)/);
    await waitFor(
      'the fleet at the dashboard',
      { timeoutMs: 20_000 },
      async () => (await shown(port)).miners.length === 3,
    );
    const fleet = await shown(port);
    expect(fleet).toMatchObject({ source: 'hub', stale: false, agents: [{ name: HOME, miners: 3 }] });
    expect(fleet.miners.every(({ state, address }) => state === 'online' && address === undefined)).toBe(true);
    expect(readFileSync(join(userdata(HUB), 'fleet/home.txt'), 'utf8')).toBe(
      readFileSync(join(userdata(HOME), 'fleet/home.txt'), 'utf8'),
    );
    // A site that has not asked for fleets has none.
    expect(readdirSync(userdata(OTHER))).not.toContain('fleet');
    for (const site of sites) expect(site.said).not.toMatch(/^<[0-4]>/m);
  });

  it('brings 1,000 miners, the newest last', async () => {
    await startSites();
    const took: number[] = [];
    const file = join(userdata(HUB), 'fleet/home.txt');
    for (let round = 0; round < 5; round += 1) {
      const text = hubText(fleetOf(1_000, Date.now()));
      const began = performance.now();
      await writeHubFile(userdata(HOME), HOME, text);
      await waitFor('the newest at the hub', { timeoutMs: 20_000, everyMs: 2 }, () => {
        return existsSync(file) && readFileSync(file, 'utf8') === text;
      });
      took.push(Math.round(performance.now() - began));
    }
    console.log(`1,000 miners (${Buffer.byteLength(fleetOf(1_000, 0))} bytes) at the hub after ${took.join(', ')} ms`);
  });

  it('brings the fleet to a dashboard in the cloud by way of a Gist', async () => {
    const server = await GistServer.start();
    server.accounts.set('ghp_abc', { owner: 'andy', scopes: ['gist'] });
    server.add('abc', 'andy');
    const miners = await Miners.start({ count: 2, first: '127.23.9.1', kinds: ['antminer', 'bitaxe'], ports: PORTS });
    const ports = [
      '--rpc-port',
      `${PORTS.rpc}`,
      '--http-port',
      `${PORTS.http}`,
      '--whatsminer-port',
      `${PORTS.whatsminer}`,
    ];
    try {
      const env = { GIST_ID: 'abc', GIST_API_URL: server.url, GIST_CACHE_TTL: '1' };
      const dashboard = new Run(['dashboard', '--host', '127.0.0.1'], { ...env, CLOUD_MODE: 'true', PORT: '18472' });
      await dashboard.told(/fleet not fetched .*no agent has written to it yet/);
      expect(await shown('18472')).toMatchObject({ stale: true, miners: [] });
      const relay = new Run(['miner', 'relay', '--once', '--scan', '127.23.9.0/29', ...ports], {
        ...env,
        GIST_TOKEN: 'ghp_abc',
      });
      expect(await relay.ended).toBe(0);
      expect(relay.said).toContain('Successfully updated Gist abc with 2 miners');
      await waitFor(
        'the fleet at the dashboard',
        { timeoutMs: 20_000 },
        async () => (await shown('18472')).miners.length === 2,
      );
      expect(await shown('18472')).toMatchObject({ source: 'gist', stale: false });
    } finally {
      await miners.stop();
      await server.close();
    }
  });

  it('is part of the agent, which needs no more than the environment of sync_to_gist.py', async () => {
    const server = await GistServer.start();
    server.accounts.set('ghp_abc', { owner: 'andy', scopes: ['gist'] });
    server.add('abc', 'andy');
    const miners = await Miners.start({ count: 2, first: '127.23.10.1', kinds: ['antminer', 'bitaxe'], ports: PORTS });
    mkdirSync(join(userdata(HOME), '.axle/locks'), { recursive: true });
    const config = join(root, 'miner.yaml');
    const hub = { userdata: userdata(HOME), name: HOME };
    const own = {
      state: join(root, 'miner'),
      networks: ['127.23.10.0/29'],
      poll_interval_s: 5,
      ports: PORTS,
      api: { port: 18_473 },
    };
    writeFileSync(config, stringify({ ...own, relay: { gist: { api_url: server.url }, hub } }));
    try {
      const env = { GIST_ID: 'abc', GIST_TOKEN: 'ghp_abc', SYNC_INTERVAL: '10' };
      const agent = new Run(['miner', '--config', config, '--log-format', 'journal'], env);
      await waitFor('both miners in the Gist', { timeoutMs: 60_000 }, () => {
        const { miners: listed = {} } = JSON.parse(server.textOf('abc')) as {
          miners?: Record<string, { alive: boolean }>;
        };
        return Object.values(listed).filter(({ alive }) => alive).length === 2;
      }).catch((cause) => {
        throw new Error(agent.said.slice(-4_000), { cause });
      });
      await agent.told(/gist updated gist=abc miners=\d online=\d/);
      await agent.told(/hub updated hub=\S*fleet\/home.txt/);
      expect(agent.said).not.toContain('ghp_abc');
      expect(server.textOf('abc')).not.toContain('127.23.10');
    } finally {
      await miners.stop();
      await server.close();
    }
  });
});
