/** The cloud side's fastify app, which listens to nothing by itself: reads only, and only what has been published. */
import Fastify, { type FastifyInstance } from 'fastify';
import { isLoopback } from '../../common/runtime/config-checks.js';
import type { Mirror } from './mirror.js';
import { Streams } from './streams.js';

export interface DashboardAppOptions {
  readonly mirror: Mirror;
  /** Adds `/` and what belongs to it. */
  readonly page: (app: FastifyInstance) => void;
  /** Listens on this machine only: then no other name leads here, such as a website's own that means 127.0.0.1. */
  readonly isLocal: boolean;
}

const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

export function buildDashboard({ mirror, page, isLocal }: DashboardAppOptions): FastifyInstance {
  const app = Fastify({ logger: false, bodyLimit: 1_024, requestTimeout: 30_000, forceCloseConnections: true });
  const streams = new Streams(mirror);
  app.server.maxConnections = 1_000;
  app.addHook('onRequest', async (request, reply) => {
    if (isLocal && !isLoopback(nameIn(request.headers.host)))
      return reply.code(403).send({ detail: 'this page answers to 127.0.0.1 and localhost alone' });
  });
  app.addHook('onSend', async (_request, reply) => {
    for (const [name, value] of Object.entries(HEADERS)) if (!reply.hasHeader(name)) reply.header(name, value);
  });
  app.addHook('preClose', async () => streams.close());
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ detail: 'not here: this is the published fleet; all else is at the agent itself' }),
  );

  /** The process is well, also where its data is old: to restart it would help nobody. */
  app.get('/healthz', async () => {
    const { source, stale, age_s, fetched_at, agents, message } = await mirror.view();
    return { ok: true, source, stale, age_s, fetched_at, agents, message };
  });
  app.get('/api/fleet', () => mirror.view());
  app.get('/api/fleet/events', async (_request, reply) => {
    if (streams.isFull) return reply.code(503).header('retry-after', '30').send({ detail: 'too many pages are open' });
    reply.hijack();
    reply.raw.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
    await streams.add(reply.raw);
  });
  page(app);
  return app;
}

function nameIn(host: string | undefined): string {
  return (host ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}
