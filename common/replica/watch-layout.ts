/**
 * Watches the tree above the files with @parcel/watcher: the root, the folders on the way to a kind, and the kinds that
 * do not exist yet. It never sees a document: the folders that hold them are ignored by path, which costs nothing
 * (watch-folder.ts has the figures), and everything that leads to no kind is ignored by pattern.
 */
import path from 'node:path';
import watcher from '@parcel/watcher';

export type LayoutEvents = {
  /** Paths below the root that changed; '' is the root itself. */
  readonly onChange: (paths: readonly string[]) => void;
  /** The subscription is dead: @parcel/watcher reports a fatal error once and then never again. */
  readonly onError: (error: Error) => void;
};

export class LayoutWatch {
  readonly #subscription: watcher.AsyncSubscription;

  private constructor(subscription: watcher.AsyncSubscription) {
    this.#subscription = subscription;
  }

  /**
   * `root` must be a real path; `wanted` are the paths of interest below it, `present` the kinds that are watched by
   * others. Rejects where the root is missing or the kernel refuses a watch.
   */
  static async open(
    root: string,
    wanted: Iterable<string>,
    present: readonly string[],
    events: LayoutEvents,
  ): Promise<LayoutWatch> {
    const subscription = await watcher.subscribe(
      root,
      (error, changes) => {
        if (error) events.onError(error);
        else events.onChange(changes.map((change) => path.relative(root, change.path)));
      },
      // The default backend is watchman where that is installed.
      { backend: 'inotify', ignore: [...present, allBut(wanted)] },
    );
    return new LayoutWatch(subscription);
  }

  /** Never rejects: the library throws where the kernel has already dropped a removed folder's watch. */
  async close(): Promise<void> {
    await this.#subscription.unsubscribe().catch(() => {});
  }
}

/** Every path below each kind: `a/b` gives `a` and `a/b`. */
export function foldersOnTheWay(kinds: readonly string[]): Set<string> {
  const folders = new Set<string>();
  for (const kind of kinds) {
    for (let end = kind.indexOf('/'); end > 0; end = kind.indexOf('/', end + 1)) folders.add(kind.slice(0, end));
    folders.add(kind);
  }
  return folders;
}

/** Matches every path but these. The library takes regular expressions (std::regex, so nothing newer than lookahead). */
function allBut(paths: Iterable<string>): RegExp {
  const literal = [...paths].map((one) => one.replace(/[^A-Za-z0-9/_]/g, '\\$&'));
  return new RegExp(`^(?!(?:${literal.join('|')})$)[\\s\\S]*$`);
}
