/** Composition root of the miner agent. */
import fs from 'node:fs';
import path from 'node:path';
import { makeFolders } from '../common/runtime/folders.js';
import type { Log } from '../common/runtime/log.js';
import type { Running } from '../common/runtime/service.js';
import type { Agent } from './agent.js';
import { tokensFileOf } from './api/config.js';
import { startApi } from './api/main.js';
import { registerBoard } from './board/board.js';
import type { MinerConfig } from './config/config.js';
import { Keeper } from './fleet/keeper.js';
import type { Counts } from './fleet/live-fleet.js';
import { FleetReporter } from './fleet/reporter.js';
import { startRelay } from './relay/relay.js';
import { openMoney, poolsOf } from './shares/money.js';
import { claimState } from './store/claim.js';
import { FleetStore } from './store/store.js';

export interface MinerDaemon extends Running {
  /** Some of the config that it was made with has changed in place (see `takeLive`). */
  reconfigured(): void;
  /** For what runs in the same process. */
  readonly agent: Agent;
}

/** What stands beside the fleet in the same process: API, page, relay. */
interface Beside {
  close(): Promise<void>;
}

export async function runMiner(config: MinerConfig, log: Log): Promise<MinerDaemon> {
  const giveBack = claimFolder(config.state);
  let store: FleetStore | undefined;
  try {
    store = FleetStore.open(path.join(config.state, 'fleet.db'));
    const daemon = await compose(store, config, log);
    return { ...daemon, stop: () => daemon.stop().finally(giveBack) };
  } catch (error) {
    store?.close();
    giveBack();
    throw error;
  }
}

const NOT_OURS = {
  code: 'AXL-PERMISSION',
  hint: 'run the agent as the account that owns the folder (axle), or name one of your own as state: in miner.yaml',
};

const FOLDER_ERRORS: Readonly<Record<string, { readonly code: string; readonly hint: string }>> = {
  EACCES: NOT_OURS,
  EPERM: NOT_OURS,
  EROFS: {
    code: 'AXL-READ-ONLY',
    hint: 'the file system is mounted read-only: look at dmesg, repair and remount it; or, under systemd, the unit does not open this folder: name one that it does as state: in miner.yaml, or add it as ReadWritePaths=',
  },
};

function claimFolder(folder: string): () => void {
  try {
    makeFolders(folder, 0o750);
    fs.accessSync(folder, fs.constants.W_OK);
    return claimState(folder);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    const explained = FOLDER_ERRORS[code];
    if (explained === undefined) throw error;
    throw Object.assign(new Error(message, { cause: error }), explained);
  }
}

async function compose(store: FleetStore, config: MinerConfig, log: Log): Promise<MinerDaemon> {
  const now = Date.now;
  const { credit, pools } = config;
  const money = openMoney({ store, credit, pools, log, now, clock: () => performance.now(), random: Math.random });
  const reporter = new FleetReporter(log);
  const keeper = new Keeper({ store, config, reporter, now, money });
  const agent: Agent = {
    store,
    scans: keeper.scans,
    poller: keeper.poller,
    now,
    fleet: () => keeper.fleet.show(),
    changed: (miner_id) => keeper.changed(miner_id),
    follow: (listener) => keeper.fleet.follow(listener),
    ...(credit === undefined ? {} : { money }),
  };
  const beside: Beside[] = [];
  keeper.start();
  money.start();
  const relay = startRelay(agent, config.relay, log);
  if (relay !== undefined) beside.push(relay);
  try {
    beside.push(
      await startApi(agent, {
        config: config.api,
        tokens_file: tokensFileOf(config),
        log,
        networks: () => config.networks ?? [],
        retention: config.retention,
        board: registerBoard,
        relay: () => relay?.status(),
        pools: poolsOf(pools),
      }),
    );
  } catch (error) {
    await relay?.close();
    await keeper.stop();
    await money.stop();
    throw error;
  }
  return {
    agent,
    ready: Promise.resolve(),
    stop: async () => {
      for (const one of beside) await one.close();
      await keeper.stop();
      await money.stop();
      store.close();
    },
    pulse: async () => {
      if (!keeper.poller.isProgressing) throw new Error('no round of readings has begun for long');
    },
    statusLine: () => statusLine(keeper.fleet.counts, keeper.poller.lastRound?.duration_ms),
    reconfigured: () => keeper.reconfigured(),
  };
}

function statusLine(counts: Counts, round_ms: number | undefined): string {
  const all = counts.online + counts.stale + counts.offline + counts.unknown;
  const round = round_ms === undefined ? '' : `, last round ${(round_ms / 1_000).toFixed(1)} s`;
  return `${all} ${all === 1 ? 'miner' : 'miners'}, ${counts.online} online${round}`;
}
