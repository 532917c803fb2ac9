/** How each host is: its version, its unit, and what its daemon says of itself. */
import type { DeployError } from './error.js';
import type { Facts } from './facts.js';
import { type SiteEntry, sitesOf } from './inventory.js';
import { placesOf } from './places.js';
import type { Session } from './session.js';

export type HostStatus = {
  readonly site: string;
  readonly role: 'hub' | 'spoke';
  readonly host: string;
  readonly isGood: boolean;
  /** Undefined where nothing is installed, or the host was not reached. */
  readonly version?: string;
  readonly previous?: string;
  /** `active (running)`, and whether it starts with the host. */
  readonly unit?: string;
  readonly enabled?: boolean;
  /** One line, of the daemon itself. */
  readonly says?: string;
  readonly error?: string;
  /** The miner agent, where the inventory has one. */
  readonly miner?: { readonly unit: string; readonly enabled: boolean; readonly says?: string };
};

const ASK = 'exec /opt/axle/current/bin/axle status --json --config "$1" 2>/dev/null';

export async function statusOf(session: Session): Promise<HostStatus[]> {
  const facts = await session.facts();
  return Promise.all(
    sitesOf(session.inventory).map(async (entry) => {
      const fact = facts.get(entry.site);
      if (fact === undefined) return unreachedStatus(entry, session.unreached.get(entry.site));
      const answer = fact.unit.active === 'active' ? await ask(session, entry) : undefined;
      return hostStatus(entry, fact, answer);
    }),
  );
}

function unreachedStatus({ site, role, host }: SiteEntry, error: DeployError | undefined): HostStatus {
  return { site, role, host, isGood: false, error: error?.problem ?? 'not reached' };
}

/** What `axle status --json` has of a site; fields that an older or newer version lacks are left out. */
type Answer = {
  readonly phase?: string;
  readonly documents?: number;
  readonly held?: number;
  readonly peers?: readonly { readonly site?: string; readonly isUp?: boolean; readonly behind?: number }[];
};

async function ask(session: Session, entry: SiteEntry): Promise<Answer | undefined> {
  const { code, stdout } = await session.remote(entry).run(ASK, [placesOf(entry).config]);
  if (code !== 0) return undefined;
  try {
    return JSON.parse(stdout) as Answer;
  } catch {
    return undefined;
  }
}

function hostStatus({ site, role, host, miner }: SiteEntry, facts: Facts, answer: Answer | undefined): HostStatus {
  const { active, sub, enabled, status } = facts.unit;
  const says = answer === undefined ? status : wordsOf(answer);
  const agent = facts.miner.unit;
  const isAgentGood = miner === undefined || (agent.active === 'active' && agent.enabled === 'enabled');
  return {
    site,
    role,
    host,
    isGood: active === 'active' && enabled === 'enabled' && isAgentGood,
    unit: `${active} (${sub})`,
    enabled: enabled === 'enabled',
    ...(facts.current !== undefined && { version: facts.current }),
    ...(facts.previous !== undefined && { previous: facts.previous }),
    ...(says !== '' && { says }),
    ...(miner !== undefined && {
      miner: {
        unit: `${agent.active} (${agent.sub})`,
        enabled: agent.enabled === 'enabled',
        ...(agent.status !== '' && { says: agent.status }),
      },
    }),
  };
}

function wordsOf({ phase = 'unknown', documents, held, peers = [] }: Answer): string {
  const down = peers.filter(({ isUp }) => isUp === false).map(({ site }) => site);
  const behind = peers.reduce((sum, peer) => sum + (peer.behind ?? 0), 0);
  return [
    phase,
    ...(documents === undefined ? [] : [`${documents} documents`]),
    `${peers.length} ${peers.length === 1 ? 'peer' : 'peers'}`,
    ...(down.length === 0 ? [] : [`not reached: ${down.join(', ')}`]),
    `${behind} behind`,
    ...(held === undefined || held === 0 ? [] : [`${held} held`]),
  ].join(', ');
}

export function statusText(hosts: readonly HostStatus[]): string {
  const state = ({ unit, enabled, says }: Pick<HostStatus, 'unit' | 'enabled' | 'says'>): string =>
    `${unit}${enabled ? '' : ', does not start with the host'}${says === undefined ? '' : `  ${says}`}`;
  const lines = hosts.flatMap((one) => {
    const { site, role, host, version, error, miner } = one;
    if (error !== undefined) return `${site}  ${role}  ${host}  ! ${error}`;
    const own = `${site}  ${role}  ${host}  ${version ?? 'not installed'}  ${state(one)}`;
    return [own, ...(miner === undefined ? [] : [`${site}  miner agent  ${state(miner)}`])];
  });
  const versions = new Set(hosts.flatMap(({ version }) => version ?? []));
  if (versions.size > 1)
    lines.push(`! versions differ: ${[...versions].join(', ')}. axle deploy apply brings them together.`);
  return `${lines.join('\n')}\n`;
}
