/** Writes what a scan found into the store: known devices where they are now, new ones once. */
import { reconcile } from '../discovery/reconcile.js';
import type { FoundMiner, ScanResult } from '../discovery/scan.js';
import { mainPortOf } from '../polling/device-reader.js';
import type { Ports } from '../readers/device.js';
import { isSeenByPool, type MinerChange, type MinerRow } from '../store/miners.js';
import type { FleetStore } from '../store/store.js';

export interface Registered {
  readonly added: readonly { readonly row: MinerRow; readonly found: FoundMiner }[];
  /** With the address that they had. */
  readonly moved: readonly { readonly row: MinerRow; readonly from: string }[];
  /** Something else is known of them now, moved ones included. */
  readonly changed: readonly number[];
  /** Not found this time, which says nothing of their state: polling does. */
  readonly missed: number;
  /** With the MAC of another that was found: taken for further addresses of that one, and not added. */
  readonly doubles: readonly FoundMiner[];
}

/** One transaction. */
export function register(store: FleetStore, result: ScanResult, ports: Ports, at: number): Registered {
  return store.transaction(() => {
    const rows = new Map(store.miners.list().map((row) => [row.id, row]));
    const devices = [...rows.values()].filter((row) => !isSeenByPool(row));
    const known = devices.map(({ id, ip_address, mac_address }) => ({
      id,
      address: ip_address,
      ...(mac_address === null ? {} : { mac: mac_address }),
    }));
    const { seen, added, missed, doubles } = reconcile(known, result.found);
    const changed: number[] = [];
    const moved: { row: MinerRow; from: string }[] = [];
    for (const { known: device, found, moved: isMoved } of seen) {
      const row = rows.get(device.id) as MinerRow;
      const change = changeOf(row, found, ports);
      if (Object.keys(change).length === 0) continue;
      store.miners.change(row.id, change);
      changed.push(row.id);
      if (isMoved) moved.push({ row: store.miners.get(row.id) as MinerRow, from: device.address });
    }
    const names = new Set([...rows.values()].map(({ name }) => name));
    const made = added.map((found) => ({ row: add(store, found, ports, names, at), found }));
    return { added: made, moved, changed, missed: missed.length, doubles };
  });
}

/** What is not as the store has it. A login or a name that a person gave stays. */
function changeOf(row: MinerRow, found: FoundMiner, ports: Ports): MinerChange {
  const { adapter, reading, address, mac } = found;
  const change: { -readonly [K in keyof MinerChange]: MinerChange[K] } = {};
  if (row.ip_address !== address) change.ip_address = address;
  if (row.mac_address === null && mac !== undefined) change.mac_address = mac;
  // An answer that was lost must not make it one that is a cgminer and nothing more.
  if (row.adapter !== adapter.key && (adapter.key !== 'cgminer' || row.adapter === null)) {
    change.adapter = adapter.key;
    change.miner_type = adapter.family;
  }
  const port = ports[mainPortOf(adapter)];
  if (row.auto_discovered === 1 && row.api_port !== port) change.api_port = port;
  if (reading.model !== undefined && reading.model !== row.model) change.model = reading.model;
  if (reading.firmware !== undefined && reading.firmware !== row.firmware) change.firmware = reading.firmware;
  return change;
}

function add(store: FleetStore, found: FoundMiner, ports: Ports, names: Set<string>, at: number): MinerRow {
  const { adapter, reading, address, mac } = found;
  const name = freeName(reading.hostname ?? reading.model ?? adapter.family, names);
  names.add(name);
  return store.miners.add({
    name,
    miner_type: adapter.family,
    adapter: adapter.key,
    ip_address: address,
    api_port: ports[mainPortOf(adapter)],
    auto_discovered: 1,
    created_at: at,
    ...(mac === undefined ? {} : { mac_address: mac }),
    ...(reading.model === undefined ? {} : { model: reading.model }),
    ...(reading.firmware === undefined ? {} : { firmware: reading.firmware }),
  });
}

/** Many come with the same host name: the second one is "bitaxe 2". */
export function freeName(wanted: string, names: ReadonlySet<string>): string {
  if (!names.has(wanted)) return wanted;
  let number = 2;
  while (names.has(`${wanted} ${number}`)) number += 1;
  return `${wanted} ${number}`;
}
