/** What an HTTP door answers to a request that fails: `{"error": {"code", "message"}}`. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from './log.js';

export class HttpError extends Error {
  /** `more`: further fields of `error`. `retryAfter_s`: for what may go well later. */
  constructor(
    readonly status: number,
    readonly apiCode: string,
    message: string,
    readonly more: Readonly<Record<string, string>> = {},
    readonly retryAfter_s?: number,
  ) {
    super(message);
  }
}

/**
 * Answers any error. What is no fault of the caller is logged as `event`, and the answer says nothing of it. `translate`:
 * what an error of the program's own means to a caller.
 */
export function answerErrors(log: Log, event: string, translate: (thrown: Error) => HttpError | undefined) {
  return (thrown: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): void => {
    const error = thrown instanceof HttpError ? thrown : (translate(thrown) ?? ofFastify(thrown));
    if (error.status === 500)
      log.error(event, {
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

function ofFastify(thrown: FastifyError | Error): HttpError {
  const { statusCode = 500 } = thrown as FastifyError;
  if (statusCode === 413) return new HttpError(413, 'payload_too_large', 'the body is too large');
  if (statusCode === 415) return new HttpError(415, 'unsupported_media_type', 'the body must be JSON');
  if (statusCode === 404) return new HttpError(404, 'not_found', 'there is nothing here');
  if (statusCode >= 400 && statusCode < 500) return new HttpError(400, 'bad_request', thrown.message);
  return new HttpError(500, 'internal', 'internal error');
}
