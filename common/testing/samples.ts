/** Made-up documents in every shape of the real sites, as text: what their writers leave on disk. No real person's data. */
import type { JsonObject } from '../core/json.js';
import { parseJson } from '../core/json.js';
import { printJson } from '../core/style.js';

export type Sample = { readonly name: string; readonly kind: string; readonly text: string };

/** As PHP's json_encode(JSON_PRETTY_PRINT) prints it: 4 spaces, `\/` and `\uXXXX`, no newline at the end. */
export function php(value: unknown): string {
  const tree = parseJson(JSON.stringify(value)) as JsonObject;
  return printJson(tree, {
    indent: 4,
    colonSpace: true,
    commaSpace: false,
    escapeSlash: true,
    escapeUnicode: true,
    finalNewline: false,
  });
}

/** One entry of `recent_transactions` as most writers make it. */
export function transaction(second: number, amount = 5, description = 'Faucet claim'): Record<string, unknown> {
  return { amount, description, timestamp: 1_770_000_000 + second };
}

/** Entries of the given seconds, in their order. */
export function transactions(seconds: readonly number[]): Record<string, unknown>[] {
  return seconds.map((second) => transaction(second));
}

/** `count` seconds from `first`, rising. */
export function seconds(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

/** Who writes transaction lists, how many they keep, and at which end the newest stands. */
export const LIST_WRITERS = [
  { name: 'the faucet: newest first, 100', newest: 'first', cap: 100 },
  { name: 'the ad viewer: newest last, 10', newest: 'last', cap: 10 },
  { name: 'the hub: newest first, 50', newest: 'first', cap: 50 },
] as const;

const settings = { notifications: true, theme: 'default' };

export const BALANCE_SAMPLES: readonly Sample[] = [
  { name: 'A: plain', text: php({ user_id: '1-a', balance: 14582, last_updated: 1764278255 }) },
  {
    name: 'B: with its source',
    text: php({
      user_id: '1-a',
      balance: 120,
      last_updated: 1764278255,
      last_source: 'ptc_task_complete',
      last_server: 'clickforcharity',
    }),
  },
  {
    name: 'C: recent transactions',
    text: php({
      balance: 13565,
      last_updated: 1770134206,
      recent_transactions: [
        { amount: 50, description: 'Slots/dice £ win', timestamp: 1770123495, date: '2026-02-03 12:58:15' },
        { amount: -20.5, description: 'Bet', timestamp: 1770123490, date: '2026-02-03 12:58:10' },
      ],
    }),
  },
  {
    name: 'D: old and new balance',
    text: php({
      user_id: '4-d',
      balance: 10,
      transactions: [
        { timestamp: 1770000000, type: 'credit', old_balance: 0, new_balance: 10, change: 10, description: 'Signup' },
      ],
    }),
  },
  {
    name: 'E: monthly totals and both lists',
    text: php({
      balance: 77,
      last_updated: 1770134206,
      recent_transactions: transactions([2, 1]),
      transactions: [{ timestamp: 1770000001, type: 'ad_view', change: 2 }],
      monthly_totals: { '2025-09': { total_bets: 1 }, '2025-10': { total_bets: 12 } },
      last_rollup: '2025-10',
    }),
  },
  {
    name: 'F: signup form',
    text: php({ user_id: '30-x', username: 'x', balance: { coins: 0 }, last_updated: '2026-01-06T04:43:46+00:00' }),
  },
  { name: 'by hand', text: '{"user_id": "999-test", "balance": 5000}' },
  { name: 'by hand, with a newline', text: '{"balance": 6000}\n' },
  { name: 'by a shell script', text: '{"balance":6000,"note":"caf\u00e9 / bar"}\n' },
  { name: 'amount in a string', text: '{"user_id":"5-s","balance":"250.75","last_updated":1764278255}' },
  { name: 'amount in a string in an object', text: '{"balance":{"coins":"12","gems":3}}' },
  { name: 'decimals', text: php({ balance: 12.5, last_updated: 1764278255 }) },
  { name: 'a float sum', text: '{\n    "balance": 0.30000000000000004,\n    "last_updated": 1764278255\n}' },
  { name: 'a number with a point', text: '{"balance": 5000.0, "rate": 1e3, "big": 123456789012345678901234567890}' },
  { name: 'two spaces', text: '{\n  "balance": 1,\n  "a": [],\n  "b": {},\n  "c": [\n    1,\n    2\n  ]\n}\n' },
  { name: 'tabs', text: '{\n\t"balance": 1,\n\t"path": "C:\\\\/x"\n}' },
  { name: 'keys like numbers', text: '{"10":"ten","balance":3,"2":"two","1":{"9":1,"3":2}}' },
  {
    name: 'keys like object internals',
    text: '{"__proto__":{"polluted":true},"constructor":1,"balance":3,"toString":"x","":"empty","a~/b":2}',
  },
  { name: 'no amount', text: '{"balance":null,"note":"broken writer"}' },
].map((sample) => ({ kind: 'balances', ...sample }));

export const PROFILE_SAMPLES: readonly Sample[] = [
  {
    name: 'game site',
    text: php({
      user_id: '1-a',
      level: 1,
      username: 'a',
      display_name: '',
      avatar: '\u{1f464}',
      email: 'a@example.org',
      bio: 'likes / slashes',
      location: '',
      website: 'https://example.org/a',
      joined_date: 1763664684,
      settings,
      stats: { total_claims: 3, total_games_played: 0, total_won: 1.5 },
      roles: ['member'],
      fundraiser_permissions: [],
      public_profile: false,
      last_profile_update: 1763667184,
    }),
  },
  {
    name: 'charity site',
    text: php({
      user_id: '2-b',
      level: 2,
      username: 'b',
      settings,
      stats: { total_ads_viewed: 4, total_surveys_completed: 0, total_earned: 12, last_ad: 'yesterday' },
      memberPlatforms: ['x', 'y'],
      rewardedPlatforms: ['x'],
      completedTasks: ['t1', 't2', 7],
      skippedTasks: [],
      taskStats: { totalCompleted: 2, byCategory: { follows: 1, engagements: 1, other: 0 } },
    }),
  },
  {
    name: 'signup form',
    text: php({
      user_id: '30-x',
      username: 'x',
      profile: { display_name: 'X', bio: '' },
      global_roles: ['member'],
      site_roles: { roflfaucet: [], clickforcharity: ['tester'] },
      stats: [],
    }),
  },
].map((sample) => ({ kind: 'profiles', ...sample }));

/** A message in an inbox. */
export function message(id: number, read = false): Record<string, unknown> {
  return {
    id: `m${id}`,
    type: 'system',
    from: 'hub',
    message: `Hello ${id}`,
    timestamp: 1_770_000_000 + id,
    read,
    metadata: {},
  };
}

export const OTHER_SAMPLES: readonly Sample[] = [
  { kind: 'inbox', name: 'messages', text: php([message(2), message(1, true)]) },
  { kind: 'inbox', name: 'no message', text: '[]' },
  { kind: 'inbox', name: 'entries without a time', text: '["a","b"]' },
  { kind: 'tokens', name: 'a word', text: 'd41d8cd98f00b204\n' },
  { kind: 'tokens', name: 'a JSON token', text: '{"token":"abc","expires":1764278255}' },
  { kind: 'tokens', name: 'a JSON number', text: '12345' },
  { kind: 'balances', name: 'nothing but braces', text: '{}' },
];

export const SAMPLES: readonly Sample[] = [...BALANCE_SAMPLES, ...PROFILE_SAMPLES, ...OTHER_SAMPLES];
