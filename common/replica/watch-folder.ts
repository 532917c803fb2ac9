/**
 * Watches one flat folder with Node's own fs.watch (inotify, not recursive).
 *
 * Why not @parcel/watcher here, measured on Debian 12, 2 cores, inotify backend, 1,000,000 files in one folder:
 *
 * | | @parcel/watcher 2.6 | fs.watch |
 * |---|---|---|
 * | subscribe | 5,900 ms | 1–100 ms |
 * | resident memory | +241 MB (its tree of every file; the daemon's whole budget is 300) | +0.3 MB |
 * | event after a quiet second, p50 | 0.6 ms | 0.4 ms |
 * | a change every 100 ms, p50 / p99 | 52 / 55 ms (its debouncer waits 50 ms within 500 ms of the last call) | 0.4 / 1.8 ms |
 * | 5,000 creates, p50 from write to call | 220 ms | 0.5 ms |
 *
 * `ignore` with globs avoids the tree, and takes 4,700 ms to walk past the files; with the folder's path it costs 3 ms
 * and nothing, which is how watch-layout.ts uses it. Both lose events silently when the kernel's queue overflows; here
 * all calls of one overflow come in one turn of the loop, which is what lets watcher.ts notice.
 */
import fs from 'node:fs';
import path from 'node:path';

/**
 * Tells whether a path is still the same folder: device, inode and birth, because ext4 gives a removed folder's inode to
 * the next one made. undefined where there is no real folder: missing, a file, or a symlink anywhere on the way.
 */
export function folderIdentity(folder: string): string | undefined {
  try {
    const stat = fs.lstatSync(folder, { bigint: true });
    if (!stat.isDirectory() || fs.realpathSync(folder) !== folder) return undefined;
    return `${stat.dev}:${stat.ino}:${stat.birthtimeNs}`;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined;
    throw error;
  }
}

export type FolderEvents = {
  /** Something happened to the file of this name, or (the folder's own name) to the folder. undefined: to we know not what. */
  readonly onEvent: (name: string | undefined) => void;
  readonly onError: (error: Error) => void;
};

export class FolderWatch {
  readonly #folder: string;
  readonly #identity: string;
  readonly #watcher: fs.FSWatcher;

  private constructor(folder: string, identity: string, watcher: fs.FSWatcher) {
    this.#folder = folder;
    this.#identity = identity;
    this.#watcher = watcher;
  }

  /**
   * undefined where there is no real folder, or it was replaced while we looked. Throws where the kernel refuses: ENOSPC
   * (fs.inotify.max_user_watches), EMFILE (fs.inotify.max_user_instances), EACCES.
   */
  static open(folder: string, events: FolderEvents): FolderWatch | undefined {
    const identity = folderIdentity(folder);
    if (identity === undefined) return undefined;
    const watcher = fs.watch(folder, { encoding: 'utf8' }, (_type, name) => events.onEvent(name ?? undefined));
    watcher.on('error', events.onError);
    const watch = new FolderWatch(folder, identity, watcher);
    // fs.watch takes a path: what it watches is only certain if the path meant the same folder before and after.
    if (watch.isCurrent()) return watch;
    watch.close();
    return undefined;
  }

  /** The name under which the folder's own removal, move or change of mode is reported. */
  get ownName(): string {
    return path.basename(this.#folder);
  }

  /** False once the path means another folder, or none. */
  isCurrent(): boolean {
    return folderIdentity(this.#folder) === this.#identity;
  }

  close(): void {
    this.#watcher.close();
  }
}
