/** Proves that a folder's watch is alive: makes a hidden file in it and waits until the watch reports it. */
import fs from 'node:fs';
import path from 'node:path';

/** Hidden, so it is nobody's document. In the watched folder itself: only that proves the very watch in use. */
export const PROBE_FILE = '.axle-probe';

/** `blocked`: the file could not be made, which proves nothing. */
export type ProbeAnswer = 'answered' | 'silent' | 'blocked';

export class ProbeDesk {
  readonly #waiting = new Map<
    string,
    { readonly done: Promise<ProbeAnswer>; readonly end: (answer: ProbeAnswer) => void }
  >();

  /** Questions to one folder at the same time share one file and one answer. */
  ask(folder: string, limitMs: number): Promise<ProbeAnswer> {
    const waiting = this.#waiting.get(folder);
    if (waiting !== undefined) return waiting.done;
    let end: (answer: ProbeAnswer) => void = () => {};
    const answered = new Promise<ProbeAnswer>((resolve) => {
      end = resolve;
    });
    const timer = setTimeout(() => end('silent'), limitMs);
    const done = answered.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(folder);
      // Not before the answer: @parcel/watcher takes a file made and removed within one batch for nothing at all.
      remove(folder);
    });
    this.#waiting.set(folder, { done, end });
    if (!touch(folder)) end('blocked');
    return done;
  }

  answer(folder: string): void {
    this.#waiting.get(folder)?.end('answered');
  }

  close(): void {
    for (const { end } of this.#waiting.values()) end('blocked');
  }
}

function touch(folder: string): boolean {
  const file = path.join(folder, PROBE_FILE);
  try {
    // One left by a crash, or a symlink laid there to have its target emptied: removed, and made anew exclusively.
    fs.rmSync(file, { force: true });
    fs.closeSync(fs.openSync(file, 'wx', 0o600));
    return true;
  } catch {
    return false;
  }
}

function remove(folder: string): void {
  try {
    fs.rmSync(path.join(folder, PROBE_FILE), { force: true });
  } catch {
    // The next probe removes it.
  }
}
