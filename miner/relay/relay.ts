/** The relay in the agent's process: the fleet to a Gist, to the hub, or to both. Where one fails, nothing else does. */
import { setTimeout as sleep } from 'node:timers/promises';
import { documentFile } from '../../common/core/names.js';
import type { Log } from '../../common/runtime/log.js';
import type { Fleet } from '../fleet/fleet.js';
import { type Env, type GistSettings, gistSettings, type RelayConfig, RelayError } from './config.js';
import { GistClient } from './gist.js';
import { hubText, KIND, writeHubFile } from './hub-file.js';
import { Publisher, type Target, type TargetStatus } from './publisher.js';
import { FILE_NAME } from './snapshot.js';

const STOP_MS_MAX = 2_000;

export interface RelayStatus {
  readonly gist?: TargetStatus;
  readonly hub?: TargetStatus;
}

export interface RelayRun {
  status(): RelayStatus;
  close(): Promise<void>;
}

/** What the relay sees of the agent. */
export interface FleetSource {
  fleet(): Fleet;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Starts what the config or the environment asks for; undefined where that is nothing. Never throws: mistakes are logged. */
export function startRelay(
  source: FleetSource,
  config: RelayConfig | undefined,
  log: Log,
  env: Env = process.env,
): RelayRun | undefined {
  const publishers = targetsOf(config, env, log, source.now).map(
    (target) =>
      [
        target.name,
        new Publisher({
          target,
          fleet: () => source.fleet(),
          addresses: config?.addresses ?? false,
          now: source.now,
          random: Math.random,
          log,
        }),
      ] as const,
  );
  if (publishers.length === 0) return undefined;
  const abort = new AbortController();
  const loops = publishers.map(([, publisher]) => publisher.run(abort.signal));
  return {
    status: () => Object.fromEntries(publishers.map(([name, publisher]) => [name, publisher.status()])),
    close: async () => {
      abort.abort();
      // An answer that is still to come changes nothing any more.
      await Promise.race([Promise.all(loops), sleep(STOP_MS_MAX, undefined, { ref: false })]);
    },
  };
}

function targetsOf(config: RelayConfig | undefined, env: Env, log: Log, now: () => number): Target[] {
  const hub = config?.hub;
  const targets: Target[] = hub === undefined ? [] : [hubTarget(hub)];
  try {
    const gist = gistSettings(config?.gist, env);
    if (gist !== undefined) targets.push(gistTarget(gist, now));
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    const hint = 'everything else goes on without the Gist; correct it and restart';
    log.error('gist not updated', { code: 'AXL-RELAY-GIST', reason: error.message, hint });
  }
  return targets;
}

export function gistTarget({ id, token, interval_s, refresh_s, api_url }: GistSettings, now: () => number): Target {
  return {
    name: 'gist',
    place: id,
    interval_s,
    refresh_s,
    write: async (text) => {
      await new GistClient({ api_url, token: token(), now }).write(id, FILE_NAME, text);
    },
  };
}

export function hubTarget({ userdata, name, interval_s, refresh_s }: NonNullable<RelayConfig['hub']>): Target {
  return {
    name: 'hub',
    place: `${userdata}/${documentFile(`${KIND}/${name}`)}`,
    interval_s,
    refresh_s: refresh_s ?? interval_s,
    write: (text) => writeHubFile(userdata, name, hubText(text)),
  };
}
