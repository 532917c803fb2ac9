import { expect, it } from 'vitest';
import { cgminer } from '../adapters/cgminer.js';
import type { FoundMiner } from './scan.js';
import { table } from './scan-command.js';

const miner = (place: number, worker: string): FoundMiner => ({
  address: `192.168.1.${place}`,
  mac: '02:ae:1e:00:00:01',
  open: ['rpc'],
  adapter: cgminer,
  reading: {
    family: 'antminer',
    model: 'Antminer S19 Pro',
    hashrate_hps: 112.1e12,
    temperature_c: 78,
    pools: [{ url: 'tcp://p:1', user: `bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4.${worker}` }],
    fans: [],
    boards: [],
  },
});

it('a scan fits its terminal: of a pool user that is too long, the worker is shown', () => {
  const result = {
    found: [miner(10, 'rig-1'), miner(9, 'r2')],
    unknown: [{ address: '192.168.1.254', open: ['http' as const], reason: 'says nothing that a miner says' }],
    progress: { addresses: 254, probed: 254, answering: 9, interviewed: 3, found: 2 },
    duration_ms: 3_800,
  };
  expect(table(['192.168.1.0/24'], result, 80).split('\n')).toEqual([
    '192.168.1.9    02:ae:1e:00:00:01  Antminer S19 Pro  112.1 TH/s   78 °C  …f3t4.r2',
    '192.168.1.10   02:ae:1e:00:00:01  Antminer S19 Pro  112.1 TH/s   78 °C  …4.rig-1',
    '192.168.1.254  not understood (http): says nothing that a miner says',
    '2 miners among 254 addresses of 192.168.1.0/24 in 3.8 s',
    '',
  ]);
  expect(table([], result, 60)).toContain('  78 °C\n');
  expect(table([], result, Number.POSITIVE_INFINITY)).toContain('  bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4.rig-1\n');
});
