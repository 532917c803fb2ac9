/** Carries a plan out, one host after the other, and stops at the first thing that does not work. */
import { DeployError } from './error.js';
import type { Facts } from './facts.js';
import { sitesOf } from './inventory.js';
import { takeLock } from './lock.js';
import { type Change, FIRST, type HostPlan, makePlan, type Plan } from './plan.js';
import type { Tree } from './release/tree.js';
import { GO_ON, type Remote } from './remote.js';
import type { Session } from './session.js';
import { startUnit } from './start.js';
import { carryOut, type Packed } from './steps.js';
import { testTravel } from './travel.js';

export type ApplyOptions = {
  readonly session: Session;
  readonly tree: Tree;
  /** Makes the release when the first host wants it. */
  readonly packed: () => Promise<Packed>;
  readonly breakLock: boolean;
  readonly ready_ms_max: number;
  /** The person has seen the plan and agrees. */
  readonly agrees: (plan: Plan, facts: ReadonlyMap<string, Facts>) => Promise<boolean>;
  /** Once aborted, nothing new is begun. */
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
};

export type Applied = 'nothing to do' | 'declined' | 'done';

/** Files by which hosts know each other: in place everywhere before the first daemon starts. */
function isTrust(change: Change): boolean {
  return change.do === 'file' && /\/(?:known_hosts|authorized_keys)$/.test(change.path);
}

export async function apply(options: ApplyOptions): Promise<Applied> {
  const { session, tree, say } = options;
  const { inventory } = session;
  const hub = session.remote(inventory.hub);
  const release = await takeLock(hub, 'apply', options.breakLock);
  try {
    const before = await session.facts();
    const shown = makePlan(inventory, tree, before);
    refuseProblems(shown);
    if (shown.every(({ changes }) => changes.length === 0)) return 'nothing to do';
    if (!(await options.agrees(shown, before))) return 'declined';

    await eachHost(options, shown, (change) => FIRST.has(change.do));
    // Keys and accounts are there now: what they belong into can be written.
    const plan = makePlan(inventory, tree, await session.facts());
    await eachHost(options, plan, isTrust);
    await eachHost(options, plan, (change) => !FIRST.has(change.do) && !isTrust(change));

    for (const { site, ms } of await testTravel(inventory, (entry) => session.remote(entry))) {
      say(`a test file reached ${site} after ${Math.round(ms)} ms`);
    }
    say('and was removed everywhere');
    return 'done';
  } finally {
    await release();
  }
}

function refuseProblems(plan: Plan): void {
  const words = plan.flatMap(({ entry, problems }) => problems.map((problem) => `${entry.site}: ${problem}`));
  if (words.length > 0) throw new Error(`${words.join('\n')}\nNothing was changed.`);
}

async function eachHost(options: ApplyOptions, plan: Plan, isNow: (change: Change) => boolean): Promise<void> {
  for (const host of plan) {
    const remote = options.session.remote(host.entry);
    for (const change of host.changes.filter(isNow)) {
      if (options.signal.aborted) throw new Error(`Interrupted before: ${host.entry.site}: ${change.text}\n${GO_ON}`);
      try {
        await carryOutOne(options, host, remote, change);
      } catch (error) {
        throw stoppedAt(options, host, change, error as Error);
      }
    }
  }
}

async function carryOutOne(options: ApplyOptions, host: HostPlan, remote: Remote, change: Change): Promise<void> {
  const { say, tree, packed, ready_ms_max } = options;
  say(`${host.entry.site}: ${change.text}`);
  if (change.do !== 'start') return carryOut(remote, change, tree.manifest, packed);
  const { what } = change;
  const fingerprint = what === 'miner' ? host.minerFingerprint : host.fingerprint;
  const seconds = await startUnit(remote, { what, ready_ms_max, say, ...(fingerprint && { fingerprint }) });
  say(`${host.entry.site}: ${what === 'miner' ? 'the miner agent is ' : ''}ready after ${seconds.toFixed(1)} s`);
}

function stoppedAt({ session }: ApplyOptions, host: HostPlan, change: Change, error: Error): Error {
  const sites = sitesOf(session.inventory).map(({ site }) => site);
  const rest = sites.slice(sites.indexOf(host.entry.site) + 1);
  const others = rest.length === 0 ? '' : ` ${rest.join(', ')}: not touched by this step.`;
  const words = error instanceof DeployError ? error.message : `${host.entry.site}: ${error.message}`;
  return new Error(`${words}\nStopped at: ${change.text}.${others}`);
}
