/** How a site is: for `axle status`, systemd's status line, metrics and the hub's page. */
import type { Engine } from '../replica/engine.js';
import type { Phase, Replica } from '../replica/replica.js';
import { version } from '../runtime/version.js';
import type { Activity, Arrivals } from './activity.js';
import type { SiteOptions } from './options.js';
import type { RepairLog } from './repair-log.js';
import type { Reporter } from './reporter.js';
import type { Peer } from './verifier.js';

export type PeerStatus = {
  readonly site: string;
  readonly isUp: boolean;
  /** Documents that it is owed and has not confirmed, at most `BEHIND_MAX`. */
  readonly behind: number;
  /** Since it was heard last, milliseconds; undefined: not since this start. */
  readonly heard_ms_ago: number | undefined;
  /** Since documents were delivered to it first after it was heard last, milliseconds; missing: none were. */
  readonly unanswered_ms?: number;
  /** How far its clock is ahead of ours, negative: behind. What a message takes on its way makes it look so much less. */
  readonly clock_ahead_ms?: number;
  /** Why it is not up. */
  readonly failure?: { readonly code: string; readonly message: string; readonly hint: string };
};

/** A step that does not work at present. */
export type TroubleStatus = {
  readonly step: string;
  readonly code: string;
  readonly reason: string;
  readonly hint: string;
};

export type SiteStatus = {
  readonly site: string;
  readonly role: 'hub' | 'spoke';
  readonly version: string;
  readonly replica: string;
  readonly phase: Phase | 'starting';
  readonly isReady: boolean;
  readonly userdata: string;
  readonly state: string;
  /** Milliseconds since 1970. */
  readonly started_at: number;
  /** Milliseconds since 1970; undefined: not since this start. */
  readonly changed_at: number | undefined;
  readonly now: number;
  /** Known ones, those removed since included. */
  readonly documents: number;
  readonly peers: readonly PeerStatus[];
  /** Names waiting to be looked at, and live files waiting to be written. */
  readonly backlog: { readonly looks: number; readonly files: number };
  readonly held: number;
  readonly overdrawn: number;
  /** Documents that were repaired here since this start. */
  readonly repaired: number;
  readonly arrivals: Arrivals;
  /** Since this start: log events, with their code where they have one. */
  readonly counts: Readonly<Record<string, number>>;
  readonly troubles: readonly TroubleStatus[];
};

/** Whoever has had documents for so long and says nothing does not answer: it is asked to within a second. */
const ANSWER_MS_MAX = 30_000;

/** Its machine takes batches, and its daemon says nothing to them. */
export function isSilent({ isUp, behind, unanswered_ms = 0 }: PeerStatus): boolean {
  return isUp && behind > 0 && unanswered_ms > ANSWER_MS_MAX;
}

export const SILENT_HINT = 'is its daemon running? Look there: axle status, systemctl status';

/** More than these are not counted one by one. */
export const BEHIND_MAX = 10_000;

export type StatusParts = {
  readonly options: Pick<SiteOptions, 'site' | 'isHub' | 'userdata' | 'state' | 'now' | 'steady'>;
  /** Undefined before the state is open. */
  readonly open: { readonly replica: Replica; readonly engine: Engine } | undefined;
  readonly isReady: boolean;
  readonly startedAt: number;
  readonly peers: readonly Peer[];
  readonly activity: Activity;
  readonly reporter: Reporter;
  readonly repairs: RepairLog;
};

export function statusOf({
  options,
  open,
  isReady,
  startedAt,
  peers,
  activity,
  reporter,
  repairs,
}: StatusParts): SiteStatus {
  const { site, isHub, userdata, state, now } = options;
  const store = open?.replica.world.store;
  return {
    site,
    role: isHub ? 'hub' : 'spoke',
    version: version(),
    replica: open?.replica.id ?? '',
    phase: open?.replica.phase ?? 'starting',
    isReady,
    userdata,
    state,
    started_at: startedAt,
    changed_at: activity.changedAt,
    now: now(),
    documents: store?.lastDocumentId() ?? 0,
    peers: open === undefined ? [] : peers.map((peer) => peerStatus(peer, open.replica)),
    backlog: open?.engine.backlog ?? { looks: 0, files: 0 },
    held: store?.countHeld() ?? 0,
    overdrawn: store?.countOverdrawn() ?? 0,
    repaired: repairs.repaired,
    arrivals: activity.arrivals,
    counts: Object.fromEntries(activity.counts),
    troubles: [...reporter.troubles].map(([step, { code, reason, hint }]) => ({ step, code, reason, hint })),
  };
}

function peerStatus({ site, conversation, link }: Peer, { world }: Replica): PeerStatus {
  const row = conversation.row();
  const { failure, heardAt, unansweredSince, clockAheadMs } = link;
  return {
    site,
    isUp: link.isUp,
    behind: world.store.countChangedSince(row?.confirmed ?? 0, row?.replica ?? '', BEHIND_MAX),
    heard_ms_ago: heardAt === undefined ? undefined : Math.round(world.steady() - heardAt),
    ...(unansweredSince !== undefined && { unanswered_ms: Math.round(world.steady() - unansweredSince) }),
    ...(clockAheadMs !== undefined && { clock_ahead_ms: clockAheadMs }),
    ...(failure && { failure: { code: failure.code, message: failure.message, hint: failure.hint } }),
  };
}

/** One line: `3 peers, 0 behind, last change 2 s ago`. What is wrong comes first. */
export function statusLine(status: SiteStatus): string {
  const { peers, held, troubles, changed_at, now, phase, isReady } = status;
  if (!isReady) return phase === 'ready' || phase === 'starting' ? 'starting' : phase;
  const down = peers.filter(({ isUp }) => !isUp).map(({ site }) => site);
  const silent = peers.filter(isSilent).map(({ site }) => site);
  const behind = peers.reduce((sum, peer) => sum + peer.behind, 0);
  const [trouble] = troubles;
  return [
    ...(trouble === undefined ? [] : [`${trouble.code} at ${trouble.step}`]),
    ...(down.length === 0 ? [] : [`${down.join(', ')} away`]),
    ...silent.map((site) => `${site} does not answer`),
    ...(held === 0 ? [] : [`${held} held`]),
    `${peers.length} ${peers.length === 1 ? 'peer' : 'peers'}`,
    `${behind >= BEHIND_MAX ? `${BEHIND_MAX} or more` : behind} behind`,
    changed_at === undefined ? 'no change since the start' : `last change ${ago(now - changed_at)}`,
  ].join(', ');
}

/** `2 s ago`, `5 min ago`. */
export function ago(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 120) return `${s} s ago`;
  if (s < 7200) return `${Math.round(s / 60)} min ago`;
  return s < 172_800 ? `${Math.round(s / 3600)} h ago` : `${Math.round(s / 86_400)} days ago`;
}
