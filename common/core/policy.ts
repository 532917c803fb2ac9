/**
 * Which merge policy each path of a document has. Paths are written with dots in configuration (`stats.*`) and as JSON
 * pointers in state (`/stats/total_won`); the root is `""`.
 */

export type PathPolicy = 'counter' | 'register' | 'set' | 'log' | 'max';

/** What a removed file means: written back, a tombstone that a newer write revives, or one that wins over such a write. */
export type DeletePolicy = 'restore' | 'tombstone' | 'wins';

export type KindPolicy = {
  readonly delete: DeletePolicy;
  /** `text`: any content is a document (one register). `json`: content that does not parse is torn, never a change. */
  readonly format: 'json' | 'text';
  readonly paths: Readonly<Record<string, PathPolicy>>;
};

export type Policies = Readonly<Record<string, KindPolicy>>;

/** The kinds and paths of the real sites. Configuration is merged over these, by kind and by path. */
export const DEFAULT_POLICIES: Policies = {
  balances: {
    delete: 'restore',
    format: 'json',
    paths: { balance: 'counter', recent_transactions: 'log', transactions: 'log' },
  },
  profiles: {
    delete: 'tombstone',
    format: 'json',
    paths: {
      level: 'max',
      'stats.*': 'counter',
      'taskStats.totalCompleted': 'counter',
      'taskStats.byCategory.*': 'counter',
      roles: 'set',
      global_roles: 'set',
      'site_roles.*': 'set',
      fundraiser_permissions: 'set',
      memberPlatforms: 'set',
      rewardedPlatforms: 'set',
      completedTasks: 'set',
      skippedTasks: 'set',
    },
  },
  tokens: { delete: 'wins', format: 'text', paths: {} },
  inbox: { delete: 'tombstone', format: 'json', paths: { '': 'log' } },
};

/** Joins configured kinds over the defaults: a kind's own keys win, path by path. */
export function mergePolicies(base: Policies, over: Readonly<Record<string, Partial<KindPolicy>>>): Policies {
  const merged: Record<string, KindPolicy> = { ...base };
  for (const [kind, own] of Object.entries(over)) {
    const from = (Object.hasOwn(base, kind) && base[kind]) || { delete: 'tombstone', format: 'json', paths: {} };
    merged[kind] = {
      delete: own.delete ?? from.delete,
      format: own.format ?? from.format,
      paths: { ...from.paths, ...own.paths },
    };
  }
  return merged;
}

/** Object keys inside which a counter may live as its only number: `{"coins": 5000}`. */
export const COUNTER_BOX_KEY = 'coins';

/** The limits of a path. A file that goes beyond them is refused when it is read, so that no state ever does. */
export const PATH_LENGTH_MAX = 1_024;
export const PATH_DEPTH_MAX = 16;

/** One step down: the JSON pointer of `key` below `path` (RFC 6901 escapes). */
export function childPath(path: string, key: string): string {
  return `${path}/${key.includes('~') || key.includes('/') ? key.replaceAll('~', '~0').replaceAll('/', '~1') : key}`;
}

/** The keys of a JSON pointer. */
export function pathKeys(path: string): string[] {
  if (path === '') return [];
  return path
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}

const CACHE_MAX = 10_000;

/** Looks up policies for one kind; an exact path beats a pattern, a longer pattern a shorter one. */
export class PathPolicies {
  readonly #patterns: readonly { readonly keys: readonly string[]; readonly policy: PathPolicy }[];
  readonly #cache = new Map<string, PathPolicy>();

  constructor(readonly kind: KindPolicy) {
    this.#patterns = Object.entries(kind.paths)
      .map(([dotted, policy]) => ({ keys: dotted === '' ? [] : dotted.split('.'), policy }))
      .sort((a, b) => wildcards(a.keys) - wildcards(b.keys) || b.keys.length - a.keys.length);
  }

  /** Whether a document of this kind counts something: then its files must stay JSON objects. */
  get counts(): boolean {
    return this.#patterns.some(({ policy }) => policy === 'counter');
  }

  /** Whether a document of this kind lists what happened to it. */
  get logs(): boolean {
    return this.#patterns.some(({ policy }) => policy === 'log');
  }

  of(path: string): PathPolicy {
    const known = this.#cache.get(path);
    if (known !== undefined) return known;
    const keys = pathKeys(path);
    const found = this.#patterns.find((p) => matches(p.keys, keys))?.policy ?? 'register';
    if (this.#cache.size >= CACHE_MAX) this.#cache.clear();
    this.#cache.set(path, found);
    return found;
  }
}

function wildcards(keys: readonly string[]): number {
  return keys.filter((key) => key === '*').length;
}

function matches(pattern: readonly string[], keys: readonly string[]): boolean {
  return pattern.length === keys.length && pattern.every((want, i) => want === '*' || want === keys[i]);
}
