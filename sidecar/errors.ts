/** What is answered to a request that fails: `{"error": {"code", "message"}}`. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { BadChange } from '../common/replica/ledger.js';
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
  unsupported_media_type: 415,
  idempotency_key_reused: 422,
  rate_limited: 429,
  internal: 500,
  rights_elsewhere: 503,
  not_ready: 503,
} as const;

export type ErrorCode = keyof typeof STATUS;

export class ApiError extends Error {
  readonly status: number;

  /** `more`: further fields of `error`. `retryAfter_s`: for what may go well later. */
  constructor(
    readonly apiCode: ErrorCode,
    message: string,
    readonly more: Readonly<Record<string, string>> = {},
    readonly retryAfter_s?: number,
  ) {
    super(message);
    this.status = STATUS[apiCode];
  }
}

/** Answers any error. What is no fault of the caller is logged, and the answer says nothing of it. */
export function answerErrors(log: Log) {
  return (thrown: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): void => {
    const error = asApiError(thrown);
    if (error.apiCode === 'internal')
      log.error('sidecar request failed', {
        route: request.routeOptions.url ?? '',
        method: request.method,
        reason: thrown.message,
        ...('code' in thrown && { code: String(thrown.code) }),
      });
    if (error.retryAfter_s !== undefined) reply.header('retry-after', String(error.retryAfter_s));
    void reply
      .code(error.status)
      .type('application/json; charset=utf-8')
      .send(JSON.stringify({ error: { code: error.apiCode, message: error.message, ...error.more } }));
  };
}

/** A file is written in no time; one that stays torn or empty waits for a person, or for a credit. */
const UNREAD_S = 1;
/** A rebuild takes as long as the other sites take to answer, and 10 s at most where one is away. */
const REBUILD_S = 5;

function asApiError(thrown: FastifyError | Error): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (thrown instanceof BadChange) return new ApiError('bad_request', thrown.message);
  const { code, statusCode = 500 } = thrown as FastifyError;
  if (code === 'AXL-NOT-READY') return new ApiError('not_ready', 'this site is not ready yet', {}, 2);
  if (code === 'AXL-LOST') return new ApiError('not_ready', 'this document is being rebuilt', {}, REBUILD_S);
  if (code === 'AXL-UNREAD') return new ApiError('not_ready', 'this file cannot be read yet', {}, UNREAD_S);
  if (statusCode === 413) return new ApiError('payload_too_large', 'the body is too large');
  if (statusCode === 415) return new ApiError('unsupported_media_type', 'the body must be JSON');
  if (statusCode === 404) return new ApiError('not_found', 'there is nothing here');
  if (statusCode >= 400 && statusCode < 500) return new ApiError('bad_request', thrown.message);
  return new ApiError('internal', 'internal error');
}
