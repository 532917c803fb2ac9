/** /api/fleet, its events, and /api/history: what the page and the relay's readers show. */
import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.js';
import { ApiError } from '../errors.js';
import { answers, EXAMPLES } from '../examples.js';
import { withGaps } from '../history.js';
import { HistoryQuery, timeOf } from '../schemas.js';
import type { Stream } from '../streams.js';

/** The fleet is told so often at most. */
const TELL_MS = 1_000;
const DAY_MS = 86_400_000;
const YEARS_MS = 5 * 366 * DAY_MS;
const POINTS = 300;
const POINTS_MAX = 2_000;

export function fleetRoutes(app: FastifyInstance, context: Context): void {
  const { agent, streams, retention } = context;

  app.get(
    '/api/fleet',
    {
      schema: {
        tags: ['fleet'],
        summary: 'All miners as they are now, from memory',
        description:
          'Hashrates in H/s, temperatures in °C, times in milliseconds since 1970. What is not known is absent.',
      },
    },
    async (_request, reply) => reply.type('application/json; charset=utf-8').send(fleetText(context)),
  );

  const listeners = new FleetListeners(context);
  app.addHook('preClose', async () => listeners.stop());
  app.get(
    '/api/fleet/events',
    {
      exposeHeadRoute: false,
      schema: {
        tags: ['fleet'],
        summary: 'The same whenever it changes, once a second at most (server-sent events)',
        description: 'Events fleet.',
      },
    },
    async (_request, reply) => {
      const stream: Stream = streams.open(reply, () => listeners.remove(stream));
      listeners.add(stream);
    },
  );

  app.get<{ Querystring: HistoryQuery }>(
    '/api/history',
    {
      schema: {
        response: answers(EXAMPLES.history),
        tags: ['fleet'],
        summary: 'What a miner, or the fleet, said over time, in columns',
        description:
          'at_s: seconds since 1970, when each step of step_s begins; null where nothing is known. Of the fleet: sums, and the highest temperature. shares, rejected, difficulty: within the step.',
        querystring: HistoryQuery,
      },
    },
    async ({ query }) => {
      const miner_id = query.miner_id === undefined ? undefined : Number(query.miner_id);
      const to = query.to === undefined ? agent.now() : timeOf(query.to, 'to');
      const from = query.from === undefined ? to - DAY_MS : timeOf(query.from, 'from');
      if (from >= to) throw new ApiError('bad_request', 'from must be before to');
      if (to - from > YEARS_MS) throw new ApiError('bad_request', 'at most five years at once');
      if (miner_id !== undefined && agent.store.miners.get(miner_id) === undefined)
        throw new ApiError('not_found', `there is no miner ${miner_id}`);
      const [from_s, to_s] = [Math.floor(from / 1000), Math.ceil(to / 1000)];
      const points = Math.min(Number(query.points ?? POINTS), POINTS_MAX);
      const history = agent.store.readings.history(
        { ...(miner_id !== undefined && { miner_id }), from_s, to_s, points },
        retention,
        agent.fleet().poll_interval_s,
        Math.floor(agent.now() / 1000),
      );
      return withGaps(history, from_s, to_s);
    },
  );
}

/** Listeners of the whole fleet: it is put into words once for all of them. */
class FleetListeners {
  readonly #streams = new Set<Stream>();
  #unfollow: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #told_at = Number.NEGATIVE_INFINITY;

  constructor(readonly context: Context) {}

  add(stream: Stream): void {
    this.#streams.add(stream);
    this.#unfollow ??= this.context.agent.follow(() => this.#soon());
    stream.send('fleet', fleetText(this.context));
  }

  remove(stream: Stream): void {
    this.#streams.delete(stream);
    if (this.#streams.size === 0) this.stop();
  }

  stop(): void {
    this.#unfollow?.();
    this.#unfollow = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #soon(): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        this.#tell();
      },
      Math.max(0, this.#told_at + TELL_MS - performance.now()),
    );
  }

  #tell(): void {
    this.#told_at = performance.now();
    try {
      const text = fleetText(this.context);
      for (const stream of this.#streams) stream.send('fleet', text);
    } catch (error) {
      this.context.log.error('miner API events failed', { reason: (error as Error).message });
    }
  }
}

function fleetText({ agent, relay }: Context): string {
  const credit = agent.money?.status();
  const relayed = relay?.();
  return JSON.stringify({
    ...agent.fleet(),
    ...(relayed !== undefined && { relay: relayed }),
    ...(credit !== undefined && { credit }),
  });
}
