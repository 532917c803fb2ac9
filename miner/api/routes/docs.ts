/** /api/docs.json, and /api/docs: the same as one plain page. */
import type { FastifyInstance } from 'fastify';
import { docsPage } from '../../../common/runtime/docs-page.js';

const PAGE = {
  title: 'Axle miner agent',
  intro:
    'From this machine no token is needed; from another one, <code>Authorization: Bearer</code> with one of <code>axle miner token add</code>.',
  href: '/api/docs.json',
};

export function docsRoutes(app: FastifyInstance): void {
  app.get('/api/docs.json', { schema: { hide: true } }, async () => app.swagger());
  app.get('/api/docs', { schema: { hide: true } }, async (_request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
      .send(docsPage(app.swagger(), PAGE)),
  );
}
