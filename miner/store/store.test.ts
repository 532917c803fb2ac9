/** The fleet's tables, on a real file. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MIGRATIONS } from './schema.js';
import { FleetStore } from './store.js';

let folder: string;
let file: string;
let store: FleetStore;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-fleet-'));
  file = path.join(folder, 'fleet.db');
  store = FleetStore.open(file);
});
afterEach(() => {
  store.close();
  fs.rmSync(folder, { recursive: true });
});

const AT = 1_700_000_000_000;
const miner = (more = {}) =>
  store.miners.add({ name: 'Rig', miner_type: 'axeos', ip_address: '192.168.1.9', created_at: AT, ...more });

it('is closed to other accounts, opens again, and refuses the file of a newer version', () => {
  expect((fs.statSync(file).mode & 0o777).toString(8)).toBe('640');
  const { id } = miner();
  store.close();
  store = FleetStore.open(file);
  expect(store.miners.get(id)?.name).toBe('Rig');
  store.db.pragma(`user_version = ${MIGRATIONS.length + 1}`);
  store.close();
  expect(() => FleetStore.open(file)).toThrow(/newer Axle \(schema \d+, this one knows \d+\)/);
  store = FleetStore.open(':memory:');
});

it('takes over the file of an older version, with what is in it', () => {
  store.close();
  fs.rmSync(file);
  const old = new Database(file);
  old.exec(MIGRATIONS[0] as string);
  old.pragma('user_version = 1');
  old.exec(`INSERT INTO credits (miner, worker, user, amount, difficulty, worth, is_estimate, from_s, to_s, state, due_at, created_at)
    VALUES ('m', 'rig', '1-andy', '1.5', '3', '0.5', 0, 1, 2, 'paid', 0, 0)`);
  old.close();
  store = FleetStore.open(file);
  expect(store.credits.list()).toMatchObject([{ user: '1-andy', amount: '1.5', credits: 1 }]);
  expect(store.db.pragma('user_version', { simple: true })).toBe(MIGRATIONS.length);
});

it('writes nothing to open a file of this version: the disk may be full', () => {
  store.db.pragma('wal_checkpoint(TRUNCATE)');
  FleetStore.open(file).close();
  expect(fs.statSync(`${file}-wal`).size).toBe(0);
});

it('says what to do with a damaged file, and leaves it as it is', () => {
  const damaged = path.join(folder, 'damaged.db');
  fs.writeFileSync(damaged, 'no database '.repeat(100));
  expect(() => FleetStore.open(damaged)).toThrow(
    expect.objectContaining({
      message: expect.stringMatching(/ is damaged$/),
      hint: expect.stringMatching(/^put back a backup/),
    }),
  );
  expect(fs.readFileSync(damaged, 'utf8')).toMatch(/^no database/);
});

it('names a device to the sites by its MAC, or by its number, and never otherwise', () => {
  const one = miner({ mac_address: 'aa:bb:cc:00:11:22' });
  const other = miner();
  expect([one.worker_key, other.worker_key]).toEqual([
    'aa:bb:cc:00:11:22',
    expect.stringMatching(new RegExp(`^miner-${other.id}-[0-9a-f]{8}$`)),
  ]);
  store.miners.change(other.id, { mac_address: 'aa:bb:cc:00:11:33', name: 'Other' });
  expect(store.miners.get(other.id)).toMatchObject({ name: 'Other', worker_key: other.worker_key });
  expect(() => miner({ mac_address: 'aa:bb:cc:00:11:22' })).toThrow(/UNIQUE/);
});

it('never gives the number of a removed miner to another one: counters and credits are told by it', () => {
  const { id } = miner();
  expect([store.miners.remove(id), store.miners.remove(id)]).toEqual([true, false]);
  expect(miner().id).toBeGreaterThan(id);
});

it('keeps one config for a pool and user, however often it is seen', () => {
  const { id } = miner();
  const pools = [{ pool_url: 'stratum+tcp://solo.ckpool.org:3333', pool_user: 'bc1q.rig' }];
  expect(store.configs.observe(id, pools, AT)).toHaveLength(1);
  expect(store.configs.observe(id, pools, AT + 1)).toEqual([]);
  expect(store.configs.list(id)).toMatchObject([{ active: 1, detected_at: AT, seen_at: AT + 1 }]);
  store.configs.observe(id, [], AT + 2);
  expect(store.configs.list(id)).toMatchObject([{ active: 0, seen_at: AT + 1 }]);
});

it("lets a person's link stand against a rule's, and forgets a wallet that is removed", () => {
  const { id } = miner();
  const wallet = store.wallets.add({ name: 'W', address: 'bc1q', pool: 'ckpool_btc', currency: 'BTC', created_at: AT });
  const [config] = store.configs.observe(id, [{ pool_url: 'u', pool_user: 'bc1q.rig' }], AT);
  const link = (linked: 'auto' | 'manual', wallet_id: number | null) =>
    store.configs.link(config?.id as number, { wallet_id, worker_name: 'rig', linked, reason: linked });
  link('manual', wallet.id);
  link('auto', null);
  expect(store.configs.list(id)).toMatchObject([{ wallet_id: wallet.id, linked: 'manual', reason: 'manual' }]);
  store.wallets.remove(wallet.id);
  expect(store.configs.list(id)).toMatchObject([{ wallet_id: null }]);
});

it('has one reading of a second, with the shares of all', () => {
  const { id } = miner();
  const row = { miner_id: id, at_s: 10, hashrate_hps: 1, temperature_c: null, power_w: null, fan_rpm: null };
  const none = { shares: null, rejected: null, difficulty: null };
  store.readings.add({ ...row, ...none });
  store.readings.add({ ...row, ...none, hashrate_hps: 2, shares: 3 });
  store.readings.add({ ...row, ...none, hashrate_hps: 4, shares: 2 });
  store.readings.add({ ...row, ...none, hashrate_hps: 5 });
  expect(store.readings.of(id, 10, 11, 'raw')).toEqual([{ ...row, ...none, hashrate_hps: 5, shares: 5 }]);
});

it('names a device otherwise where another one was named by its MAC', () => {
  const one = miner({ mac_address: 'aa:bb:cc:00:11:22' });
  store.miners.change(one.id, { mac_address: 'aa:bb:cc:00:11:33' });
  expect(miner({ mac_address: 'aa:bb:cc:00:11:22' }).worker_key).toMatch(/^miner-2-[0-9a-f]{8}$/);
});
