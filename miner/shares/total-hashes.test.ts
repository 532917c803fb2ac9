/** Miners that count their hashes (AxeOS from 2.15 on): shares are measured by that, and not by the hashrate of a moment. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { MinerReading } from '../adapters/reading.js';
import type { MinerRow } from '../store/miners.js';
import { FleetStore } from '../store/store.js';
import { Accounts } from './accounts.js';

const AT = 1_700_000_400_000;
const HASHRATE_HPS = 100 * 2 ** 32;
const HOUR = 3_600;

let store: FleetStore;
let accounts: Accounts;
let miner: MinerRow;
beforeEach(() => {
  store = FleetStore.open(':memory:');
  accounts = new Accounts(store, { period_ms: 600_000, plausible: { min: 0.5, max: 1.5 } });
  miner = store.miners.add({ name: 'Axe', miner_type: 'axeos', ip_address: '192.168.1.9', created_at: AT });
});
afterEach(() => store.close());

interface Shown {
  /** Of HASHRATE_HPS. */
  readonly rate: number;
  readonly hours: number;
  /** What it computed, in hours at HASHRATE_HPS. */
  readonly computed?: number;
  readonly uptime_s?: number;
}

/** Of shares as they come at HASHRATE_HPS. */
function take(second: number, { rate, hours, computed, uptime_s = 100_000 + second }: Shown): void {
  const reading: MinerReading = {
    family: 'axeos',
    hashrate_hps: HASHRATE_HPS * rate,
    uptime_s,
    shares_accepted: hours * 3_600,
    ...(computed !== undefined && { total_hashes: HASHRATE_HPS * HOUR * (50 + computed) }),
    pools: [{ url: 'stratum+tcp://a:1', user: 'bc1qa.axe', active: true, difficulty: 100 }],
    fans: [],
    boards: [],
  };
  store.transaction(() => accounts.take(miner, reading, AT + second * 1_000));
}
const states = () => store.db.prepare('SELECT state FROM works ORDER BY id').pluck().all();

it('no hashrate of a moment stands for the hours in which it was not read', () => {
  take(0, { rate: 0.1, hours: 1, computed: 0 });
  take(3 * HOUR, { rate: 0.1, hours: 4, computed: 3 });
  expect(states()).toEqual(['unassigned']);
});

it('shares that it did not compute are held, though they fit the hashrate that it reports', () => {
  take(0, { rate: 1, hours: 1, computed: 0 });
  take(HOUR, { rate: 1, hours: 2, computed: 0.1 });
  expect(states()).toEqual(['held']);
});

it.each<[string, Shown, Shown]>([
  ['it forgot a part of it', { rate: 1, hours: 1, computed: 5 }, { rate: 1, hours: 2, computed: 4 }],
  ['it does not go on', { rate: 1, hours: 1, computed: 5 }, { rate: 1, hours: 2, computed: 5 }],
  ['it is new', { rate: 1, hours: 1 }, { rate: 1, hours: 2, computed: 9 }],
  ['it restarted', { rate: 1, hours: 9, computed: 0 }, { rate: 1, hours: 0.5, computed: 9, uptime_s: HOUR / 2 }],
])('where %s, the hashrate counts', (_name, before, now) => {
  take(0, before);
  take(HOUR, now);
  expect(states()).toEqual(['unassigned']);
});

it('an agent that has just started has nothing to compare with', () => {
  take(0, { rate: 1, hours: 1, computed: 0 });
  accounts = new Accounts(store, { period_ms: 600_000, plausible: { min: 0.5, max: 1.5 } });
  take(HOUR, { rate: 1, hours: 2, computed: 9 });
  take(2 * HOUR, { rate: 0.1, hours: 3, computed: 10 });
  expect(states()).toEqual(['unassigned', 'unassigned']);
});
