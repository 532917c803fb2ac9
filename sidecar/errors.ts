/** What is answered to a request that fails: `{"error": {"code", "message"}}`. */
import { BadChange } from '../common/replica/ledger.js';
import { answerErrors as answerHttpErrors, HttpError } from '../common/runtime/http-errors.js';
import type { Log } from '../common/runtime/log.js';

const STATUS = {
  bad_request: 400,
  unauthorized: 401,
  forbidden: 403,
  source_not_allowed: 403,
  not_found: 404,
  insufficient_funds: 409,
  already_credited: 409,
  payload_too_large: 413,
  idempotency_key_reused: 422,
  too_early: 425,
  rate_limited: 429,
  rights_elsewhere: 503,
  not_ready: 503,
} as const;

export type ErrorCode = keyof typeof STATUS;

export class ApiError extends HttpError {
  /** `more`: further fields of `error`. `retryAfter_s`: for what may go well later. */
  constructor(code: ErrorCode, message: string, more: Readonly<Record<string, string>> = {}, retryAfter_s?: number) {
    super(STATUS[code], code, message, more, retryAfter_s);
  }
}

/** Answers any error. What is no fault of the caller is logged, and the answer says nothing of it. */
export function answerErrors(log: Log) {
  return answerHttpErrors(log, 'sidecar request failed', asApiError);
}

/** A file is written in no time; one that stays torn or empty waits for a person, or for a credit. */
const UNREAD_S = 1;
/** A rebuild takes as long as the other sites take to answer, and 10 s at most where one is away. */
const REBUILD_S = 5;

function asApiError(thrown: Error): ApiError | undefined {
  if (thrown instanceof BadChange) return new ApiError('bad_request', thrown.message);
  const { code } = thrown as NodeJS.ErrnoException;
  if (code === 'AXL-NOT-READY') return new ApiError('not_ready', 'this site is not ready yet', {}, 2);
  if (code === 'AXL-LOST') return new ApiError('not_ready', 'this document is being rebuilt', {}, REBUILD_S);
  if (code === 'AXL-UNREAD') return new ApiError('not_ready', 'this file cannot be read yet', {}, UNREAD_S);
  return undefined;
}
