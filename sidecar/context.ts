/** What every route works with. */
import type { FastifyRequest } from 'fastify';
import type { Log } from '../common/runtime/log.js';
import type { Caller } from './access/callers.js';
import type { Scope } from './access/tokens.js';
import type { Books } from './books.js';
import type { SidecarConfig } from './config.js';
import type { Metrics } from './metrics.js';

export type Context = {
  readonly site: string;
  readonly books: Books;
  readonly config: SidecarConfig;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Who asks, if they may do this; throws ApiError. `user`: whose documents are concerned; undefined: everybody's. */
  readonly allow: (request: FastifyRequest, scope: Scope, user: string | undefined) => Caller;
};
