/** /api/credits, /api/worker-users and /api/statement: what was mined for whom. Amounts are decimal text. */
import type { FastifyInstance } from 'fastify';
import type { Money } from '../../shares/money.js';
import type { Context } from '../context.js';
import { ApiError } from '../errors.js';
import { CreditsQuery, IdParams, RejectBody, StatementQuery, timeOf, WorkerParams, WorkerUserBody } from '../schemas.js';

const CREDITS = 100;

type WorkerUser = { readonly worker: string; readonly user: string; readonly created_at: number };

export function creditRoutes(app: FastifyInstance, { agent }: Context): void {
  const { store } = agent;

  app.get<{ Querystring: CreditsQuery }>(
    '/api/credits',
    {
      schema: {
        tags: ['credits'],
        summary: 'Credits, the newest first',
        description: 'Amounts and difficulties are exact decimals; from_s and to_s are seconds, *_at milliseconds since 1970.',
        querystring: CreditsQuery,
      },
    },
    async ({ query }) =>
      store.db
        .prepare<[object], { is_estimate: number }>(
          `SELECT id, miner, worker, user, amount, difficulty, is_estimate, from_s, to_s, state, attempts, due_at, error,
             created_at, paid_at FROM credits
           WHERE (@user IS NULL OR user = @user) AND (@state IS NULL OR state = @state) AND (@before IS NULL OR id < @before)
           ORDER BY id DESC LIMIT @limit`,
        )
        .all({
          user: query.user ?? null,
          state: query.state ?? null,
          before: query.before === undefined ? null : Number(query.before),
          limit: Number(query.limit ?? CREDITS),
        })
        .map((row) => ({ ...row, is_estimate: row.is_estimate === 1 })),
  );

  app.get(
    '/api/credits/held',
    { schema: { tags: ['credits'], summary: 'Work that waits for a person, with the reason' } },
    async () => agent.money?.held() ?? [],
  );

  app.post<{ Params: IdParams }>(
    '/api/credits/held/:id/release',
    { schema: { tags: ['credits'], summary: 'Credits held work after all', params: IdParams } },
    async ({ params }) => {
      decided(moneyOf(agent.money).release([Number(params.id)]), params.id);
      return { id: Number(params.id), released: true };
    },
  );

  app.post<{ Params: IdParams; Body: RejectBody }>(
    '/api/credits/held/:id/reject',
    { schema: { tags: ['credits'], summary: 'Never credits held work', params: IdParams, body: RejectBody } },
    async ({ params, body }) => {
      decided(moneyOf(agent.money).reject([Number(params.id)], body.reason), params.id);
      return { id: Number(params.id), rejected: true };
    },
  );

  app.get<{ Querystring: StatementQuery }>(
    '/api/statement',
    {
      schema: {
        tags: ['credits'],
        summary: 'What was credited, by user and miner, of each day with group=day',
        querystring: StatementQuery,
      },
    },
    async ({ query }) => {
      const { from, to, ...rest } = query;
      return moneyOf(agent.money).statement({
        ...rest,
        ...(from !== undefined && { from: timeOf(from, 'from') }),
        ...(to !== undefined && { to: timeOf(to, 'to') }),
      });
    },
  );

  const userOf = (worker: string): WorkerUser => {
    const row = store.db.prepare<[string], WorkerUser>('SELECT * FROM worker_users WHERE worker = ?').get(worker);
    if (row === undefined) throw new ApiError('not_found', 'nobody has been named for this worker');
    return row;
  };

  app.get(
    '/api/worker-users',
    { schema: { tags: ['credits'], summary: 'Whom workers mine for, as far as somebody has said so here' } },
    async () => store.db.prepare<[], WorkerUser>('SELECT * FROM worker_users ORDER BY worker').all(),
  );

  app.get<{ Params: WorkerParams }>(
    '/api/worker-users/:worker',
    { schema: { tags: ['credits'], summary: 'Whom a worker mines for', params: WorkerParams } },
    async ({ params }) => userOf(params.worker),
  );

  app.put<{ Params: WorkerParams; Body: WorkerUserBody }>(
    '/api/worker-users/:worker',
    {
      schema: {
        tags: ['credits'],
        summary: 'Says whom a worker mines for, from now on',
        params: WorkerParams,
        body: WorkerUserBody,
      },
    },
    async ({ params, body }) => {
      store.db
        .prepare(
          `INSERT INTO worker_users (worker, user, created_at) VALUES (?, ?, ?)
           ON CONFLICT (worker) DO UPDATE SET user = excluded.user`,
        )
        .run(params.worker, body.user, agent.now());
      return userOf(params.worker);
    },
  );

  app.delete<{ Params: WorkerParams }>(
    '/api/worker-users/:worker',
    { schema: { tags: ['credits'], summary: 'Names nobody for a worker', params: WorkerParams } },
    async ({ params }, reply) => {
      userOf(params.worker);
      store.db.prepare('DELETE FROM worker_users WHERE worker = ?').run(params.worker);
      return reply.code(204).send();
    },
  );
}

function moneyOf(money: Money | undefined): Money {
  if (money !== undefined) return money;
  throw new ApiError('conflict', 'nothing is credited here: add a credit section to miner.yaml');
}

function decided(count: number, id: string): void {
  if (count === 0) throw new ApiError('not_found', `no work ${id} is held`);
}
