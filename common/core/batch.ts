/**
 * The batch format: one header line, then one line a document, all JSON, newline-terminated.
 *
 * Format 1: first format.
 */
import { type Amount, isAmount } from './amount.js';
import { type Comparison, faultOfComparison } from './comparison.js';
import { BadState, decodeState } from './decode.js';
import { TIME_MAX_MS } from './entry.js';
import { isDocumentName } from './names.js';
import { PATH_LENGTH_MAX } from './policy.js';
import { type DocState, isReplicaId, isSite, type ReplicaId, replicaSite } from './state.js';

export const BATCH_FORMAT = 1;

/** What the sender has of the receiver: everything of `replica` up to `seq`. */
export type Confirmation = {
  readonly replica: ReplicaId;
  readonly seq: number;
  /** Session of the receiver that this answers; a confirmation of an earlier session may come from an old file. */
  readonly session: string;
};

/** `replica`: whose batch, where that says why. */
export type Refusal = { readonly code: string; readonly message: string; readonly replica?: ReplicaId };

export type BatchHeader = {
  readonly axle: typeof BATCH_FORMAT;
  readonly replica: ReplicaId;
  /** Owner of what the sender contributes now, where that is not `replica`. */
  readonly author?: ReplicaId;
  /** Site for which this batch is. */
  readonly to_site: string;
  /** Random word of the sender's process start. */
  readonly session: string;
  /** This batch holds every change of the sender after `from` up to `to` that the receiver is owed. */
  readonly from: number;
  readonly to: number;
  /** The sender's newest sequence number. */
  readonly head: number;
  readonly documents: number;
  /** Digest of the header line without this, its last member, and of all that follows. */
  readonly digest: string;
  readonly confirms?: Confirmation;
  /** The sender does not know yet what the receiver has of it: an answer is asked for, once more where one was lost. */
  readonly hello?: boolean;
  /** The sender asks for the receiver's whole state before it looks at its own files. */
  readonly joining?: boolean;
  /** The receiver's last batch was refused: why. */
  readonly refused?: Refusal;
  /** Spending rights that the sender would have from the receiver. */
  readonly wants?: readonly Want[];
  /** Wants of the receiver that the sender cannot fulfil. */
  readonly denied?: readonly Denial[];
  /** Part of a comparison of what both hold. */
  readonly compare?: Comparison;
  /** What this batch covers was sent before, and not confirmed: what is news in it had been lost on the way. */
  readonly again?: boolean;
  /** Sender's clock, milliseconds since 1970. */
  readonly sent_at: number;
};

export type Want = {
  readonly document: string;
  readonly path: string;
  /** What the receiver has given to the sender should come to this in all: asked twice, it is given once. */
  readonly total: Amount;
};

export const DENIALS = ['insufficient_funds', 'rights_elsewhere'] as const;

export type Denial = {
  readonly document: string;
  readonly path: string;
  readonly reason: (typeof DENIALS)[number];
  /** Where the rights lie, while that site is away. */
  readonly site?: string;
};

/** Wants, or denials, in one message. */
export const WANTS_MAX = 200;

export type BatchDocument = {
  readonly name: string;
  readonly state: DocState;
  /** When the change was made, milliseconds since 1970, and the site that made it: for logs and latency only. */
  readonly at: number;
  readonly by: string;
};

export type Batch = { readonly header: BatchHeader; readonly documents: readonly BatchDocument[] };

/** Digest function passed in, because core has no crypto of its own: hexadecimal text of the text's UTF-8 bytes. */
export type Digest = (text: string) => string;

/** One document line; `stateText` is the state as JSON, stored in that form already. */
export function documentLine(name: string, stateText: string, at: number, by: string): string {
  return `{"d":${JSON.stringify(name)},"at":${at},"by":${JSON.stringify(by)},"s":${stateText}}\n`;
}

export function encodeBatch(
  header: Omit<BatchHeader, 'axle' | 'documents' | 'digest'>,
  lines: readonly string[],
  digest: Digest,
): string {
  const body = lines.join('');
  const open = JSON.stringify({ axle: BATCH_FORMAT, ...header, documents: lines.length } satisfies Omit<
    BatchHeader,
    'digest'
  >);
  return `${open.slice(0, -1)},"digest":"${digest(`${open}\n${body}`)}"}\n${body}`;
}

const DIGEST = /,"digest":"([0-9a-f]{8,128})"\}$/;

export type Decoded =
  | { readonly ok: true; readonly batch: Batch }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** Checks and decodes a batch. Nothing in it has been believed before this returns ok. */
export function decodeBatch(text: string, digest: Digest): Decoded {
  const end = text.indexOf('\n');
  if (end < 0) return refuse('AXL-BATCH-TORN', 'no header line');
  const line = text.slice(0, end);
  const header = decodeHeader(line);
  if (typeof header === 'string') return refuse('AXL-BATCH-HEADER', header);
  if (header.axle !== BATCH_FORMAT)
    return refuse(
      'AXL-BATCH-FORMAT',
      `format ${String(header.axle)}; this version of Axle reads format ${BATCH_FORMAT}`,
    );
  const body = text.slice(end + 1);
  const signed = DIGEST.exec(line);
  if (signed === null || digest(`${line.slice(0, signed.index)}}\n${body}`) !== signed[1])
    return refuse('AXL-BATCH-DIGEST', 'content and checksum differ');
  const lines = body === '' ? [] : body.slice(0, -1).split('\n');
  if (lines.length !== header.documents)
    return refuse('AXL-BATCH-HEADER', `${lines.length} documents instead of ${header.documents}`);
  const documents: BatchDocument[] = [];
  for (const [index, line] of lines.entries()) {
    const document = decodeDocument(line);
    if (typeof document === 'string') return refuse('AXL-BATCH-DOCUMENT', `document ${index + 1}: ${document}`);
    documents.push(document);
  }
  return { ok: true, batch: { header, documents } };
}

function refuse(code: string, message: string): Decoded {
  return { ok: false, code, message };
}

function decodeDocument(line: string): BatchDocument | string {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null) return 'not an object';
    const { d, at, by, s } = value as Record<string, unknown>;
    if (typeof d !== 'string' || !isDocumentName(d)) return 'not a document name';
    // A time that cannot be printed again as JSON would be passed on as a batch that nobody accepts.
    if (typeof at !== 'number' || !(at >= 0 && at <= TIME_MAX_MS) || !isSite(by)) return `${d}: bad origin`;
    return { name: d, state: decodeState(s), at, by };
  } catch (error) {
    if (error instanceof BadState) return error.message;
    if (error instanceof SyntaxError) return 'not JSON';
    throw error;
  }
}

const WORD = /^[0-9a-z]{1,32}$/;

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isText(value: unknown, lengthMax: number): boolean {
  return typeof value === 'string' && value.length <= lengthMax;
}

function decodeHeader(line: string): BatchHeader | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'the header is not JSON';
  }
  if (typeof value !== 'object' || value === null) return 'the header is not an object';
  const h = value as Record<string, unknown>;
  // A newer format may differ in anything else, so that it can be named in the refusal.
  if (h.axle !== BATCH_FORMAT) return Number.isInteger(h.axle) ? (value as BatchHeader) : 'not an Axle batch';
  if (!isReplicaId(h.replica)) return 'replica: not a replica id';
  if (h.author !== undefined && (!isReplicaId(h.author) || replicaSite(h.author) !== replicaSite(h.replica)))
    return 'author: not of the same site';
  if (!isSite(h.to_site)) return 'to_site: not a site name';
  if (typeof h.session !== 'string' || !WORD.test(h.session)) return 'session: not a word';
  for (const key of ['from', 'to', 'head', 'documents', 'sent_at'] as const)
    if (!isCount(h[key])) return `${key}: not a whole number`;
  if ((h.from as number) > (h.to as number) || (h.to as number) > (h.head as number))
    return 'from, to and head do not rise';
  if (typeof h.digest !== 'string') return 'digest: missing';
  if (h.confirms !== undefined) {
    const c = h.confirms as Record<string, unknown>;
    if (
      typeof c !== 'object' ||
      c === null ||
      !isReplicaId(c.replica) ||
      !isCount(c.seq) ||
      typeof c.session !== 'string' ||
      !WORD.test(c.session)
    )
      return 'confirms: malformed';
  }
  for (const key of ['joining', 'hello', 'again'] as const)
    if (h[key] !== undefined && typeof h[key] !== 'boolean') return `${key}: not true or false`;
  if (h.refused !== undefined) {
    const r = h.refused as Record<string, unknown>;
    if (typeof r !== 'object' || r === null || !isText(r.code, 64) || !isText(r.message, 4_096))
      return 'refused: malformed';
    if (r.replica !== undefined && !isReplicaId(r.replica)) return 'refused: malformed';
  }
  const wants = list(h.wants);
  if (wants === undefined || !wants.every((want) => isNamed(want) && isAmount(want.total) && want.total[0] !== '-'))
    return 'wants: malformed';
  const denied = list(h.denied);
  if (
    denied === undefined ||
    !denied.every(
      (one) =>
        isNamed(one) && DENIALS.some((reason) => reason === one.reason) && (one.site === undefined || isSite(one.site)),
    )
  )
    return 'denied: malformed';
  if (h.compare !== undefined) {
    const fault = faultOfComparison(h.compare);
    if (fault !== undefined) return `compare: ${fault}`;
  }
  return value as BatchHeader;
}

/** The objects of a list that may be missing; undefined for anything else. */
function list(value: unknown): Record<string, unknown>[] | undefined {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > WANTS_MAX) return undefined;
  return value.every((one) => typeof one === 'object' && one !== null) ? value : undefined;
}

function isNamed({ document, path }: Record<string, unknown>): boolean {
  return typeof document === 'string' && isDocumentName(document) && isText(path, PATH_LENGTH_MAX) && path !== '';
}

/** The site that sent a batch. */
export function senderSite(header: BatchHeader): string {
  return replicaSite(header.replica);
}
