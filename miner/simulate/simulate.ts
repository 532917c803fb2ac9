/** `axle miner simulate`: a fleet until it is stopped. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parentGone } from '../../common/runtime/service.js';
import { systemdNotifier } from '../../common/runtime/service-notify.js';
import type { Fault } from './faults.js';
import { Fleet, type FleetMiner } from './fleet.js';
import type { Kind } from './miner-state.js';

export interface SimulateOptions {
  readonly count: number;
  readonly first: string;
  readonly kind: readonly Kind[];
  readonly fault: Partial<Record<Fault, number>>;
  readonly delay: number;
  readonly wallet?: string;
  readonly pool?: string;
  readonly rpcPort: number;
  readonly httpPort: number;
  readonly whatsminerPort: number;
  readonly seconds?: number;
  readonly json: boolean;
  readonly exitWithParent?: true;
}

/** Says when all of them listen. Resolves when it was stopped by SIGINT or SIGTERM, its reader has gone, or its time is up. */
export async function simulate(options: SimulateOptions): Promise<void> {
  const fleet = await start(options);
  for (const miner of fleet.miners) process.stdout.write(options.json ? jsonLine(miner) : line(miner));
  const { length } = fleet.miners;
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ level: 'info', event: 'ready', miners: length })}\n`
      : `ready: ${length} miners. Ctrl-C stops them.\n`,
  );
  await systemdNotifier().ready();
  await stopped(options);
  await fleet.stop();
}

async function start(options: SimulateOptions): Promise<Fleet> {
  try {
    return await Fleet.start({
      count: options.count,
      first: options.first,
      faults: options.fault,
      delay_ms: options.delay,
      ports: { rpc: options.rpcPort, http: options.httpPort, whatsminer: options.whatsminerPort },
      ...(options.kind.length === 0 ? {} : { kinds: options.kind }),
      ...(options.wallet === undefined ? {} : { wallet: options.wallet }),
      ...(options.pool === undefined ? {} : { pool_url: options.pool }),
    });
  } catch (error) {
    throw new Error(`${(error as Error).message}${hint(error as NodeJS.ErrnoException)}`, { cause: error });
  }
}

/** What to do now. */
function hint(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EACCES':
      return '\nPorts below 1024 need rights: add --http-port 8080, also to axle miner scan, and to miner.yaml ports: {http: 8080}';
    case 'EADDRINUSE':
      return '\nAnother program listens there (another simulation?): add --first 127.30.0.1, or other ports';
    case 'EADDRNOTAVAIL':
      return '\nThis system has only 127.0.0.1 (macOS: sudo ifconfig lo0 alias 127.20.0.1, for each address)';
    default:
      return '';
  }
}

function line(miner: FleetMiner): string {
  const fault = miner.fault === undefined ? '' : `  (${miner.fault})`;
  return `${miner.address.padEnd(15)}  ${miner.mac}  ${miner.name}${fault}\n`;
}

function jsonLine({ address, mac, name, kind, fault }: FleetMiner): string {
  return `${JSON.stringify({ address, mac, name, kind, fault })}\n`;
}

async function stopped({ seconds, exitWithParent }: SimulateOptions): Promise<void> {
  const stop = new AbortController();
  const end = () => stop.abort();
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  process.stdout.on('error', end);
  if (exitWithParent) void parentGone().then(end);
  await sleep(seconds === undefined ? 2 ** 31 - 1 : seconds * 1_000, undefined, { signal: stop.signal }).catch(
    () => {},
  );
  process.off('SIGINT', end);
  process.off('SIGTERM', end);
  process.stdout.off('error', end);
}
