/** What is answered to a request that fails: `{"error": {"code", "message"}}`. */
import { HttpError } from '../../common/runtime/http-errors.js';
import { AddressError } from '../discovery/addresses.js';

const STATUS = {
  bad_request: 400,
  unauthorized: 401,
  forbidden: 403,
  cross_site: 403,
  not_found: 404,
  conflict: 409,
  unknown_host: 421,
  rate_limited: 429,
  device_unavailable: 503,
  not_ready: 503,
} as const;

export type ErrorCode = keyof typeof STATUS;

export class ApiError extends HttpError {
  /** `more`: further fields of `error`. `retryAfter_s`: for what may go well later. */
  constructor(code: ErrorCode, message: string, more: Readonly<Record<string, string>> = {}, retryAfter_s?: number) {
    super(STATUS[code], code, message, more, retryAfter_s);
  }
}

export function asApiError(thrown: Error): ApiError | undefined {
  if (thrown instanceof AddressError) return new ApiError('bad_request', thrown.message);
  if ((thrown as NodeJS.ErrnoException).code === 'SQLITE_BUSY')
    return new ApiError('not_ready', 'the store is busy', {}, 1);
  return undefined;
}
