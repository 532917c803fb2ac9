/** What the schema cannot say of `credit:` in miner.yaml: what would pay the wrong user, or never anybody, or show the token. */
import type { Address, Problem } from '../../common/runtime/config-problems.js';
import { workerNameOf } from './words.js';

type Raw = Readonly<Record<string, unknown>>;

/** Takes the raw value and looks only at what has the right type: the schema says the rest. */
export function creditProblems({ credit }: Raw): Problem[] {
  const { users } = group(credit);
  const { table, rules } = group(users);
  return [...tableProblems(group(table)), ...(Array.isArray(rules) ? rules.flatMap(ruleProblems) : [])];
}

/** One name may be spelled in several ways, as a MAC. */
function tableProblems(table: Raw): Problem[] {
  const seen = new Map<string, string>();
  const problems: Problem[] = [];
  for (const [name, user] of Object.entries(table)) {
    const key = workerNameOf(name);
    const first = seen.get(key);
    if (first === undefined) seen.set(key, name);
    else if (table[first] !== user)
      problems.push({
        address: ['credit', 'users', 'table', name],
        message: `must be named once (${first} is the same, and ${table[first]}'s)`,
      });
  }
  return problems;
}

/** In the order of the rule's schema, by which the stars are counted. */
const PATTERNS = ['worker', 'pool_user', 'pool_url', 'miner'];

function ruleProblems(rule: unknown, place: number): Problem[] {
  const fields = group(rule);
  const { user } = fields;
  if (typeof user !== 'string') return [];
  const address: Address = ['credit', 'users', 'rules', place, 'user'];
  const stars = PATTERNS.map((name) => fields[name])
    .filter((pattern) => typeof pattern === 'string')
    .reduce((sum, pattern) => sum + pattern.split('*').length - 1, 0);
  const isStar = (after: string) => /^[1-9]/.test(after) && Number(after[0]) <= stars;
  if (user.split('$').slice(1).every(isStar)) return [];
  return [{ address, message: `must have $1 to $9 only for a * of the rule, which has ${stars} (got "${user}")` }];
}

function group(value: unknown): Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Raw) : {};
}
