/** The MAC of a neighbour as this machine's kernel knows it, for miners that do not say theirs. */
import { readFile } from 'node:fs/promises';
import { macAddress } from '../adapters/quantities.js';

/** One device may well have two addresses, the one before and the one now. */
const MANY = 4;

/** Empty where there is no such table: not Linux, or behind a router. */
export async function neighbours(path = '/proc/net/arp'): Promise<ReadonlyMap<string, string>> {
  try {
    return parseNeighbours(await readFile(path, 'utf8'));
  } catch {
    return new Map();
  }
}

/** Columns: address, hardware type, flags, hardware address, mask, device. Flag 2 is a complete entry. */
export function parseNeighbours(table: string): ReadonlyMap<string, string> {
  const entries = table.split('\n').flatMap((line): (readonly [string, string])[] => {
    const [address = '', , flags = '', mac] = line.trim().split(/\s+/);
    const read = macAddress(mac);
    return read !== undefined && (Number(flags) & 2) !== 0 ? [[address, read]] : [];
  });
  return withoutRouters(new Map(entries));
}

/** A MAC of many addresses is that of a router which answers for them (proxy ARP), and tells no device from another. */
function withoutRouters(macs: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const addresses = new Map<string, number>();
  for (const mac of macs.values()) addresses.set(mac, (addresses.get(mac) ?? 0) + 1);
  return new Map([...macs].filter(([, mac]) => (addresses.get(mac) ?? 0) < MANY));
}
