/** The fastify app of the miner agent, which listens to nothing by itself: see `startApi`. */
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { answerErrors, HttpError } from '../../common/runtime/http-errors.js';
import type { Log } from '../../common/runtime/log.js';
import type { Agent } from '../agent.js';
import type { Retention } from '../store/resolutions.js';
import { POOLS, type Pool } from '../wallets/pools.js';
import { type Caller, callerOf, checkHost, checkScope, checkSite } from './access.js';
import type { ApiConfig } from './config.js';
import type { Context } from './context.js';
import { ApiError, asApiError, schemaMistake } from './errors.js';
import { creditRoutes } from './routes/credits.js';
import { docsRoutes } from './routes/docs.js';
import { fleetRoutes } from './routes/fleet.js';
import { minerRoutes } from './routes/miners.js';
import { scanRoutes } from './routes/scans.js';
import { walletRoutes } from './routes/wallets.js';
import { Streams } from './streams.js';
import type { Tokens } from './tokens.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Of the miner agent's API. */
    minerCaller: Caller | undefined;
  }
}

export type ApiOptions = {
  readonly config: ApiConfig;
  readonly tokens: Tokens;
  readonly log: Log;
  /** Of the configuration; empty: the LAN's own. */
  readonly networks: () => readonly string[];
  readonly retention: Retention;
  /** Default: those that are known. */
  readonly pools?: readonly Pool[];
  /** What /api/fleet says of the relay. */
  readonly relay?: () => unknown;
  /** Adds the page at /: it may be looked at without a token, what it shows may not. */
  readonly board?: (app: FastifyInstance) => void;
};

const MINUTE_MS = 60_000;
/** For requests in hand when it ends. */
const GRACE_MS = 2_000;
const API = '/api';

export async function buildApi(agent: Agent, options: ApiOptions): Promise<FastifyInstance> {
  const { config, tokens, log, networks, retention, pools = POOLS, relay, board } = options;
  const { limits } = config;
  const answerError = answerErrors(log, 'miner API request failed', asApiError);
  const app = Fastify({
    bodyLimit: limits.body_bytes,
    logger: false,
    trustProxy: false,
    routerOptions: { maxParamLength: 256 },
    requestTimeout: limits.request_timeout_s * 1000,
    return503OnClosing: true,
    // Otherwise the router answers in a form of its own, with the address that it was asked for.
    frameworkErrors: (_error, request, reply) =>
      answerError(new ApiError('bad_request', 'this can be no address'), request, reply),
    forceCloseConnections: 'idle',
    ajv: {
      customOptions: {
        coerceTypes: false,
        removeAdditional: false,
        strict: false,
        allowUnionTypes: true,
        verbose: true,
      },
    },
    schemaErrorFormatter: schemaMistake,
  });
  takeEmptyJson(app);
  // What answers look like is described for readers: it neither checks them nor leaves anything out.
  app.setSerializerCompiler(() => JSON.stringify);
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(() => {
    throw new ApiError('not_found', 'there is nothing here');
  });
  app.decorateRequest('minerCaller', undefined);
  app.addHook('onRequest', (request, reply, done) => {
    const isApi = isOfApi(request);
    checkHost(request, config.names);
    checkSite(request, isApi);
    request.minerCaller = callerOf(request, { tokens, token_always: config.token_always });
    if (isApi) {
      reply.headers({ ...HEADERS });
      checkScope(request.minerCaller, request.method);
    }
    done();
  });
  await app.register(rateLimit, {
    timeWindow: MINUTE_MS,
    max: limits.per_minute,
    keyGenerator: rateKey,
    errorResponseBuilder: (_request, { ttl }) =>
      new HttpError(429, 'rate_limited', 'too many requests', {}, Math.ceil(ttl / 1000)),
  });
  // A connection that is kept alive would keep us from ending.
  let isEnding = false;
  const streams = new Streams(limits.event_streams);
  app.addHook('preClose', async () => {
    isEnding = true;
    streams.close();
    // Browsers keep connections ready on which they have asked nothing yet: those count as busy for a minute.
    setTimeout(() => app.server.closeAllConnections(), GRACE_MS).unref();
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (isEnding) reply.header('connection', 'close');
    done(null, payload);
  });
  await app.register(swagger, { openapi: { info: { title: 'Axle miner agent', version: '1' }, ...SECURITY } });
  const context: Context = { agent, config, log, streams, networks, retention, pools, ...(relay && { relay }) };
  docsRoutes(app);
  scanRoutes(app, context);
  minerRoutes(app, context);
  walletRoutes(app, context);
  creditRoutes(app, context);
  fleetRoutes(app, context);
  board?.(app);
  return app;
}

const HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
} as const;

const SECURITY = {
  components: {
    securitySchemes: { bearer: { type: 'http' as const, scheme: 'bearer', description: 'of axle miner token add' } },
  },
  security: [{ bearer: [] as string[] }],
};

/** What is not there counts as the API's: nobody learns what is there without a token. */
function isOfApi({ routeOptions }: FastifyRequest): boolean {
  const { url } = routeOptions;
  return url === undefined || url === API || url.startsWith(`${API}/`);
}

/** Programs say that they send JSON also where they send nothing. */
function takeEmptyJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser(['application/json', 'text/plain']);
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else parse(request, body as string, done);
  });
}

function rateKey({ minerCaller, ip }: FastifyRequest): string {
  return minerCaller?.kind === 'token' ? `token:${minerCaller.token.name}` : `ip:${ip}`;
}
