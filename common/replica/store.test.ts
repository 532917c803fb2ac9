import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canonicalText } from '../core/canonical.js';
import { bucketOf, documentDigest } from '../core/digest-tree.js';
import { sha256 } from './sha256.js';
import { Store } from './store.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-store-'));
  file = path.join(folder, 'state.db');
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const ROW = { origin: '', at: 1, by_site: 'roflfaucet', state: canonicalText({}) };

const WITHOUT_LEDGER = 'DROP TABLE miner_credits; DROP TABLE moves; DROP TABLE answers; DROP TABLE changes';

function expectLedger({ journal }: Store, document: number): void {
  const change = { document, path: '/balance', amount: '1', balance: '1', source: 's', description: '', at: 5 };
  const id = journal.putChange({ ...change, asker: '', rule: '' });
  expect(journal.changesOf(document, Number.MAX_SAFE_INTEGER, 10)).toEqual([{ id, ...change, asker: '', rule: '' }]);
  journal.putMined(id, { miner: 'm', worker: 'w', difficulty: '1', from_s: 1, to_s: 2 });
  journal.putAnswer({ asker: 'token:php', key: 'k', digest: 'd', at: 5, answer: '{}' });
  journal.move(document);
  expect(journal.movedAfter(0, 10)).toMatchObject([{ document: expect.any(String) }]);
}

describe('Store', () => {
  it('keeps what was committed, and nothing of a commit that failed', () => {
    const store = Store.open(file);
    store.commit(() => store.putDocument({ name: 'balances/1', seq: 1, ...ROW }, undefined));
    expect(() =>
      store.commit(() => {
        store.putDocument({ name: 'balances/2', seq: 2, ...ROW }, undefined);
        throw new Error('crash');
      }),
    ).toThrow('crash');
    store.close();
    const again = Store.open(file);
    expect(again.document('balances/1')).toMatchObject({ seq: 1, name: 'balances/1' });
    expect(again.document('balances/2')).toBeUndefined();
    again.close();
  });

  it('gives positions that only rise, whatever was undone, and from start to start', () => {
    const store = Store.open(file);
    const ids = ['balances/1', 'balances/2'].map((name) => store.putDocument({ name, seq: 1, ...ROW }, undefined));
    const [first, second] = ids as [number, number];
    const { journal } = store;
    for (const id of [first, second, first]) journal.move(id);
    expect(journal.movedAfter(0, 10).map(({ document }) => document)).toEqual(['balances/2', 'balances/1']);
    const before = journal.position;
    const undone = () =>
      store.commit(() => {
        journal.move(second);
        throw new Error('undone');
      });
    expect(undone).toThrow('undone');
    expect(journal.position).toBe(before);
    journal.begin(before + 1_000);
    journal.move(second);
    expect(journal.movedAfter(before, 10)).toEqual([{ position: before + 1_001, document: 'balances/2' }]);
    store.close();
  });

  it('writes every commit through to the disk (I3: an intent precedes its rename)', () => {
    Store.open(file).close();
    const source = fs.readFileSync(path.join(import.meta.dirname, 'store.ts'), 'utf8');
    expect(source).toContain("db.pragma('synchronous = FULL')");
  });

  it('gives the documents after a cursor in the order of their changes, the newest change of each', () => {
    const store = Store.open(file);
    const first = store.putDocument({ name: 'balances/1', seq: 1, ...ROW }, undefined);
    store.putDocument({ name: 'balances/2', seq: 2, ...ROW }, undefined);
    store.putDocument({ name: 'balances/0', seq: 0, ...ROW }, undefined);
    store.putDocument({ name: 'balances/1', seq: 3, ...ROW }, first);
    expect(store.changedSince(0, 10).map(({ name, seq }) => [name, seq])).toEqual([
      ['balances/2', 2],
      ['balances/1', 3],
    ]);
    expect(store.changedSince(2, 10).map(({ name }) => name)).toEqual(['balances/1']);
    expect(store.changedSince(0, 1)).toHaveLength(1);
    store.close();
  });

  it('counts what a peer is owed within bounds, whatever else lies between', () => {
    const store = Store.open(file);
    for (let n = 1; n <= 12; n++)
      store.putDocument({ name: `balances/${n}`, seq: n, ...ROW, origin: n <= 9 ? 'roflfaucet~1' : '' }, undefined);
    expect(store.countChangedSince(0, 'roflfaucet~1', 100)).toBe(3);
    expect(store.countChangedSince(0, 'roflfaucet~1', 2)).toBe(1);
    expect(store.countChangedSince(0, 'roflfaucet~1', 1)).toBe(0);
    expect(store.countChangedSince(0, 'other~1', 5)).toBe(5);
    expect(store.countChangedSince(12, '', 5)).toBe(0);
    store.close();
  });

  it('gives what differs, and what has a file, in pieces', () => {
    const store = Store.open(file);
    for (let n = 1; n <= 5; n++) {
      const id = store.putDocument({ name: `balances/${n}`, seq: n, ...ROW }, undefined);
      if (n < 5) store.putFile({ id, print: `print-${n}`, dirty: n % 2 === 0 ? 1 : 0, shadow: n === 1 ? null : '{}' });
      else store.markDirty(id);
    }
    const [first] = store.dirtyAfter(0, 1);
    expect(first?.name).toBe('balances/2');
    expect(store.dirtyAfter(first?.id ?? 0, 10).map(({ name }) => name)).toEqual(['balances/4', 'balances/5']);
    const [print] = store.printsAfter(0, 1);
    expect(print).toMatchObject({ name: 'balances/2', print: 'print-2' });
    expect(store.printsAfter(print?.id ?? 0, 10).map(({ name }) => name)).toEqual(['balances/3', 'balances/4']);
    store.close();
  });

  it('brings a database of schema version 1 up to date: states in one spelling, with bucket and digest', () => {
    Store.open(file).close();
    const old = new Database(file);
    old.exec(`${WITHOUT_LEDGER}; DROP TABLE lost; DROP INDEX documents_bucket;
      DROP TABLE passing; DROP TABLE overdrawn; ALTER TABLE peers DROP COLUMN author;
      ALTER TABLE documents DROP COLUMN bucket; ALTER TABLE documents DROP COLUMN digest`);
    const put = old.prepare(
      "INSERT INTO documents (name, seq, origin, at, by_site, state) VALUES (?, ?, '', 1, 'hub', ?)",
    );
    for (let n = 1; n <= 2_500; n++) put.run(`balances/${n}`, n, '{"life":1,"counters":{}}');
    old.pragma('user_version = 1');
    old.close();
    const store = Store.open(file);
    const row = store.document('balances/2500');
    expect(row).toMatchObject({ seq: 2_500, state: '{"counters":{},"life":1}' });
    expect(row?.digest).toBe(documentDigest('balances/2500', '{"counters":{},"life":1}', sha256));
    expect(store.documentsIn(bucketOf('balances/2500', sha256)).map(({ name }) => name)).toContain('balances/2500');
    store.commit(() => store.putLost({ name: 'balances/1', unsent: true, released: false, told: ['hub'] }));
    expect(store.lost()).toEqual([{ name: 'balances/1', unsent: true, released: false, told: ['hub'] }]);
    expectLedger(store, row?.id as number);
    store.close();
    Store.open(file).close();
  });

  it('brings a database of schema version 2 up to date: with what programs change, and all that was in it', () => {
    const before = Store.open(file);
    before.commit(() => before.putDocument({ name: 'balances/1', seq: 7, ...ROW }, undefined));
    before.close();
    const old = new Database(file);
    old.exec(WITHOUT_LEDGER);
    old.pragma('user_version = 2');
    old.close();
    const store = Store.open(file);
    const row = store.document('balances/1');
    expect(row).toMatchObject({ seq: 7, digest: documentDigest('balances/1', ROW.state, sha256) });
    expectLedger(store, row?.id as number);
    store.close();
    Store.open(file).close();
  });

  it('refuses the database of a newer Axle, and leaves it as it is', () => {
    const db = new Database(file);
    db.pragma('user_version = 99');
    db.exec('CREATE TABLE future (a)');
    db.close();
    expect(() => Store.open(file)).toThrow(/newer Axle \(schema 99\)/);
    const check = new Database(file);
    expect(check.pragma('user_version', { simple: true })).toBe(99);
    check.close();
  });

  it.each([
    ['no database at all', (bytes: Buffer) => bytes.fill('x')],
    ['a database with a spoilt header', (bytes: Buffer) => bytes.fill(0, 0, 16)],
  ])('refuses %s', (_what, spoil) => {
    Store.open(file).close();
    const bytes = fs.readFileSync(file);
    fs.writeFileSync(file, spoil(bytes));
    expect(() => Store.open(file)).toThrow(/not a database|malformed/);
  });

  it('remembers incarnations that are over', () => {
    const store = Store.open(file);
    store.retire('roflfaucet~00000001');
    store.retire('roflfaucet~00000001');
    expect(store.isRetired('roflfaucet~00000001')).toBe(true);
    expect(store.isRetired('roflfaucet~00000002')).toBe(false);
    store.close();
  });
});
