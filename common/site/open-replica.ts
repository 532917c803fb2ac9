/** Opens store and files, and sets a state aside that is older than the files. */
import { LiveFiles } from '../replica/live-files.js';
import { Replica } from '../replica/replica.js';
import { makeFolders } from '../runtime/folders.js';
import type { Log } from '../runtime/log.js';
import type { SiteOptions } from './options.js';
import type { StateFolder } from './state-folder.js';

export function openReplica(options: SiteOptions, folder: StateFolder): Replica {
  makeFolders(options.state);
  const files = new LiveFiles({
    root: options.userdata,
    maxFileBytes: options.maxFileBytes,
    ...(options.created && { created: options.created }),
  });
  files.prepare();
  const open = (): Replica =>
    new Replica({
      site: options.site,
      store: folder.openStore(),
      files,
      policies: options.policies,
      joinRule: options.joinRule,
      guards: options.guards,
      now: options.now,
      steady: options.steady,
      randomHex: options.randomHex,
      log: options.log,
      steps: options.steps,
      clockSkewMaxMs: options.clockSkewMaxMs,
      peers: options.peers.map(({ site }) => site),
    });
  let replica = open();
  if (replica.isOlderThanFiles()) {
    const isNew = replica.phase === 'joining' && replica.head === 0;
    if (options.isHub) rebuildFrom(replica, isNew, options.log);
    else if (!isNew) {
      replica.close();
      folder.setAside('stale');
      replica = open();
    }
  }
  replica.openMarker();
  return replica;
}

/**
 * A hub whose state is gone or older than its files. What is in it is true, as far as it goes; what it agreed on with files
 * and peers is not. The rest is with the spokes.
 */
function rebuildFrom(replica: Replica, isMissing: boolean, log: Log): void {
  replica.beginRebuilding();
  log.error(isMissing ? 'state is missing' : 'state is older than the live files', {
    code: 'AXL-HUB-STATE',
    hint: 'the files of this hub were in use with another state: it is rebuilt from what the spokes hold',
  });
}
