/**
 * Watches one folder of a host, from this machine, through the host's own mount: inotify wakes us in well under a
 * millisecond and costs nothing while nothing happens. The same for every measured system.
 */

import { type FSWatcher, readFileSync, watch } from 'node:fs';

/** Looks again this often even without an event, so that a lost event makes a measurement worse, never endless. */
const LOOK_AGAIN_MS = 250;

export class FolderWatch {
  readonly #watcher: FSWatcher;
  readonly #timer: NodeJS.Timeout;

  /** `onLook` is called after each event in `folder`, and now and then without one. */
  constructor(folder: string, onLook: (file: string | undefined) => void) {
    this.#watcher = watch(folder, { persistent: false }, (_event, file) => onLook(file ?? undefined));
    this.#timer = setInterval(() => onLook(undefined), LOOK_AGAIN_MS);
  }

  close(): void {
    this.#watcher.close();
    clearInterval(this.#timer);
  }
}

/** A file's content, or undefined when it cannot be read just now. */
export function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Resolves with the moment (`performance.now()`) at which `file` first had content that `accept` likes. */
export function seen(
  folder: string,
  file: string,
  accept: (content: string) => boolean,
  timeoutMs: number,
): Promise<number | undefined> {
  return new Promise((resolve) => {
    const look = (name: string | undefined) => {
      if (name !== undefined && name !== file) return;
      const content = contentOf(`${folder}/${file}`);
      if (content !== undefined && accept(content)) finish(performance.now());
    };
    const watching = new FolderWatch(folder, look);
    const limit = setTimeout(() => finish(undefined), timeoutMs);
    const finish = (moment: number | undefined) => {
      watching.close();
      clearTimeout(limit);
      resolve(moment);
    };
    look(undefined);
  });
}
