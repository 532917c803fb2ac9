/** Connections to all hosts of an inventory, and what is known of them. */

import { DeployError } from './error.js';
import type { Facts } from './facts.js';
import { type Inventory, type SiteEntry, sitesOf } from './inventory.js';
import { Remote } from './remote.js';
import { factsOf } from './steps.js';

export type SessionOptions = {
  readonly inventory: Inventory;
  readonly acceptNew: boolean;
  readonly say: (text: string) => void;
};

export class Session {
  private constructor(
    readonly inventory: Inventory,
    readonly remotes: ReadonlyMap<string, Remote>,
    /** Hosts that could not be reached; only where that was asked for. */
    readonly unreached: ReadonlyMap<string, DeployError>,
  ) {}

  /** Connects to every host at once. Rejects with all that is wrong, unless `partly`. */
  static async open({ inventory, acceptNew, say }: SessionOptions, partly = false): Promise<Session> {
    const remotes = new Map<string, Remote>();
    const unreached = new Map<string, DeployError>();
    const trust = { file: inventory.knownHosts, acceptNew, say };
    await Promise.all(
      sitesOf(inventory).map(async (entry) => {
        try {
          remotes.set(entry.site, await Remote.connect(entry, trust));
        } catch (error) {
          unreached.set(entry.site, error instanceof DeployError ? error : new DeployError(entry.site, String(error)));
        }
      }),
    );
    const session = new Session(inventory, remotes, unreached);
    if (unreached.size === 0 || partly) return session;
    session.close();
    const words = sitesOf(inventory).flatMap(({ site }) => unreached.get(site)?.message ?? []);
    throw new Error(words.join('\n\n'));
  }

  remote({ site }: SiteEntry): Remote {
    const remote = this.remotes.get(site);
    if (remote === undefined) throw this.unreached.get(site) ?? new Error(`no connection to ${site}`);
    return remote;
  }

  /** Of every host that was reached. */
  async facts(): Promise<Map<string, Facts>> {
    const reached = sitesOf(this.inventory).filter(({ site }) => this.remotes.has(site));
    const facts = await Promise.all(reached.map((entry) => factsOf(this.remote(entry), entry)));
    return new Map(reached.map((entry, index): [string, Facts] => [entry.site, facts[index] as Facts]));
  }

  close(): void {
    for (const remote of this.remotes.values()) remote.close();
  }
}
