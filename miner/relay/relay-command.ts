/**
 * `axle miner relay`: publishes a fleet from the shell, once or at every interval, set up by the environment as
 * sync_to_gist.py was. The fleet is that of a running agent, or what a scan finds.
 */
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { SILENT } from '../../common/runtime/log.js';
import { addressesOf, networksToScan } from '../discovery/addresses.js';
import { scan } from '../discovery/scan.js';
import type { Fleet, FleetMember } from '../fleet/fleet.js';
import type { Ports } from '../readers/device.js';
import { type Env, gistSettings, RelayError } from './config.js';
import { Publisher, type Target } from './publisher.js';
import { gistTarget, hubTarget } from './relay.js';
import { snapshotOf, snapshotText } from './snapshot.js';

export interface RelayCommandOptions {
  readonly once: boolean;
  /** Address of a running agent. */
  readonly agent: string;
  /** Instead of an agent: these networks, or with none the machine's own. */
  readonly scan?: readonly string[] | undefined;
  readonly dryRun: boolean;
  readonly addresses: boolean;
  /** Instead of the Gist: a spoke's userdata, and the fleet's name. */
  readonly hubData?: string | undefined;
  readonly name: string;
  readonly ports: Ports;
}

const AGENT_TIMEOUT_MS = 10_000;
const POLL_INTERVAL_S = 30;

/** Prints to `say`; resolves to the exit code. Rejects with `RelayError` and `AddressError`. */
export async function relayCommand(
  options: RelayCommandOptions,
  env: Env,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<number> {
  const { addresses, once, dryRun } = options;
  // A mistake in them is the person's, and no failure of a scan.
  const networks = options.scan && networksToScan(options.scan, networkInterfaces);
  if (networks !== undefined) addressesOf(networks).next();
  const fleet = networks === undefined ? () => agentFleet(options.agent) : () => scannedFleet(networks, options.ports);
  if (dryRun) {
    say(snapshotText(snapshotOf(await fleet(), { addresses, interval_s: 60 })).trimEnd());
    return 0;
  }
  const target = targetOf(options, env);
  const publisher = new Publisher({ target, fleet, addresses, now: Date.now, random: Math.random, log: SILENT });
  const what = target.name === 'gist' ? `Gist ${target.place}` : target.place;
  say(`Publishing to ${what}${once ? '' : ` every ${target.interval_s} seconds`}`);
  while (!signal.aborted) {
    const { did, wait_ms } = await publisher.step();
    const { miners = 0, online = 0, error = '' } = publisher.status();
    const next = once ? '' : ` Next in ${Math.round(wait_ms / 1_000)} seconds.`;
    if (did === 'published') {
      say(`Polled ${miners} miners, ${online} online`);
      say(`Successfully updated ${what} with ${miners} miners.${next}`);
    } else if (did === 'failed') say(`Not updated: ${error}.${next}`);
    else if (did === 'early') say('Waiting for the first round of polling');
    if (once && did !== 'early') return did === 'failed' ? 1 : 0;
    await sleep(wait_ms, undefined, { signal }).catch(() => {});
  }
  return 0;
}

function targetOf({ hubData, name }: RelayCommandOptions, env: Env): Target {
  if (hubData !== undefined) return hubTarget({ userdata: hubData, name, interval_s: 60 });
  const api_url = env.GIST_API_URL?.trim();
  const settings = gistSettings(api_url ? { api_url } : {}, env);
  // With a group of keys, even an empty one, there are settings or an error.
  return gistTarget(settings as NonNullable<typeof settings>, Date.now);
}

async function agentFleet(agent: string): Promise<Fleet> {
  const url = `${agent.replace(/\/+$/, '')}/api/fleet`;
  let answer: unknown;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(AGENT_TIMEOUT_MS) });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    answer = await response.json();
  } catch (error) {
    const { message, cause } = error as Error & { cause?: Error };
    throw new RelayError(
      `no agent answers at ${url} (${cause?.message ?? message}): start it with axle miner --config miner.yaml, name it with --agent, or look once with --scan`,
    );
  }
  const fleet = answer as Partial<Fleet> | null;
  if (!Array.isArray(fleet?.miners) || typeof fleet.at !== 'number')
    throw new RelayError(`${url} answers, but not as an agent does: name the agent with --agent`);
  return fleet as Fleet;
}

async function scannedFleet(networks: readonly string[], ports: Ports): Promise<Fleet> {
  const { found } = await scan({ networks, ports });
  const at = Date.now();
  const miners = found.map(({ address, mac, reading }, place): FleetMember => {
    return {
      id: place + 1,
      name: reading.hostname ?? address,
      miner_type: reading.family,
      ...(reading.model !== undefined && { model: reading.model }),
      ...(reading.firmware !== undefined && { firmware: reading.firmware }),
      address,
      ...(mac !== undefined && { mac }),
      state: 'online',
      at,
      reading,
    };
  });
  return { at, poll_interval_s: POLL_INTERVAL_S, miners };
}
