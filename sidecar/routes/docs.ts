/** /openapi.json, and /docs: the same as one plain page. */
import type { FastifyInstance } from 'fastify';
import { docsPage } from '../../common/runtime/docs-page.js';

const PAGE = {
  title: 'Axle sidecar',
  intro: "Callers send <code>Authorization: Bearer</code> with a service token or a user's JWT.",
  href: 'openapi.json',
};

export function docsRoutes(app: FastifyInstance): void {
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  app.get('/docs', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(docsPage(app.swagger(), PAGE)),
  );
}
