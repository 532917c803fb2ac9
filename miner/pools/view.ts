/** What a pool says that it sees of an address: parsed from its replies, without a clock or a network. */
import { count, difficulty, label, positive } from '../adapters/quantities.js';
import { compact, type MinerReading, sum } from '../adapters/reading.js';
import { Fields, fieldsOf, type Replies } from '../adapters/replies.js';
import type { PoolApi } from '../wallets/pools.js';

type Value = Parameters<typeof difficulty>[0];

export interface PoolWorkerView {
  /** What stands behind the address; empty for a miner that gives no name. */
  readonly worker: string;
  /** The most that it says, over whatever time: after a start, short times show first. */
  readonly hashrate_hps?: number;
  readonly best_share?: number;
  /** Difficulty of all its accepted shares, where the pool counts it. */
  readonly difficulty_accepted?: number;
  /** Seconds since 1970. */
  readonly last_share_at?: number;
}

export interface PoolView {
  /** Of the address, all workers together. */
  readonly hashrate_hps?: number;
  /** Each name once; empty: the pool does not know the address. */
  readonly workers: readonly PoolWorkerView[];
}

export class PoolReplyError extends Error {}

/** `reply`: the JSON as it is. Throws PoolReplyError where it is none of this kind of pool. */
export function parseView(api: PoolApi, reply: unknown, address: string): PoolView {
  if (typeof reply !== 'object' || reply === null || Array.isArray(reply))
    throw new PoolReplyError('its answer is no JSON object');
  const fields = new Fields(reply as Replies);
  const view = PARSERS[api](fields, address);
  if (view === undefined) throw new PoolReplyError(`its answer is not that of ${api}`);
  return view;
}

const PARSERS: Readonly<Record<PoolApi, (fields: Fields, address: string) => PoolView | undefined>> = {
  ckpool: parseCkpool,
  public_pool: parsePublicPool,
  '2miners': parse2Miners,
};

const CKPOOL_RATES = ['hashrate1m', 'hashrate5m', 'hashrate1hr'];

function parseCkpool(fields: Fields, address: string): PoolView | undefined {
  if (!fields.has('worker', 'hashrate1m', 'hashrate1hr')) return undefined;
  const workers = fields.list('worker').map((one) => ({
    worker: behind(one.read(label, 'workername') ?? '', address),
    hashrate_hps: most(one, CKPOOL_RATES),
    best_share: one.read(difficulty, 'bestever', 'bestshare'),
    difficulty_accepted: one.read(count, 'shares'),
    last_share_at: one.read(positive, 'lastshare'),
  }));
  return compact<PoolView>({ hashrate_hps: most(fields, CKPOOL_RATES), workers: joined(workers) });
}

function parsePublicPool(fields: Fields): PoolView | undefined {
  if (!fields.has('workers', 'workersCount')) return undefined;
  const workers = fields.list('workers').map((one) => ({
    worker: one.read(label, 'name') ?? '',
    hashrate_hps: one.read(count, 'hashRate'),
    best_share: one.read(difficulty, 'bestDifficulty'),
    last_share_at: one.read(moment, 'lastSeen'),
  }));
  return compact<PoolView>({
    hashrate_hps: sum(workers.map(({ hashrate_hps }) => hashrate_hps)),
    workers: joined(workers),
  });
}

function parse2Miners(fields: Fields): PoolView | undefined {
  if (!fields.has('workers', 'currentHashrate', 'hashrate')) return undefined;
  const views = Object.entries(fields.under('workers').source).map(([name, value]) => {
    const one = fieldsOf(value) ?? new Fields({});
    return {
      worker: name === '0' ? '' : name,
      hashrate_hps: most(one, ['hr', 'hr2']),
      last_share_at: one.read(positive, 'lastBeat'),
    };
  });
  return compact<PoolView>({ hashrate_hps: most(fields, ['currentHashrate', 'hashrate']), workers: joined(views) });
}

/** "1.21T" or a number. */
function most(fields: Fields, names: readonly string[]): number | undefined {
  const rates = names.flatMap((name) => fields.read(difficulty, name) ?? []);
  return rates.length === 0 ? undefined : Math.max(...rates);
}

function behind(name: string, address: string): string {
  return name.toLowerCase().startsWith(address.toLowerCase())
    ? name.slice(address.length).replace(/^[._/+]/, '')
    : name;
}

/** Some pools list each connection of a worker. */
function joined(workers: readonly { [K in keyof PoolWorkerView]: PoolWorkerView[K] | undefined }[]): PoolWorkerView[] {
  const byName = new Map<string, PoolWorkerView>();
  for (const one of workers) {
    const worker = one.worker ?? '';
    const known = byName.get(worker);
    const highest = (name: 'best_share' | 'last_share_at') =>
      known?.[name] === undefined ? one[name] : Math.max(known[name], one[name] ?? 0);
    byName.set(
      worker,
      compact<PoolWorkerView>({
        worker,
        hashrate_hps: sum([known?.hashrate_hps, one.hashrate_hps]),
        difficulty_accepted: sum([known?.difficulty_accepted, one.difficulty_accepted]),
        best_share: highest('best_share'),
        last_share_at: highest('last_share_at'),
      }),
    );
  }
  return [...byName.values()];
}

/** Seconds since 1970, of an ISO time or a number. */
function moment(value: Value): number | undefined {
  if (typeof value !== 'string') return positive(value);
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.floor(at / 1_000);
}

/**
 * A miner that cannot be asked itself, such as a NerdMiner, as its pool sees it. Undefined where the pool does not know it.
 * Only a pool that counts difficulty (ckpool) tells what it mined.
 */
export function readingOf(
  view: PoolView,
  worker: string,
  { pool_url, pool_user }: { readonly pool_url: string; readonly pool_user: string },
): MinerReading | undefined {
  const seen = view.workers.find((one) => one.worker === worker);
  if (seen === undefined) return undefined;
  const { hashrate_hps, best_share, difficulty_accepted, last_share_at } = seen;
  const pool = { url: pool_url, user: pool_user, active: true, alive: true };
  return compact<MinerReading>({
    family: 'nerdminer',
    hashrate_hps,
    best_share,
    difficulty_accepted,
    pools: [compact({ ...pool, best_share, difficulty_accepted, last_share_at })],
    fans: [],
    boards: [],
  });
}
