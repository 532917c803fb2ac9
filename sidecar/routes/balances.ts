/** GET /v1/balances/{user} and POST /v1/balances/{user}/changes. */
import type { FastifyInstance } from 'fastify';
import { compare, subtract, ZERO } from '../../common/core/amount.js';
import type { Change, Changed } from '../../common/replica/ledger.js';
import { askerOf, type Caller } from '../access/callers.js';
import { BALANCE, BALANCES, readBalance } from '../balance.js';
import type { Context } from '../context.js';
import { ApiError } from '../errors.js';
import { amountOf, Balance, ChangeAnswer, ChangeBody, documentOf, KeyHeader, UserParams } from '../schemas.js';

export function balanceRoutes(app: FastifyInstance, context: Context): void {
  const { books, config } = context;

  app.get<{ Params: UserParams }>(
    '/v1/balances/:user',
    { schema: { summary: 'A balance', params: UserParams, response: { 200: Balance } } },
    async (request) => {
      const { user } = request.params;
      context.allow(request, 'balances:read', user);
      const { now } = await readBalance(books, documentOf(BALANCES, user));
      return { user, ...now };
    },
  );

  app.post<{ Params: UserParams; Body: ChangeBody; Headers: KeyHeader }>(
    '/v1/balances/:user/changes',
    {
      schema: {
        summary: 'A credit or a debit, once for each key',
        params: UserParams,
        headers: KeyHeader,
        body: ChangeBody,
        response: { 200: ChangeAnswer },
      },
    },
    async (request) => {
      const { user } = request.params;
      const caller = context.allow(request, 'balances:write', user);
      const { source, description = '', clamp = false, amount: sent } = request.body;
      const amount = amountOf(sent, config.limits.amount_max);
      const asked: Change = {
        document: documentOf(BALANCES, user),
        path: BALANCE,
        amount,
        source,
        description,
        isClamped: clamp,
        asker: askerOf(caller, user),
        key: request.headers['idempotency-key'],
      };
      const changed = await books.change({ ...asked, ...ruleOf(caller, asked, context) });
      return { user, ...told(changed, context) };
    },
  );
}

/** What a user who credits themselves must keep to. Throws ApiError where no rule allows it. */
function ruleOf(caller: Caller, { amount, source = '', isClamped }: Change, { config }: Context): Pick<Change, 'rule'> {
  if (caller.kind === 'service') return {};
  if (isClamped) throw new ApiError('forbidden', 'clamp needs a service token');
  if (compare(amount, ZERO) <= 0) return {};
  const rule = Object.hasOwn(config.sources, source) ? config.sources[source] : undefined;
  if (rule === undefined) throw new ApiError('source_not_allowed', 'users cannot credit themselves from this source');
  if (Number(amount) > rule.amount)
    throw new ApiError('source_not_allowed', `at most ${rule.amount} at a time from this source`);
  return { rule: { name: source, total: String(rule.total), windowMs: rule.window_s * 1000 } };
}

const RETRY_S = 2;

/** The answer to a change. Throws ApiError where it was refused. */
export function told(changed: Changed, { metrics }: Context): Omit<typeof ChangeAnswer.static, 'user'> {
  if (changed.ok) {
    const { id, amount, balance, at, isReplay } = changed;
    if (isReplay) metrics.replayed();
    else metrics.changed(amount);
    return {
      id: String(id),
      amount,
      balance,
      previous_balance: subtract(balance, amount),
      at,
      replayed: isReplay,
    };
  }
  const { reason, balance, site = '' } = changed;
  metrics.refused(reason);
  if (reason === 'insufficient_funds') throw new ApiError(reason, 'there is not so much', { balance });
  if (reason === 'rights_elsewhere')
    throw new ApiError(reason, 'the right to spend this lies with a site that is away', { site }, RETRY_S);
  if (reason === 'key_reused') throw new ApiError('idempotency_key_reused', 'this key belongs to another request');
  if (reason === 'already_mined') throw new ApiError('already_credited', 'some of this time has been credited already');
  throw new ApiError('rate_limited', 'no more from this source for now', {}, RETRY_S);
}
