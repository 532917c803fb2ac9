/** Whose a worker is: what a person has said of it, then the config's table, then its rules. */
import type { WorkerUsers } from '../store/worker-users.js';
import type { WorkRow } from '../store/works.js';
import type { UserRule } from './config.js';
import { isUser, macOf, workerNameOf } from './words.js';

export interface UsersConfig {
  readonly table: Readonly<Record<string, string>>;
  readonly rules: readonly UserRule[];
}

export type Worker = Pick<WorkRow, 'worker_key' | 'worker' | 'pool_url' | 'pool_user'>;

/** The table of a config, by the names that works have. */
export function tableOf(table: UsersConfig['table']): UsersConfig['table'] {
  return Object.fromEntries(Object.entries(table).map(([name, user]) => [workerNameOf(name), user]));
}

/** What says whose a worker is: a person, or a place in the config. */
export type SaidBy = 'users set' | 'users.table' | `users.rules[${number}]`;

/** Undefined where nobody has said whose it is. `table`: as `tableOf` makes it. */
export function userOf(worker: Worker, told: WorkerUsers, config: UsersConfig): string | undefined {
  return ownerOf(worker, told, config)?.user;
}

/** As `userOf`, with what says so. */
export function ownerOf(
  worker: Worker,
  told: WorkerUsers,
  { table, rules }: UsersConfig,
): { readonly user: string; readonly by: SaidBy } | undefined {
  const names = [worker.worker, workerNameOf(worker.worker), worker.worker_key];
  for (const name of names) {
    const user = told.get(name)?.user;
    if (user !== undefined) return { user, by: 'users set' };
  }
  for (const name of names) {
    const user = Object.hasOwn(table, name) ? table[name] : undefined;
    if (user !== undefined) return { user, by: 'users.table' };
  }
  for (const [place, rule] of rules.entries()) {
    const user = userByRule(worker, rule);
    if (user !== undefined && isUser(user)) return { user, by: `users.rules[${place}]` };
  }
  return undefined;
}

function userByRule({ worker, worker_key, pool_url, pool_user }: Worker, rule: UserRule): string | undefined {
  const stars: string[] = [];
  const fields = [
    [rule.worker, worker],
    [rule.pool_user, pool_user],
    [rule.pool_url, pool_url],
    [rule.miner && macOf(rule.miner), worker_key],
  ] as const;
  for (const [pattern, text] of fields) {
    if (pattern === undefined) continue;
    const found = starsOf(pattern, text);
    if (found === undefined) return undefined;
    stars.push(...found);
  }
  return rule.user.replace(/\$(\d)/g, (_, number: string) => stars[Number(number) - 1] ?? '');
}

/** What the stars of a pattern stand for, each for as little as it can; undefined where the text does not fit. */
export function starsOf(pattern: string, text: string): string[] | undefined {
  const parts = pattern.split('*');
  const [first = '', ...rest] = parts;
  if (rest.length === 0) return pattern === text ? [] : undefined;
  if (!text.startsWith(first)) return undefined;
  const stars: string[] = [];
  let place = first.length;
  for (const [index, part] of rest.entries()) {
    const isLast = index === rest.length - 1;
    const found = isLast ? text.length - part.length : text.indexOf(part, place);
    if (found < place || !text.startsWith(part, found)) return undefined;
    stars.push(text.slice(place, found));
    place = found + part.length;
  }
  return stars;
}
