import { afterEach, describe, expect, it } from 'vitest';
import { Fleet } from '../simulate/fleet.js';
import { AddressError } from './addresses.js';
import { reconcile } from './reconcile.js';
import { type ScanProgress, scan } from './scan.js';
import { type ScanJob, ScanJobs } from './scan-jobs.js';

const PORTS = { rpc: 14_128, http: 18_180, whatsminer: 14_533 };
let fleet: Fleet | undefined;

afterEach(async () => {
  await fleet?.stop();
  fleet = undefined;
});

describe('a scan', () => {
  it('finds every kind of miner, tells the hung one from them, and shows how far it is', async () => {
    fleet = await Fleet.start({ count: 23, first: '127.22.0.1', step: 2, ports: PORTS, faults: { hung: 1 } });
    const progress: ScanProgress[] = [];
    const result = await scan({
      networks: ['127.22.0.0/26'],
      ports: PORTS,
      device: { answer_ms: 400, total_ms: 1_000 },
      onProgress: (seen) => progress.push(seen),
    });
    expect(result.found.map(({ address }) => address).toSorted()).toEqual(
      fleet.miners
        .filter(({ fault }) => fault === undefined)
        .map(({ address }) => address)
        .toSorted(),
    );
    expect(result.unknown).toEqual([expect.objectContaining({ address: fleet.miners[22]?.address })]);
    expect(result.unknown[0]?.reason).toMatch(/does not answer|used up/);
    expect(result.progress).toEqual({ addresses: 62, probed: 62, answering: 62, interviewed: 23, found: 22 });
    expect(progress.map(({ probed }) => probed)).toEqual(
      progress.map(({ probed }) => probed).toSorted((a, b) => a - b),
    );
  });

  it('finds a device that moved by its MAC', async () => {
    fleet = await Fleet.start({ count: 3, first: '127.22.1.1', ports: PORTS, kinds: ['bitaxe', 'avalon-q'] });
    const networks = ['127.22.1.0/28'];
    const first = await scan({ networks, ports: PORTS });
    const known = first.found.map(({ address, mac }, id) => ({ id, address, ...(mac === undefined ? {} : { mac }) }));
    const [miner] = fleet.miners;
    if (miner === undefined) throw new Error('no miner');
    await fleet.move(miner, '127.22.1.9');
    const second = reconcile(known, (await scan({ networks, ports: PORTS })).found);
    expect(second.seen.filter(({ moved }) => moved).map(({ found }) => [found.mac, found.address])).toEqual([
      [miner.mac, '127.22.1.9'],
    ]);
    expect([second.added, second.missed]).toEqual([[], []]);
  });

  describe('looks again', () => {
    const nobody = { open: [], answers: false, troubled: false, slowest_ms: 0 };
    const somebody = { open: [], answers: true, troubled: false, slowest_ms: 0 };

    /** Every address answers at its second look only, but .1, which answers as `first` has it. */
    async function looks(first: object, known_addresses: readonly string[] = []) {
      const seen = new Map<string, number[]>();
      const result = await scan({
        networks: ['10.0.0.0/29'],
        known_addresses,
        probe: async (address, _ports, limit_ms) => {
          const limits = [...(seen.get(address) ?? []), limit_ms];
          seen.set(address, limits);
          if (address === '10.0.0.1') return { ...somebody, ...first };
          return limits.length === 1 ? nobody : somebody;
        },
      });
      return { result, limits: (address: string) => seen.get(address) };
    }

    it('nowhere, where the network is well', async () => {
      const { result, limits } = await looks({});
      expect(result.progress).toMatchObject({ addresses: 6, probed: 6, answering: 1 });
      expect(limits('10.0.0.2')).toEqual([1_250]);
    });

    it('slower, at all that was silent, where packets were lost', async () => {
      const { result, limits } = await looks({ slowest_ms: 1_020 });
      expect(result.progress).toMatchObject({ addresses: 6, probed: 6, answering: 6 });
      expect(limits('10.0.0.2')).toEqual([1_250, 3_500]);
      expect(limits('10.0.0.1')).toEqual([1_250]);
    });

    it('at the places of known devices, also outside of the network', async () => {
      const { result, limits } = await looks({}, ['10.0.0.3', '10.9.9.9']);
      expect(result.progress).toMatchObject({ addresses: 7, probed: 7, answering: 3 });
      expect([limits('10.0.0.3'), limits('10.9.9.9'), limits('10.0.0.2')]).toEqual([
        [1_250, 3_500],
        [1_250, 3_500],
        [1_250],
      ]);
    });

    it('where this machine was too busy to ask, until it has asked', async () => {
      const tries = new Map<string, number>();
      const result = await scan({
        networks: ['10.0.0.0/24'],
        probe: async (address) => {
          tries.set(address, (tries.get(address) ?? 0) + 1);
          return (tries.get(address) ?? 0) < 3 ? { ...nobody, troubled: true } : somebody;
        },
      });
      expect(result.progress).toMatchObject({ probed: 254, answering: 254 });
    });
  });

  it('can be stopped', async () => {
    fleet = await Fleet.start({
      count: 2,
      first: '127.22.2.1',
      ports: PORTS,
      kinds: ['antminer'],
      faults: { hung: 2 },
    });
    const stop = new AbortController();
    const scanning = scan({ networks: ['127.22.2.0/28'], ports: PORTS, signal: stop.signal });
    setTimeout(() => stop.abort(new Error('enough')), 100);
    const started = performance.now();
    await expect(scanning).rejects.toThrow('enough');
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('of networks that are none is refused', async () => {
    await expect(scan({ networks: ['10.0.0.0/4'] })).rejects.toThrow(AddressError);
  });
});

describe('jobs', () => {
  const empty = {
    found: [],
    unknown: [],
    progress: { addresses: 2, probed: 2, answering: 0, interviewed: 0, found: 0 },
    duration_ms: 5,
  };
  const eth0 = { eth0: [{ address: '192.168.9.2', cidr: '192.168.9.2/30', family: 'IPv4', internal: false }] };

  it('are followed while they run, and one runs for the same network', async () => {
    const asked: (readonly string[])[] = [];
    const jobs = new ScanJobs({
      scan: async ({ networks, onProgress }) => {
        asked.push(networks);
        onProgress?.({ ...empty.progress, probed: 1 });
        return empty;
      },
      interfaces: () => eth0,
      now: () => 7,
      options: () => ({}),
      onResult: () => {},
    });
    const job = jobs.start();
    expect(job).toMatchObject({
      id: 1,
      state: 'running',
      networks: ['192.168.9.0/30'],
      started_at: 7,
      progress: { addresses: 2 },
    });
    expect(jobs.start().id).toBe(1);
    const seen: ScanJob[] = [];
    jobs.follow(1, (each) => seen.push(each));
    expect(await jobs.finished(1)).toMatchObject({ state: 'done', duration_ms: 5 });
    expect(seen.map(({ state, progress }) => [state, progress.probed])).toEqual([
      ['running', 0],
      ['running', 1],
      ['done', 2],
    ]);
    expect(jobs.start(['192.168.9.0/30']).id).toBe(2);
    await jobs.stop();
    expect(asked).toHaveLength(2);
  });

  it('say why they failed, and that they were stopped', async () => {
    const jobs = new ScanJobs({
      scan: ({ networks, signal }) =>
        networks[0] === '10.0.0.1'
          ? Promise.reject(new Error('no network'))
          : new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
      interfaces: () => ({}),
      now: () => 0,
      options: () => ({}),
      onResult: () => {},
    });
    expect(() => jobs.start()).toThrow('this machine is in no private network');
    expect(() => jobs.start(['x'])).toThrow(AddressError);
    expect(await jobs.finished(jobs.start(['10.0.0.1']).id)).toMatchObject({ state: 'failed', error: 'no network' });
    const second = jobs.start(['10.0.0.2']);
    await Promise.resolve();
    await jobs.stop();
    expect(jobs.get(second.id)?.state).toBe('stopped');
  });
});
