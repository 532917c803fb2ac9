/** A pass over all kinds: every file that is not as the store knows it, and every document whose file has gone. */

import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { fingerprint } from '../replica/fingerprint.js';
import { PrintTable } from '../replica/print-table.js';
import type { Replica } from '../replica/replica.js';
import { scanKind } from '../replica/scanner.js';

export type ScanReport = {
  readonly files: number;
  readonly found: number;
  readonly ms: number;
  readonly missing: readonly string[];
};

export type ScanOptions = {
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** Pause between chunks, for a scan in the background. Asked each time: a scan under way can be made to hurry. */
  readonly restMs: () => number;
  /** Awaited between chunks: lets what was found be dealt with before more is. */
  readonly afterChunk?: () => Promise<void>;
};

/** Rows in one piece: 1 to 2 ms. */
const PAGE_ROWS = 512;

/** Calls `look` for everything that may have changed. `now` is monotonic milliseconds. */
export async function scanAll(
  replica: Replica,
  look: (name: string) => void,
  options: ScanOptions,
): Promise<ScanReport> {
  const { store, files, randomHex } = replica.world;
  const started = options.now();
  const prints = new PrintTable(Number.parseInt(randomHex(4), 16), store.countDocuments());
  await eachPrint(replica, options, (name, print) => prints.add(name, print));
  let seen = 0;
  let found = 0;
  const whole = new Set<string>();
  const missing: string[] = [];
  for (const kind of replica.kinds) {
    const result = await scanKind(
      files.root,
      kind,
      (fileName, stat) => {
        const name = `${kind}/${fileName.slice(0, -'.txt'.length)}`;
        if (prints.confirm(name, fingerprint(stat))) return;
        found++;
        look(name);
      },
      options,
    );
    seen += result.files;
    // Of a folder that is not there, or changed under the scan, nothing can be said to be gone.
    if (result.missingFolder) missing.push(kind);
    else whole.add(kind);
  }
  // Nearly always every file was seen, and a second pass over a million rows is saved.
  if (prints.unseen > 0)
    await eachPrint(replica, options, (name) => {
      if (!prints.isUnseen(name) || !whole.has(name.slice(0, name.lastIndexOf('/')))) return;
      found++;
      look(name);
    });
  return { files: seen, found, ms: options.now() - started, missing };
}

/**
 * In pieces, with the event loop running in between: in one go, a million rows take seconds, in which no change travels.
 * What is committed meanwhile may or may not be seen; both only cost a look.
 */
async function eachPrint(
  replica: Replica,
  options: ScanOptions,
  visit: (name: string, print: string) => void,
): Promise<void> {
  const { store } = replica.world;
  for (let after: number | undefined = 0; after !== undefined; ) {
    const rows = store.printsAfter(after, PAGE_ROWS);
    for (const { name, print } of rows) visit(name, print);
    after = rows.length < PAGE_ROWS ? undefined : rows.at(-1)?.id;
    const restMs = options.restMs();
    if (restMs > 0 && after !== undefined) await sleep(restMs);
    else await turn();
    options.signal.throwIfAborted();
    await options.afterChunk?.();
  }
}
