/** Rows and readings as the API answers them. What is not known is null; times are ISO, in UTC; passwords are in none. */
import type { MinerReading } from '../adapters/reading.js';
import type { FleetMember } from '../fleet/fleet.js';
import type { ConfigRow } from '../store/configs.js';
import type { CreditRow } from '../store/credits.js';
import { isSeenByPool, type MinerRow } from '../store/miners.js';
import type { SubmissionRow } from '../store/submissions.js';
import type { WalletRow } from '../store/wallets.js';

const iso = (at: number | null | undefined): string | null =>
  at === null || at === undefined ? null : new Date(at).toISOString();

/** `member`: the same device as the fleet has it in memory. */
export function minerView(row: MinerRow, member: FleetMember | undefined) {
  const { reading } = member ?? {};
  return {
    id: row.id,
    name: row.name,
    miner_type: row.miner_type,
    model: row.model,
    firmware_version: row.firmware,
    ip_address: isSeenByPool(row) ? null : row.ip_address,
    mac_address: row.mac_address,
    api_port: row.api_port,
    seen_by: member?.seen_by ?? null,
    status: row.enabled === 0 ? 'disabled' : (member?.state ?? 'unknown'),
    enabled: row.enabled === 1,
    auto_discovered: row.auto_discovered === 1,
    has_login: row.login !== null,
    worker_key: row.worker_key,
    created_at: iso(row.created_at),
    last_seen: iso(member?.at ?? row.seen_at),
    hashrate: reading?.hashrate_hps ?? null,
    temperature: reading?.temperature_c ?? null,
    error: member?.error ?? null,
  };
}

/** What a device says now. `config`: the pool that it works for, as it is known here. */
export function infoView(row: MinerRow, reading: MinerReading, at: number, config: ConfigRow | undefined) {
  const pool = workingPool(reading);
  return {
    miner_type: reading.family,
    firmware_version: reading.firmware ?? null,
    hashrate: reading.hashrate_hps ?? null,
    temperature: reading.temperature_c ?? null,
    pool_url: pool?.url ?? null,
    pool_user: pool?.user ?? null,
    status: 'online',
    worker_name: config?.worker_name ?? null,
    wallet_id: config?.wallet_id ?? null,
    id: row.id,
    name: row.name,
    model: reading.model ?? null,
    hashrate_average: reading.hashrate_avg_hps ?? null,
    power_w: reading.power_w ?? null,
    fan_rpm: reading.fans.find(({ rpm }) => rpm !== undefined)?.rpm ?? null,
    uptime_s: reading.uptime_s ?? null,
    shares_accepted: reading.shares_accepted ?? null,
    shares_rejected: reading.shares_rejected ?? null,
    best_share: reading.best_share ?? null,
    at: iso(at),
  };
}

/** The pool that it works for; of one that does not say, the first that is alive, or the first. */
export function workingPool({ pools }: MinerReading): MinerReading['pools'][number] | undefined {
  return pools.find(({ active }) => active) ?? pools.find(({ alive }) => alive) ?? pools[0];
}

export function configView(row: ConfigRow) {
  return {
    id: row.id,
    miner_id: row.miner_id,
    wallet_id: row.wallet_id,
    pool_url: row.pool_url,
    pool_user: row.pool_user,
    worker_name: row.worker_name,
    active: row.active === 1,
    linked: row.linked,
    reason: row.reason,
    detected_at: iso(row.detected_at),
    last_seen: iso(row.seen_at),
  };
}

/** `miner_ids`: those that mine for it now. */
export function walletView(row: WalletRow, miner_ids: readonly number[]) {
  return { ...row, created_at: iso(row.created_at), miner_ids };
}

/** Amounts stay text: they are exact. */
export function creditView(row: CreditRow) {
  return {
    id: row.id,
    miner: row.miner,
    worker: row.worker,
    user: row.user,
    amount: row.amount,
    difficulty: row.difficulty,
    is_estimate: row.is_estimate === 1,
    from_s: row.from_s,
    to_s: row.to_s,
    state: row.state,
    answer_id: row.answer_id,
    attempts: row.attempts,
    due_at: row.due_at,
    error: row.error,
    error_code: row.error_code,
    created_at: row.created_at,
    paid_at: row.paid_at,
    credits: row.credits,
  };
}

/** `difficulty` of all that it counts together, as a number; `difficulty_text` is exact. `count`: null where a pool does not say. */
export function shareView(row: SubmissionRow) {
  const { at, difficulty, accepted, manual, count, ...rest } = row;
  return {
    ...rest,
    count: count === 0 ? null : count,
    timestamp: iso(at),
    difficulty: Number(difficulty),
    difficulty_text: difficulty,
    accepted: accepted === 1,
    manual: manual === 1,
  };
}
