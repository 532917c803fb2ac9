/** After a crash or power cut: what the intents say about files that were being replaced (I3). */
import { LATE_WRITE_MS, UNKNOWN_SHADOW } from './late-writes.js';
import type { Replica } from './replica.js';
import type { IntentRow } from './store.js';

export type Recovered = { readonly name: string; readonly renamed: boolean };

/** Settles every intent, then removes what no row speaks of. Run once at start, before anything looks at live files. */
export function recover(replica: Replica): Recovered[] {
  const { store, files, now } = replica.world;
  const recovered: Recovered[] = [];
  for (const intent of store.intents()) {
    const name = store.documentById(intent.id)?.name;
    const renamed = name !== undefined && wasRenamed(replica, name, intent);
    replica.commit(() => {
      store.dropIntent(intent.id);
      if (name === undefined) return;
      if (!renamed) return store.markDirty(intent.id);
      const shadow = store.file(intent.id)?.shadow ?? UNKNOWN_SHADOW;
      store.putFile({ id: intent.id, print: '', dirty: 1, shadow: intent.view });
      if (intent.link !== '') store.putReplaced({ link: intent.link, id: intent.id, shadow, due: now() + LATE_WRITE_MS });
    });
    if (name !== undefined) recovered.push({ name, renamed });
  }
  files.sweep(new Set(store.replacedLinks()));
  return recovered;
}

/**
 * The live file descends from the view if it has the inode that was announced, or if the temp file is gone, which only
 * the rename does: then somebody has replaced our file since.
 */
function wasRenamed(replica: Replica, name: string, intent: IntentRow): boolean {
  const { store, files } = replica.world;
  if (files.inode(name) === intent.inode) return true;
  if (files.hasTemp(intent.id)) return false;
  const look = files.look(name);
  return look.kind !== 'file' || look.text !== store.file(intent.id)?.shadow;
}
