/**
 * Gathers events into hints: each file once for a turn of the event loop, however many events its writing made, and a
 * notice when the kernel's queue must have overflowed.
 *
 * inotify keeps `fs.inotify.max_queued_events` (16,384) events and drops the rest with a notice that libuv ignores:
 * of 96,000 creates during a loop blocked for 8 s, 14,730 were reported and no error. But libuv empties the queue in one
 * go, so a queue that was full is a turn with that many events (17,260 then; at most 2,342 in turns without loss).
 */
import fs from 'node:fs';

export type HintGathererOptions = {
  readonly onFile: (kind: string, fileName: string) => void;
  /** Some events may be lost, of any folder: they share one queue. */
  readonly onOverflow: (events: number) => void;
  readonly queueLength?: number;
};

const QUEUE_LENGTH_DEFAULT = 16_384;

export class HintGatherer {
  readonly #options: HintGathererOptions;
  readonly #overflowEvents: number;
  readonly #files = new Map<string, Set<string>>();
  #events = 0;
  #flush: NodeJS.Immediate | undefined;

  constructor(options: HintGathererOptions) {
    this.#options = options;
    // Three quarters: other users of fs.watch in this process, and watches just closed, fill the queue unseen by us.
    this.#overflowEvents = Math.max(1, Math.floor((options.queueLength ?? kernelQueueLength()) * 0.75));
  }

  /** An event; without a file name it only counts. */
  add(kind: string, fileName: string | undefined): void {
    this.#events++;
    // Runs when the queue has been emptied, before anything else of this turn: nothing waits for it.
    this.#flush ??= setImmediate(() => this.#flushNow());
    if (fileName === undefined) return;
    const files = this.#files.get(kind);
    if (files === undefined) this.#files.set(kind, new Set([fileName]));
    else files.add(fileName);
  }

  close(): void {
    clearImmediate(this.#flush);
    this.#flush = undefined;
    this.#files.clear();
  }

  #flushNow(): void {
    const events = this.#events;
    const files = [...this.#files];
    this.#flush = undefined;
    this.#events = 0;
    this.#files.clear();
    if (events >= this.#overflowEvents) this.#options.onOverflow(events);
    else for (const [kind, names] of files) for (const name of names) this.#options.onFile(kind, name);
  }
}

function kernelQueueLength(): number {
  try {
    return (
      Number.parseInt(fs.readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'), 10) || QUEUE_LENGTH_DEFAULT
    );
  } catch {
    return QUEUE_LENGTH_DEFAULT;
  }
}
