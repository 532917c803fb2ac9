/**
 * What two peers say to each other when they compare what they hold: one part of a message, in its header. `id` is the
 * word of whoever asked first; the other side answers each part by itself and remembers nothing.
 *
 *   A: digests of all kinds → B: of the groups of those that differ → A: of the buckets of those groups → B: the documents
 *   of those buckets with their digests → A: asks for the documents that differ, and sends what it has of them itself →
 *   B: told, with what it has of them. Where nothing differs, B's first answer is `same`.
 */
import { parseNode, type ShortDigest } from './digest-tree.js';
import { isDocumentName } from './names.js';

export type Comparison = { readonly id: string } & (
  | { readonly step: 'digests'; readonly nodes: Readonly<Record<string, ShortDigest>> }
  | {
      readonly step: 'documents';
      readonly buckets: readonly string[];
      readonly documents: Readonly<Record<string, ShortDigest>>;
    }
  | { readonly step: 'same' }
  /** `whole`: also what is not the receiver's own, because the sender has lost it. */
  | { readonly step: 'ask'; readonly names: readonly string[]; readonly whole?: boolean }
  /** The documents are in this batch; '' where there is none. What was asked for and is missing here is to be asked again. */
  | { readonly step: 'told'; readonly documents: Readonly<Record<string, ShortDigest>> }
  /** Everything, whole, from the document after the receiver's own number `after`. */
  | { readonly step: 'ask all'; readonly after: number }
  /** Documents after `after` up to `to`; `more` where there are further ones. */
  | { readonly step: 'told all'; readonly after: number; readonly to: number; readonly more: boolean }
);

/** Kinds, groups or buckets in one message. */
export const NODES_MAX = 4_096;
/** Documents with their digests in one message, unless one bucket alone holds more. */
export const DOCUMENTS_MAX = 2_000;
/** Documents asked for at once. */
export const ASK_MAX = 500;
/** What is accepted: a bucket of a very large site. */
const DOCUMENTS_ACCEPTED_MAX = 100_000;

const WORD = /^[0-9a-z]{1,32}$/;
const DIGEST = /^(?:[0-9a-f]{16})?$/;

/** Checks one from outside. Returns what is wrong with it, or undefined. */
export function faultOfComparison(value: unknown): string | undefined {
  if (!isRecord(value)) return 'not an object';
  if (typeof value.id !== 'string' || !WORD.test(value.id)) return 'id: not a word';
  switch (value.step) {
    case 'digests':
      return isDigests(value.nodes, NODES_MAX, isNode) ? undefined : 'nodes: malformed';
    case 'documents':
      if (!isList(value.buckets, NODES_MAX, isNode)) return 'buckets: malformed';
      return isDigests(value.documents, DOCUMENTS_ACCEPTED_MAX, isDocumentName) ? undefined : 'documents: malformed';
    case 'told':
      return isDigests(value.documents, ASK_MAX, isDocumentName) ? undefined : 'documents: malformed';
    case 'ask':
      if (value.whole !== undefined && typeof value.whole !== 'boolean') return 'whole: not true or false';
      return isList(value.names, ASK_MAX, isDocumentName) ? undefined : 'names: malformed';
    case 'ask all':
      return isCount(value.after) ? undefined : 'after: not a whole number';
    case 'told all':
      if (typeof value.more !== 'boolean') return 'more: not true or false';
      return isCount(value.after) && isCount(value.to) && (value.to as number) >= (value.after as number)
        ? undefined
        : 'after and to do not rise';
    case 'same':
      return undefined;
    default:
      // A later version may have further steps: then there is no answer, and no comparison.
      return typeof value.step === 'string' && value.step.length <= 32 ? undefined : 'step: not a word';
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isNode(text: string): boolean {
  return parseNode(text) !== undefined;
}

function isList(value: unknown, most: number, isItem: (text: string) => boolean): boolean {
  return (
    Array.isArray(value) &&
    value.length <= most &&
    value.every((item: unknown) => typeof item === 'string' && isItem(item))
  );
}

function isDigests(value: unknown, most: number, isKey: (text: string) => boolean): boolean {
  if (!isRecord(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length <= most &&
    entries.every(([key, digest]) => typeof digest === 'string' && DIGEST.test(digest) && isKey(key))
  );
}
