/** /api/miners/scan: looks for miners, and tells how far it has come. */
import type { FastifyInstance } from 'fastify';
import type { ScanJob } from '../../discovery/scan-jobs.js';
import { scanNetworks } from '../addresses.js';
import type { Context } from '../context.js';
import { ApiError } from '../errors.js';
import { answers, EXAMPLES } from '../examples.js';
import { IdParams, ScanQuery } from '../schemas.js';
import type { Stream } from '../streams.js';

/** Progress is told so often at most. */
const TELL_MS = 250;

export function scanRoutes(app: FastifyInstance, context: Context): void {
  const { agent, config, networks, streams } = context;

  app.post<{ Querystring: ScanQuery }>(
    '/api/miners/scan',
    {
      schema: {
        response: answers(EXAMPLES.job, 202),
        tags: ['scans'],
        summary: 'Looks for miners in the network',
        description:
          'Answers at once; follow_url tells how far it is, events_url streams it. While a scan of the same networks runs, it is that one.',
        querystring: ScanQuery,
      },
    },
    async ({ query }, reply) => {
      const given = scanNetworks(query.network, networks) ?? (networks.length > 0 ? networks : undefined);
      const running = agent.scans.list().filter(({ state }) => state === 'running');
      const isKnown = given !== undefined && running.some((job) => job.networks.join(' ') === given.join(' '));
      if (running.length >= config.limits.scans && !isKnown)
        throw new ApiError('rate_limited', `${running.length} scans are running: follow them, or wait`, {}, 10);
      const job = agent.scans.start(given);
      return reply.code(202).header('location', followUrl(job.id)).send(jobView(job));
    },
  );

  app.get(
    '/api/miners/scan',
    { schema: { response: answers(EXAMPLES.jobs), tags: ['scans'], summary: 'The scans of late' } },
    async () => agent.scans.list().map(jobView),
  );

  app.get<{ Params: IdParams }>(
    '/api/miners/scan/:id',
    { schema: { response: answers(EXAMPLES.job), tags: ['scans'], summary: 'How far a scan is', params: IdParams } },
    async ({ params }) => jobView(jobOf(context, params.id)),
  );

  app.get<{ Params: IdParams }>(
    '/api/miners/scan/:id/events',
    {
      exposeHeadRoute: false,
      schema: {
        tags: ['scans'],
        summary: 'How far a scan is, as it goes on (server-sent events)',
        description: 'Events progress, with the same data as GET, and at its end done; then the stream ends.',
        params: IdParams,
      },
    },
    async ({ params }, reply) => {
      const { id } = jobOf(context, params.id);
      let stop = () => {};
      const stream = streams.open(reply, () => stop());
      stop = tell(context, id, stream);
    },
  );
}

/** Sends the job as it changes, not more often than told, and its end always. Returns how to stop. */
function tell({ agent }: Context, id: number, stream: Stream): () => void {
  let newest: ScanJob | undefined;
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    timer = undefined;
    if (newest !== undefined) stream.send('progress', JSON.stringify(jobView(newest)));
    newest = undefined;
  };
  const unfollow = agent.scans.follow(id, (job) => {
    if (job.state === 'running') {
      newest = job;
      timer ??= setTimeout(flush, TELL_MS);
      return;
    }
    clearTimeout(timer);
    stream.send('done', JSON.stringify(jobView(job)));
    stream.end();
  });
  return () => {
    clearTimeout(timer);
    unfollow();
  };
}

const followUrl = (id: number) => `/api/miners/scan/${id}`;

function jobOf({ agent }: Context, id: string): ScanJob {
  const job = agent.scans.get(Number(id));
  if (job === undefined) throw new ApiError('not_found', `there is no scan ${id}: only the last ones are kept`);
  return job;
}

function jobView({ id, networks, started_at, state, progress, duration_ms, error }: ScanJob) {
  return {
    job_id: id,
    state,
    networks,
    started_at: new Date(started_at).toISOString(),
    progress,
    duration_ms: duration_ms ?? null,
    error: error ?? null,
    follow_url: followUrl(id),
    events_url: `${followUrl(id)}/events`,
  };
}
