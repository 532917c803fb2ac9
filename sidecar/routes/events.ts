/** GET /v1/events: a stream of balances as they change. */
import type { FastifyInstance } from 'fastify';
import { BALANCES } from '../balance.js';
import type { Context } from '../context.js';
import { ApiError } from '../errors.js';
import { EventStreams } from '../event-streams.js';
import { documentOf, EventsQuery } from '../schemas.js';

export function eventRoutes(app: FastifyInstance, context: Context): void {
  const { books, config, log, metrics } = context;
  const streams = new EventStreams(
    books,
    (count) => metrics.listeners.set(count),
    (error) => log.error('events failed', { reason: String(error) }),
  );
  app.addHook('preClose', async () => streams.close());
  app.get<{ Querystring: EventsQuery }>(
    '/v1/events',
    { schema: { summary: 'Balances as they change (server-sent events)', querystring: EventsQuery } },
    async (request, reply) => {
      // A user need not say who they are twice.
      const named = request.query.user ?? (request.caller?.kind === 'user' ? request.caller.user : undefined);
      context.allow(request, 'balances:read', named);
      const document = named === undefined ? undefined : documentOf(BALANCES, named);
      if (streams.count >= config.limits.event_streams)
        throw new ApiError('rate_limited', 'too many event streams are open', {}, 10);
      const lastId = request.headers['last-event-id'];
      // From here on nobody answers but the stream: whatever may be refused has been.
      reply.hijack();
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) reply.raw.setHeader(name, value);
      reply.raw.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      streams.add(reply.raw, document, typeof lastId === 'string' ? lastId : undefined);
    },
  );
}
