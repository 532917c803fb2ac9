/** `axle miner statement`, `held`, `credits` and `users`, on a database that another process may have open. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { settle } from '../../miner/shares/settling.js';
import { FleetStore } from '../../miner/store/store.js';
import { WorkerUsers } from '../../miner/store/worker-users.js';
import { buildProgram, runProgram } from '../program.js';

const AT = 1_769_990_400_000;
let folder: string;
let config: string;
let store: FleetStore;
let out = '';

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-money-'));
  config = path.join(folder, 'miner.yaml');
  fs.writeFileSync(config, `state: ${folder}\n`);
  store = FleetStore.open(path.join(folder, 'fleet.db'));
  out = '';
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      out += String(text);
      return true;
    });
});
afterEach(() => {
  vi.restoreAllMocks();
  store.close();
  fs.rmSync(folder, { recursive: true });
});

async function axle(...args: string[]): Promise<number> {
  out = '';
  return await runProgram(buildProgram(), ['node', 'axle', 'miner', ...args, '--config', config]);
}

/** Two periods of each, from AT on. */
function mined(worker: string, state: 'unassigned' | 'held'): void {
  for (const period of [0, 1]) {
    store.works.add({
      miner_id: 1,
      worker_key: 'aa:bb:cc:00:11:22',
      worker,
      pool_url: 'stratum+tcp://solo.ckpool.org:3333',
      pool_user: `x.${worker}`,
      from_at: AT + period * 600_000,
      to_at: AT + (period + 1) * 600_000,
      difficulty: '1500000.5',
      shares: 10,
      is_estimate: 1,
    });
    store.db.prepare("UPDATE works SET state = ?, reason = 'far too much' WHERE state = 'open'").run(state);
  }
}

const settled = () => settle(store, { users: { table: {}, rules: [] }, worth: '0.000001', now: () => AT });

it('says whose a worker is, and then what was credited', async () => {
  mined('rig1', 'unassigned');
  expect(await axle('users', 'list')).toBe(0);
  expect(out).toBe("rig1  nobody's: not credited  (miner aa:bb:cc:00:11:22, as x.rig1)\n");
  expect(await axle('users', 'set', 'rig1', '1-andy')).toBe(0);
  expect(settled()).toMatchObject({ credits: 2 });
  const [last, first] = store.credits.list();
  store.credits.paid(first?.id as number, '1', AT);
  expect(await axle('statement', '--day')).toBe(0);
  expect(out).toMatch(
    /^2026-02-02 {2}1-andy +aa:bb:cc:00:11:22 +1\.5000005 {2}for difficulty 1500000\.5 in 1 credit {2}owed 1\.5000005 {2}\(est\.\)\n$/,
  );
  expect(await axle('statement', '--miner', 'AA-BB-CC-00-11-22')).toBe(0);
  expect(out).toContain('aa:bb:cc:00:11:22');
  expect(await axle('statement', '--user', '2-eve')).toBe(0);
  expect(out).toBe('Nothing was credited.\n');
  expect(await axle('statement', '--to', '2026-02-02', '--json')).toBe(0);
  expect(out).toBe('');
  store.credits.refused(last?.id as number, 'no such user', 'bad_request');
  expect(await axle('credits', 'list', '--state', 'refused')).toBe(0);
  expect(out).toMatch(/refused {2}2026-02-02 00:10:00 – 2026-02-02 00:20:00 {2}1-andy .*: no such user\n$/);
  expect(await axle('credits', 'retry', String(last?.id))).toBe(0);
  expect(out).toBe('made again: 1\n');
  expect(await axle('credits', 'retry', String(last?.id))).toBe(1);
  expect(await axle('users', 'remove', 'rig1')).toBe(0);
  expect(await axle('users', 'remove', 'rig1')).toBe(1);
});

const CREDIT = 'credit:\n  sidecar: {socket: /run/s.sock}\n  rate: {per_difficulty: "0.000001"}\n  users:\n';

it('lists by user: a mistyped one is seen', async () => {
  fs.appendFileSync(config, `${CREDIT}    table: {rig1: 1-andy, rig2: 9-nobody-here, rig9: 3-zoe}\n`);
  mined('rig1', 'unassigned');
  mined('rig2', 'unassigned');
  mined('rig4', 'unassigned');
  settle(store, { users: { table: { rig1: '1-andy', rig2: '9-nobody-here' }, rules: [] }, worth: '1', now: () => AT });
  for (const { id, worker } of store.credits.list()) if (worker === 'rig1') store.credits.paid(id, '1', AT);
  expect(await axle('users', 'list')).toBe(0);
  expect(out.split('\n')).toEqual([
    '1-andy            paid since 2026-02-02 00:10:00  rig1 of aa:bb:cc:00:11:22  (users.table)',
    '3-zoe             nothing paid yet  rig9  (users.table)',
    '9-nobody-here     nothing paid yet  rig2 of aa:bb:cc:00:11:22  (users.table)',
    "rig4  nobody's: not credited  (miner aa:bb:cc:00:11:22, as x.rig4)",
    '',
  ]);
  expect(await axle('users', 'set', 'rig2', '1-andy')).toBe(0);
  expect(await axle('users', 'list', '--json')).toBe(0);
  const rows = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const miner = 'aa:bb:cc:00:11:22';
  expect(rows).toEqual([
    { user: '1-andy', worker: 'rig1', miner, by: 'users.table', paid_from_s: AT / 1_000 + 600 },
    { user: '1-andy', worker: 'rig2', by: 'users set' },
    { user: '3-zoe', worker: 'rig9', by: 'users.table' },
    { user: '9-nobody-here', worker: 'rig2', miner },
    { worker_key: miner, worker: 'rig4', pool_url: expect.any(String), pool_user: 'x.rig4', from_at: AT },
  ]);
});

it('names no worker as nobody’s that the table, a rule or its MAC says the user of, while its work waits', async () => {
  fs.appendFileSync(config, `${CREDIT}    table: {rig1: 1-andy}\n    rules: [{worker: "b*", user: "2-$1"}]\n`);
  mined('rig1', 'unassigned');
  mined('bob', 'unassigned');
  expect(await axle('users', 'list')).toBe(0);
  expect(out).toMatch(/^1-andy .* rig1 of .* \(users\.table\)\n2-ob .* bob of .* \(users\.rules\[0\]\)\n$/);
  mined('eve', 'unassigned');
  expect(await axle('users', 'set', 'AA-BB-CC-00-11-22', '5-mac')).toBe(0);
  expect(await axle('users', 'list')).toBe(0);
  expect(out).not.toMatch(/nobody/);
  expect(out).toMatch(/^5-mac +nothing paid yet {2}eve of aa:bb:cc:00:11:22 {2}\(users set\)$/m);
});

it('shows held work, and does with it what a person says', async () => {
  mined('rig1', 'held');
  expect(await axle('held', 'list')).toBe(0);
  expect(out).toMatch(/^1 {2}2026-02-02 00:00:00 – .* rig1 {2}difficulty 1500000\.5: far too much\n2 {2}/);
  expect(await axle('held', 'release')).toBe(2);
  expect(await axle('held', 'release', '1')).toBe(0);
  expect(out).toBe('released: 1\n');
  expect(await axle('held', 'reject', '1', '2', '--reason', 'not ours')).toBe(1);
  expect(out).toContain('rejected: 1\n');
  expect(store.works.groups('refused', 10)).toMatchObject([[{ reason: 'not ours' }]]);
  expect(await axle('held', 'list')).toBe(0);
  expect(out).toBe('Nothing is held.\n');
});

it.each([
  [['users', 'set', 'rig1', '../etc/passwd'], /must be a user/],
  [['statement', '--from', 'yesterday'], /must be a day of the calendar or a time/],
  [['statement', '--from', '2026-02-31'], /must be a day of the calendar/],
  [['statement', '--to', '2026-13-01T00:00Z'], /must be a day of the calendar/],
  [['statement', '--from', '2026-11-22', '--to', '2026-11-21'], /--from must be before --to/],
  [['credits', 'list', '--state', 'lost'], /owed, paid, refused/],
])('refuses %j', async (args, message) => {
  expect(await axle(...args)).toBe(2);
  expect(out).toMatch(message);
});

it('says what to do with a damaged database', async () => {
  fs.mkdirSync(path.join(folder, 'other'));
  fs.writeFileSync(path.join(folder, 'other', 'fleet.db'), 'no database '.repeat(100));
  fs.writeFileSync(config, `state: ${folder}/other\n`);
  expect(await axle('statement')).toBe(1);
  expect(out).toMatch(/fleet\.db is damaged: put back a backup/);
});

it('says so where there is no database yet', async () => {
  fs.writeFileSync(config, `state: ${folder}/none\n`);
  expect(await axle('statement')).toBe(1);
  expect(out).toMatch(/is not there yet: start the agent once/);
});

describe('a disk that cannot be written', () => {
  beforeEach(async () => {
    mined('rig1', 'unassigned');
    await axle('users', 'set', 'rig1', '1-andy');
    settled();
    const { openSync } = fs;
    vi.spyOn(fs, 'openSync').mockImplementation((file, flags, mode) => {
      if (flags !== 'a') return openSync(file, flags, mode);
      throw Object.assign(new Error("EROFS: read-only file system, open 'fleet.db'"), { code: 'EROFS' });
    });
  });

  it.each(['with the agent', 'without it'])('still shows what it holds, %s', async (agent) => {
    if (agent === 'without it') {
      store.close();
      // Nothing can be made beside the database.
      fs.symlinkSync(path.join(folder, 'none', 'shm'), path.join(folder, 'fleet.db-shm'));
    }
    expect(await axle('credits', 'list')).toBe(0);
    expect(out).toContain('1-andy');
    expect(await axle('statement')).toBe(0);
    expect(out).toMatch(/^1-andy/);
  });

  it('and says what to do where something is to be changed', async () => {
    expect(await axle('users', 'set', 'rig1', '2-eve')).toBe(1);
    expect(out).toMatch(/EROFS.*: the file system of .* is mounted read-only: look at dmesg.*run this again\n$/);
  });
});

it('says what to do where the disk is full', async () => {
  vi.spyOn(WorkerUsers.prototype, 'put').mockImplementation(() => {
    throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
  });
  expect(await axle('users', 'set', 'rig1', '2-eve')).toBe(1);
  expect(out).toMatch(/^database or disk is full: make room where .* lies \(df -h, df -i\), then run this again\n$/);
});
