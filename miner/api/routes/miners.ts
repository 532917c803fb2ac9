/** /api/miners and what belongs to one of them; /api/miner-types. */
import type { FastifyInstance } from 'fastify';
import { DeviceSilentError } from '../../readers/errors.js';
import { isSeenByPool, type MinerChange, type MinerRow } from '../../store/miners.js';
import { deviceAddress } from '../addresses.js';
import { type Context, matcherOf, memberOf, minerOf } from '../context.js';
import { ApiError } from '../errors.js';
import { answers, EXAMPLES } from '../examples.js';
import { MINER_TYPES, minerTypeOf, UNIDENTIFIED } from '../miner-types.js';
import { IdParams, isYes, LinkQuery, MinerChangeBody, MinersQuery, NewMinerBody } from '../schemas.js';
import { configView, infoView, minerView, workingPool } from '../views.js';

export function minerRoutes(app: FastifyInstance, context: Context): void {
  const { agent } = context;
  const { store } = agent;

  app.get(
    '/api/miner-types',
    { schema: { response: answers(EXAMPLES.minerTypes), tags: ['miners'], summary: 'What can be read' } },
    async () => MINER_TYPES,
  );

  app.get<{ Querystring: MinersQuery }>(
    '/api/miners',
    {
      schema: { response: answers(EXAMPLES.miners), tags: ['miners'], summary: 'All miners', querystring: MinersQuery },
    },
    async ({ query }) => {
      const members = new Map(agent.fleet().miners.map((member) => [member.id, member]));
      return store.miners
        .list({ enabled_only: isYes(query.enabled_only) })
        .map((row) => minerView(row, members.get(row.id)));
    },
  );

  app.post<{ Body: NewMinerBody }>(
    '/api/miners',
    {
      schema: {
        response: answers(EXAMPLES.miner, 201),
        tags: ['miners'],
        summary: 'Adds a miner by hand',
        body: NewMinerBody,
      },
    },
    async ({ body }, reply) => {
      const { name, ip_address, miner_type = UNIDENTIFIED, enabled = true } = body;
      const change = changeOf(context, body);
      const row = store.transaction(() => {
        refuseDoubles(context, { ip_address, ...change }, undefined);
        const added = store.miners.add({
          ...change,
          name,
          miner_type: minerTypeOf(miner_type),
          ip_address: change.ip_address ?? ip_address,
          created_at: agent.now(),
        });
        if (!enabled) store.miners.change(added.id, { enabled: 0 });
        return store.miners.get(added.id) as MinerRow;
      });
      agent.changed(row.id);
      return reply
        .code(201)
        .header('location', `/api/miners/${row.id}`)
        .send(minerView(row, memberOf(context, row.id)));
    },
  );

  app.get<{ Params: IdParams }>(
    '/api/miners/:id',
    { schema: { response: answers(EXAMPLES.miner), tags: ['miners'], summary: 'A miner', params: IdParams } },
    async ({ params }) => {
      const row = minerOf(context, params.id);
      return minerView(row, memberOf(context, row.id));
    },
  );

  app.patch<{ Params: IdParams; Body: MinerChangeBody }>(
    '/api/miners/:id',
    {
      schema: {
        response: answers(EXAMPLES.miner),
        tags: ['miners'],
        summary: 'Changes a miner',
        description: 'At another address, or of another type, it is asked anew what it is.',
        params: IdParams,
        body: MinerChangeBody,
      },
    },
    async ({ params, body }) => {
      const { id } = minerOf(context, params.id);
      const change = changeOf(context, body);
      store.transaction(() => {
        const before = minerOf(context, params.id);
        if (isSeenByPool(before)) refusePlace(before, change);
        const isMoved = ['ip_address', 'api_port', 'mac_address'].some((key) => key in change);
        if (isMoved) refuseDoubles(context, { ...before, ...change }, id);
        const isOther = (['ip_address', 'api_port', 'miner_type'] as const).some(
          (key) => change[key] !== undefined && change[key] !== before[key],
        );
        store.miners.change(id, isOther ? { ...change, adapter: null } : change);
      });
      agent.changed(id);
      return minerView(minerOf(context, params.id), memberOf(context, id));
    },
  );

  app.delete<{ Params: IdParams }>(
    '/api/miners/:id',
    {
      schema: {
        tags: ['miners'],
        summary: 'Forgets a miner',
        description:
          'What it has mined stays. A scan finds it again: to keep it from being read, change enabled to false.',
        params: IdParams,
      },
    },
    async ({ params }, reply) => {
      const { id } = minerOf(context, params.id);
      store.miners.remove(id);
      agent.changed(id);
      return reply.code(204).send();
    },
  );

  app.get<{ Params: IdParams }>(
    '/api/miners/:id/info',
    {
      schema: {
        response: answers(EXAMPLES.info),
        tags: ['miners'],
        summary: 'What the device says now',
        description:
          'Hashrates in H/s, temperature in °C; null is what it does not say. A device that cannot be read is answered with 503.',
        params: IdParams,
      },
    },
    async ({ params }) => {
      const row = minerOf(context, params.id);
      if (row.enabled === 0)
        throw new ApiError('conflict', `${row.name} is disabled: PATCH {"enabled": true} to have it read`);
      const { reading, at } = await readNow(context, row);
      const pool = workingPool(reading);
      const config = store.configs
        .list(row.id)
        .find(({ pool_url, pool_user }) => pool_url === pool?.url && pool_user === pool?.user);
      return infoView(minerOf(context, params.id), reading, at, config);
    },
  );

  app.get<{ Params: IdParams }>(
    '/api/miners/:id/configs',
    {
      schema: {
        response: answers(EXAMPLES.configs),
        tags: ['miners'],
        summary: 'Pools and users that it was seen with',
        params: IdParams,
      },
    },
    async ({ params }) => store.configs.list(minerOf(context, params.id).id).map(configView),
  );

  app.post<{ Params: IdParams; Querystring: LinkQuery }>(
    '/api/miners/:id/link-wallet',
    {
      schema: {
        response: answers(EXAMPLES.linked),
        tags: ['miners', 'wallets'],
        summary: 'Links a miner to a wallet, whatever the rules say',
        description: 'All pools that it has now, or one of them with config_id.',
        params: IdParams,
        querystring: LinkQuery,
      },
    },
    async ({ params, query }) => {
      const { id, name } = minerOf(context, params.id);
      const wallet = store.wallets.get(Number(query.wallet_id));
      if (wallet === undefined) throw new ApiError('not_found', `there is no wallet ${query.wallet_id}`);
      store.transaction(() => {
        const all = store.configs.list(id);
        const wanted =
          query.config_id === undefined
            ? all.filter(({ active }) => active === 1)
            : all.filter((config) => config.id === Number(query.config_id));
        if (wanted.length === 0 && query.config_id !== undefined)
          throw new ApiError('not_found', `${name} has no config ${query.config_id}: see /api/miners/${id}/configs`);
        if (wanted.length === 0)
          throw new ApiError('conflict', `${name} has not told its pool yet: link it when it has been read`);
        for (const { id: config, worker_name, pool_user } of wanted)
          store.configs.link(config, {
            wallet_id: wallet.id,
            worker_name: worker_name ?? workerOf(pool_user, wallet.address),
            linked: 'manual',
            reason: 'linked by hand',
          });
      });
      agent.changed(id);
      return { miner_id: id, wallet_id: wallet.id, configs: store.configs.list(id).map(configView) };
    },
  );

  app.delete<{ Params: IdParams }>(
    '/api/miners/:id/link-wallet',
    {
      schema: {
        response: answers(EXAMPLES.unlinked),
        tags: ['miners', 'wallets'],
        summary: 'Links it by the rules again',
        params: IdParams,
      },
    },
    async ({ params }) => {
      const { id } = minerOf(context, params.id);
      store.configs.unlink(id);
      matcherOf(context).match(id);
      agent.changed(id);
      return { miner_id: id, configs: store.configs.list(id).map(configView) };
    },
  );
}

async function readNow({ agent }: Context, row: MinerRow): ReturnType<Context['agent']['poller']['readNow']> {
  try {
    return await agent.poller.readNow(row.id);
  } catch (error) {
    const why = error instanceof DeviceSilentError ? 'is silent' : 'could not be read';
    const seen = row.seen_at === null ? {} : { last_seen: new Date(row.seen_at).toISOString() };
    throw new ApiError(
      'device_unavailable',
      `${row.name} ${why}: ${(error as Error).message}`,
      { status: 'offline', ...seen },
      30,
    );
  }
}

/** The fields of a body as they are stored; those that are left out are undefined. Throws ApiError. */
function changeOf({ networks }: Context, body: MinerChangeBody): MinerChange {
  const { name, miner_type, ip_address, api_port, mac_address, enabled, login } = body;
  return {
    ...(name !== undefined && { name }),
    ...(miner_type !== undefined && { miner_type: minerTypeOf(miner_type) }),
    ...(ip_address !== undefined && { ip_address: deviceAddress(ip_address, networks()) }),
    ...(api_port !== undefined && { api_port }),
    ...(mac_address !== undefined && { mac_address: mac_address?.toLowerCase().replaceAll('-', ':') ?? null }),
    ...(enabled !== undefined && { enabled: enabled ? 1 : 0 }),
    ...(login !== undefined && { login: login === null ? null : JSON.stringify(login) }),
  };
}

/** One device is one miner. Throws ApiError. */
function refuseDoubles(
  { agent }: Context,
  wanted: Pick<MinerChange, 'ip_address' | 'api_port' | 'mac_address'>,
  id: number | undefined,
): void {
  const others = agent.store.miners.list().filter((row) => row.id !== id);
  const byMac = others.find(({ mac_address }) => mac_address !== null && mac_address === wanted.mac_address);
  // Several behind one address have ports of their own.
  const isSamePort = (port: number | null) =>
    port === null || wanted.api_port === undefined || wanted.api_port === null || port === wanted.api_port;
  const byPlace = others.find(({ ip_address, api_port }) => ip_address === wanted.ip_address && isSamePort(api_port));
  const double = byMac ?? byPlace;
  if (double === undefined) return;
  const what = byMac === undefined ? 'this address' : 'this MAC address';
  throw new ApiError('conflict', `miner ${double.id} (${double.name}) has ${what}`, { miner_id: String(double.id) });
}

/** Throws ApiError. */
function refusePlace({ name }: MinerRow, change: MinerChange): void {
  const [key] = (['ip_address', 'api_port', 'mac_address', 'miner_type', 'login'] as const).filter(
    (one) => one in change,
  );
  if (key === undefined) return;
  throw new ApiError(
    'conflict',
    `${name} is seen through its pool and has no ${key}: add the device itself, and it takes this one's place`,
  );
}

/** What stands behind the wallet's address. */
function workerOf(pool_user: string, address: string): string | null {
  return pool_user.startsWith(`${address}.`) ? pool_user.slice(address.length + 1) || null : null;
}
