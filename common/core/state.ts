/**
 * The state of a document: a conflict-free join of all replicas' contributions. Plain data, so that storage and batches
 * are one `JSON.stringify`. Paths are JSON pointers, values are JSON *text* (a number keeps its spelling), records are
 * keyed by text that never collides with object internals (pointers start with "/", replica ids hold "~").
 */
import type { Amount } from './amount.js';
import type { Stamp } from './stamp.js';
import type { Style } from './style.js';

/** `roflfaucet~9f3a61c2`: site name and incarnation. */
export type ReplicaId = string;

/** Owner of what a joining site imported: the same file imported by two sites is one import, not two. */
export const GENESIS = '~';

/** How a counter is written in the file: 5, "5", {"coins": 5} or {"coins": "5"}. */
export const SHAPES = ['number', 'string', 'box', 'box-string'] as const;
export type Shape = (typeof SHAPES)[number];

/** Whether the number stands inside an object, under the key `coins`. */
export function isBox(shape: Shape): boolean {
  return shape === 'box' || shape === 'box-string';
}

export type CounterState = {
  /** What the file held when the document became known; the earliest stamp wins. */
  readonly genesis?: readonly [value: Amount, stamp: Stamp];
  /** Per replica the totals ever added and ever taken; both only rise, so the greater is the later. */
  readonly by: Readonly<Record<ReplicaId, readonly [added: Amount, taken: Amount]>>;
  /** Spending rights passed on: giver → receiver → the total ever given. Only rises. See rights.ts. */
  readonly given?: Readonly<Record<ReplicaId, Readonly<Record<ReplicaId, Amount>>>>;
  readonly shape?: readonly [shape: Shape, stamp: Stamp];
};

/** Value text, or null where the key was removed. */
export type Register = readonly [text: string | null, stamp: Stamp];

/** Element text → present?, stamp, position at the time of adding. */
export type SetState = Readonly<Record<string, readonly [present: 0 | 1, stamp: Stamp, position: number]>>;

/** Entry text → how many the owner added, when first, and its position among those added together. */
export type LogCells = Readonly<Record<string, readonly [count: number, stamp: Stamp, position: number]>>;

export type LogState = {
  readonly added: Readonly<Record<ReplicaId | typeof GENESIS, LogCells>>;
  /** Entry text → how many of those ever added a replica saw gone; the greatest counts, wherever it was seen. */
  readonly removed?: Readonly<Record<ReplicaId, Readonly<Record<string, number>>>>;
  /** Milliseconds since 1970: entries older than this have been dropped for good. Only rises. */
  readonly floor?: number;
  readonly form?: readonly [form: LogForm, stamp: Stamp];
};

/** How many equal entries one owner may have. */
export const ENTRY_COUNT_MAX = 1_000;

/** Where the newest entry stands, and how many the file keeps. */
export type LogForm = { readonly newest: 'first' | 'last'; readonly cap: number };

export type Form = {
  /** Paths in the order of the file in which they were last added to. */
  readonly order: readonly string[];
  readonly style: Style;
};

export type DocState = {
  readonly counters?: Readonly<Record<string, CounterState>>;
  readonly registers?: Readonly<Record<string, Register>>;
  readonly sets?: Readonly<Record<string, SetState>>;
  readonly logs?: Readonly<Record<string, LogState>>;
  /** Path → site → the greatest number that site has written. */
  readonly max?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** The content of a document that is no JSON object; null once it is one again. */
  readonly whole?: Register;
  readonly form?: readonly [form: Form, stamp: Stamp];
  /** How often the document was created again after a delete that its creator knew of. */
  readonly life?: number;
  /** The newest delete: which life it ended, and when. */
  readonly dead?: readonly [life: number, stamp: Stamp];
};

export const EMPTY: DocState = {};

const REPLICA = /^[a-z0-9][a-z0-9-]{0,62}~[0-9a-f]{8}$/;
const SITE = /^[a-z0-9][a-z0-9-]{0,62}$/;

export function isReplicaId(text: unknown): text is ReplicaId {
  return typeof text === 'string' && REPLICA.test(text);
}

export function isSite(text: unknown): text is string {
  return typeof text === 'string' && SITE.test(text);
}

/** The site of a replica: `roflfaucet` of `roflfaucet~9f3a61c2`. */
export function replicaSite(replica: ReplicaId): string {
  return replica.slice(0, replica.indexOf('~'));
}
