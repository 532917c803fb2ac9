/**
 * What the page shows, made of a site's status and of what happened there lately. Pure. No amount is in it; names of
 * documents, paths and the machine's own words only where `isLocal`.
 */
import type { ActivityEntry } from '../site/activity.js';
import { ago, BEHIND_MAX, isSilent, type PeerStatus, SILENT_HINT, type SiteStatus } from '../site/status.js';
import type { History, Point } from './history.js';

/** `bad`: something does not work now. `warn`: somebody should look at it. */
export type Health = 'ok' | 'warn' | 'bad';

export type SiteView = {
  readonly site: string;
  readonly health: Health;
  /** `in step`, `17 documents on their way`, `away`. */
  readonly is: string;
  readonly hint?: string;
  readonly behind: number;
  /** Milliseconds since 1970. */
  readonly heard_at?: number;
  readonly changes_per_minute: number;
  readonly p50_ms?: number;
  readonly points: readonly Point[];
};

export type HeldView = { readonly id: number; readonly document?: string; readonly why: string; readonly at: number };

export type EntryView = {
  readonly id: number;
  readonly at: number;
  readonly level: string;
  readonly event: string;
  readonly fields: Readonly<Record<string, string | number>>;
};

export type PageView = {
  readonly site: string;
  readonly role: 'hub' | 'spoke';
  readonly version: string;
  readonly now: number;
  readonly started_at: number;
  readonly health: Health;
  readonly headline: string;
  readonly is_ready: boolean;
  readonly documents: number;
  readonly sites: readonly SiteView[];
  readonly changes_per_minute: number;
  readonly points: readonly Point[];
  readonly p50_ms?: number;
  readonly p99_ms?: number;
  readonly backlog: { readonly looks: number; readonly files: number };
  readonly held: { readonly count: number; readonly latest: readonly HeldView[] };
  readonly overdrawn: number;
  readonly repaired: number;
  readonly troubles: readonly { readonly code: string; readonly step: string; readonly hint: string }[];
};

export type HeldRow = {
  readonly id: number;
  readonly document: string;
  readonly reason: string;
  readonly at: number;
};

export type ViewParts = {
  readonly status: SiteStatus;
  readonly held: readonly HeldRow[];
  readonly history: History;
  readonly isLocal: boolean;
};

/** Peers compare every ten minutes (`verify_interval_s`): whoever is silent for much longer is not there. */
const SILENT_MS = 25 * 60_000;

export function viewOf({ status, held, history, isLocal }: ViewParts): PageView {
  const { now, arrivals, troubles } = status;
  const sites = status.peers.map((peer) => siteOf(peer, status, history, isLocal));
  return {
    site: status.site,
    role: status.role,
    version: status.version,
    now,
    started_at: status.started_at,
    ...overall(status, sites),
    is_ready: status.isReady,
    documents: status.documents,
    sites,
    changes_per_minute: history.perMinute(now),
    points: history.points(now),
    ...(arrivals.p50_ms !== undefined && { p50_ms: arrivals.p50_ms }),
    ...(arrivals.p99_ms !== undefined && { p99_ms: arrivals.p99_ms }),
    backlog: status.backlog,
    held: { count: status.held, latest: held.map((row) => heldOf(row, isLocal)) },
    overdrawn: status.overdrawn,
    repaired: status.repaired,
    troubles: troubles.map(({ code, step, hint }) => ({ code, step: isLocal ? step : '', hint })),
  };
}

function siteOf(peer: PeerStatus, { now }: SiteStatus, history: History, isLocal: boolean): SiteView {
  const { site, behind, heard_ms_ago } = peer;
  const points = history.points(now, site);
  const latest = points.findLast(({ p50_ms }) => p50_ms !== undefined)?.p50_ms;
  return {
    site,
    ...stateOf(peer, isLocal),
    behind,
    ...(heard_ms_ago !== undefined && { heard_at: now - heard_ms_ago }),
    changes_per_minute: history.perMinute(now, site),
    ...(latest !== undefined && { p50_ms: latest }),
    points,
  };
}

function stateOf(peer: PeerStatus, isLocal: boolean): { health: Health; is: string; hint?: string } {
  const { isUp, behind, heard_ms_ago: silent, failure } = peer;
  const hint = failure && [failure.code, isLocal ? failure.message : '', failure.hint].filter(Boolean).join(': ');
  if (!isUp) return { health: 'bad', is: 'away', ...(hint && { hint }) };
  const waiting = behind >= BEHIND_MAX ? `${BEHIND_MAX} or more documents` : counted(behind, 'document');
  if (isSilent(peer)) return { health: 'bad', is: `does not answer: ${waiting} waiting`, hint: SILENT_HINT };
  if (behind > 0) return { health: 'ok', is: `${waiting} on the way` };
  if (silent === undefined) return { health: 'warn', is: 'not heard yet' };
  if (silent > SILENT_MS) return { health: 'warn', is: `last heard ${ago(silent)}` };
  return { health: 'ok', is: 'in step' };
}

/** The worst first, and one thing at a time: the rest of the page has it all. */
function overall(status: SiteStatus, sites: readonly SiteView[]): { health: Health; headline: string } {
  const { isReady, phase, troubles, held, overdrawn } = status;
  const [trouble] = troubles;
  const bad = sites.filter(({ health }) => health === 'bad');
  const doubtful = sites.filter(({ health }) => health === 'warn');
  if (!isReady) return { health: 'warn', headline: `${status.site} is ${phase === 'ready' ? 'starting' : phase}` };
  if (trouble !== undefined) return { health: 'bad', headline: `${trouble.code}: something does not work here` };
  if (bad.length > 0)
    return { health: 'bad', headline: `${bad.map(({ site, is }) => `${site} ${verb(is)}`).join(', ')}` };
  if (held > 0)
    return {
      health: 'warn',
      headline: `${counted(held, 'change')} ${held === 1 ? 'waits' : 'wait'} for your decision`,
    };
  if (overdrawn > 0) return { health: 'warn', headline: `${counted(overdrawn, 'document')} with less than nothing` };
  if (doubtful.length > 0)
    return { health: 'warn', headline: doubtful.map(({ site, is }) => `${site}: ${is}`).join(', ') };
  const [only] = sites;
  return {
    health: 'ok',
    headline: sites.length === 1 && only ? `In step with ${only.site}` : `All ${sites.length} sites are in step`,
  };
}

function verb(is: string): string {
  return is.startsWith('does not answer') ? 'does not answer' : `is ${is}`;
}

function heldOf({ id, document, reason, at }: HeldRow, isLocal: boolean): HeldView {
  return { id, ...(isLocal && { document }), why: HELD[reason] ?? reason, at };
}

const HELD: Readonly<Record<string, string>> = {
  zero: 'went to zero without a transaction',
  stub: 'replaced by an empty document',
  decreases: 'many amounts fell at once',
  deletes: 'many files removed at once',
  join: 'differed from the hub on joining',
  damaged: 'stored state was damaged',
};

/** Every batch is told to whoever tails the log; here it would hide what arrives. */
const NOT_SHOWN = new Set(['sent', 'received']);
/** What may be shown of an entry; amounts stand in none of these. */
const SHOWN = ['site', 'from', 'to', 'peer', 'ms', 'code', 'documents', 'count', 'total', 'id', 'hint'] as const;
/** These name documents, paths, and what the machine says of them. */
const LOCAL = ['document', 'step'] as const;
/** Of these, `reason` is the machine's own word about disks and connections. Elsewhere it may quote a file. */
const WITH_REASON = new Set(['failed', 'peer down']);
const TEXT_MAX = 400;

/** Undefined for what the page does not show. */
export function entryOf({ id, at, level, event, fields }: ActivityEntry, isLocal: boolean): EntryView | undefined {
  if (level === 'info' && NOT_SHOWN.has(event)) return undefined;
  const keys = [
    ...SHOWN,
    ...(isLocal ? LOCAL : []),
    ...(isLocal && WITH_REASON.has(event) ? (['reason'] as const) : []),
  ];
  const shown: Record<string, string | number> = {};
  for (const key of keys) {
    const value = fields[key];
    // `documents` is a number of them in some lines and their names in others.
    if (typeof value === 'number') shown[key] = value;
    else if (typeof value === 'string' && key !== 'documents') shown[key] = value.slice(0, TEXT_MAX);
  }
  return { id, at, level, event, fields: shown };
}

function counted(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}
