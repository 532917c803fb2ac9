/** /healthz, /readyz and /metrics. */
import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.js';
import { ApiError } from '../errors.js';

export function serviceRoutes(app: FastifyInstance, { books, metrics }: Context): void {
  app.get('/healthz', { schema: { summary: 'Whether the process answers' } }, async () => ({ ok: true }));
  app.get('/readyz', { schema: { summary: 'Whether the site is ready: 503 until it is' } }, async (_request, reply) => {
    const ready = books.isReady;
    return reply.code(ready ? 200 : 503).send({ ready });
  });
  app.get('/metrics', { schema: { summary: 'Figures for Prometheus' } }, async (request, reply) => {
    // A web server passes on whatever its visitors ask for: how the sites are is no business of theirs.
    if (request.headers['x-forwarded-for'] !== undefined) throw new ApiError('not_found', 'there is nothing here');
    return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
}
