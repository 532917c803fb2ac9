/** A device as a row: what each column says and by what it sorts. Pure. */
import type { BoardFleet, FleetMember, MinerState, Wallet } from './types.js';
import * as units from './units.js';

export interface Row {
  readonly id: number;
  readonly name: string;
  /** Model and address. */
  readonly about: string;
  readonly state: MinerState;
  /** Age and error, where it is not online. */
  readonly trouble: string;
  /** What is shown is from before. */
  readonly isOld: boolean;
  readonly hashrate: string;
  readonly temperature: string;
  readonly power: string;
  readonly shares: string;
  readonly rejected: string;
  readonly pool: string;
  readonly worker: string;
  readonly wallet: string;
  readonly isUnmatched: boolean;
  readonly sorts: Readonly<Record<SortKey, number | string | undefined>>;
  /** Lower case, everything that a filter looks in. */
  readonly text: string;
}

export const COLUMNS = [
  ['state', 'State', 'c-state'],
  ['name', 'Device', 'c-name'],
  ['hashrate', 'Hashrate', 'c-num'],
  ['temperature', 'Temp.', 'c-num c-temp'],
  ['power', 'Power', 'c-num c-power wide'],
  ['shares', 'Shares', 'c-num c-shares wide'],
  ['pool', 'Pool and worker', 'c-pool wide'],
  ['wallet', 'Wallet', 'c-wallet wide'],
] as const;
export type SortKey = (typeof COLUMNS)[number][0];

/** Of one that has no address: by whom it is seen. */
export function placeOf({ address, seen_by }: FleetMember): string | undefined {
  return address ?? (seen_by === undefined ? undefined : `seen by ${seen_by}`);
}

/** What needs somebody first. */
const WORST_FIRST: Readonly<Record<MinerState, number>> = { offline: 0, stale: 1, unknown: 2, online: 3, disabled: 4 };

export function rowOf(member: FleetMember, wallets: ReadonlyMap<number, Wallet>, now: number): Row {
  const { id, name, state, reading, at, error, worker, wallet_id } = member;
  // Of what has been silent for minutes, the figures of then say nothing.
  const shown = state === 'online' || state === 'stale' ? reading : undefined;
  const pool = reading?.pools.find(({ active }) => active) ?? reading?.pools[0];
  const about = [member.model ?? member.miner_type, placeOf(member)].filter(Boolean).join(' · ');
  const age = at === undefined ? 'never read' : units.ago(now - at);
  const trouble = state === 'online' || state === 'disabled' ? '' : [age, error].filter(Boolean).join(': ');
  const wallet = wallet_id === undefined ? undefined : wallets.get(wallet_id);
  const rejected = shown?.shares_rejected;
  const accepted = shown?.shares_accepted;
  // A published copy leaves pools out: of those nobody can say that they have no wallet.
  const isUnmatched = wallet_id === undefined && (pool?.url !== undefined || pool?.user !== undefined);
  const linked = wallet_id === undefined ? units.NONE : `wallet ${wallet_id}`;
  const walletText = wallet?.name ?? (isUnmatched ? 'unmatched' : linked);
  const poolText = units.poolName(pool?.url);
  const workerText = worker ?? (pool?.user === undefined ? '' : units.shortened(pool.user, 12, 10));
  return {
    id,
    name,
    about,
    state,
    trouble,
    isOld: state === 'stale',
    hashrate: units.hashrate(shown?.hashrate_hps),
    temperature: units.temperature(shown?.temperature_c),
    power: units.power(shown?.power_w),
    shares: units.short(accepted),
    rejected:
      accepted !== undefined && rejected !== undefined && rejected > 0
        ? `${units.share(rejected, accepted + rejected)} rejected`
        : '',
    pool: poolText,
    worker: workerText,
    wallet: walletText,
    isUnmatched,
    sorts: {
      state: WORST_FIRST[state],
      name,
      hashrate: shown?.hashrate_hps,
      temperature: shown?.temperature_c,
      power: shown?.power_w,
      shares: accepted,
      pool: poolText === units.NONE ? undefined : `${poolText} ${workerText}`,
      wallet: walletText === units.NONE ? undefined : walletText,
    },
    text: [name, about, member.mac, member.firmware, pool?.url, pool?.user, workerText, walletText, state, error]
      .join(' ')
      .toLowerCase(),
  };
}

export function rowsOf({ miners }: BoardFleet, wallets: readonly Wallet[], now: number): Row[] {
  const known = new Map(wallets.map((wallet) => [wallet.id, wallet]));
  return miners.map((member) => rowOf(member, known, now));
}

const collator = new Intl.Collator('en', { numeric: true });

/** By name where equal; what is not known comes last either way. */
export function compareRows(key: SortKey, isDown: boolean): (one: Row, other: Row) => number {
  return (one, other) => {
    const [a, b] = [one.sorts[key], other.sorts[key]];
    if (a === undefined || b === undefined) {
      if (a !== b) return a === undefined ? 1 : -1;
    } else {
      const order = typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b));
      if (order !== 0) return isDown ? -order : order;
    }
    return collator.compare(one.name, other.name) || one.id - other.id;
  };
}

/** Every word of it somewhere in the row. */
export function matches(row: Row, filter: string): boolean {
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => row.text.includes(word));
}
