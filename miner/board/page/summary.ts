/** The fleet in one sentence and three figures. Pure. Only what is online counts: an old figure is not of now. */
import type { BoardFleet, FleetMember, MinerState } from './types.js';
import * as units from './units.js';

export type Health = 'ok' | 'warn' | 'bad' | '';

export interface Summary {
  readonly health: Health;
  readonly headline: string;
  readonly rest: string;
  /** Hashrate, temperature, power, shares since the devices started. */
  readonly figures: readonly (readonly [figure: string, rest: string])[];
}

export const STATES: readonly MinerState[] = ['online', 'stale', 'offline', 'unknown', 'disabled'];

/** How a state is said. */
export const HEALTH: Readonly<Record<MinerState, Health>> = {
  online: 'ok',
  stale: 'warn',
  offline: 'bad',
  unknown: '',
  disabled: '',
};

export function statesOf(miners: readonly FleetMember[]): Readonly<Record<MinerState, number>> {
  const states = { online: 0, stale: 0, offline: 0, unknown: 0, disabled: 0 };
  for (const { state } of miners) states[state] += 1;
  return states;
}

export function summaryOf({ miners, poll_interval_s }: BoardFleet): Summary {
  const states = statesOf(miners);
  const online = miners.filter(({ state }) => state === 'online');
  const hashrate = sum(online.map(({ reading }) => reading?.hashrate_hps));
  const power = sum(online.map(({ reading }) => reading?.power_w));
  const measured = sum(
    online.map(({ reading }) => (reading?.power_w === undefined ? undefined : reading.hashrate_hps)),
  );
  const shares = sum(online.map(({ reading }) => reading?.shares_accepted));
  const hottest = hottestOf(online);
  const isWhole = states.online === miners.length;
  const of = isWhole || states.online === 0 ? '' : `of ${devices(states.online)} online`;
  const joules = units.efficiency(power, measured);
  return {
    ...headlineOf(states, miners.length),
    rest: howRead(miners, poll_interval_s),
    figures: [
      [units.hashrate(hashrate), of],
      [units.temperature(hottest?.reading?.temperature_c), hottest === undefined ? '' : `hottest: ${hottest.name}`],
      [units.power(power), joules === units.NONE ? '' : joules],
      [units.short(shares), shares === undefined ? '' : 'since they started'],
    ],
  };
}

/** Nobody reads what is seen through its pool. */
function howRead(miners: readonly FleetMember[], poll_interval_s: number): string {
  const seen = miners.filter(({ seen_by }) => seen_by !== undefined).length;
  const read = miners.length - seen;
  const often = `read every ${units.duration(poll_interval_s)}`;
  if (seen === 0) return read === 0 ? '' : `each ${often}`;
  const through = `seen through ${seen === 1 ? 'its' : 'their'} pool`;
  return read === 0 ? through : `${units.count(read)} ${often}, ${units.count(seen)} ${through}`;
}

function headlineOf(states: Readonly<Record<MinerState, number>>, all: number): { health: Health; headline: string } {
  if (all === 0) return { health: '', headline: 'No devices yet' };
  const { online, stale, offline, unknown, disabled } = states;
  const read = all - disabled;
  if (read === 0) return { health: '', headline: `${devices(all)}, all disabled` };
  const rest = disabled > 0 ? `, ${disabled} disabled` : '';
  if (online === read)
    return { health: 'ok', headline: `${read === 1 ? 'The device is' : `All ${devices(read)} are`} online${rest}` };
  if (online === 0 && unknown === read) return { health: '', headline: `${devices(read)}, not read yet${rest}` };
  const parts = [
    offline > 0 && `${offline} offline`,
    stale > 0 && `${stale} stale`,
    unknown > 0 && `${unknown} never read`,
  ];
  const missing = parts.filter((part) => part !== false).join(', ');
  return {
    health: offline > 0 ? 'bad' : 'warn',
    headline: `${units.count(online)} of ${devices(read)} online: ${missing}${rest}`,
  };
}

export const devices = (many: number): string => `${units.count(many)} ${many === 1 ? 'device' : 'devices'}`;

function hottestOf(members: readonly FleetMember[]): FleetMember | undefined {
  let hottest: FleetMember | undefined;
  for (const member of members) {
    const { temperature_c } = member.reading ?? {};
    if (temperature_c !== undefined && temperature_c > (hottest?.reading?.temperature_c ?? Number.NEGATIVE_INFINITY))
      hottest = member;
  }
  return hottest;
}

function sum(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
}
