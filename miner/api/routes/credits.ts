/** /api/credits, /api/worker-users and /api/statement: what was mined for whom. Amounts are decimal text. */
import type { FastifyInstance } from 'fastify';
import type { Money } from '../../shares/money.js';
import { workerNameOf } from '../../shares/words.js';
import type { WorkerUserRow } from '../../store/worker-users.js';
import type { Context } from '../context.js';
import { ApiError } from '../errors.js';
import { answers, EXAMPLES } from '../examples.js';
import {
  CreditsQuery,
  IdParams,
  RejectBody,
  StatementQuery,
  timeOf,
  WorkerParams,
  WorkerUserBody,
} from '../schemas.js';
import { creditView } from '../views.js';

const CREDITS = 100;

export function creditRoutes(app: FastifyInstance, { agent }: Context): void {
  const { store } = agent;

  app.get<{ Querystring: CreditsQuery }>(
    '/api/credits',
    {
      schema: {
        response: answers(EXAMPLES.credits),
        tags: ['credits'],
        summary: 'Credits, the newest first',
        description:
          'Amounts and difficulties are exact decimals; from_s and to_s are seconds, *_at milliseconds since 1970.',
        querystring: CreditsQuery,
      },
    },
    async ({ query }) =>
      store.credits
        .list({
          ...(query.user !== undefined && { user: query.user }),
          ...(query.state !== undefined && { state: query.state }),
          limit: Number(query.limit ?? CREDITS),
        })
        .map(creditView),
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

  app.post<{ Params: IdParams }>(
    '/api/credits/:id/retry',
    {
      schema: {
        tags: ['credits'],
        summary: 'Works out a refused credit anew, by the users and the rate of now',
        params: IdParams,
      },
    },
    async ({ params }) => {
      if (moneyOf(agent.money).retry([Number(params.id)]) === 0)
        throw new ApiError('not_found', `no credit ${params.id} is refused`);
      return { id: Number(params.id), retried: true };
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
      const from = secondsOf(query.from, 'from');
      const to = secondsOf(query.to, 'to');
      if (from !== undefined && to !== undefined && from >= to)
        throw new ApiError('bad_request', 'from must be before to');
      const { user, miner, group } = query;
      return moneyOf(agent.money).statement({
        ...(user !== undefined && { user }),
        ...(miner !== undefined && { miner: workerNameOf(miner) }),
        ...(from !== undefined && { from }),
        ...(to !== undefined && { to }),
        ...(group !== undefined && { group }),
      });
    },
  );

  const userOf = (worker: string): WorkerUserRow => {
    const row = store.workerUsers.get(workerNameOf(worker));
    if (row === undefined) throw new ApiError('not_found', 'nobody has been named for this worker');
    return row;
  };

  app.get(
    '/api/worker-users',
    {
      schema: {
        response: answers(EXAMPLES.workerUsers),
        tags: ['credits'],
        summary: 'Whom workers mine for, as far as somebody has said so here',
      },
    },
    async () => store.workerUsers.list(),
  );

  app.get<{ Params: WorkerParams }>(
    '/api/worker-users/:worker',
    {
      schema: {
        response: answers(EXAMPLES.workerUser),
        tags: ['credits'],
        summary: 'Whom a worker mines for',
        params: WorkerParams,
      },
    },
    async ({ params }) => userOf(params.worker),
  );

  app.put<{ Params: WorkerParams; Body: WorkerUserBody }>(
    '/api/worker-users/:worker',
    {
      schema: {
        response: answers(EXAMPLES.workerUser),
        tags: ['credits'],
        summary: 'Says whom a worker mines for, from now on',
        params: WorkerParams,
        body: WorkerUserBody,
      },
    },
    async ({ params, body }) => {
      store.workerUsers.put({ worker: workerNameOf(params.worker), user: body.user, created_at: agent.now() });
      return userOf(params.worker);
    },
  );

  app.delete<{ Params: WorkerParams }>(
    '/api/worker-users/:worker',
    { schema: { tags: ['credits'], summary: 'Names nobody for a worker', params: WorkerParams } },
    async ({ params }, reply) => {
      userOf(params.worker);
      store.workerUsers.remove(workerNameOf(params.worker));
      return reply.code(204).send();
    },
  );
}

function secondsOf(time: string | number | undefined, name: string): number | undefined {
  return time === undefined ? undefined : Math.floor(timeOf(time, name) / 1_000);
}

function moneyOf(money: Money | undefined): Money {
  if (money !== undefined) return money;
  throw new ApiError('conflict', 'nothing is credited here: add a credit section to miner.yaml');
}

function decided(count: number, id: string): void {
  if (count === 0) throw new ApiError('not_found', `no work ${id} is held`);
}
