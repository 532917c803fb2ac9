/** Every shape of balance and profile that the sites' code writes, as PHP spells it. All users are made up. */

export const BALANCES: Readonly<Record<string, string>> = {
  'balances/1-andy': php({ user_id: '1-andy', balance: 14582, last_updated: 1764278255 }),
  'balances/2-bea': php({
    user_id: '2-bea',
    balance: 320.5,
    last_updated: 1764278256,
    last_source: 'ptc_task_complete',
    last_server: 'clickforcharity',
  }),
  'balances/3-cleo-x': php({
    user_id: '3-cleo-x',
    balance: 13565,
    last_updated: 1770134206,
    recent_transactions: [
      { amount: 50, description: 'Task é/ü done', timestamp: 1770123495, date: '2026-02-03 12:58:15' },
      { amount: -20, description: 'slots_bet', timestamp: 1770123400, date: '2026-02-03 12:56:40' },
    ],
  }),
  'balances/4-dan': php({
    user_id: '4-dan',
    balance: 10,
    last_updated: 1770134000,
    transactions: [
      { timestamp: 1770133999, type: 'credit', old_balance: 0, new_balance: 10, change: 10, description: 'faucet' },
    ],
  }),
  'balances/5-eve': php({
    user_id: '5-eve',
    balance: 77,
    last_updated: 1770134207,
    recent_transactions: [{ amount: 7, description: 'wheel_win', timestamp: 1770134207, date: '2026-02-03 15:56:47' }],
    monthly_totals: { '2025-09': { total_bets: 1 }, '2025-10': { total_bets: 12 } },
    last_rollup: 1769904000,
  }),
  'balances/30-finn': php({
    user_id: '30-finn',
    username: 'finn',
    balance: { coins: 0 },
    last_updated: '2026-01-06T04:43:46+00:00',
  }),
  'balances/999-test': '{"user_id": "999-test", "balance": 5000}',
  'balances/998-test': '{"balance": 6000}\n',
  'balances/997-test': '{"user_id":"997-test","balance":"7000"}',
};

export const PROFILES: Readonly<Record<string, string>> = {
  'profiles/1-andy': php({
    user_id: '1-andy',
    level: 3,
    username: 'andy',
    display_name: '',
    avatar: '\u{1f464}',
    email: 'andy@example.org',
    bio: 'made up / for tests',
    location: '',
    website: 'https://example.org/andy',
    joined_date: 1763664684,
    settings: { notifications: true, theme: 'default' },
    stats: { total_claims: 4, total_games_played: 0, total_won: 12.5 },
    roles: ['member'],
    fundraiser_permissions: [],
    public_profile: false,
    last_profile_update: 1763667184,
  }),
  'profiles/31-gwen': php({
    user_id: '31-gwen',
    username: 'gwen',
    email: 'gwen@example.org',
    profile: { display_name: 'Gwen', bio: '' },
    global_roles: ['member'],
    site_roles: { roflfaucet: ['tester'], clickforcharity: [] },
    stats: { total_ads_viewed: 1, total_surveys_completed: 0, total_earned: 3 },
    memberPlatforms: ['x', 'y'],
    completedTasks: ['t1'],
    taskStats: { totalCompleted: 1, byCategory: { follows: 1, engagements: 0, other: 0 } },
  }),
};

/** A balance file as the sites' PHP writes it. */
export function balanceFile(user: string, balance: number, more: object = {}): string {
  return php({ user_id: user, balance, last_updated: 1764278255, ...more });
}

/** As PHP's `json_encode($value, JSON_PRETTY_PRINT)`. */
export function php(value: unknown): string {
  return JSON.stringify(value, null, 4)
    .replaceAll('/', '\\/')
    .replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
