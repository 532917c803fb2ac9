/**
 * What a writer meant. A raw write that started from an older content than the one it replaced (the race of I5) looks
 * like a debit of everything that arrived in between; its transaction list says what it really was. Rules in
 * FILE_SYNC_STRATEGY.md, section 5.
 */
import { type Amount, add, compare, parseAmount, subtract, ZERO } from './amount.js';
import type { Valid } from './content.js';
import { type Fields, fieldsOf } from './fields.js';
import { type JsonObject, parseJson, stringOf } from './json.js';
import type { PathPolicies } from './policy.js';

export type Intent =
  /** The difference to the shadow is the change. */
  | { readonly kind: 'plain' }
  /** The change is the difference to `base`, which the file showed before; `raw` is what it looked like. */
  | { readonly kind: 'repaired'; readonly base: Valid; readonly raw: Amount; readonly meant: Amount }
  /** The list says something else than the amount, and nothing that the file showed lately explains it. */
  | { readonly kind: 'doubtful'; readonly raw: Amount };

const PLAIN: Intent = { kind: 'plain' };

/** The key whose counter is money. */
const BALANCE = '/balance';

/** `former`: what the live file showed within the last minute, newest first. */
export function intentOf(
  shadow: Valid | undefined,
  live: Valid,
  former: Iterable<Valid>,
  policies: PathPolicies,
): Intent {
  if (shadow === undefined) return PLAIN;
  const [before, after] = [factsOf(shadow, policies), factsOf(live, policies)];
  if (before === undefined || after === undefined) return PLAIN;
  const raw = subtract(after.balance, before.balance);
  const lists = [...newEntries(before, after).values()];
  if (lists.length === 0 || lists.some((texts) => sumOf(texts) === raw)) return PLAIN;
  let wasReplaced = false;
  for (const base of former) {
    wasReplaced = true;
    const facts = factsOf(base, policies);
    if (facts === undefined || !isExplained(facts, after) || hasSeen(after, facts, before)) continue;
    return { kind: 'repaired', base, raw, meant: subtract(after.balance, facts.balance) };
  }
  return wasReplaced ? { kind: 'doubtful', raw } : PLAIN;
}

/**
 * Whether new entries of its lists say that the balance went from `base` to `live`, each list by itself. A list that is full
 * and has no other entries any more cannot tell all that happened, and says that no accident did.
 */
export function explains(base: Valid, live: Valid, policies: PathPolicies): boolean {
  const [before, after] = [factsOf(base, policies), factsOf(live, policies)];
  if (before === undefined || after === undefined) return false;
  return isExplained(before, after, (texts, path) => isFull(texts) && texts.length === after.lists.get(path)?.length);
}

/** What the sites' writers keep: a list of such a size may have lost entries at its old end. */
const CAPS = [10, 50, 100];

function isFull(texts: readonly string[]): boolean {
  return CAPS.includes(texts.length) || texts.length > Math.max(...CAPS);
}

/** The counter `balance` of a document, or the one below it (`balance.coins`); undefined where it has none. */
export function balanceOf(fields: Fields): Amount | undefined {
  for (const [path, field] of fields)
    if (field.policy === 'counter' && (path === BALANCE || path.startsWith(`${BALANCE}/`))) return field.value;
  return undefined;
}

/** What an entry of a transaction list adds to the balance, negative for what it takes; undefined where it does not say. */
export function entryAmount(text: string): Amount | undefined {
  const entry = parseJson(text);
  if (entry?.kind !== 'object') return undefined;
  const [from, to] = [amountAt(entry, 'old_balance'), amountAt(entry, 'new_balance')];
  if (from !== undefined && to !== undefined) return subtract(to, from);
  const amount = amountAt(entry, 'change') ?? amountAt(entry, 'net_change') ?? amountAt(entry, 'amount');
  if (amount === undefined) return undefined;
  const kind = entry.entries.get('type');
  const type = (kind && stringOf(kind)) ?? '';
  if (TAKES.has(type)) return compare(amount, ZERO) > 0 ? subtract(ZERO, amount) : amount;
  return GIVES.has(type) && compare(amount, ZERO) < 0 ? undefined : amount;
}

/** Types whose amount may be written without its sign. Entries of every other type carry it. */
const TAKES = new Set(['debit', 'spend']);
const GIVES = new Set(['credit', 'earn']);

function amountAt(entry: JsonObject, key: string): Amount | undefined {
  const value = entry.entries.get(key);
  return value?.kind === 'scalar' ? parseAmount(stringOf(value) ?? value.text) : undefined;
}

type Lists = ReadonlyMap<string, readonly string[]>;
type Facts = { readonly balance: Amount; readonly lists: Lists };

function factsOf(content: Valid, policies: PathPolicies): Facts | undefined {
  if (content.kind !== 'json') return undefined;
  const fields = fieldsOf(content.value, policies);
  const balance = balanceOf(fields);
  if (balance === undefined) return undefined;
  const lists = new Map<string, readonly string[]>();
  for (const [path, field] of fields) if (field.policy === 'log') lists.set(path, field.entries);
  return { balance, lists };
}

/** New entries of each list that has any. */
function newEntries(before: Facts, after: Facts): Lists {
  return new Map(
    [...after.lists]
      .map(([path, texts]) => [path, beyond(texts, before.lists.get(path) ?? [])] as const)
      .filter(([, texts]) => texts.length > 0),
  );
}

/** `isPart`: whether these new entries of the list at `path` may be a part of them only. */
function isExplained(
  before: Facts,
  after: Facts,
  isPart: (texts: readonly string[], path: string) => boolean = () => false,
): boolean {
  const lists = [...newEntries(before, after)];
  const change = subtract(after.balance, before.balance);
  return lists.length > 0 && lists.every(([path, texts]) => sumOf(texts) === change || isPart(texts, path));
}

/** Whether `live` shows an entry that the file got after it showed `base`: then its writer did not start from `base`. */
function hasSeen(live: Facts, base: Facts, shadow: Facts): boolean {
  return [...shadow.lists].some(([path, texts]) => {
    const was = base.lists.get(path) ?? [];
    const arrived = new Set(beyond(texts, was));
    return beyond(live.lists.get(path) ?? [], was).some((text) => arrived.has(text));
  });
}

/** The entries of `texts` that `known` does not hold, or not as often. */
function beyond(texts: readonly string[], known: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const text of known) left.set(text, (left.get(text) ?? 0) + 1);
  return texts.filter((text) => {
    const n = left.get(text) ?? 0;
    left.set(text, n - 1);
    return n <= 0;
  });
}

/** Undefined where one entry does not say its amount. */
function sumOf(texts: readonly string[]): Amount | undefined {
  let sum = ZERO;
  for (const text of texts) {
    const amount = entryAmount(text);
    if (amount === undefined) return undefined;
    sum = add(sum, amount);
  }
  return sum;
}
