/**
 * What two peers compare: a digest of every document, below 4,096 buckets in 64 groups a kind. A bucket belongs to a
 * document's name alone, so that both sides put it into the same one, whatever they hold of it.
 *
 * A node of the tree is a text: `balances` (all of a kind), `balances:35` (a group), `balances:3517` (a bucket).
 */
import type { Digest } from './batch.js';
import type { CanonicalText } from './canonical.js';
import { isKind } from './names.js';

/** Sixteen hexadecimal digits; '' for nothing at all. */
export type ShortDigest = string;

const DIGEST_LENGTH = 16;
/** Children of a kind and of a group. */
export const CHILDREN = 64;
const GROUP_DIGITS = 2;
const BUCKET_DIGITS = 4;

/** Digest of one document: of its name and its state. */
export function documentDigest(name: string, state: CanonicalText | string, digest: Digest): ShortDigest {
  return digest(`${name}\n${state}`).slice(0, DIGEST_LENGTH);
}

/** The bucket of a document: its kind, and four octal digits of its name's digest. */
export function bucketOf(name: string, digest: Digest): string {
  const number = Number.parseInt(digest(name).slice(0, 3), 16);
  return `${kindOf(name)}:${number.toString(8).padStart(BUCKET_DIGITS, '0')}`;
}

export function kindOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/'));
}

/** Digest of a node from those of what is below it, in order; '' where all of it is empty. */
export function nodeDigest(below: readonly ShortDigest[], digest: Digest): ShortDigest {
  return below.every((one) => one === '') ? '' : digest(below.join(',')).slice(0, DIGEST_LENGTH);
}

export type Level = 'kind' | 'group' | 'bucket';

const TAIL = /^[0-7]+$/;

/** The level of a node and its kind; undefined where the text is no node. */
export function parseNode(node: string): { readonly kind: string; readonly level: Level } | undefined {
  const [kind = '', tail, ...rest] = node.split(':');
  if (!isKind(kind) || rest.length > 0) return undefined;
  if (tail === undefined) return { kind, level: 'kind' };
  if (!TAIL.test(tail)) return undefined;
  if (tail.length === GROUP_DIGITS) return { kind, level: 'group' };
  return tail.length === BUCKET_DIGITS ? { kind, level: 'bucket' } : undefined;
}

/** The nodes below a kind or a group, in order. */
export function childrenOf(node: string, level: 'kind' | 'group'): string[] {
  const prefix = level === 'kind' ? `${node}:` : node;
  return Array.from({ length: CHILDREN }, (_, i) => prefix + i.toString(8).padStart(GROUP_DIGITS, '0'));
}

export function groupOf(bucket: string): string {
  return bucket.slice(0, GROUP_DIGITS - BUCKET_DIGITS);
}
