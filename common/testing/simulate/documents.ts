/** What the sites share at the beginning, and how an operation changes a file of each kind. */
import { GENESIS_AMOUNT, Ledger, type Operation, UNIT } from './ledger.js';

export const ANDY = 'balances/1-andy';
export const EVE = 'balances/2-eve';
/** Only one spoke knows it at the beginning. */
export const SOLO = 'balances/3-solo';
/** Born while the sites run. */
export const BORN = ['balances/4-born', 'balances/5-born'] as const;
/** Small amounts, changed by programs alone: what several sites want to spend at once is there only once. */
export const PURSE = 'balances/6-purse';
/** The same, of a user who begins with the first credit: all rights are earned on the sites. */
export const TIPS = 'balances/7-tips';
export const PURSES = [PURSE, TIPS] as const;
export const PROFILE = 'profiles/1-andy';
/** Edited and deleted at will: only its being the same everywhere is checked. */
export const LOOSE = 'profiles/9-loose';
export const TOKENS = ['tokens/a1', 'tokens/b2'] as const;

export type Content = Record<string, unknown>;

const PURSE_UNITS = 10;

/** Content of the files that all sites have from before, in the shapes that real sites use. */
export const BEGINNING: Readonly<Record<string, unknown>> = {
  [ANDY]: { user_id: '1-andy', balance: GENESIS_AMOUNT, last_updated: 1, recent_transactions: [] },
  [EVE]: { balance: { coins: GENESIS_AMOUNT } },
  [PURSE]: { balance: PURSE_UNITS * UNIT },
  [PROFILE]: { username: 'andy', bio: '', level: 1, roles: ['user'], stats: { clicks: GENESIS_AMOUNT } },
};

export const SOLO_CONTENT = { balance: String(GENESIS_AMOUNT) };

export function ledgers(): Ledger[] {
  return [
    new Ledger(ANDY, '/balance', GENESIS_AMOUNT),
    new Ledger(EVE, '/balance', GENESIS_AMOUNT),
    new Ledger(SOLO, '/balance', GENESIS_AMOUNT),
    ...BORN.map((document) => new Ledger(document, '/balance', 0)),
    new Ledger(PURSE, '/balance', PURSE_UNITS * UNIT, true),
    new Ledger(TIPS, '/balance', 0, true),
    new Ledger(PROFILE, '/stats/clicks', GENESIS_AMOUNT),
  ];
}

/** Puts an operation's effect into a file's content: the amount, and what goes with it. */
export function edit(ledger: Ledger, content: Content, operation: Operation, at: number): void {
  const amount = ledger.amount(operation);
  if (ledger.document === PROFILE) {
    const stats = (content.stats ?? {}) as Record<string, number>;
    content.stats = { ...stats, clicks: (stats.clicks ?? 0) + amount };
    content.roles = [...((content.roles as string[]) ?? []), role(operation)];
    content.bio = bio(operation);
    content.level = Math.max(Number(content.level ?? 0), level(operation));
    return;
  }
  content.balance = plus(content.balance, amount);
  content.last_updated = Math.floor(at / 1000);
  if (ledger.document === ANDY)
    content.recent_transactions = [entry(operation, at), ...((content.recent_transactions as unknown[]) ?? [])];
}

export const role = ({ k }: Operation): string => `role-${k}`;
export const bio = ({ k, site }: Operation): string => `written as ${k} at ${site}`;
export const level = ({ k }: Operation): number => 2 + ((k * 7) % 19);
export const entryId = ({ k }: Operation): string => `op-${k}`;

function entry(operation: Operation, at: number): Content {
  return { id: entryId(operation), amount: operation.sign * 4 ** operation.k, timestamp: Math.floor(at) };
}

/** A balance of any shape, and more. */
function plus(balance: unknown, amount: number): unknown {
  if (typeof balance === 'object' && balance !== null)
    return { ...balance, coins: plus((balance as { coins?: unknown }).coins, amount) };
  if (typeof balance === 'string') return String(Number(balance) + amount);
  return (typeof balance === 'number' ? balance : 0) + amount;
}

/** The content with nothing left, in the same shape; undefined where nothing is there to be taken. */
export function zeroed(content: Content): Content | undefined {
  const { balance } = content;
  const isNested = typeof balance === 'object' && balance !== null;
  const amount = Number(isNested ? (balance as { coins?: unknown }).coins : balance);
  if (!(amount > 0)) return undefined;
  return { ...content, balance: isNested ? { ...balance, coins: 0 } : 0 };
}

/** The number at a ledger's path of a file's content; undefined where there is none. */
export function numberAt(ledger: Ledger, content: unknown): number | undefined {
  const keys = ledger.path.slice(1).split('/');
  let value: unknown = content;
  for (const key of keys) value = (value as Content | undefined)?.[key];
  if (typeof value === 'object' && value !== null) value = (value as { coins?: unknown }).coins;
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}
