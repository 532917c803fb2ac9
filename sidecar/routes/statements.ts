/** GET /v1/statements/{user}: every change, newest first, in pages. */
import type { FastifyInstance } from 'fastify';
import type { DocState } from '../../common/core/state.js';
import { BALANCES, readBalance } from '../balance.js';
import type { Context } from '../context.js';
import { documentOf, PageQuery, UserParams } from '../schemas.js';
import { COVERS, type Line, listed, sharesOf } from '../statement.js';

const LIMIT = 50;

export function statementRoutes(app: FastifyInstance, context: Context): void {
  const { books, site } = context;
  app.get<{ Params: UserParams; Querystring: PageQuery }>(
    '/v1/statements/:user',
    { schema: { summary: 'Where a balance came from', params: UserParams, querystring: PageQuery } },
    async (request) => {
      const { user } = request.params;
      context.allow(request, 'balances:read', user);
      const { limit = String(LIMIT), before } = request.query;
      const { row } = await readBalance(books, documentOf(BALANCES, user));
      const state = row === undefined ? {} : (JSON.parse(row.state) as DocState);
      const { journal } = books.replica.world.store;
      const size = Number(limit);
      const until = before === undefined ? Number.MAX_SAFE_INTEGER : Number(before);
      // One more than is shown tells whether there is another page; the one above it, where this one begins.
      const found = row === undefined ? [] : journal.changesOf(row.id, until, size + 1);
      const page = found.slice(0, size);
      const newer = before === undefined ? undefined : journal.change(until);
      const from = found.length > size ? (page.at(-1)?.at ?? 0) : 0;
      const others = listed(state, site, found, from, newer?.at ?? Number.MAX_SAFE_INTEGER);
      const own = page.map(({ id, at, source, description, amount, balance }): Line => {
        return { id: String(id), at, site, source, description, amount, balance };
      });
      const changes = [...own, ...others].sort((a, b) => b.at - a.at);
      const next = found.length > size ? { before: String(page.at(-1)?.id) } : {};
      return { user, ...sharesOf(state), changes, ...next, covers: COVERS };
    },
  );
}
