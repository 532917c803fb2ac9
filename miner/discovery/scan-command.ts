/** `axle miner scan`: looks for miners once and shows what was found. */
import { networkInterfaces } from 'node:os';
import type { Ports } from '../readers/device.js';
import { networksToScan } from './addresses.js';
import { type FoundMiner, type ScanResult, scan } from './scan.js';

export interface ScanCommandOptions {
  readonly rpcPort: number;
  readonly httpPort: number;
  readonly whatsminerPort: number;
  readonly json: boolean;
}

/** Of the LAN where no networks are given. Throws `AddressError`. */
export async function scanCommand(given: readonly string[], options: ScanCommandOptions): Promise<void> {
  const networks = networksToScan(given, networkInterfaces);
  const ports: Ports = { rpc: options.rpcPort, http: options.httpPort, whatsminer: options.whatsminerPort };
  const isShown = process.stderr.isTTY && !options.json;
  const result = await scan({
    networks,
    ports,
    onProgress: ({ probed, addresses, found }) => {
      if (isShown) process.stderr.write(`\r${probed} of ${addresses} addresses, ${found} miners `);
    },
  });
  if (isShown) process.stderr.write('\r\x1b[K');
  const columns = process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY;
  process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : table(networks, result, columns));
}

/** `columns`: how wide it may be. */
export function table(networks: readonly string[], result: ScanResult, columns: number): string {
  const { found, unknown, progress, duration_ms } = result;
  const address_width = widest([...found, ...unknown].map(({ address }) => address));
  const model_width = widest(found.map(modelOf));
  const lines = found
    .toSorted((one, other) => compareAddresses(one.address, other.address))
    .map((miner) => line(miner, [address_width, model_width], columns));
  const strangers = unknown.map(
    ({ address, open, reason }) => `${address.padEnd(address_width)}  not understood (${open.join(', ')}): ${reason}`,
  );
  const took = `in ${(duration_ms / 1_000).toFixed(1)} s`;
  const total = `${counted(found.length, 'miner', 'miners')} among ${counted(progress.addresses, 'address', 'addresses')} of ${networks.join(', ')} ${took}`;
  return [...lines, ...strangers, total, ...(found.length === 0 ? [NOTHING] : []), ''].join('\n');
}

const NOTHING = `Are the miners in this network? Name another: axle miner scan 192.168.5.0/24. Do they answer at other ports? See --help.`;

function counted(many: number, one: string, more: string): string {
  return `${many} ${many === 1 ? one : more}`;
}

/** Where the whole pool user has no place, its end has: the worker's name. */
function line(miner: FoundMiner, [address_width, model_width]: readonly [number, number], columns: number): string {
  const { address, mac, reading } = miner;
  const start = [
    address.padEnd(address_width),
    (mac ?? '').padEnd(17),
    modelOf(miner).padEnd(model_width),
    (reading.hashrate_hps === undefined ? '' : shortRate(reading.hashrate_hps)).padStart(10),
    (reading.temperature_c === undefined ? '' : `${Math.round(reading.temperature_c)} °C`).padStart(6),
  ].join('  ');
  const user = reading.pools.find(({ active }) => active)?.user ?? reading.pools[0]?.user ?? '';
  const room = columns - start.length - 2;
  const shown = user.length <= room ? user : room > 4 ? `…${user.slice(1 - room)}` : '';
  return `${start}  ${shown}`.trimEnd();
}

function modelOf({ reading }: FoundMiner): string {
  return reading.model ?? reading.family;
}

function widest(texts: readonly string[]): number {
  return texts.reduce((width, { length }) => Math.max(width, length), 0);
}

function shortRate(hashrate_hps: number): string {
  const prefixes = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
  const step = hashrate_hps < 1 ? 0 : Math.min(Math.floor(Math.log10(hashrate_hps) / 3), prefixes.length - 1);
  return `${(hashrate_hps / 1_000 ** step).toFixed(1)} ${prefixes[step]}H/s`;
}

function compareAddresses(one: string, other: string): number {
  return one.localeCompare(other, 'en', { numeric: true });
}
