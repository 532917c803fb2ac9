/** After a crash or power cut: what the intents say about files that were being replaced (I3). */
import { FORMER_MS } from './former-texts.js';
import { heldAs } from './held.js';
import { LATE_WRITE_MS, UNKNOWN_SHADOW } from './late-writes.js';
import { noteFormer } from './raw-change.js';
import type { Replica } from './replica.js';
import type { IntentRow } from './store.js';

/** More replaced files than this are not remembered as what a writer may have started from. */
const FORMER_MAX = 10_000;

export type Recovered = { readonly name: string; readonly renamed: boolean };

/** Settles every intent, then removes what no row speaks of. Run once at start, before anything looks at live files. */
export function recover(replica: Replica): Recovered[] {
  const { store, now, steady } = replica.world;
  const recovered = settleIntents(replica);
  // A writer may still be at work that read what was replaced before the crash.
  for (const { id, shadow } of store.replacedDue(Number.MAX_SAFE_INTEGER, FORMER_MAX)) {
    const name = store.documentById(id)?.name;
    if (name !== undefined && replica.knows(name)) noteFormer(replica, name, shadow, now());
  }
  // Nor does a writer know that what it read is held: the file may not have been put back yet.
  for (const { document, live, at } of store.heldAfter(0, FORMER_MAX))
    if (replica.knows(document) && now() - at < FORMER_MS) noteFormer(replica, document, live, at);
  // When it was due said the steady clock of an earlier process.
  store.commit(() => store.setReplacedDue(steady() + LATE_WRITE_MS));
  replica.world.files.sweep(new Set(replica.world.store.replacedLinks()));
  return recovered;
}

/**
 * Settles what a crash or broken machinery (a disk that became full) left half done. Until this has succeeded, a file that
 * we have just written looks like somebody's change, and would be counted once more.
 */
export function settleIntents(replica: Replica): Recovered[] {
  const { store, files, steady } = replica.world;
  const recovered: Recovered[] = [];
  for (const intent of store.intents()) {
    const name = store.documentById(intent.id)?.name;
    const renamed = name !== undefined && wasRenamed(replica, name, intent);
    replica.commit((tx) => {
      store.dropIntent(intent.id);
      if (name === undefined) return;
      if (!renamed) return store.markDirty(intent.id);
      const shadow = shadowOf(replica, name, intent);
      store.putFile({ id: intent.id, print: '', dirty: 1, shadow: intent.view });
      replica.settled(name, tx);
      if (intent.link !== '')
        store.putReplaced({ link: intent.link, id: intent.id, shadow, due: steady() + LATE_WRITE_MS });
    });
    files.removeTemp(intent.id);
    if (!renamed && intent.link !== '') files.removeLink(intent.link);
    if (name !== undefined) recovered.push({ name, renamed });
  }
  replica.hasIntents = false;
  return recovered;
}

/** What the replaced file is known to have held: what was held, where it still shows it, else what was agreed on. */
function shadowOf(replica: Replica, name: string, { id, link }: IntentRow): string {
  const { store, files } = replica.world;
  const look = link === '' ? undefined : files.lookAtReplaced(link);
  if (look?.kind === 'file' && heldAs(replica, name, look.text) !== undefined) return look.text;
  return store.file(id)?.shadow ?? UNKNOWN_SHADOW;
}

/**
 * The live file descends from the view if it has the inode that was announced. Otherwise somebody may have replaced it
 * since, and what tells is the temp file: a rename took its name away, a link (of a new file) changed its change time.
 */
function wasRenamed(replica: Replica, name: string, intent: IntentRow): boolean {
  const { files } = replica.world;
  const [inode] = intent.inode.split(':');
  if (files.inode(name) === inode) return true;
  const temp = files.tempPrint(intent.id);
  if (temp !== undefined) return intent.link === '' && temp !== intent.inode;
  // Without a link to the replaced file, or where that very file still stands, the temp was lost and never renamed.
  return intent.link === '' || files.isReplaced(intent.link, name);
}
