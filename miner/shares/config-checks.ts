/** What the schema cannot say of `credit:` in miner.yaml: what would pay the wrong user, or never anybody, or show the token. */
import type { Problem } from '../../common/runtime/config-problems.js';
import { workerNameOf } from './words.js';

type Raw = Readonly<Record<string, unknown>>;

/** Takes the raw value and looks only at what has the right type: the schema says the rest. */
export function creditProblems({ credit }: Raw): Problem[] {
  const { users } = group(credit);
  const { table } = group(users);
  return tableProblems(group(table));
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

function group(value: unknown): Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Raw) : {};
}
