/** `axle dashboard`: what it is told by options and by the environment, and its life. */
import type { AddressInfo } from 'node:net';
import type { Log } from '../../common/runtime/log.js';
import type { Running } from '../../common/runtime/service.js';
import { pageAt, registerBoard } from '../board/board.js';
import { type Env, isSafe, numberIn, RelayError, tokenIn } from '../relay/config.js';
import { buildDashboard } from './app.js';
import { duration, Mirror } from './mirror.js';
import { GistSource, HubSource, type Source } from './sources.js';

export interface DashboardOptions {
  /** Id of a Gist, or the raw address of its file. */
  readonly gist?: string | undefined;
  readonly hubData?: string | undefined;
  readonly port?: number | undefined;
  readonly host?: string | undefined;
}

export interface DashboardSettings {
  readonly source: Source;
  /** For the log. */
  readonly place: string;
  readonly host: string;
  readonly port: number;
  readonly ttl_s: number;
}

const TTL_S = 30;
const PORT = 8_000;
const GIST_ID = /^[0-9A-Za-z]{1,64}$/;

const NOTHING_SAID = `axle dashboard shows what an agent publishes, and does not know where that is. Set
  CLOUD_MODE=true and GIST_ID (or GIST_RAW_URL)   in the cloud: listens on 0.0.0.0:$PORT
or say --gist ID, or --hub-data USERDATA on the hub.
In the miners' own network the agent shows its page itself: axle miner --config miner.yaml`;

/** Throws `RelayError`, whose message says what to set. */
export function dashboardSettings(options: DashboardOptions, env: Env, now: () => number): DashboardSettings {
  const given = (name: string): string | undefined => env[name]?.trim() || undefined;
  const isCloud = /^(1|true|yes|on)$/i.test(given('CLOUD_MODE') ?? '');
  if (options.gist !== undefined && options.hubData !== undefined)
    throw new RelayError('either --gist or --hub-data, not both');
  if (!isCloud && options.gist === undefined && options.hubData === undefined) throw new RelayError(NOTHING_SAID);
  const ttl_s = numberIn('GIST_CACHE_TTL', given('GIST_CACHE_TTL'), { minimum: 1, maximum: 3_600 }) ?? TTL_S;
  const port = options.port ?? numberIn('PORT', given('PORT'), { minimum: 1, maximum: 65_535 }, 'a port') ?? PORT;
  const common = { host: options.host ?? (isCloud ? '0.0.0.0' : '127.0.0.1'), port };
  const { hubData } = options;
  // Files are cheap to look at.
  if (hubData !== undefined)
    return { ...common, source: new HubSource(hubData), place: hubData, ttl_s: Math.min(ttl_s, HUB_TTL_S) };
  const gist = options.gist ?? given('GIST_RAW_URL') ?? given('GIST_ID');
  if (gist === undefined)
    throw new RelayError(
      'CLOUD_MODE is set, and not where the data is: set GIST_ID to the id of the Gist, or GIST_RAW_URL to the raw address of its miner_data.json',
    );
  const token = given('GIST_TOKEN');
  const api_url = given('GIST_API_URL');
  if (api_url !== undefined && !isSafe(api_url))
    throw new RelayError(`GIST_API_URL must begin with https:// (got ${JSON.stringify(api_url)})`);
  const isId = GIST_ID.test(gist);
  if (!isId && !isSafe(gist))
    throw new RelayError(
      `neither the id of a Gist nor an address that begins with https:// (got ${JSON.stringify(gist)}): see GIST_ID, GIST_RAW_URL and --gist`,
    );
  return {
    ...common,
    source: new GistSource({
      ...(isId ? { id: gist } : { raw_url: gist }),
      token: token === undefined ? undefined : tokenIn('GIST_TOKEN', token),
      api_url,
      now,
    }),
    place: gist,
    ttl_s,
  };
}

const HUB_TTL_S = 2;

export interface Dashboard extends Running {
  /** The real one where it was 0. */
  readonly port: number;
}

/** Listens. Rejects where it cannot. */
export async function runDashboard(settings: DashboardSettings, log: Log, now = Date.now): Promise<Dashboard> {
  const { source, place, host, port, ttl_s } = settings;
  const mirror = new Mirror({ source, ttl_s, now, elapsed: () => performance.now(), random: Math.random, log });
  const app = buildDashboard({
    mirror,
    page: registerBoard,
    isLocal: host === '127.0.0.1' || host === '::1' || host === 'localhost',
  });
  await app.listen({ host, port });
  const { port: real } = app.server.address() as AddressInfo;
  log.info('dashboard', { page: pageAt(host, real), source: source.name, place, host, port: real, ttl_s });
  // The first fetch tells in the log whether the source can be reached.
  const first = mirror.view();
  return {
    port: real,
    ready: first.then(() => {}),
    stop: async () => {
      await app.close();
    },
    statusLine: () => mirrorLine(mirror),
  };
}

function mirrorLine(mirror: Mirror): string {
  const { miners, stale, age_s } = mirror.shown();
  return `${miners.length} miners${age_s === undefined ? '' : `, ${duration(age_s)} old`}${stale ? ', stale' : ''}`;
}
