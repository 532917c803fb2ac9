import { describe, expect, it } from 'vitest';
import { FORMER_MS, FormerTexts } from './former-texts.js';

describe('FormerTexts', () => {
  it('gives what a file showed, newest first, each text once', () => {
    const former = new FormerTexts();
    for (const [text, at] of [
      ['a', 1],
      ['b', 2],
      ['a', 3],
    ] as const)
      former.add('balances/1', text, at);
    expect(former.of('balances/1', 4)).toEqual(['a', 'b']);
    expect(former.of('balances/2', 4)).toEqual([]);
  });

  it('forgets after a minute, and the whole document with the next one', () => {
    const former = new FormerTexts();
    former.add('balances/1', 'a', 1_000);
    former.add('balances/1', 'b', 2_000);
    expect(former.of('balances/1', 1_000 + FORMER_MS)).toEqual(['b', 'a']);
    expect(former.of('balances/1', 1_001 + FORMER_MS)).toEqual(['b']);
    former.add('balances/2', 'c', 2_001 + FORMER_MS);
    expect(former.has('balances/1')).toBe(false);
    expect(former.has('balances/2')).toBe(true);
  });

  it('stays small, whatever is written', () => {
    const former = new FormerTexts();
    for (let n = 0; n < 100; n++) former.add('balances/hot', `text ${n}`, n);
    expect(former.of('balances/hot', 100)).toHaveLength(32);
    const long = 'x'.repeat(1024 * 1024);
    for (let n = 0; n < 40; n++) former.add(`balances/${n}`, `${long}${n}`, 200);
    const kept = Array.from({ length: 40 }, (_, n) => n).filter((n) => former.has(`balances/${n}`));
    expect(kept).toEqual(Array.from({ length: 15 }, (_, n) => 25 + n));
  });
});
