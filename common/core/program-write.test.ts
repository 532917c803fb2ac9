/** What a program's change writes beside the amount, in every shape that the sites' files have. */
import { describe, expect, it } from 'vitest';
import { readContent } from './content.js';
import { decodeState } from './decode.js';
import { diff } from './diff.js';
import { DEFAULT_POLICIES, type KindPolicy, PathPolicies } from './policy.js';
import { newBalance, type ProgramChange, writeBeside } from './program-write.js';
import { render, viewText } from './render.js';
import { change as changed } from './rights.js';
import { makeStamp } from './stamp.js';
import type { DocState } from './state.js';
import { detectStyle } from './style.js';

const policies = new PathPolicies(DEFAULT_POLICIES.balances as KindPolicy);
const FAUCET = 'roflfaucet~00000001';
const NOW = Date.UTC(2026, 1, 4, 5, 6, 7, 890);
const SECOND = Math.floor(NOW / 1000);
const DATE = '2026-02-04 05:06:07';

let ticks = 0;
const stamp = () => makeStamp(NOW + ++ticks, 0, 'roflfaucet');

function known(content: unknown): DocState {
  const text = typeof content === 'string' ? content : JSON.stringify(content, null, 4);
  const live = readContent(text, policies);
  if (live.kind === 'invalid') throw new Error(live.reason);
  return diff({}, undefined, live, detectStyle(text), policies, { replica: FAUCET, stamp: stamp(), isGenesis: true });
}

function write(state: DocState, over: Partial<ProgramChange> = {}): DocState {
  const facts = { amount: '5', balance: '100', source: 'faucet', description: 'Claim', at: NOW, ...over };
  const beside = writeBeside(state, facts, { replica: FAUCET, stamp: stamp() });
  const counter = changed(beside.counters?.['/balance'], FAUCET, facts.amount);
  return { ...beside, counters: { ...beside.counters, '/balance': counter } };
}

// biome-ignore lint/suspicious/noExplicitAny: what a file holds
function shown(state: DocState): any {
  const view = render(state, 'restore');
  // What every other site would accept, and read again as the same.
  expect(decodeState(JSON.parse(JSON.stringify(state)))).toEqual(state);
  return view && JSON.parse(viewText(view, undefined, state));
}

const C = (n: number) => ({ amount: n, description: 'Win', timestamp: 1770000000 + n, date: '2026-02-02 02:40:00' });
const PLAIN = (n: number) => ({ amount: n, description: 'Win', timestamp: 1770000000 + n });
const D = (n: number) => ({
  timestamp: 1770000000 + n,
  type: 'credit',
  old_balance: 0,
  new_balance: n,
  change: n,
  description: 'Signup',
});
const AD = (n: number) => ({ type: 'ad_view', amount: n, timestamp: 1770000000 + n });
const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe('an entry in the list', () => {
  it('C: in front, with a date', () => {
    const state = write(known({ balance: 100, last_updated: 1, recent_transactions: [C(2), C(1)] }));
    expect(shown(state)).toEqual({
      balance: 105,
      last_updated: SECOND,
      recent_transactions: [{ amount: 5, description: 'Claim', timestamp: SECOND, date: DATE }, C(2), C(1)],
    });
  });

  it('D: with the balance before and after, also of a debit', () => {
    const credited = write(known({ balance: 100, transactions: [D(1)] }));
    const state = write(credited, { amount: '-0.5', balance: '105', source: 'slots_bet', description: '' });
    const [bet, claim, first] = shown(state).transactions;
    expect(bet).toEqual({
      timestamp: SECOND,
      type: 'debit',
      old_balance: 105,
      new_balance: 104.5,
      change: -0.5,
      description: 'slots_bet',
    });
    expect([claim.type, claim.old_balance, claim.new_balance, first]).toEqual(['credit', 100, 105, D(1)]);
    expect(Object.keys(bet)).toEqual(Object.keys(D(1)));
  });

  it('E: in both lists, and the totals of the months stay', () => {
    const rest = { monthly_totals: { '2025-09': { total_bets: 1 } }, last_rollup: '2025-09' };
    const before = { balance: 100, last_updated: 1, recent_transactions: [PLAIN(1)], transactions: [D(1)], ...rest };
    const after = shown(write(known(before)));
    expect(after).toMatchObject(rest);
    expect(after.recent_transactions).toEqual([{ amount: 5, description: 'Claim', timestamp: SECOND }, PLAIN(1)]);
    expect(after.transactions.map((one: { change: number }) => one.change)).toEqual([5, 1]);
    expect(Object.keys(after)).toEqual(Object.keys(before));
  });

  it.each([[[AD(1), AD(2)]], [[AD(1)]]])('ad_view: at the end', (list) => {
    const after = shown(write(known({ balance: 100, recent_transactions: list }), { source: 'ptc_task_complete' }));
    expect(after.recent_transactions).toEqual([...list, { type: 'ptc_task_complete', amount: 5, timestamp: SECOND }]);
  });

  it.each([
    ['C, newest first', 50, 'first', C],
    ['D, newest first', 10, 'first', D],
    ['ad_view, newest last', 10, 'last', AD],
    ['without a date, newest first', 100, 'first', PLAIN],
  ] as const)('keeps the cap of %s: %i', (_name, cap, newest, entry) => {
    const oldestFirst = range(1, cap).map((n): unknown => entry(n));
    const list = newest === 'first' ? [...oldestFirst].reverse() : oldestFirst;
    let state = known({ balance: 100, recent_transactions: list });
    for (const n of range(1, 3)) state = write(state, { amount: String(n), at: NOW + n * 1000 });
    const after = shown(state).recent_transactions;
    const amounts = after.map((one: { amount?: number; change?: number }) => one.amount ?? one.change);
    expect(amounts).toEqual(newest === 'first' ? [3, 2, 1, ...range(4, cap).reverse()] : [...range(4, cap), 1, 2, 3]);
  });

  it('hazard 7: keeps the cap at which a writer was seen dropping entries', () => {
    const text = (list: unknown) => JSON.stringify({ balance: 100, recent_transactions: list }, null, 4);
    const shadow = readContent(text(range(1, 20).map(PLAIN).reverse()), policies);
    const live = readContent(text(range(2, 21).map(PLAIN).reverse()), policies);
    if (shadow.kind === 'invalid' || live.kind === 'invalid') throw new Error('samples');
    const author = { replica: FAUCET, stamp: stamp() };
    const state = diff(known(text(range(1, 20).map(PLAIN).reverse())), shadow, live, detectStyle(''), policies, author);
    expect(shown(write(state)).recent_transactions).toHaveLength(20);
  });

  it('hazard 7: two equal ones of one second are two', () => {
    const twice = write(write(known({ balance: 100, recent_transactions: [PLAIN(1)] })));
    const [a, b] = shown(twice).recent_transactions;
    expect(a).toEqual(b);
    expect(shown(twice).recent_transactions).toHaveLength(3);
  });

  it.each([
    ['/recent_transactions', { amount: 5, description: 'Claim', timestamp: SECOND, date: DATE }],
    [
      '/transactions',
      { timestamp: SECOND, type: 'credit', old_balance: 100, new_balance: 105, change: 5, description: 'Claim' },
    ],
  ])('begins an empty list %s as the sites do', (path, entry) => {
    const key = path.slice(1);
    expect(shown(write(known({ balance: 100, [key]: [] })))[key]).toEqual([entry]);
  });

  it('copies nothing that only the site could know', () => {
    const odd = { amount: 1, game: 'dice', ip: '::1', source: 'x', server_id: 'y', date: '2026-02-03T12:58:15+00:00' };
    const [entry] = shown(write(known({ balance: 100, recent_transactions: [odd] }))).recent_transactions;
    expect(entry).toEqual({ amount: 5, source: 'faucet', server_id: 'roflfaucet', date: '2026-02-04T05:06:07+00:00' });
  });

  it('is written exactly, however large or small', () => {
    const state = known({ balance: 100, recent_transactions: [PLAIN(1)] });
    const after = write(state, { amount: '123456789012345678.00000001' });
    const view = render(after, 'restore');
    const text = view && viewText(view, undefined, after);
    expect(text).toContain('"amount": 123456789012345678.00000001');
  });
});

describe('a document without a list', () => {
  it.each([
    [{ balance: 100 }],
    [{ user_id: '999-test', balance: '100', note: [] }],
    [{ user_id: '1', balance: { coins: 100 } }],
  ])('%j gets none', (content) => {
    expect(Object.keys(shown(write(known(content))))).toEqual(Object.keys(content));
  });
});

describe('beside it', () => {
  it.each([
    [1764278255, SECOND],
    [1764278255123, NOW],
    ['1764278255', String(SECOND)],
    ['2026-01-06T04:43:46+00:00', '2026-02-04T05:06:07+00:00'],
    ['2026-01-06T04:43:46.123Z', '2026-02-04T05:06:07.890Z'],
    ['2026-01-06 04:43:46', '2026-02-04 05:06:07'],
    ['2026-01-06', '2026-02-04'],
    ['yesterday', 'yesterday'],
    [null, null],
  ])('hazard 5: last_updated %j becomes %j', (before, after) => {
    expect(shown(write(known({ balance: 100, last_updated: before }))).last_updated).toEqual(after);
  });

  it('B: last_source and last_server are set where the file has them', () => {
    const b = { user_id: '1-a', balance: 100, last_updated: 1, last_source: 'chat', last_server: 'clickforcharity' };
    expect(shown(write(known(b)))).toEqual({
      ...b,
      balance: 105,
      last_updated: SECOND,
      last_source: 'faucet',
      last_server: 'roflfaucet',
    });
  });

  it('A: a new balance has user, amount and time', () => {
    const state = write(newBalance('7-new', '/balance', NOW, stamp()));
    expect(shown(state)).toEqual({ user_id: '7-new', balance: 5, last_updated: SECOND });
    expect(Object.keys(shown(state))).toEqual(['user_id', 'balance', 'last_updated']);
  });
});
