/** Pure. The fleet as it is shown, from what the store knows and what the last rounds found. */
import type { MinerReading } from '../adapters/reading.js';
import type { ConfigRow } from '../store/configs.js';
import { isSeenByPool, type MinerRow } from '../store/miners.js';
import type { FleetMember, Latest, MinerState } from './fleet.js';

export function memberOf(
  row: MinerRow,
  latest: Latest | undefined,
  state: MinerState,
  configs: readonly ConfigRow[],
  seen_by?: string,
): FleetMember {
  const reading = latest?.reading;
  const at = latest?.at ?? row.seen_at ?? undefined;
  const model = reading?.model ?? row.model ?? undefined;
  const firmware = reading?.firmware ?? row.firmware ?? undefined;
  const config = configOf(reading, configs);
  return {
    id: row.id,
    name: row.name,
    miner_type: row.miner_type,
    ...(model === undefined ? {} : { model }),
    ...(firmware === undefined ? {} : { firmware }),
    ...(isSeenByPool(row) ? {} : { address: row.ip_address }),
    ...(row.mac_address === null ? {} : { mac: row.mac_address }),
    ...(seen_by === undefined ? {} : { seen_by }),
    state,
    ...(at === undefined ? {} : { at }),
    ...(reading === undefined ? {} : { reading }),
    ...(latest?.error === undefined ? {} : { error: latest.error }),
    ...(typeof config?.worker_name === 'string' ? { worker: config.worker_name } : {}),
    ...(typeof config?.wallet_id === 'number' ? { wallet_id: config.wallet_id } : {}),
  };
}

/** Of the pool that it works for now; or else the first that it has. */
function configOf(reading: MinerReading | undefined, configs: readonly ConfigRow[]): ConfigRow | undefined {
  const active = reading?.pools.find((pool) => pool.active === true);
  return (
    configs.find(({ pool_url, pool_user }) => pool_url === active?.url && pool_user === active?.user) ??
    configs.find((config) => config.active === 1)
  );
}
