/**
 * Whether the state of this site is the newest that it ever had. A copy of an older self would give out numbers that were
 * given out before; what its peers have of it shows that.
 */
import { OWN } from '../replica/losses.js';
import type { Replica } from '../replica/replica.js';
import type { Log } from '../runtime/log.js';
import type { Reporter } from './reporter.js';
import { sleep } from './sleep.js';
import type { Peer } from './verifier.js';

export type IncarnationOptions = {
  readonly replica: Replica;
  readonly site: string;
  readonly isHub: boolean;
  /** Those that there are when it is asked. */
  readonly peers: readonly Peer[];
  readonly steady: () => number;
  readonly reporter: Reporter;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Peers are owed everything anew. */
  readonly onNew: () => void;
};

/** How long a site that starts with a state waits for its peers' word before what it adds is counted beside what it added. */
const VERIFY_MS = 2_000;

export class Incarnation {
  readonly #options: IncarnationOptions;
  #isSure = false;

  constructor(options: IncarnationOptions) {
    this.#options = options;
  }

  /** Decided: what is merged from now on takes numbers that no other life of this state has given out. */
  get isSure(): boolean {
    return this.#isSure;
  }

  decided(): void {
    this.#isSure = true;
  }

  /**
   * Asks the peers what they have of us before anything new is counted. If one has more than we ever gave, this state is a
   * copy of an older self; if one does not answer, that cannot be excluded. Either way what is added from now on is counted
   * beside what was added before: a spoke takes a new incarnation; a hub, which has many peers, keeps its id, so that one
   * spoke that is away does not make it send everything to all the others again.
   */
  async verify(): Promise<void> {
    const { replica, isHub, peers, steady, signal } = this.#options;
    const verified = (): boolean => peers.every(({ conversation }) => conversation.verified);
    const end = steady() + VERIFY_MS;
    while (!verified() && steady() < end && !signal.aborted) await sleep(5, signal);
    if (verified() || signal.aborted) return;
    if (isHub) replica.goOnUnverified();
    else this.#newIncarnation('the hub did not answer at start');
  }

  /** A peer has said what it has of us. `forked`: more than we gave. */
  onVerified(peer: string, forked: boolean): void {
    if (!forked) return;
    const { replica, isHub, reporter } = this.#options;
    if (isHub) {
      reporter.hubRestored(peer);
      replica.commit(() => replica.losses.lose(OWN));
    }
    this.#newIncarnation(`${peer} has more of us than we gave: this state is an older copy`);
  }

  #newIncarnation(reason: string): void {
    const { replica, site, peers, log, onNew } = this.#options;
    const before = replica.id;
    replica.takeIncarnation();
    for (const { conversation } of peers) conversation.restart();
    log.info('new incarnation', { site, before, replica: replica.id, reason });
    onNew();
  }
}
