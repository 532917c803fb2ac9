/** Back to a version that still lies on the hosts: nothing is brought, one link is turned and the daemons start anew. */
import { DeployError } from './error.js';
import type { Facts } from './facts.js';
import { type Inventory, type SiteEntry, sitesOf } from './inventory.js';
import { takeLock } from './lock.js';
import { placesOf, RELEASES, unitsOf } from './places.js';
import { schemaProblem } from './plan.js';
import type { Session } from './session.js';
import { startUnit } from './start.js';
import { CURRENT } from './steps.js';

export type RollbackPlan = {
  readonly version: string;
  /** Hosts that are not at this version yet. */
  readonly hosts: readonly SiteEntry[];
};

/** Throws where it cannot be done on all hosts: half of them on another version is no way back. */
export function planRollback(inventory: Inventory, facts: ReadonlyMap<string, Facts>, to?: string): RollbackPlan {
  const hub = facts.get(inventory.hub.site);
  const version = to ?? hub?.previous;
  if (version === undefined) {
    throw new DeployError(inventory.hub.site, 'there is no version before this one', 'Name one with --to.');
  }
  const problems: string[] = [];
  const hosts = sitesOf(inventory).filter(({ site }) => facts.get(site)?.current !== version);
  for (const { site } of hosts) {
    const fact = facts.get(site);
    const release = fact?.releases.find((one) => one.version === version);
    if (release === undefined) {
      const there = fact?.releases.map((one) => one.version).join(', ') || 'none';
      problems.push(
        `${site}: has no release ${version} (there: ${there}). Deploy it with that version's own axle deploy apply.`,
      );
    } else if (fact?.schema !== undefined && fact.schema > release.schema) {
      problems.push(`${site}: ${schemaProblem(fact.schema, release)}`);
    }
  }
  if (problems.length > 0) throw new Error(`${problems.join('\n')}\nNothing was changed.`);
  return { version, hosts };
}

// A config that only the newer version understands would keep the older one from starting.
const CHECK = `exec "${RELEASES}/$1/bin/axle" check-config "$2" >/dev/null`;
const UNIT = `
set -eu
version=$1
shift
for unit in "$@"; do
  if [ -f "${RELEASES}/$version/systemd/$unit" ]; then
    install -m 644 "${RELEASES}/$version/systemd/$unit" "/etc/systemd/system/$unit"
  fi
done
`;

export type RollbackOptions = {
  readonly session: Session;
  readonly to?: string;
  readonly breakLock: boolean;
  readonly ready_ms_max: number;
  readonly agrees: (plan: RollbackPlan) => Promise<boolean>;
  /** Once aborted, nothing new is begun. */
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
};

export async function rollback(options: RollbackOptions): Promise<'nothing to do' | 'declined' | 'done'> {
  const { session, to, say, ready_ms_max } = options;
  const release = await takeLock(session.remote(session.inventory.hub), 'rollback', options.breakLock);
  try {
    const plan = planRollback(session.inventory, await session.facts(), to);
    if (plan.hosts.length === 0) return 'nothing to do';
    if (!(await options.agrees(plan))) return 'declined';
    await onAll(plan.hosts, (entry) =>
      session
        .remote(entry)
        .must(`its config is not for ${plan.version}`, CHECK, [plan.version, placesOf(entry).config]),
    );
    if (options.signal.aborted) throw new Error('Interrupted. Nothing was changed.');
    // All at once: the versions beside each other understand each other, and somebody is waiting.
    await onAll(plan.hosts, async (entry) => {
      const remote = session.remote(entry);
      await remote.must('putting the unit back', UNIT, [plan.version, ...unitsOf(entry)]);
      await remote.must('switching the version', CURRENT, [plan.version]);
      const seconds = await startUnit(remote, { what: 'site', ready_ms_max, say });
      if (entry.miner !== undefined) await startUnit(remote, { what: 'miner', ready_ms_max, say });
      say(`${entry.site}: ${plan.version}, ready after ${seconds.toFixed(1)} s`);
    });
    return 'done';
  } finally {
    await release();
  }
}

/** Rejects with everything that went wrong, once all have ended. */
async function onAll(hosts: readonly SiteEntry[], work: (entry: SiteEntry) => Promise<unknown>): Promise<void> {
  const outcomes = await Promise.allSettled(hosts.map(work));
  const words = outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [(outcome.reason as Error).message] : [],
  );
  if (words.length > 0) throw new Error(words.join('\n'));
}
