/** The fastify app, which listens to nothing by itself: see `startSidecar`. */
import cors from '@fastify/cors';
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import type { Registry } from 'prom-client';
import type { Log } from '../common/runtime/log.js';
import { allow, type Caller, type Credentials, callerOf, checkOrigin } from './access/callers.js';
import type { Books } from './books.js';
import type { SidecarConfig } from './config.js';
import type { Context } from './context.js';
import { ApiError, answerErrors } from './errors.js';
import { Metrics } from './metrics.js';
import { balanceRoutes } from './routes/balances.js';
import { docsRoutes } from './routes/docs.js';
import { eventRoutes } from './routes/events.js';
import { guestRoutes } from './routes/guests.js';
import { minerRoutes } from './routes/miner-credits.js';
import { profileRoutes } from './routes/profiles.js';
import { serviceRoutes } from './routes/service.js';
import { statementRoutes } from './routes/statements.js';

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | undefined;
  }
}

export type AppOptions = {
  readonly site: string;
  readonly books: Books;
  readonly config: SidecarConfig;
  readonly credentials: Credentials;
  readonly log: Log;
  /** What /metrics shows, the site's figures among them. */
  readonly registry: Registry;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

const MINUTE_MS = 60_000;

export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { site, books, config, credentials, log, now } = options;
  const { limits } = config;
  const answerError = answerErrors(log);
  const app = Fastify({
    bodyLimit: limits.body_bytes,
    logger: false,
    trustProxy: config.trust_proxy,
    routerOptions: { maxParamLength: 256 },
    requestTimeout: limits.request_timeout_s * 1000,
    return503OnClosing: true,
    // Otherwise the router answers in a form of its own, with the address that it was asked for.
    frameworkErrors: (_error, request, reply) =>
      answerError(new ApiError('bad_request', 'this can be no address'), request, reply),
    forceCloseConnections: 'idle',
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, strict: false, allowUnionTypes: true } },
  });
  const metrics = new Metrics(options.registry);
  const context: Context = {
    site,
    books,
    config,
    log,
    metrics,
    now,
    allow: (request, scope, user) => {
      const caller = allow(request.caller, scope, user);
      if (request.method !== 'GET') checkOrigin(request, caller, config.cors);
      if (!books.isReady) throw new ApiError('not_ready', 'this site is not ready yet', {}, 2);
      return caller;
    },
  };
  app.removeContentTypeParser('text/plain');
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(() => {
    throw new ApiError('not_found', 'there is nothing here');
  });
  app.decorateRequest('caller', undefined);
  // Hooks with a callback: a promise for each of them costs a tenth of what a request does.
  app.addHook('onRequest', (request, _reply, done) => {
    request.caller = callerOf(request, credentials);
    done();
  });
  if (config.cors.length > 0)
    await app.register(cors, {
      origin: [...config.cors],
      credentials: true,
      methods: ['GET', 'POST', 'PATCH'],
      allowedHeaders: ['authorization', 'content-type', 'idempotency-key', 'last-event-id'],
      exposedHeaders: ['retry-after'],
      maxAge: 600,
    });
  await app.register(rateLimit, {
    timeWindow: MINUTE_MS,
    max: (request) => (request.caller?.kind === 'service' ? limits.service_per_minute : limits.user_per_minute),
    keyGenerator: rateKey,
    // What monitors the site must not be turned away with everybody else.
    allowList: (request) => request.routeOptions.url !== undefined && OPEN.has(request.routeOptions.url),
    errorResponseBuilder: (_request, { ttl }) =>
      new ApiError('rate_limited', 'too many requests', {}, Math.ceil(ttl / 1000)),
  });
  // A connection that is kept alive would keep us from ending.
  let isEnding = false;
  app.addHook('preClose', async () => {
    isEnding = true;
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (isEnding) reply.header('connection', 'close');
    done(null, payload);
  });
  app.addHook('onResponse', (request, reply, done) => {
    metrics.request(request.method, request.routeOptions.url ?? 'none', reply.statusCode, reply.elapsedTime / 1000);
    done();
  });
  await app.register(swagger, { openapi: { info: { title: 'Axle sidecar', version: '1' }, components: SECURITY } });
  docsRoutes(app);
  serviceRoutes(app, context);
  balanceRoutes(app, context);
  statementRoutes(app, context);
  guestRoutes(app, context);
  minerRoutes(app, context);
  eventRoutes(app, context);
  await profileRoutes(app, context);
  return app;
}

const SECURITY = {
  securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: 'a service token, or the JWT of a user' } },
} as const;

const OPEN = new Set(['/healthz', '/readyz', '/metrics']);

function rateKey({ caller, ip }: FastifyRequest): string {
  if (caller?.kind === 'service') return `token:${caller.token.name}`;
  return caller?.kind === 'user' ? `user:${caller.user}` : `ip:${ip}`;
}
