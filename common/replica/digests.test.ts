import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canonicalText } from '../core/canonical.js';
import { bucketOf, groupOf } from '../core/digest-tree.js';
import { Digests } from './digests.js';
import { sha256 } from './sha256.js';
import { Store } from './store.js';

let folder: string;
let a: Store;
let b: Store;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-digests-'));
  a = Store.open(path.join(folder, 'a.db'));
  b = Store.open(path.join(folder, 'b.db'));
});
afterEach(() => {
  a.close();
  b.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

function put(store: Store, name: string, life: number): void {
  const row = { name, seq: 0, origin: '', at: 1, by_site: 'hub', state: canonicalText({ life }) };
  store.commit(() => store.putDocument(row, store.document(name)?.id));
}

describe('Digests', () => {
  it('are the same for the same documents, in whatever order they came, and differ only where they differ', async () => {
    const names = Array.from({ length: 300 }, (_, i) => `balances/${i}-user`);
    for (const name of names) put(a, name, 1);
    for (const name of names.toReversed()) put(b, name, 1);
    const [one, two] = [new Digests(a), new Digests(b)];
    await Promise.all([one.refresh(), one.refresh(), two.refresh()]);
    expect(one.of('balances')).toMatch(/^[0-9a-f]{16}$/);
    expect(one.of('balances')).toBe(two.of('balances'));
    expect(one.of('profiles')).toBe('');
    put(b, 'balances/7-user', 2);
    expect(one.of('balances')).toBe(two.of('balances'));
    await two.refresh();
    expect(one.of('balances')).not.toBe(two.of('balances'));
    const bucket = bucketOf('balances/7-user', sha256);
    const differing = (nodes: string[]): string[] => {
      const [mine, theirs] = [one.below(nodes), two.below(nodes)];
      return Object.keys(mine).filter((node) => mine[node] !== theirs[node]);
    };
    expect(differing(['balances'])).toEqual([groupOf(bucket)]);
    expect(differing([groupOf(bucket)])).toEqual([bucket]);
    put(b, 'balances/7-user', 1);
    await two.refresh();
    expect(one.of('balances')).toBe(two.of('balances'));
  });

  it('follow a commit that failed', async () => {
    put(a, 'balances/1', 1);
    const digests = new Digests(a);
    await digests.refresh();
    const before = digests.of('balances');
    expect(() =>
      a.commit(() => {
        a.putDocument(
          { name: 'balances/2', seq: 0, origin: '', at: 1, by_site: 'hub', state: canonicalText({}) },
          undefined,
        );
        throw new Error('crash');
      }),
    ).toThrow('crash');
    await digests.refresh();
    expect(digests.of('balances')).toBe(before);
  });
});
