/** What a site is made of: chosen by `compose.ts` from a configuration, and by tests. */
import type { JoinRule } from '../core/join.js';
import type { Policies } from '../core/policy.js';
import type { Fetcher, Transport } from '../link/transport.js';
import type { GuardOptions } from '../replica/guard.js';
import type { Attributes } from '../replica/live-files.js';
import type { Steps } from '../replica/steps.js';
import type { Log } from '../runtime/log.js';

export type PeerOptions = {
  readonly site: string;
  /** Made when the site starts; the folders exist. */
  readonly transport: (folders: PeerFolders) => Transport;
  /** Pull mode, spoke side. */
  readonly fetcher?: { readonly make: (folders: PeerFolders) => Fetcher; readonly interval_ms: number };
};

/** Folders of one peer below the state folder. */
export type PeerFolders = {
  readonly inbox: string;
  readonly outbox: string;
  readonly shelf: string;
  readonly run: string;
};

export type SiteOptions = {
  readonly site: string;
  readonly isHub: boolean;
  readonly userdata: string;
  readonly state: string;
  readonly policies: Policies;
  /** Kinds that the configuration names: this site is meant to have their folders. */
  readonly kindsNamed: readonly string[];
  readonly joinRule: JoinRule;
  readonly guards: GuardOptions;
  readonly peers: readonly PeerOptions[];
  readonly maxFileBytes: number;
  readonly batchDocuments: number;
  readonly batchBytes: number;
  readonly clockSkewMaxMs: number;
  /** Spending rights that lie unused at a spoke for so long go back to the hub. */
  readonly rightsIdleMs: number;
  readonly scanIntervalMs: number;
  /** Between two comparisons with every peer, and two passes over the own rows. */
  readonly verifyIntervalMs: number;
  readonly created?: Partial<Attributes>;
  /** Whether commands can ask this daemon, over a socket in `state`; default true. */
  readonly hasControl?: boolean;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds since some beginning: a clock that is set does not change it. */
  readonly steady: () => number;
  readonly random: () => number;
  readonly randomHex: (bytes: number) => string;
  readonly steps: Steps;
};
