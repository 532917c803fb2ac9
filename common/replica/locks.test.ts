import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDigit, lockDocuments } from './locks.js';

let own: string;
beforeEach(() => {
  own = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-locks-'));
  fs.mkdirSync(path.join(own, 'locks'));
});
afterEach(() => fs.rmSync(own, { recursive: true, force: true }));

const held = (): string[] => fs.readdirSync(path.join(own, 'locks')).sort();

/** Two names that share a lock, and one that does not. */
const [one, twin] = namesOfDigit('a', 2) as [string, string];
const [other] = namesOfDigit('b', 1) as [string];

function namesOfDigit(digit: string, many: number): string[] {
  const names: string[] = [];
  for (let i = 0; names.length < many; i++) if (lockDigit(`balances/${i}`) === digit) names.push(`balances/${i}`);
  return names;
}

/** A process of its own, in a language of its own sort: mkdir is all it knows. Prints when it has the lock. */
function stranger(script: string): { readonly hasLock: Promise<void>; readonly kill: () => Promise<void> } {
  const child = spawn(process.execPath, ['-e', script, path.join(own, 'locks', 'a.lock')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  return {
    hasLock: new Promise((resolve) => child.stdout.once('data', () => resolve())),
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

describe('I5: the lock', () => {
  it('is one of sixteen folders, by the first digit of the SHA-256 of the name', async () => {
    const digits = new Set(Array.from({ length: 400 }, (_, i) => lockDigit(`balances/${i}-user`)));
    expect([...digits].sort().join('')).toBe('0123456789abcdef');
    // printf %s balances/1-andy | sha256sum
    expect(lockDigit('balances/1-andy')).toMatch(/^[0-9a-f]$/);
    const release = await lockDocuments(own, [one, twin, other]);
    expect(held()).toEqual(['a.lock', 'b.lock']);
    await release();
    expect(held()).toEqual([]);
  });

  it('is held by one at a time', async () => {
    const order: string[] = [];
    const work = async (who: string): Promise<void> => {
      const release = await lockDocuments(own, [who === 'first' ? one : twin]);
      order.push(`${who} in`);
      await new Promise((resolve) => setTimeout(resolve, 30));
      order.push(`${who} out`);
      await release();
    };
    await Promise.all([work('first'), work('second')]);
    expect(order).toHaveLength(4);
    expect(order[0]?.split(' ')[0]).toBe(order[1]?.split(' ')[0]);
  });

  it('is respected by and from another process that only knows mkdir', async () => {
    const holder = stranger(
      "require('fs').mkdirSync(process.argv[1]); console.log('in'); setTimeout(() => require('fs').rmdirSync(process.argv[1]), 300)",
    );
    await holder.hasLock;
    const started = performance.now();
    const release = await lockDocuments(own, [one]);
    expect(performance.now() - started).toBeGreaterThan(100);
    await release();
    await holder.kill();
  });

  it('is taken over from a holder that was killed, once it was watched for long enough', async () => {
    const holder = stranger("require('fs').mkdirSync(process.argv[1]); console.log('in'); setInterval(() => {}, 1000)");
    await holder.hasLock;
    await holder.kill();
    expect(held()).toEqual(['a.lock']);
    const started = performance.now();
    const release = await lockDocuments(own, [one], 300);
    expect(performance.now() - started).toBeGreaterThan(300);
    await release();
    expect(held()).toEqual([]);
  });

  it('of a living holder is waited for, however old a clock that was set makes it', async () => {
    const lock = path.join(own, 'locks', 'a.lock');
    fs.mkdirSync(lock);
    const past = Date.now() / 1000 - 3_600;
    fs.utimesSync(lock, past, past);
    const renewing = setInterval(() => fs.utimesSync(lock, past, past + performance.now()), 50);
    setTimeout(() => {
      clearInterval(renewing);
      fs.rmdirSync(lock);
    }, 400);
    const started = performance.now();
    const release = await lockDocuments(own, [one], 200);
    expect(performance.now() - started).toBeGreaterThan(300);
    await release();
  });

  it('that was taken over from us is released without harm', async () => {
    const release = await lockDocuments(own, [one]);
    fs.rmdirSync(path.join(own, 'locks', 'a.lock'));
    await expect(release()).resolves.toBeUndefined();
  });

  it('is not kept where another that is needed beside it cannot be had', async () => {
    fs.mkdirSync(path.join(own, 'locks', 'a.lock'));
    const file = path.join(own, 'locks', 'b.lock');
    fs.writeFileSync(file, '');
    fs.utimesSync(file, 0, 0);
    setTimeout(() => fs.rmdirSync(path.join(own, 'locks', 'a.lock')), 100);
    await expect(lockDocuments(own, [one, other])).rejects.toMatchObject({ code: 'ENOTDIR' });
    expect(held()).toEqual(['b.lock']);
  });
  it('of a dead holder is taken over by one at a time, however many find it at once', async () => {
    let inside = 0;
    let most = 0;
    for (let round = 0; round < 20; round++) {
      const lock = path.join(own, 'locks', 'a.lock');
      fs.mkdirSync(lock);
      await Promise.all(
        Array.from({ length: 8 }, async () => {
          const release = await lockDocuments(own, [one], 50);
          inside++;
          most = Math.max(most, inside);
          await new Promise((resolve) => setTimeout(resolve, 2));
          inside--;
          await release();
        }),
      );
    }
    expect(most).toBe(1);
    expect(held()).toEqual([]);
  });
});
