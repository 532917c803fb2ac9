import { createConnection } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { interview } from '../discovery/interview.js';
import { NetworkDevice } from '../readers/network-device.js';
import type { Fault } from './faults.js';
import { EXAMPLE_WALLET, Fleet, type FleetMiner, type FleetOptions } from './fleet.js';
import { KINDS, type Kind } from './miner-state.js';

const PORTS = { rpc: 14_028, http: 18_080, whatsminer: 14_433 };
const START = Date.UTC(2026, 0, 1);

let fleet: Fleet | undefined;
let now = START;

afterEach(async () => {
  await fleet?.stop();
  fleet = undefined;
});

async function start(options: Partial<FleetOptions> = {}): Promise<readonly FleetMiner[]> {
  now = START;
  fleet = await Fleet.start({ count: 1, first: '127.21.0.1', ports: PORTS, now: () => now, ...options });
  return fleet.miners;
}

function portsOf(kind: Kind) {
  if (kind === 'whatsminer3') return ['whatsminer'] as const;
  if (kind === 'bitaxe' || kind === 'nerdqaxe' || kind === 'nerdminer') return ['http'] as const;
  return kind === 'cgminer' ? (['rpc'] as const) : (['rpc', 'http'] as const);
}

function read(miner: FleetMiner, answer_ms = 2_000) {
  const device = new NetworkDevice(miner.address, { ports: PORTS, answer_ms, total_ms: answer_ms * 2 });
  return interview(device, portsOf(miner.kind));
}

const FAMILY: Readonly<Record<Kind, string>> = {
  antminer: 'antminer',
  'avalon-nano3s': 'avalon',
  'avalon-q': 'avalon',
  'avalon-1246': 'avalon',
  whatsminer2: 'whatsminer',
  whatsminer3: 'whatsminer',
  braiins: 'braiins',
  bitaxe: 'axeos',
  nerdqaxe: 'axeos',
  nerdminer: 'nerdminer',
  cgminer: 'cgminer',
};

describe('a simulated miner is read over the network as what it is', () => {
  it.each(KINDS)('%s', async (kind) => {
    const [miner] = await start({ kinds: [kind] });
    now += 600_000;
    const found = await read(miner as FleetMiner);
    const state = (miner as FleetMiner).simulated.state();
    const reading = found?.reading;
    expect(reading?.family).toBe(FAMILY[kind]);
    expect((reading?.hashrate_hps ?? 0) / state.model.hashrate_hps).toBeGreaterThan(0.96);
    expect((reading?.hashrate_hps ?? 0) / state.model.hashrate_hps).toBeLessThan(1.04);
    expect(reading?.uptime_s).toBe(kind === 'cgminer' ? 600 : state.uptime_s);
    expect(reading?.temperature_c).toBe(state.model.temperature_c);
    expect(reading?.pools[0]).toMatchObject({
      url: 'stratum+tcp://pool.invalid:3333',
      user: `${EXAMPLE_WALLET}.${miner?.name}`,
      active: true,
    });
    if (kind !== 'whatsminer3') {
      expect(state.accepted).toBeGreaterThan(5);
      expect(reading?.shares_accepted).toBe(state.accepted);
      expect(reading?.pools[0]?.shares_accepted).toBe(state.accepted);
    }
    if (!['axeos', 'nerdminer'].includes(FAMILY[kind]) && kind !== 'whatsminer3') {
      expect(reading?.pools[0]?.difficulty_accepted).toBeCloseTo(state.difficulty_accepted, 6);
    }
    if (!['antminer', 'nerdminer', 'cgminer', 'braiins'].includes(kind))
      expect(reading?.power_w).toBe(state.model.power_w);
    if (kind !== 'cgminer') expect(reading?.mac).toBe(miner?.mac);
  });
});

describe('faults', () => {
  it.each<[Fault, Kind]>([
    ['nul-less', 'antminer'],
    ['invalid-json', 'cgminer'],
    ['slow', 'whatsminer2'],
    ['slow', 'bitaxe'],
  ])('%s: a %s is read in spite of it', async (fault, kind) => {
    const [miner] = await start({ kinds: [kind], faults: { [fault]: 1 } });
    now += 600_000;
    const found = await read(miner as FleetMiner, 5_000);
    expect(found?.reading.family).toBe(FAMILY[kind]);
    expect(found?.reading.shares_accepted).toBe(miner?.simulated.state().accepted);
  });

  it.each<[Fault, Kind]>([
    ['truncated', 'antminer'],
    ['truncated', 'bitaxe'],
  ])('%s: of a %s only what was whole is believed', async (fault, kind) => {
    const [miner] = await start({ kinds: [kind], faults: { [fault]: 1 } });
    now += 600_000;
    const reading = (await read(miner as FleetMiner))?.reading;
    const state = miner?.simulated.state();
    for (const accepted of [reading?.shares_accepted, reading?.pools[0]?.shares_accepted]) {
      if (accepted !== undefined) expect(accepted).toBe(state?.accepted);
    }
  });

  it.each<[Fault, Kind, string | undefined]>([
    ['hung', 'antminer', 'DeviceSilentError'],
    ['hung', 'bitaxe', 'DeviceSilentError'],
    ['hung', 'whatsminer3', 'DeviceSilentError'],
    ['reset', 'antminer', 'DeviceUnreachableError'],
    ['reset', 'nerdminer', 'DeviceUnreachableError'],
    ['html', 'cgminer', undefined],
    ['html', 'bitaxe', undefined],
  ])('%s: a %s is not taken for anything', async (fault, kind, error) => {
    const [miner] = await start({ kinds: [kind], faults: { [fault]: 1 } });
    const started = performance.now();
    const found = await read(miner as FleetMiner, 300).then(
      (value) => value,
      (failure: Error) => failure.name,
    );
    expect(found).toBe(error);
    expect(performance.now() - started).toBeLessThan(1_500);
  });

  it('an answer without end is cut off', async () => {
    const [miner] = await start({ kinds: ['antminer'] });
    const device = new NetworkDevice(miner?.address ?? '', { ports: PORTS, bytes_max: 100 });
    await expect(device.rpc('stats')).rejects.toThrow('sends more than 100 bytes');
  });

  it('counters: a restart, a fall and a wrap, and what was really earned', async () => {
    const [miner] = await start({ kinds: ['antminer'], faults: { 'counters-wrap': 1 } });
    const simulated = (miner as FleetMiner).simulated;
    now += 600_000;
    expect(simulated.state().difficulty_accepted).toBeLessThan(1_000);
    const earned = simulated.difficulty_ever;
    simulated.restart();
    expect(simulated.state()).toMatchObject({ uptime_s: 0, accepted: 0, difficulty_accepted: 0 });
    now += 600_000;
    expect(simulated.difficulty_ever).toBeGreaterThan(earned);
    simulated.resetCounters();
    expect(simulated.state()).toMatchObject({ uptime_s: 600, accepted: 0 });
  });

  it('a miner that moves answers at its new address only, under its old MAC', async () => {
    const [miner] = await start({ kinds: ['bitaxe'] });
    await fleet?.move(miner as FleetMiner, '127.21.0.200');
    expect((await read(miner as FleetMiner))?.reading.mac).toBe(miner?.mac);
    const old = createConnection({ host: '127.21.0.1', port: PORTS.http });
    await expect(new Promise((resolve, reject) => old.on('connect', resolve).on('error', reject))).rejects.toThrow(
      'ECONNREFUSED',
    );
  });

  it('a login that was changed is used where it is known', async () => {
    const [miner] = await start({ kinds: ['antminer'], login: { user: 'root', password: 'changed' } });
    const address = miner?.address ?? '';
    const login = { user: 'root', password: 'changed' };
    const withoutIt = await interview(new NetworkDevice(address, { ports: PORTS }), ['rpc', 'http']);
    const withIt = await interview(new NetworkDevice(address, { ports: PORTS, login }), ['rpc', 'http']);
    expect([withoutIt?.reading.mac, withIt?.reading.mac]).toEqual([undefined, miner?.mac]);
    expect(withoutIt?.reading.hashrate_hps).toBeGreaterThan(0);
  });

  it('more faults than miners are refused', async () => {
    await expect(Fleet.start({ count: 1, faults: { hung: 2 } })).rejects.toThrow('2 faults are more than 1 miners');
  });
});
