/** What programs change and read beside the live files: amounts with the rights to spend them, and whole documents. */
import { type DocState, type ReplicaId, replicaSite } from '../core/state.js';
import { absorb } from '../replica/absorb.js';
import type { Engine } from '../replica/engine.js';
import { BadChange, Ledger } from '../replica/ledger.js';
import type { Replica } from '../replica/replica.js';
import type { DocumentRow } from '../replica/store.js';
import type { Reporter } from './reporter.js';
import { RightsDesk } from './rights-desk.js';
import { sleep } from './sleep.js';
import type { Peer } from './verifier.js';

export type ProgramsOptions = {
  readonly replica: Replica;
  readonly engine: Engine;
  readonly site: string;
  readonly isHub: boolean;
  /** Those that there are at the time. */
  readonly peers: readonly Peer[];
  readonly rightsIdleMs: number;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  /** There is something to send. */
  readonly wakeLinks: () => void;
  readonly onError: (step: string, error: unknown) => void;
};

/** Between two looks for spending rights that lie idle. */
const RIGHTS_LOOK_MS = 5_000;

export class Programs {
  readonly #options: ProgramsOptions;
  readonly ledger: Ledger;
  readonly desk: RightsDesk;

  constructor(options: ProgramsOptions) {
    this.#options = options;
    const { replica, engine, site, isHub, peers, reporter, wakeLinks, onError } = options;
    const { store } = replica.world;
    const isHubs = (owner: ReplicaId): boolean => {
      const ownerSite = replicaSite(owner);
      if (ownerSite === site) return true;
      const peer = store.peer(ownerSite);
      // Nothing of an earlier author is still to come.
      return peer !== undefined && owner !== peer.replica && owner !== peer.author && !store.isPassing(ownerSite);
    };
    const isSure = (): boolean => peers.length === 0 || peers.some(({ conversation }) => conversation.hasAnswered);
    this.ledger = new Ledger(replica, isHub ? isHubs : undefined, {
      isSure,
      onChanged: (documents) => {
        this.desk.gained(documents);
        engine.show(documents);
        wakeLinks();
      },
      onAbsorbed: (results) => engine.absorbed(results),
      onShort: (document, path, missing) => this.desk.short(document, path, missing),
      onError: (error) => onError('change', error),
      onWorking: () => reporter.working('change'),
      whoHolds: (document, path) => this.desk.whoHolds(document, path),
    });
    this.desk = new RightsDesk({
      replica,
      ledger: this.ledger,
      isHubs: isHub ? isHubs : undefined,
      peers: () =>
        peers.map(({ site, conversation, link }) => ({
          site,
          isUp: link.isUp,
          replica: conversation.row()?.author,
        })),
      isSure,
      onNews: (peer) => peers.find(({ site }) => site === peer)?.link.knock() ?? false,
      onGiven: wakeLinks,
    });
  }

  /** As `Site.read`, of a site that is ready. */
  async read(document: string): Promise<DocumentRow | undefined> {
    const { replica, engine } = this.#options;
    if (!replica.knows(document)) return undefined;
    if (replica.isUnread(document)) engine.absorbed(await replica.exclusive(() => absorb(replica, [document])));
    return replica.inUse(document);
  }

  /** As `Site.edit`, of a site that is ready. */
  async edit(document: string, edit: (state: DocState) => DocState): Promise<void> {
    const { replica, engine, wakeLinks } = this.#options;
    if (!replica.knows(document)) throw new BadChange(`${document} is no document here`);
    await replica.exclusive(async () => {
      if (replica.isUnread(document)) engine.absorbed(await absorb(replica, [document]));
      replica.edit(document, edit);
    });
    engine.show([document]);
    wakeLinks();
  }

  async rightsLoop(): Promise<void> {
    const { replica, rightsIdleMs, reporter, signal } = this.#options;
    while (!signal.aborted) {
      await sleep(Math.min(rightsIdleMs, RIGHTS_LOOK_MS), signal);
      if (signal.aborted) return;
      await replica
        .exclusive(async () => this.desk.giveBack(rightsIdleMs))
        .catch((error) => reporter.broken('rights', error));
    }
  }
}
