/** The agent's database, opened by a command for as long as it takes: the agent goes on meanwhile. */
import fs from 'node:fs';
import path from 'node:path';
import { troubleOf } from '../common/runtime/troubles.js';
import { loadMinerConfig } from '../miner/config/config.js';
import { FleetStore, FleetStoreError } from '../miner/store/store.js';

interface Options {
  readonly config: string;
}

/** Also where the disk is full or read-only. */
export function readStore(options: Options, work: (store: FleetStore) => void): void {
  withStore(options, FleetStore.openToRead, work);
}

export function changeStore(options: Options, work: (store: FleetStore) => void): void {
  withStore(options, FleetStore.open, work);
}

function withStore(options: Options, open: (file: string) => FleetStore, work: (store: FleetStore) => void): void {
  const { state } = loadMinerConfig(options.config);
  const file = path.join(state, 'fleet.db');
  if (!fs.existsSync(file))
    throw new Error(`${file} is not there yet: start the agent once with axle miner --config ${options.config}`);
  let store: FleetStore | undefined;
  try {
    store = open(file);
    work(store);
  } catch (error) {
    throw explained(error, state);
  } finally {
    store?.close();
  }
}

/** A daemon would try again by itself: a command does not. */
function explained(error: unknown, state: string): unknown {
  if (error instanceof FleetStoreError) return new Error(`${error.message}: ${error.hint}`, { cause: error });
  const { code, reason } = troubleOf(error);
  const remedies: Readonly<Record<string, string>> = {
    'AXL-DISK-FULL': `make room where ${state} lies (df -h, df -i), then run this again`,
    'AXL-READ-ONLY': `the file system of ${state} is mounted read-only: look at dmesg, repair and remount it, then run this again`,
    'AXL-PERMISSION': `run this as the account that owns ${state}`,
    'AXL-STATE-BUSY': 'the agent is writing for long: run this again',
  };
  const remedy = remedies[code];
  return remedy === undefined ? error : new Error(`${reason}: ${remedy}`, { cause: error });
}
