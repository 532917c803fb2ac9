/** The API of an agent with a sample fleet, for the page alone: answers the same routes, and keeps what it is told in memory. */
import Fastify, { type FastifyInstance } from 'fastify';
import type { Fleet, FleetMember } from '../../fleet/fleet.js';
import { type BoardOptions, registerBoard } from '../board.js';
import { SAMPLE_POOLS, SAMPLE_WALLETS, sampleMember, wave } from './sample-fleet.js';

type Change = Partial<Record<'name' | 'address' | 'pool' | 'ip_address' | 'miner_type' | 'user' | 'reason', string>> & {
  readonly enabled?: boolean;
};

export class FakeApi {
  readonly app: FastifyInstance = Fastify();
  /** Every request that changes something, as `METHOD path body`. */
  readonly changes: string[] = [];
  miners: FleetMember[];
  wallets = [...SAMPLE_WALLETS];
  /** What the fleet says beside its miners: `source`, `credit`. */
  more: object = {};
  token: string | undefined;
  hasHistory = true;
  held = heldWorks();
  readonly #streams = new Set<NodeJS.WritableStream>();
  readonly #scans = new Map<number, number>();

  constructor(
    readonly now: () => number,
    count = 9,
    board: BoardOptions = {},
  ) {
    this.miners = Array.from({ length: count }, (_, place) => sampleMember(place + 1, now()));
    registerBoard(this.app, board);
    this.app.addHook('onRequest', async (request, reply) => {
      if (!request.url.startsWith('/api/') || this.token === undefined) return;
      if (request.headers.authorization !== `Bearer ${this.token}`)
        return reply.code(401).send({ error: { code: 'unauthorized', message: 'a token is needed' } });
    });
    this.app.addHook('preHandler', async ({ method, url, body }) => {
      if (method !== 'GET') this.changes.push([method, url, body && JSON.stringify(body)].filter(Boolean).join(' '));
    });
    this.#fleetRoutes();
    this.#moneyRoutes();
  }

  fleet(): Fleet {
    return { at: this.now(), poll_interval_s: 30, miners: this.miners, ...this.more };
  }

  async start(port = 0): Promise<string> {
    return this.app.listen({ host: '127.0.0.1', port });
  }

  /** Tells every open page. */
  tell(): void {
    for (const stream of this.#streams) stream.write(`event: fleet\ndata: ${JSON.stringify(this.fleet())}\n\n`);
  }

  set(id: number, change: Partial<FleetMember>): void {
    this.miners = this.miners.map((miner) => (miner.id === id ? { ...miner, ...change } : miner));
    this.tell();
  }

  async close(): Promise<void> {
    for (const stream of this.#streams) stream.end();
    this.app.server.closeAllConnections();
    await this.app.close();
  }

  #fleetRoutes(): void {
    const { app } = this;
    app.get('/api/fleet', () => this.fleet());
    app.get('/api/fleet/events', (_request, reply) => {
      reply.hijack();
      reply.raw.writeHead(200, { 'content-type': 'text/event-stream' });
      reply.raw.write(': here\n\n');
      this.#streams.add(reply.raw);
      reply.raw.on('close', () => this.#streams.delete(reply.raw));
    });
    app.get<{ Querystring: Record<'from' | 'to' | 'points', number> & { miner_id?: number } }>(
      '/api/history',
      ({ query: { from, to, points, miner_id } }, reply) => {
        if (!this.hasHistory) return reply.code(404).send({ error: { message: 'there is nothing here' } });
        return history(Number(from), Number(to), Number(points), Number(miner_id ?? 0));
      },
    );
    app.get('/api/miner-types', () => [
      { miner_type: 'antminer', name: 'Antminer' },
      { miner_type: 'axeos', name: 'AxeOS' },
    ]);
    app.post<{ Body: Change }>('/api/miners', ({ body }, reply) => {
      if (body.ip_address === '8.8.8.8')
        return reply.code(400).send({ error: { code: 'bad_request', message: '8.8.8.8 is in no private network' } });
      const id = this.miners.length + 1;
      const { name = `miner-${id}`, ip_address: address = '' } = body;
      this.miners.push({ id, name, miner_type: 'generic', address, state: 'unknown' });
      this.tell();
      return { id };
    });
    app.patch<{ Params: { id: string }; Body: Change }>('/api/miners/:id', ({ params, body }) => {
      const { name, enabled } = body;
      this.set(Number(params.id), {
        ...(name !== undefined && { name }),
        ...(enabled !== undefined && { state: enabled ? 'unknown' : 'disabled' }),
      });
      return {};
    });
    app.delete<{ Params: { id: string } }>('/api/miners/:id', ({ params }, reply) => {
      this.miners = this.miners.filter(({ id }) => id !== Number(params.id));
      this.tell();
      return reply.code(204).send();
    });
    app.get<{ Params: { id: string } }>('/api/miners/:id/configs', ({ params }) => {
      const miner = this.miners.find(({ id }) => id === Number(params.id));
      return (miner?.reading?.pools ?? []).map((pool, index) => ({
        id: index + 1,
        pool_url: pool.url,
        pool_user: pool.user,
        worker_name: miner?.worker ?? null,
        wallet_id: index === 0 ? (miner?.wallet_id ?? null) : null,
        linked: index === 0 && miner?.wallet_id !== undefined ? 'auto' : null,
        reason:
          index > 0
            ? 'no pool that is known answers at pool.example'
            : miner?.wallet_id === undefined
              ? 'no wallet has the address 3J98t1…RhWNLy'
              : 'address and pool',
        active: true,
      }));
    });
    app.post<{ Params: { id: string }; Querystring: { wallet_id: string } }>(
      '/api/miners/:id/link-wallet',
      ({ params, query }) => {
        this.set(Number(params.id), { wallet_id: Number(query.wallet_id) });
        return {};
      },
    );
    app.post('/api/miners/scan', (_request, reply) => {
      const job_id = this.#scans.size + 1;
      this.#scans.set(job_id, 0);
      return reply.code(202).send({ job_id });
    });
    app.get<{ Params: { id: string } }>('/api/miners/scan/:id', ({ params: { id } }) => {
      const looks = (this.#scans.get(Number(id)) ?? 0) + 1;
      this.#scans.set(Number(id), looks);
      const isDone = looks >= 3;
      if (isDone) {
        this.miners.push(sampleMember(this.miners.length + 1, this.now()));
        this.tell();
      }
      const progress = { addresses: 254, probed: isDone ? 254 : looks * 80, found: looks };
      return { job_id: Number(id), state: isDone ? 'done' : 'running', networks: ['192.168.1.0/24'], progress };
    });
  }

  #moneyRoutes(): void {
    const { app } = this;
    app.get('/api/wallets', () => this.wallets);
    app.get('/api/pools', () => SAMPLE_POOLS);
    app.post<{ Body: Change }>('/api/wallets', ({ body: { name = '', address = '', pool = '' } }) => {
      const wallet = { id: this.wallets.length + 1, name, address, pool, currency: 'BTC' };
      this.wallets.push(wallet);
      return wallet;
    });
    app.delete<{ Params: { id: string } }>('/api/wallets/:id', ({ params }, reply) => {
      this.wallets = this.wallets.filter(({ id }) => id !== Number(params.id));
      return reply.code(204).send();
    });
    app.get('/api/credits/held', () => this.held);
    app.post<{ Params: { id: string } }>('/api/credits/held/:id/:verdict', ({ params }) => {
      this.held = this.held.filter(({ id }) => id !== Number(params.id));
      return {};
    });
    app.get<{ Querystring: { user?: string } }>('/api/credits', ({ query: { user } }) =>
      credits().filter((one) => !user || one.user === user),
    );
    app.get<{ Querystring: { user?: string } }>('/api/statement', ({ query: { user } }) =>
      statement().filter((one) => !user || one.user === user),
    );
    app.put('/api/worker-users/:worker', () => ({}));
  }
}

function history(from_s: number, to_s: number, points: number, miner_id: number): object {
  const step_s = Math.ceil((to_s - from_s) / points / 30) * 30;
  const at_s = Array.from(
    { length: Math.floor((to_s - from_s) / step_s) },
    (_, place) => Math.ceil(from_s / step_s + place) * step_s,
  );
  const scale = miner_id === 0 ? 485e12 : 95e12;
  // Switched off for a while, which is a gap and no zero.
  const column = (of: (at: number) => number) =>
    at_s.map((at) => (miner_id !== 0 && at % 86_400 < 5_400 ? null : of(at)));
  return {
    resolution: 'raw',
    step_s,
    at_s,
    hashrate_hps: column((at) => scale * (1 + 0.05 * wave(1 + miner_id, at / 3_600))),
    temperature_c: column((at) => 78 + 4 * Math.sin(at / 13_750) + 2 * wave(2 + miner_id, at / 1_800)),
    power_w: column((at) => (scale / 1e12) * 23.7 * (1 + 0.03 * wave(3, at / 7_200))),
    shares: column((at) => Math.round(step_s / 6 + 8 * wave(4, at))),
    rejected: column((at) => Math.max(0, Math.round(wave(5, at) * 2))),
    difficulty: column(() => step_s * 9_000),
  };
}

function heldWorks() {
  const to = Date.UTC(2026, 4, 14, 10, 40) / 1_000;
  const reason = 'its shares are 1.82 of what its hashrate can have found: at most 1.5 is plausible';
  return [
    {
      id: 7,
      worker: 'whatsminer-05',
      miner: '02:ae:1e:00:00:05',
      from: to - 600,
      to,
      difficulty: '9437184',
      reason,
    },
  ];
}

function statement() {
  const days = ['2026-05-14', '2026-05-13', '2026-05-12'];
  return days.flatMap((day, place) => [
    {
      day,
      user: '1-andy',
      amount: ['412.07340032', '871.5', '866.91203'][place] ?? '0',
      difficulty: '412073400',
      owed: place === 0 ? '11.927552' : '0',
      is_estimate: false,
    },
    {
      day,
      user: '42-cora',
      amount: ['10.2', '21.118', '1234.00000001'][place] ?? '0',
      difficulty: '10200000',
      is_estimate: true,
    },
  ]);
}

function credits() {
  const to_s = Date.UTC(2026, 4, 14, 11, 50) / 1_000;
  return Array.from({ length: 6 }, (_, place) => ({
    id: 60 - place,
    worker: place % 3 === 2 ? 'bitaxe-08' : 'antminer-01',
    user: place % 3 === 2 ? '42-cora' : '1-andy',
    amount: place % 3 === 2 ? '0.14' : '5.963776',
    difficulty: place % 3 === 2 ? '140000' : '5963776',
    is_estimate: place % 3 === 2,
    to_s: to_s - Math.floor(place / 2) * 600,
    state: place < 2 ? 'owed' : 'paid',
    error: place < 2 ? 'the sidecar does not answer; tried 3 times' : null,
  }));
}
