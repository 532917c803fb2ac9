/** Which works become whose credit. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FleetStore } from '../store/store.js';
import type { UserRule } from './config.js';
import { settle } from './settling.js';

const AT = 1_700_000_400_000;
const PERIOD_MS = 600_000;

let store: FleetStore;
beforeEach(() => {
  store = FleetStore.open(':memory:');
});
afterEach(() => store.close());

/** At a pool, in a period by its number. */
function mined(pool: string, period: number): void {
  store.works.add({
    miner_id: 1,
    worker_key: 'aa:bb:cc:00:11:22',
    worker: 'rig',
    pool_url: `stratum+tcp://${pool}:1`,
    pool_user: 'x.rig',
    from_at: AT + period * PERIOD_MS,
    to_at: AT + (period + 1) * PERIOD_MS,
    difficulty: '1000',
    shares: 1,
    is_estimate: 0,
  });
  store.db.prepare("UPDATE works SET state = 'unassigned' WHERE state = 'open'").run();
}

const settled = (...rules: UserRule[]) => settle(store, { users: { table: {}, rules }, worth: '0.001', now: () => AT });
const RULE = { pool_url: '*//mine:*', user: '1-andy' };

it('what is nobody’s keeps nothing behind it from its user, however much it is', () => {
  store.transaction(() => {
    for (let period = 0; period < 2_100; period += 1) mined('other', period);
    for (let period = 2_100; period < 2_103; period += 1) mined('mine', period);
  });
  expect(settled(RULE)).toMatchObject({ credits: 3, held: 0 });
  expect(store.works.count('unassigned')).toBe(2_100);
  expect(settled(RULE)).toEqual({ credits: 0, held: 0, isMore: false });
});

it('work at a pool that is nobody’s is not credited with that of another pool in the same period', () => {
  mined('mine', 0);
  mined('other', 0);
  mined('mine', 1);
  expect(settled(RULE)).toMatchObject({ credits: 1, held: 1 });
  expect(store.works.groups('held', 10)).toMatchObject([
    [{ reason: expect.stringMatching(/some of its pools are nobody's.*rig/) }, {}],
  ]);
  expect(store.credits.list()).toMatchObject([{ difficulty: '1000', user: '1-andy' }]);
});
