/** What readings leave in the store, many at once. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { adapterOf } from '../adapters/identify.js';
import type { MinerReading } from '../adapters/reading.js';
import { Accounts } from '../shares/accounts.js';
import type { MinerRow, NewMiner } from '../store/miners.js';
import { FleetStore } from '../store/store.js';
import { Matcher } from '../wallets/matching.js';
import type { DeviceResult } from './device-reader.js';
import { type Entry, Ledger } from './ledger.js';

const AT = 1_700_000_400_000;
const MAC = 'aa:bb:cc:00:11:22';
const adapter = adapterOf('cgminer') as DeviceResult['adapter'];

let store: FleetStore;
let ledger: Ledger;
beforeEach(() => {
  store = FleetStore.open(':memory:');
  const accounts = new Accounts(store, { period_ms: 600_000, plausible: { min: 0.5, max: 1.5 } });
  ledger = new Ledger(store, { accounts, matcher: new Matcher(store) });
});
afterEach(() => store.close());

const added = (more: Partial<NewMiner> = {}): MinerRow =>
  store.miners.add({ name: 'Rig', miner_type: 'cgminer', ip_address: '192.168.1.9', created_at: AT, ...more });

function entry(row: MinerRow, second: number, difficulty_accepted: number, more: Partial<Entry> = {}): Entry {
  const reading: MinerReading = {
    family: 'cgminer',
    hashrate_hps: 100 * 2 ** 32,
    uptime_s: 1_000 + second,
    pools: [{ url: 'stratum+tcp://p:1', user: 'x.rig', difficulty_accepted, difficulty: 1_000 }],
    fans: [],
    boards: [],
  };
  return { row, adapter, reading, at: AT + second * 1_000, ...more };
}

const mined = () => store.works.since(0).reduce((total, { difficulty }) => total + Number(difficulty), 0);

it('a device that tells its MAC twice before that is written stays', () => {
  const row = added();
  ledger.write([entry(row, 0, 10_000, { mac: MAC }), entry(row, 1, 11_000, { mac: MAC })]);
  expect(store.miners.list()).toMatchObject([{ id: row.id, mac_address: MAC }]);
  expect(mined()).toBe(1_000);
});

it('of two entries for one device, what the one read last has counted is not counted again', () => {
  const known = added({ mac_address: MAC, ip_address: '192.168.1.8' });
  const other = added();
  ledger.write([entry(other, 0, 10_000), entry(known, 0, 10_000)]);
  ledger.write([entry(other, 30, 11_000), entry(known, 600, 30_000)]);
  const before = mined();
  ledger.write([entry(other, 630, 31_000, { mac: MAC })]);
  const [united] = store.miners.list();
  expect(united).toMatchObject({ id: known.id, ip_address: other.ip_address });
  ledger.write([entry(united as MinerRow, 660, 32_000)]);
  expect(mined() - before).toBe(2_000);
});

it('a device that a person has disabled stays so where a scan took it for a new one', () => {
  const known = added({ mac_address: MAC, ip_address: '192.168.1.8' });
  store.miners.change(known.id, { enabled: 0 });
  ledger.write([entry(added({ auto_discovered: 1 }), 0, 10_000, { mac: MAC })]);
  expect(store.miners.list()).toMatchObject([{ id: known.id, enabled: 0 }]);
  ledger.write([entry(added(), 30, 11_000, { mac: MAC })]);
  expect(store.miners.list()).toMatchObject([{ id: known.id, enabled: 1 }]);
});

it('a device that names other pools with every reading does not fill the tables', () => {
  const row = added();
  const names = (second: number, many: number, more = '') =>
    Array.from({ length: many }, (_, place) => ({
      url: 'stratum+tcp://p:1',
      user: `x${more}.rig-${second}-${place}`,
      difficulty_accepted: second * 1_000,
      difficulty: 1_000,
    }));
  for (let second = 0; second <= 20 * 30; second += 30) {
    const { reading, ...rest } = entry(row, second, 0);
    const pools = [...reading.pools, ...names(second, 500), ...names(second, 10, 'x'.repeat(600))];
    ledger.write([{ ...rest, reading: { ...reading, pools } }]);
  }
  expect(store.counters.of(row.id).length).toBeLessThanOrEqual(200);
  expect(store.configs.list(row.id).length).toBeLessThanOrEqual(200);
  expect(store.configs.list(row.id).filter(({ active }) => active === 1)).toHaveLength(64);
  expect(store.counters.of(row.id).every(({ pool_user }) => pool_user.length < 500)).toBe(true);
  expect(store.counters.of(row.id)).toContainEqual(expect.objectContaining({ pool_user: 'x.rig' }));
});
