/** What an answer says of a change: pure, for both kinds of server. */
import { type Units, unitsOf } from './amount.js';

export type Outcome =
  /** It is on disk, now or at an earlier try. */
  | { readonly kind: 'done'; readonly balance: Units }
  /** It was not and will not be carried out. */
  | { readonly kind: 'refused'; readonly reason: string; readonly balance?: Units }
  /** It was not carried out now. */
  | { readonly kind: 'later'; readonly after_ms?: number }
  /** The server wants to know who is asking. */
  | { readonly kind: 'unauthorized' }
  /** Perhaps it was carried out, perhaps not: only a try with the same key tells. */
  | { readonly kind: 'unknown' };

export type Answer = {
  readonly status: number;
  /** Undefined: no JSON object. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  readonly retryAfter_s?: number;
};

export const INSUFFICIENT = 'Insufficient balance';

const UNKNOWN: Outcome = { kind: 'unknown' };
const REFUSALS = [400, 404, 409, 413, 415, 422];

export function sidecarOutcome({ status, body, retryAfter_s }: Answer): Outcome {
  if (status === 200) return done(body?.balance);
  const error = body?.error as Readonly<Record<string, unknown>> | undefined;
  // A proxy's own words say nothing of what became of the request.
  if (typeof error?.code !== 'string') return status === 401 ? { kind: 'unauthorized' } : UNKNOWN;
  if (status === 401) return { kind: 'unauthorized' };
  if (status === 429 || status === 503) return later(retryAfter_s);
  // Who is asking may change; what may be credited does not.
  if (status === 403 && error.code !== 'source_not_allowed') return { kind: 'unauthorized' };
  if (status !== 403 && !REFUSALS.includes(status)) return UNKNOWN;
  const isFunds = error.code === 'insufficient_funds';
  return refused(isFunds ? INSUFFICIENT : String(error.message ?? error.code), error.balance);
}

export function phpOutcome({ status, body, retryAfter_s }: Answer): Outcome {
  if (status === 200 && body?.success === true) return done(body.balance);
  if (status === 401 || status === 403) return { kind: 'unauthorized' };
  if (body?.success !== false) return UNKNOWN;
  if (status === 429 || status === 503) return later(retryAfter_s);
  // The sites' own script says 404 of a page that is missing, and 500 of anything.
  if (status === 404 || !REFUSALS.includes(status)) return UNKNOWN;
  return refused(status === 409 ? INSUFFICIENT : String(body.error ?? status), body.balance);
}

function done(balance: unknown): Outcome {
  const units = unitsOf(balance);
  return units === undefined ? UNKNOWN : { kind: 'done', balance: units };
}

function later(retryAfter_s: number | undefined): Outcome {
  return retryAfter_s === undefined ? { kind: 'later' } : { kind: 'later', after_ms: retryAfter_s * 1000 };
}

function refused(reason: string, balance: unknown): Outcome {
  const units = unitsOf(balance);
  return units === undefined ? { kind: 'refused', reason } : { kind: 'refused', reason, balance: units };
}
