/** POST /v1/guests/{user}/claim: what a visitor earned before signing in, each transaction once, up to the policy's cap. */
import type { FastifyInstance } from 'fastify';
import { subtract, ZERO } from '../../common/core/amount.js';
import { ANSWERS_MS, type Change, type Changed } from '../../common/replica/ledger.js';
import { BALANCE, BALANCES, readBalance } from '../balance.js';
import type { Context } from '../context.js';
import { ApiError } from '../errors.js';
import { amountOf, ClaimAnswer, ClaimBody, documentOf, type GuestTransaction, UserParams } from '../schemas.js';

export function guestRoutes(app: FastifyInstance, context: Context): void {
  const { books, config, metrics, now } = context;
  app.post<{ Params: UserParams; Body: ClaimBody }>(
    '/v1/guests/:user/claim',
    {
      schema: {
        summary: 'Credits what a guest earned, each transaction once',
        params: UserParams,
        body: ClaimBody,
        response: { 200: ClaimAnswer },
      },
    },
    async (request) => {
      const { user } = request.params;
      context.allow(request, 'balances:write', user);
      const document = documentOf(BALANCES, user);
      const { guests, limits } = config;
      const rule = { name: 'guest', total: String(guests.total), windowMs: guests.window_s * 1000 };
      const skipped: { id: string; reason: string }[] = [];
      const inOrder = [...request.body.transactions]
        .sort((a, b) => timeOf(a) - timeOf(b))
        .filter((one) => {
          const age = now() - timeOf(one);
          const isTimely = age < AGE_MAX_MS && age > -AHEAD_MAX_MS;
          if (!isTimely) skipped.push({ id: one.id, reason: 'out_of_time' });
          return isTimely;
        });
      const changes = inOrder.map(({ id, type, amount: sent, source, description = '' }): Change => {
        const amount = amountOf(sent, limits.amount_max);
        if (amount === ZERO || amount.startsWith('-'))
          throw new ApiError('bad_request', 'amounts of guests are positive');
        const asked = { document, path: BALANCE, source, description, asker: `guest:${user}`, key: id };
        return type === 'spend' ? { ...asked, amount: subtract(ZERO, amount) } : { ...asked, amount, rule };
      });
      // All at once: they are made in this order, and share a commit.
      const outcomes = await Promise.all(changes.map((change) => books.change(change)));
      const claimed: string[] = [];
      for (const [index, outcome] of outcomes.entries()) {
        const id = inOrder[index]?.id ?? '';
        if (outcome.ok && !outcome.isReplay) {
          claimed.push(id);
          metrics.changed(outcome.amount);
        } else skipped.push({ id, reason: reasonOf(outcome) });
      }
      return { claimed, skipped, balance: (await readBalance(books, document)).now.balance };
    },
  );
}

/** Younger than the oldest answer that is kept: what is claimed again is known again. */
const AGE_MAX_MS = ANSWERS_MS - 2 * 86_400_000;
const AHEAD_MAX_MS = 86_400_000;

function reasonOf(outcome: Changed): string {
  return outcome.ok ? 'already_claimed' : outcome.reason;
}

function timeOf({ timestamp }: GuestTransaction): number {
  const time = Date.parse(timestamp);
  if (Number.isNaN(time)) throw new ApiError('bad_request', 'a timestamp is no time');
  return time;
}
