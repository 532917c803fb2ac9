/** What the schema cannot say of `credit:` in miner.yaml: what would pay the wrong user, or never anybody, or show the token. */
import { BlockList, isIP } from 'node:net';
import type { Address, Problem } from '../../common/runtime/config-problems.js';
import { PRIVATE_NETWORKS } from '../discovery/addresses.js';
import { workerNameOf } from './words.js';

type Raw = Readonly<Record<string, unknown>>;

/** Takes the raw value and looks only at what has the right type: the schema says the rest. */
export function creditProblems({ credit }: Raw): Problem[] {
  const { sidecar, token_file, users } = group(credit);
  const { table, rules } = group(users);
  return [
    ...addressProblems(group(sidecar).url, token_file),
    ...tableProblems(group(table)),
    ...(Array.isArray(rules) ? rules.flatMap(ruleProblems) : []),
  ];
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

/** Of a rule: their stars are what its user may name. */
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

const PRIVATE = new BlockList();
for (const network of ['127.0.0.0/8', ...PRIVATE_NETWORKS]) {
  const [address = '', prefix] = network.split('/');
  PRIVATE.addSubnet(address, Number(prefix));
}
PRIVATE.addAddress('::1', 'ipv6');
PRIVATE.addSubnet('fc00::', 7, 'ipv6');

function addressProblems(url: unknown, token_file: unknown): Problem[] {
  if (typeof url !== 'string' || token_file === undefined || !url.startsWith('http:') || isSafe(url)) return [];
  const message = `must begin with https://, or be http:// to localhost or a private address, because the token goes there (got "${url}")`;
  return [{ address: ['credit', 'sidecar', 'url'], message }];
}

/** Whether strangers cannot listen in, though nothing is encrypted. Another name may be anybody's. */
function isSafe(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const host = new URL(url).hostname.replace(/^\[(.*)\]$/, '$1');
  const version = isIP(host);
  return host === 'localhost' || (version > 0 && PRIVATE.check(host, version === 6 ? 'ipv6' : 'ipv4'));
}

function group(value: unknown): Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Raw) : {};
}
