/** What is answered to a request that fails: `{"error": {"code", "message"}}`. */
import type { FastifySchemaValidationError } from 'fastify';
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

const FIELD_CHARACTERS_MAX = 60;

/** What a request's first mistake against its schema is, without the schema's own words. `verbose` errors of Ajv. */
export function schemaMistake(mistakes: readonly FastifySchemaValidationError[], where: string): Error {
  const [mistake] = mistakes;
  if (mistake === undefined) return new Error(`${where} is not valid`);
  const { keyword, instancePath, params, message = 'is not valid' } = mistake;
  const { parentSchema: { description } = {} } = mistake as { parentSchema?: { readonly description?: unknown } };
  const place = `${where}${instancePath}`;
  if (keyword === 'additionalProperties') {
    const field = String(params.additionalProperty).slice(0, FIELD_CHARACTERS_MAX);
    return new Error(`${place} has a field that is not known: ${JSON.stringify(field)}`);
  }
  if (keyword === 'pattern')
    return new Error(`${place} ${typeof description === 'string' ? `must be ${description}` : 'is not valid'}`);
  return new Error(`${place} ${message}`);
}
