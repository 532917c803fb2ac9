/** The watcher of the live files: what it sees becomes a look, what it may have missed a scan. */
import type { Engine } from '../replica/engine.js';
import type { Replica } from '../replica/replica.js';
import { TreeWatcher } from '../replica/watcher.js';
import type { Log } from '../runtime/log.js';
import type { Reporter } from './reporter.js';
import type { Scanning } from './scanning.js';
import { sleep } from './sleep.js';

export type WatchingOptions = {
  readonly replica: Replica;
  readonly engine: Engine;
  readonly scanning: Scanning;
  readonly reporter: Reporter;
  readonly log: Log;
  readonly random: () => number;
  readonly onError: (step: string, error: unknown) => void;
};

const PROBE_MS = 60_000;

export function makeWatcher(options: WatchingOptions): TreeWatcher {
  const { replica, engine, scanning, reporter, log, random, onError } = options;
  return new TreeWatcher({
    root: replica.world.files.root,
    kinds: replica.kinds,
    random,
    onHint: (kind, fileName) => {
      if (fileName === undefined) scanning.scanNow();
      else engine.look(`${kind}/${fileName.slice(0, -'.txt'.length)}`);
    },
    onLost: (kind, reason) =>
      log.warn('folder lost', {
        code: 'AXL-NO-FOLDER',
        folder: kind ?? 'userdata',
        reason,
        hint: 'nothing is deleted elsewhere; it is watched again when it is back',
      }),
    onTrouble: (error) => {
      onError('watch', error);
      scanning.scanBlind();
    },
    onWatching: () => reporter.working('watch'),
    log: (level, message, fields) => log[level](message, fields as Record<string, string>),
  });
}

export async function probeLoop(watcher: TreeWatcher, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(PROBE_MS, signal);
    if (!signal.aborted) await watcher.probe();
  }
}
