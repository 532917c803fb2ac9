import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PullOutbox } from './pull-outbox.js';

let folder: string;
let outbox: string;
let shelf: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-shelf-'));
  outbox = path.join(folder, 'outbox');
  shelf = path.join(folder, 'shelf');
  fs.mkdirSync(outbox);
  fs.mkdirSync(shelf);
});

afterEach(() => fs.rmSync(folder, { recursive: true }));

let counter = 0;

async function lay(pull: PullOutbox, from: number, to: number, documents: number) {
  const name = `${String(++counter).padStart(16, '0')}-directsponsor~9f3a61c2-a.batch`;
  fs.writeFileSync(path.join(outbox, name), `${from}-${to}`);
  return pull.deliver(name, undefined, { from, to, documents });
}

const onShelf = () => fs.readdirSync(shelf).map((name) => fs.readFileSync(path.join(shelf, name), 'utf8'));

describe('the shelf of a peer that fetches', () => {
  it('keeps batches until the peer has confirmed them', async () => {
    const pull = new PullOutbox(outbox, shelf, () => 0);
    await lay(pull, 0, 5, 3);
    await lay(pull, 5, 9, 2);
    pull.confirmed(5);
    expect(onShelf()).toEqual(['5-9']);
    pull.confirmed(9);
    expect(onShelf()).toEqual([]);
  });

  it('keeps one message without documents, the newest', async () => {
    const pull = new PullOutbox(outbox, shelf, () => 0);
    await lay(pull, 0, 0, 0);
    pull.confirmed(0);
    expect(onShelf()).toEqual(['0-0']);
    await lay(pull, 0, 3, 0);
    expect(onShelf()).toEqual(['0-3']);
  });

  it('replaces what reaches further when batches are sent again from an earlier point', async () => {
    const pull = new PullOutbox(outbox, shelf, () => 0);
    await lay(pull, 0, 5, 3);
    await lay(pull, 5, 9, 2);
    await lay(pull, 0, 9, 5);
    expect(onShelf()).toEqual(['0-9']);
  });

  it('I9: holds a bounded number of batches for a peer that does not fetch', async () => {
    const pull = new PullOutbox(outbox, shelf, () => 0);
    const results = [];
    for (let i = 0; i < 20; i++) results.push((await lay(pull, i, i + 1, 1)).ok);
    expect(results.filter(Boolean)).toHaveLength(16);
    expect(onShelf()).toHaveLength(16);
  });

  it('begins empty: what an earlier start laid out is rendered again from state', async () => {
    fs.writeFileSync(path.join(shelf, '0000000000000001-directsponsor~9f3a61c2-a.batch'), '');
    new PullOutbox(outbox, shelf, () => 0);
    expect(onShelf()).toEqual([]);
  });
});
