/** POST and GET /v1/miner-credits: what miners earned for users, each period of a worker once. */
import type { FastifyInstance } from 'fastify';
import { type Amount, add, compare, ZERO } from '../../common/core/amount.js';
import type { MinedRow } from '../../common/replica/journal.js';
import { BALANCE, BALANCES } from '../balance.js';
import type { Context } from '../context.js';
import { ApiError } from '../errors.js';
import { amountOf, documentOf, MinedAnswer, MinedBody, MinedQuery } from '../schemas.js';
import { told } from './balances.js';

const SOURCE = 'miner';
/** Difficulty adds up over months: it is no money and may be larger. */
const DIFFICULTY_MAX = 1e18;
const ROWS_MAX = 10_000;
/** That another machine's clock may be ahead. */
const AHEAD_S_MAX = 3_600;
const RETRY_S = 600;

export function minerRoutes(app: FastifyInstance, context: Context): void {
  const { books, config } = context;

  app.post<{ Body: MinedBody }>(
    '/v1/miner-credits',
    {
      schema: {
        summary: 'Credits what a worker mined for a user',
        description:
          'Each period of a worker once. Other sites do not know what this one has credited: report a miner’s work to one site only, or each of them pays for it.',
        body: MinedBody,
        response: { 200: MinedAnswer },
      },
    },
    async (request) => {
      const { miner, worker, user, from, to } = request.body;
      context.allow(request, 'miner-credits', undefined);
      const amount = amountOf(request.body.amount, config.limits.amount_max);
      if (compare(amount, ZERO) <= 0) throw new ApiError('bad_request', 'amount must be positive');
      const difficulty = amountOf(request.body.difficulty, DIFFICULTY_MAX);
      const [from_s, to_s] = [secondsOf(from), secondsOf(to)];
      if (from_s >= to_s) throw new ApiError('bad_request', 'from must be before to');
      // Credited now, that time would be taken when it comes, and nobody could be paid for it any more.
      const ahead_s = to_s - books.replica.world.now() / 1_000;
      if (ahead_s > AHEAD_S_MAX)
        throw new ApiError('too_early', `to is ${Math.ceil(ahead_s)} s ahead of this site's clock`, {}, RETRY_S);
      const changed = await books.change({
        document: documentOf(BALANCES, user),
        path: BALANCE,
        amount,
        source: SOURCE,
        description: `${miner} ${worker}`,
        // Whichever agent reports it: a period of a worker is one credit.
        asker: SOURCE,
        key: JSON.stringify([miner, worker, from_s, to_s]),
        mined: { miner, worker, difficulty, from_s, to_s },
      });
      const { id, balance, replayed } = told(changed, context);
      return { id, balance, replayed };
    },
  );

  app.get<{ Querystring: MinedQuery }>(
    '/v1/miner-credits',
    { schema: { summary: 'What miners earned', querystring: MinedQuery } },
    async (request) => {
      const { user, miner, since, group, after = '0' } = request.query;
      context.allow(request, 'miner-credits', user);
      const document = user === undefined ? null : documentOf(BALANCES, user);
      const from = since === undefined ? 0 : secondsOf(since) * 1000;
      const { journal } = books.replica.world.store;
      const rows = journal.mined(Number(after), from, document, miner ?? null, ROWS_MAX);
      const next = rows.length === ROWS_MAX ? { next: String(rows.at(-1)?.id) } : {};
      return group === 'day' ? { days: byDay(rows), ...next } : { credits: rows.map(shown), ...next };
    },
  );
}

function shown({ id, document, amount, at, miner, worker, difficulty, from_s, to_s }: MinedRow) {
  return { id: String(id), at, user: userOf(document), miner, worker, amount, difficulty, from: from_s, to: to_s };
}

type Day = { day: string; user: string; miner: string; amount: Amount; difficulty: Amount; credits: number };

/** By the day (UTC) on which a period ended. */
function byDay(rows: readonly MinedRow[]): Day[] {
  const days = new Map<string, Day>();
  for (const { document, amount, miner, difficulty, to_s } of rows) {
    const day = new Date(to_s * 1000).toISOString().slice(0, 10);
    const user = userOf(document);
    const key = JSON.stringify([day, user, miner]);
    const sum = days.get(key) ?? { day, user, miner, amount: ZERO, difficulty: ZERO, credits: 0 };
    sum.amount = add(sum.amount, amount);
    sum.difficulty = add(sum.difficulty, difficulty);
    sum.credits += 1;
    days.set(key, sum);
  }
  return [...days.values()];
}

function userOf(document: string): string {
  return document.slice(document.lastIndexOf('/') + 1);
}

const SECONDS_MAX = 253_402_300_799;

/** Whole seconds since 1970 of such a number, or of an ISO time. Throws ApiError. */
function secondsOf(time: number | string): number {
  const seconds = typeof time === 'number' || /^\d+$/.test(time) ? Number(time) : Date.parse(time) / 1000;
  if (!Number.isFinite(seconds) || seconds < 0 || seconds > SECONDS_MAX)
    throw new ApiError('bad_request', 'a time must be in seconds since 1970, or like 2026-01-31T12:00:00Z');
  return Math.floor(seconds);
}
