import { describe, expect, it } from 'vitest';
import { transactions } from '../testing/samples.js';
import { TestReplica } from '../testing/simulation.js';
import { readContent } from './content.js';
import { JOIN_RULES, type JoinRule, settle } from './join.js';
import { merge } from './merge.js';
import { counterValue } from './render.js';
import { detectStyle } from './style.js';

const HUB_WROTE_AT = 5_000;

/** What becomes of `local` at a site that joins a hub whose file says `hub`. */
function join(hub: string, local: string, rule: JoinRule, mtime = 1, kind = 'balances') {
  const there = new TestReplica('directsponsor', kind).write(hub, HUB_WROTE_AT);
  const here = new TestReplica('roflfaucet', kind).receive(there.state);
  const live = readContent(local, here.policies);
  if (live.kind === 'invalid') throw new Error(live.reason);
  const author = { replica: here.id, stamp: here.clock.next(9_000) };
  const { state, outcome } = settle(
    here.state,
    { live, style: detectStyle(local), mtime },
    rule,
    here.policies,
    author,
  );
  const counter = merge(there.state, state).counters?.['/balance'];
  return {
    outcome,
    unchanged: state === here.state,
    balance: counter && counterValue(counter),
    state: merge(there.state, state),
  };
}

describe('a file that stood here before this site joined', () => {
  it.each(JOIN_RULES)('I1: that shows the hub’s view is adopted and contributes nothing, by rule %s', (rule) => {
    for (const same of [
      '{"balance":100,"n":1}',
      '{"n":1.0,"balance":"100"}'.replace('"100"', '100.00'),
      '{\n  "n": 1,\n  "balance": 100\n}\n',
    ])
      expect(join('{"balance":100,"n":1}', same, rule, 99_000)).toMatchObject({
        outcome: 'adopted',
        unchanged: true,
        balance: '100',
      });
  });

  it('is adopted where only the order of a list differs', () => {
    const list = (seconds: number[]): string =>
      JSON.stringify({ balance: 1, recent_transactions: transactions(seconds) });
    expect(join(list([3, 2]), list([2, 3]), 'hold')).toMatchObject({ outcome: 'adopted', unchanged: true });
  });

  it.each<[JoinRule, string, number, string, string]>([
    ['hold', '{"balance":150}', 9_000, 'held', '100'],
    ['hold', '{"balance":100,"note":"x"}', 9_000, 'lost', '100'],
    ['hub', '{"balance":150}', 9_000, 'lost', '100'],
    ['local', '{"balance":150}', 1, 'counted', '150'],
    ['local', '{"balance":40}', 1, 'counted', '40'],
    ['newest', '{"balance":150}', 6_000, 'counted', '150'],
    ['newest', '{"balance":150}', 4_000, 'lost', '100'],
    ['newest', '{"balance":40}', 6_000, 'counted', '40'],
    ['max', '{"balance":150}', 1, 'counted', '150'],
    ['max', '{"balance":40}', 9_000, 'lost', '100'],
    ['max', '{"balance":{"coins":"150.5"}}', 1, 'counted', '150.5'],
    ['hold', '{"note":"no amount"}', 1, 'lost', '100'],
  ])(
    'I1: that differs, by rule %s: %s written at %i is %s, and the balance is %s',
    (rule, local, mtime, outcome, balance) => {
      expect(join('{"balance":100}', local, rule, mtime)).toMatchObject({
        outcome,
        balance,
        unchanged: outcome !== 'counted',
      });
    },
  );

  it('I1: with an amount that the hub does not know is held, or counted where the rule says so', () => {
    expect(join('{"n":1}', '{"balance":150}', 'hold')).toMatchObject({ outcome: 'held', unchanged: true });
    expect(join('{"n":1}', '{"balance":150}', 'max')).toMatchObject({ outcome: 'counted', balance: '150' });
    expect(join('{"n":1}', '{"balance":150}', 'hub')).toMatchObject({ outcome: 'lost', unchanged: true });
  });

  it('I8: that is a stub gives way to the real document, by every rule but hold', () => {
    const [real, stub] = [
      '{"level":4,"email":"a@example.org","roles":["member"]}',
      '{"level":1,"email":"","roles":["member"]}',
    ];
    for (const rule of JOIN_RULES) {
      expect(join(real, stub, rule, 99_000, 'profiles')).toMatchObject({ outcome: 'lost', unchanged: true });
      expect(join(stub, real, rule, 1, 'profiles').state.registers?.['/email']?.[0]).toBe('"a@example.org"');
      expect(join('{"balance":100}', '{"balance":0}', rule, 99_000)).toMatchObject({
        outcome: rule === 'hold' ? 'held' : 'lost',
        balance: '100',
      });
    }
    expect(join('{"balance":0}', '{"balance":100}', 'hold')).toMatchObject({ outcome: 'held', balance: '0' });
  });

  it('settled twice counts once', () => {
    const first = join('{"balance":100}', '{"balance":150}', 'max');
    const again = new TestReplica('roflfaucet').receive(first.state);
    const live = readContent('{"balance":150}', again.policies);
    if (live.kind === 'invalid') throw new Error(live.reason);
    const local = { live, style: detectStyle('{}'), mtime: 1 };
    const author = { replica: again.id, stamp: again.clock.next(9_500) };
    expect(settle(again.state, local, 'max', again.policies, author)).toEqual({
      state: again.state,
      outcome: 'adopted',
    });
  });

  it('that was deleted at the hub is lost, and a text gives way to the hub’s by every rule but local and newest', () => {
    const gone = new TestReplica('directsponsor', 'tokens').write('word').write(undefined);
    const live = readContent('word', gone.policies);
    if (live.kind === 'invalid') throw new Error(live.reason);
    const author = { replica: 'roflfaucet~00000001', stamp: '00000000fff0000@roflfaucet' };
    const local = { live, style: detectStyle('{}'), mtime: 1 };
    for (const rule of JOIN_RULES)
      expect(settle(gone.state, local, rule, gone.policies, author)).toEqual({ state: gone.state, outcome: 'lost' });
    expect(join('word', 'other', 'hub', 1, 'tokens')).toMatchObject({ outcome: 'lost', unchanged: true });
    expect(join('word', 'other', 'local', 1, 'tokens').state.whole?.[0]).toBe('other');
    expect(join('word', 'word', 'local', 1, 'tokens')).toMatchObject({ outcome: 'adopted', unchanged: true });
  });
});

describe('by rule genesis, a file from before this site joined', () => {
  const DAY_MS = 24 * 3_600_000;

  /** The hub began with `began`, roflfaucet made `other` of it since, and clickforcharity joins with `local`. */
  function joinThird(
    began: string,
    other: string,
    local: string,
    { at = 9_000, kind = 'balances', before = false } = {},
  ) {
    const hub = new TestReplica('directsponsor', kind).write(began, HUB_WROTE_AT, true);
    const first = new TestReplica('roflfaucet', kind).receive(hub.state);
    first.shadow = began;
    first.write(other, 6_000);
    hub.receive(first.state);
    const here = new TestReplica('clickforcharity', kind).receive(hub.state);
    if (before) {
      here.shadow = here.view;
      here.write(JSON.stringify({ ...JSON.parse(here.view ?? ''), balance: 1_000 }), 7_000);
    }
    const live = readContent(local, here.policies);
    if (live.kind === 'invalid') throw new Error(live.reason);
    const author = { replica: here.id, stamp: here.clock.next(at) };
    const style = detectStyle(local);
    const { state, outcome } = settle(here.state, { live, style, mtime: 1 }, 'genesis', here.policies, author);
    here.state = state;
    const value = JSON.parse(here.view ?? '{}') as Record<string, unknown>;
    return { outcome, value, unchanged: state === hub.state };
  }

  it.each([
    ['was not written since: it counts nothing', '100', '130', '100', 'adopted', 130],
    ['was earned into, as elsewhere', '100', '103', '105', 'counted', 108],
    ['was earned into by the same amount as elsewhere', '100', '103', '103', 'counted', 106],
    ['was spent from', '100', '130', '60', 'counted', 90],
    ['is the only one that was written', '100', '100', '120', 'counted', 120],
  ])('I1: that %s', (_what, began, other, local, outcome, balance) => {
    const shown = joinThird(`{"balance":${began}}`, `{"balance":${other}}`, `{"balance":${local}}`);
    expect(shown).toMatchObject({ outcome, value: { balance } });
  });

  it('I1: is adopted, or held, where the amount was born since', () => {
    expect(join('{"balance":100}', '{"balance":100}', 'genesis')).toMatchObject({ outcome: 'adopted', balance: '100' });
    expect(join('{"balance":100}', '{"balance":120}', 'genesis')).toMatchObject({ outcome: 'held', balance: '100' });
  });

  it('I1: adds its transactions and removes none', () => {
    const list = (balance: number, seconds: number[]): string =>
      JSON.stringify({ balance, recent_transactions: transactions(seconds) });
    const { value } = joinThird(list(100, [1]), list(110, [2, 1]), list(120, [3, 1]));
    expect(value).toMatchObject({ balance: 130, recent_transactions: transactions([3, 2, 1]) });
  });

  it('leaves what others have written since, and takes what nobody has', () => {
    const profile = (email: string, bio: string) => JSON.stringify({ level: 3, email, bio, roles: ['member'] });
    const { value } = joinThird(profile('a@x', ''), profile('b@x', ''), profile('a@x', 'hello'), { kind: 'profiles' });
    expect(value).toMatchObject({ email: 'b@x', bio: 'hello' });
  });

  it('I1: is held a day later, and where this site has had a say before', () => {
    const late = joinThird('{"balance":100}', '{"balance":130}', '{"balance":120}', { at: HUB_WROTE_AT + DAY_MS + 1 });
    expect(late).toMatchObject({ outcome: 'held', value: { balance: 130 } });
    const again = joinThird('{"balance":100}', '{"balance":130}', '{"balance":120}', { before: true });
    expect(again).toMatchObject({ outcome: 'held', value: { balance: 1_000 } });
  });
});
