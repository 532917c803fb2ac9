/** Rounds that fail, told in the log: once that they do, and once that it is over. */
import { expect, it, vi } from 'vitest';
import type { Fields, Log } from '../../common/runtime/log.js';
import { FleetStore } from '../store/store.js';
import { openMoney } from './money.js';

it('tells when crediting fails, what to do, and when it works again', async () => {
  const store = FleetStore.open(':memory:');
  const told: [string, Fields][] = [];
  const tell = (event: string, fields: Fields = {}) => void told.push([event, fields]);
  const log: Log = { error: tell, warn: tell, info: tell, debug: () => {} };
  const money = openMoney({
    store,
    credit: {
      sidecar: { socket: '/nowhere.sock' },
      rate: { per_difficulty: '1' },
      period_s: 600,
      users: { table: {}, rules: [] },
      plausible: { min: 0.5, max: 1.5 },
      shares_d: 32,
    },
    log,
    now: () => 1_700_000_000_000,
    random: () => 0,
    round_ms: 5,
  });
  const full = () => {
    throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
  };
  const closing = vi.spyOn(store.works, 'unassigned').mockImplementation(full);
  money.start();
  try {
    await vi.waitFor(() => expect(told).toHaveLength(1));
    closing.mockRestore();
    await vi.waitFor(() => expect(told).toHaveLength(2));
  } finally {
    await money.stop();
    store.close();
  }
  expect(told).toEqual([
    [
      'crediting failed',
      {
        code: 'AXL-CREDIT-FAULT',
        reason: 'database or disk is full',
        hint: expect.stringContaining('free space'),
      },
    ],
    ['crediting works again', { code: 'AXL-CREDIT-FAULT' }],
  ]);
});
