/** A site that has no state yet: a spoke takes the hub's first, then both look at the files that stood there before. */
import { performance } from 'node:perf_hooks';
import { absorb } from '../replica/absorb.js';
import type { Replica } from '../replica/replica.js';
import type { Log } from '../runtime/log.js';
import type { Reporter } from './reporter.js';
import { scanAll } from './scan.js';
import type { Peer } from './verifier.js';

export type JoiningOptions = {
  readonly replica: Replica;
  readonly site: string;
  /** Those that there are when it joins. A spoke has one, the hub. */
  readonly peers: readonly Peer[];
  readonly reporter: Reporter;
  readonly log: Log;
  readonly signal: AbortSignal;
};

const JOIN_REMINDER_MS = 10_000;
/** Each group waits for one syncfs: 50 to 200 ms on a disk, of which a million files have 250 this way. */
const SETTLE_GROUP = 4_096;

export class Joining {
  readonly #options: JoiningOptions;
  #joinTarget: number | undefined;
  #wakeJoin: () => void = () => {};

  constructor(options: JoiningOptions) {
    this.#options = options;
  }

  /** Spoke: resolves when everything that the hub had was taken. */
  async join(): Promise<void> {
    const { replica, site, peers, log, signal } = this.#options;
    log.info('joining', { site, replica: replica.id });
    while (!signal.aborted) {
      const applied = peers[0]?.conversation.row()?.applied ?? 0;
      if (this.#joinTarget !== undefined && applied >= this.#joinTarget) break;
      let timer: NodeJS.Timeout | undefined;
      const reminded = await new Promise<boolean>((resolve) => {
        this.#wakeJoin = () => resolve(false);
        timer = setTimeout(() => resolve(true), JOIN_REMINDER_MS);
      });
      clearTimeout(timer);
      if (reminded)
        log.info('joining', {
          site,
          documents: replica.world.store.countDocuments(),
          applied,
          of: this.#joinTarget ?? 'unknown',
          hint: 'waiting for the state of the hub',
        });
    }
    if (!signal.aborted) replica.setPhase('settling');
  }

  /** A message of the hub was taken; its sequence has reached `head`. */
  onHeard(head: number, isVerified: boolean): void {
    if (this.#options.replica.phase !== 'joining') return;
    // A hub that has started anew since may have lost what it was to give.
    if (!isVerified) this.#joinTarget = undefined;
    // The newest head, not the first: a document that changed meanwhile has moved behind that one, and would be
    // taken for one that nobody knows.
    else this.#joinTarget = head;
    this.#wakeJoin();
  }

  /** The signal was aborted: nothing is waited for any more. */
  close(): void {
    this.#wakeJoin();
  }

  /** Looks at every file that stood here before: adopted, settled, or the genesis of what nobody knew. */
  async settleFiles(): Promise<void> {
    const { replica, site, reporter, log, signal } = this.#options;
    // Settled while the scan goes on: the names of a million files are never all in memory.
    let waiting: string[] = [];
    const settle = async (): Promise<void> => {
      const group = waiting;
      waiting = [];
      reporter.absorbed(await replica.exclusive(() => absorb(replica, group, true)));
      replica.world.steps('join: settled');
    };
    const report = await scanAll(replica, (name) => waiting.push(name), {
      now: () => performance.now(),
      signal,
      restMs: () => 0,
      afterChunk: async () => {
        if (waiting.length >= SETTLE_GROUP) await settle();
      },
    });
    if (waiting.length > 0 && !signal.aborted) await settle();
    if (signal.aborted) return;
    replica.setPhase('ready');
    log.info('joined', {
      site,
      files: report.files,
      documents: replica.world.store.countDocuments(),
    });
  }
}
