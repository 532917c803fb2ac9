/** What a scan found, in the store and in the log. */
import { expect, it } from 'vitest';
import type { Fields, Log } from '../../common/runtime/log.js';
import { axeos } from '../adapters/axeos.js';
import type { FoundMiner, ScanResult } from '../discovery/scan.js';
import { STANDARD_PORTS } from '../readers/device.js';
import { FleetStore } from '../store/store.js';
import { register } from './register.js';
import { FleetReporter } from './reporter.js';

const found = (address: string, mac: string): FoundMiner => ({
  address,
  mac,
  open: ['http'],
  adapter: axeos,
  reading: { family: 'axeos', hostname: 'bitaxe', pools: [], fans: [], boards: [] },
});

it('adds one device where two have one MAC, and tells of the other', () => {
  const store = FleetStore.open(':memory:');
  try {
    const progress = { addresses: 3, probed: 3, answering: 3, interviewed: 3, found: 3 };
    const miners = [
      found('10.0.0.1', 'aa:aa:aa:aa:aa:aa'),
      found('10.0.0.2', 'aa:aa:aa:aa:aa:aa'),
      found('10.0.0.3', 'bb:bb:bb:bb:bb:bb'),
    ];
    const result: ScanResult = { found: miners, unknown: [], progress, duration_ms: 5 };
    const registered = register(store, result, STANDARD_PORTS, 0);
    expect(store.miners.list().map(({ ip_address }) => ip_address)).toEqual(['10.0.0.1', '10.0.0.3']);
    const told: [string, Fields][] = [];
    const tell = (event: string, fields: Fields = {}) => void told.push([event, fields]);
    const log: Log = { error: tell, warn: tell, info: tell, debug: tell };
    new FleetReporter(log).scanned(result, registered);
    expect(told).toMatchObject([
      ['scanned', { found: 3, added: 2, doubles: 1 }],
      ['addresses not added', { addresses: '10.0.0.2 (aa:aa:aa:aa:aa:aa)' }],
    ]);
  } finally {
    store.close();
  }
});
