/** A pass over all kinds: every file that is not as the store knows it, and every document whose file has gone. */

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
  /** Pause between chunks, for a scan in the background. */
  readonly restMs: number;
};

/** Calls `look` for everything that may have changed. `now` is monotonic milliseconds. */
export async function scanAll(
  replica: Replica,
  look: (name: string) => void,
  options: ScanOptions,
): Promise<ScanReport> {
  const { store, files, randomHex } = replica.world;
  const started = options.now();
  const prints = new PrintTable(Number.parseInt(randomHex(4), 16), store.countDocuments());
  for (const { name, print } of store.prints()) prints.add(name, print);
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
  for (const { name } of store.prints()) {
    if (prints.wasSeen(name) || !whole.has(name.slice(0, name.lastIndexOf('/')))) continue;
    found++;
    look(name);
  }
  return { files: seen, found, ms: options.now() - started, missing };
}
