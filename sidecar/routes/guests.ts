/**
 * POST /v1/guests/{user}/claim: what a visitor earned before signing in, each transaction once, up to the policy's cap. What
 * was spent is taken off what claims have brought, never off what is the member's own.
 */
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
      const { guests } = config;
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
        // The cap is the limit: one amount that is too large must not keep the others from being credited.
        const amount = amountOf(sent, Number.POSITIVE_INFINITY);
        if (amount === ZERO || amount.startsWith('-'))
          throw new ApiError('bad_request', 'amounts of guests are positive');
        const asked = { document, path: BALANCE, source, description, asker: `guest:${user}`, key: id, rule };
        return { ...asked, amount: type === 'spend' ? subtract(ZERO, amount) : amount };
      });
      // All at once: they are made in this order, and share a commit.
      const outcomes = await Promise.all(changes.map((change) => books.change(change)));
      const claimed: string[] = [];
      for (const [index, outcome] of outcomes.entries()) {
        const { id = '', type } = inOrder[index] ?? {};
        if (outcome.ok && !outcome.isReplay) {
          claimed.push(id);
          metrics.changed(outcome.amount);
        } else skipped.push({ id, reason: reasonOf(outcome, type) });
      }
      return { claimed, skipped, balance: (await readBalance(books, document)).now.balance };
    },
  );
}

/** Younger than the oldest answer that is kept: what is claimed again is known again. */
const AGE_MAX_MS = ANSWERS_MS - 2 * 86_400_000;
const AHEAD_MAX_MS = 86_400_000;

function reasonOf(outcome: Changed, type: GuestTransaction['type'] | undefined): string {
  if (outcome.ok) return 'already_claimed';
  return outcome.reason === 'over_cap' && type === 'spend' ? 'spend' : outcome.reason;
}

function timeOf({ timestamp }: GuestTransaction): number {
  const time = Date.parse(timestamp);
  if (Number.isNaN(time)) throw new ApiError('bad_request', 'a timestamp is no time');
  return time;
}
