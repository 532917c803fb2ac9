import { describe, expect, it } from 'vitest';
import { readContent } from './content.js';
import { diff } from './diff.js';
import { DEFAULT_POLICIES, type KindPolicy, PathPolicies } from './policy.js';
import { counterValue } from './render.js';
import { EMPTY } from './state.js';
import { PHP_PRETTY } from './style.js';

const policies = new PathPolicies(DEFAULT_POLICIES.balances as KindPolicy);
const author = { replica: 'roflfaucet~9f3a61c2', stamp: '0019a3f2c1b0000@roflfaucet' };

function content(text: string) {
  const read = readContent(text, policies);
  if (read.kind === 'invalid') throw new Error(read.reason);
  return read;
}

describe('I1: a balance file that was missing for a moment counts from what is nearer, the last agreed amount or zero', () => {
  it.each([
    ['an editor saved it unchanged by renaming', '5000', '5000', '5000'],
    ['an editor saved a credit by renaming', '5000', '5010', '5010'],
    ['a page made a stub of it', '5000', '0', '5000'],
    ['a page began at zero and credited 20', '5000', '20', '5020'],
    ['a small balance came back', '10', '10', '10'],
  ])('%s: agreed %s, found %s, is %s', (_what, agreed, found, total) => {
    const shadow = content(`{"balance":${agreed}}`);
    const state = diff(EMPTY, undefined, shadow, PHP_PRETTY, policies, author);
    const after = diff(state, shadow, content(`{"balance":${found}}`), PHP_PRETTY, policies, {
      ...author,
      isReborn: true,
    });
    const counter = after.counters?.['/balance'];
    expect(counter && counterValue(counter)).toBe(total);
  });
});
