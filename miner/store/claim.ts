/** One agent for one state: two would read the same devices in turn, and neither in the order of time. */
import path from 'node:path';
import Database from 'better-sqlite3';
import { FleetStoreError } from './store.js';

/** Returns how to give it back; the kernel does so where the process dies. Throws `FleetStoreError` where another one has it. */
export function claimState(folder: string): () => void {
  // A lock of SQLite, because Node has none of its own. Commands that look into the state do not need it.
  const lock = new Database(path.join(folder, 'agent.lock'), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if ((error as { code?: string }).code !== 'SQLITE_BUSY') throw error;
    throw new FleetStoreError(
      `another axle miner works with ${folder}`,
      'stop it first, or give this one a state of its own in miner.yaml',
      { cause: error },
    );
  }
  return () => lock.close();
}
