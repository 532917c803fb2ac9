/** /api/wallets, /api/pools, and the shares of a wallet. */
import Big from 'big.js';
import type { FastifyInstance } from 'fastify';
import type { WalletRow } from '../../store/wallets.js';
import { CURRENCIES, currencyOf, looksLikeAddress, parseAddress } from '../../wallets/addresses.js';
import type { Pool } from '../../wallets/pools.js';
import { type Context, matcherOf } from '../context.js';
import { ApiError } from '../errors.js';
import { answers, EXAMPLES } from '../examples.js';
import { IdParams, NewShareBody, NewWalletBody, SharesQuery, timeOf, WalletChangeBody } from '../schemas.js';
import { shareView, walletView } from '../views.js';

const SHARES = 100;

export function walletRoutes(app: FastifyInstance, context: Context): void {
  const { agent, pools } = context;
  const { store } = agent;
  const view = (wallet: WalletRow) => walletView(wallet, minersOf(context).get(wallet.id) ?? []);

  app.get(
    '/api/pools',
    { schema: { response: answers(EXAMPLES.pools), tags: ['wallets'], summary: 'Pools that a wallet may be at' } },
    async () => pools.map(poolView),
  );

  app.get(
    '/api/wallets',
    { schema: { response: answers(EXAMPLES.wallets), tags: ['wallets'], summary: 'All wallets' } },
    async () => {
      const miners = minersOf(context);
      return store.wallets.list().map((wallet) => walletView(wallet, miners.get(wallet.id) ?? []));
    },
  );

  app.post<{ Body: NewWalletBody }>(
    '/api/wallets',
    {
      schema: {
        response: answers(EXAMPLES.wallet, 201),
        tags: ['wallets'],
        summary: 'Watches a payout address at a pool',
        description: 'Miners that mine for it are linked to it at once.',
        body: NewWalletBody,
      },
    },
    async ({ body }, reply) => {
      const { address, currency, name, pool } = walletFrom(body, pools);
      const wallet = store.transaction(() => {
        const known = store.wallets.list().find((one) => one.address === address && one.pool === pool);
        if (known !== undefined)
          throw new ApiError('conflict', `wallet ${known.id} (${known.name}) is this address at ${pool}`, {
            wallet_id: String(known.id),
          });
        return store.wallets.add({ name, address, pool, currency, created_at: agent.now() });
      });
      matcherOf(context).matchAll();
      return reply.code(201).header('location', `/api/wallets/${wallet.id}`).send(view(wallet));
    },
  );

  app.get<{ Params: IdParams }>(
    '/api/wallets/:id',
    { schema: { response: answers(EXAMPLES.wallet), tags: ['wallets'], summary: 'A wallet', params: IdParams } },
    async ({ params }) => view(walletOf(context, params.id)),
  );

  app.patch<{ Params: IdParams; Body: WalletChangeBody }>(
    '/api/wallets/:id',
    {
      schema: {
        response: answers(EXAMPLES.wallet),
        tags: ['wallets'],
        summary: 'Renames a wallet',
        params: IdParams,
        body: WalletChangeBody,
      },
    },
    async ({ params, body }) => {
      store.wallets.change(walletOf(context, params.id).id, body);
      return view(walletOf(context, params.id));
    },
  );

  app.delete<{ Params: IdParams }>(
    '/api/wallets/:id',
    {
      schema: {
        tags: ['wallets'],
        summary: 'Watches it no more',
        description: 'The miners stay, and so does what is credited.',
        params: IdParams,
      },
    },
    async ({ params }, reply) => {
      store.wallets.remove(walletOf(context, params.id).id);
      matcherOf(context).matchAll();
      return reply.code(204).send();
    },
  );

  app.get<{ Params: IdParams; Querystring: SharesQuery }>(
    '/api/wallet/:id/shares',
    {
      schema: {
        response: answers(EXAMPLES.shares),
        tags: ['wallets'],
        summary: "A wallet's shares, the newest first",
        description:
          'One row for all that was accepted, or rejected, between two readings: count of them, difficulty of all together. Of a miner that is seen through ckpool the difficulty is known and the count is not: null.',
        params: IdParams,
        querystring: SharesQuery,
      },
    },
    async ({ params, query }) => {
      const { id } = walletOf(context, params.id);
      const { limit = SHARES, before } = query;
      return store.submissions
        .list(id, { limit: Number(limit), ...(before !== undefined && { before: Number(before) }) })
        .map(shareView);
    },
  );

  app.post<{ Params: IdParams; Body: NewShareBody }>(
    '/api/wallet/:id/shares',
    {
      schema: {
        response: answers(EXAMPLES.share, 201),
        tags: ['wallets'],
        summary: 'Notes a share of a miner that does not count them itself',
        description: 'It is listed; nothing is ever credited for it.',
        params: IdParams,
        body: NewShareBody,
      },
    },
    async ({ params, body }, reply) => {
      const wallet = walletOf(context, params.id);
      const { pool_name, difficulty, worker_name, accepted = true, miner_id, count = 1, timestamp } = body;
      if (miner_id !== undefined && store.miners.get(miner_id) === undefined)
        throw new ApiError('not_found', `there is no miner ${miner_id}`);
      const row = store.submissions.add({
        at: timestamp === undefined ? agent.now() : Math.round(timeOf(timestamp, 'timestamp')),
        wallet_id: wallet.id,
        miner_id: miner_id ?? null,
        pool_name,
        worker_name,
        difficulty: new Big(difficulty).toFixed(),
        count,
        accepted: accepted ? 1 : 0,
        manual: 1,
      });
      return reply.code(201).send(shareView(row));
    },
  );
}

function walletOf({ agent }: Context, id: string): WalletRow {
  const wallet = agent.store.wallets.get(Number(id));
  if (wallet === undefined) throw new ApiError('not_found', `there is no wallet ${id}`);
  return wallet;
}

/** By wallet, the miners that mine for it now. */
function minersOf({ agent }: Context): ReadonlyMap<number, readonly number[]> {
  const found = new Map<number, number[]>();
  for (const { wallet_id, miner_id, active } of agent.store.configs.list()) {
    if (wallet_id === null || active === 0) continue;
    const ids = found.get(wallet_id) ?? [];
    if (!ids.includes(miner_id)) ids.push(miner_id);
    found.set(wallet_id, ids);
  }
  return found;
}

/** As it is stored: an address in its one spelling. Throws ApiError. */
function walletFrom(body: NewWalletBody, pools: readonly Pool[]): Omit<WalletRow, 'id' | 'created_at'> {
  const pool = pools.find(({ id }) => id === body.pool);
  if (pool === undefined)
    throw new ApiError(
      'bad_request',
      `pool must be one of ${pools.map(({ id }) => id).join(', ')}, or of your own: pools in miner.yaml`,
    );
  const wanted = pool.currency ?? body.currency;
  if (pool.currency !== undefined && body.currency !== undefined && body.currency !== pool.currency)
    throw new ApiError('bad_request', `${pool.name} is for ${pool.currency}, not for ${body.currency}`);
  const currency = wanted ?? currencyOf(body.address) ?? 'BTC';
  const known = CURRENCIES.find((one) => one === currency);
  const address = known && parseAddress(body.address, known);
  if (address === undefined && pool.currency !== undefined)
    throw new ApiError('bad_request', `address is no ${currency} address: look for a letter that is wrong or missing`);
  if (address === undefined && looksLikeAddress(body.address) && currencyOf(body.address) === undefined)
    throw new ApiError('bad_request', 'address looks like one, but its checksum is wrong');
  const spelt = address ?? body.address;
  return { name: body.name ?? `${pool.name} ${spelt.slice(0, 12)}`, address: spelt, pool: pool.id, currency };
}

function poolView({ id, name, hosts, hasSubdomains = false, currency, api }: Pool) {
  return { id, name, hosts, subdomains: hasSubdomains, currency: currency ?? null, verified_by: api ?? null };
}
