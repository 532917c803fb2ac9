/**
 * A site's figures for Prometheus, read from its status when they are asked for. No user, no document and no amount is in
 * them; labels are the names of peers, the log's own events, and codes.
 */
import { type Metric, Registry } from 'prom-client';
import type { SiteStatus } from './status.js';

type Labels = Readonly<Record<string, string>>;
/** `suffix`: of a histogram's parts. */
type Sample = { readonly value: number; readonly labels?: Labels; readonly suffix?: string };
type Type = 'gauge' | 'counter' | 'histogram';
type Family = readonly [name: string, type: Type, help: string, read: (status: SiteStatus) => readonly Sample[]];

/** What is counted as a conflict: the log's event → the label's value. Printed from zero on, or `increase` misses the first. */
const CONFLICTS: Readonly<Record<string, string>> = {
  'late write': 'late_write',
  'race repaired': 'race_repaired',
  'race doubtful': 'race_doubtful',
  differs: 'differs',
  damaged: 'damaged',
  'not readable': 'unreadable',
};
const REFUSALS: Readonly<Record<string, string>> = { 'batch refused': 'this_site', 'our batch was refused': 'peer' };

const one = (value: number): Sample[] => [{ value }];
const known = (value: number | undefined): Sample[] => (value === undefined ? [] : one(value));

const FAMILIES: readonly Family[] = [
  ['axle_info', 'gauge', 'Always 1: what runs here', ({ version, role }) => [{ value: 1, labels: { version, role } }]],
  ['axle_ready', 'gauge', '1 when this site is ready', ({ isReady }) => one(isReady ? 1 : 0)],
  ['axle_documents', 'gauge', 'Documents known here, removed ones included', ({ documents }) => one(documents)],
  [
    'axle_last_change_timestamp_seconds',
    'gauge',
    'When a document changed last, here or by a peer; missing until one does',
    ({ changed_at }) => known(changed_at && changed_at / 1000),
  ],
  [
    'axle_backlog',
    'gauge',
    'Names waiting to be looked at, and live files waiting to be written',
    ({ backlog }) => [
      { value: backlog.looks, labels: { what: 'looks' } },
      { value: backlog.files, labels: { what: 'files' } },
    ],
  ],
  [
    'axle_peer_up',
    'gauge',
    '1 while the last transfer to the peer worked',
    ({ peers }) => peers.map(({ site, isUp }) => ({ value: isUp ? 1 : 0, labels: { peer: site } })),
  ],
  [
    'axle_peer_behind_documents',
    'gauge',
    'Documents that the peer is owed and has not confirmed, 10000 at most',
    ({ peers }) => peers.map(({ site, behind }) => ({ value: behind, labels: { peer: site } })),
  ],
  [
    'axle_peer_heard_seconds_ago',
    'gauge',
    'Since the peer was heard last; missing where it was not since the start',
    ({ peers }) =>
      peers.flatMap(({ site, heard_ms_ago: ms }) =>
        ms === undefined ? [] : [{ value: ms / 1000, labels: { peer: site } }],
      ),
  ],
  ['axle_held_changes', 'gauge', 'Changes that wait for a person: axle held list', ({ held }) => one(held)],
  ['axle_overdrawn_documents', 'gauge', 'Documents with less than nothing', ({ overdrawn }) => one(overdrawn)],
  [
    'axle_troubles',
    'gauge',
    'Steps that do not work at present, by code; missing where all work',
    ({ troubles }) =>
      [...new Set(troubles.map(({ code }) => code))].map((code) => ({
        value: troubles.filter((one) => one.code === code).length,
        labels: { code },
      })),
  ],
  ['axle_arrival_seconds', 'histogram', 'From a change at another site until the file here shows it', arrivals],
  [
    'axle_repaired_documents_total',
    'counter',
    'Documents that differed from a peer and were repaired here',
    ({ repaired }) => one(repaired),
  ],
  [
    'axle_batches_refused_total',
    'counter',
    'Batches refused, by this site or by a peer; the same complaint counts once a minute',
    ({ counts }) => byKind(counts, REFUSALS, 'by'),
  ],
  [
    'axle_conflicts_total',
    'counter',
    'Documents that were written or stored as they should not be',
    ({ counts }) => byKind(counts, CONFLICTS, 'kind'),
  ],
  [
    'axle_events_total',
    'counter',
    'Lines of the log, by event and code',
    ({ counts }) => Object.entries(counts).map(([name, value]) => ({ value, labels: eventLabels(name) })),
  ],
  [
    'process_start_time_seconds',
    'gauge',
    'When this process started',
    ({ started_at }) => one(Math.round(started_at / 1000)),
  ],
  ['process_resident_memory_bytes', 'gauge', 'Resident memory', () => one(process.memoryUsage.rss())],
  [
    'process_cpu_seconds_total',
    'counter',
    'Processor time',
    () => {
      const { user, system } = process.cpuUsage();
      return one((user + system) / 1e6);
    },
  ],
];

/** All names, for the test that holds dashboard and alert rules to them. */
export const METRIC_NAMES: readonly string[] = FAMILIES.map(([name]) => name);

/** Reads `status` once for each time that it is asked. */
export function siteRegistry(site: string, status: () => SiteStatus): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ site });
  let read: SiteStatus | undefined;
  const now = (): SiteStatus => {
    // The registry asks all families within one turn.
    if (read !== undefined) return read;
    read = status();
    setImmediate(() => {
      read = undefined;
    });
    return read;
  };
  for (const [name, type, help, samples] of FAMILIES) {
    const get = async () => ({
      name,
      type,
      help,
      aggregator: 'sum',
      values: samples(now()).map(({ value, labels = {}, suffix }) => ({
        value,
        labels,
        ...(suffix !== undefined && { metricName: `${name}_${suffix}` }),
      })),
    });
    registry.registerMetric({ name, get, reset() {} } as unknown as Metric);
  }
  return registry;
}

function arrivals({ arrivals: { bounds_ms, counts, sum_ms, count } }: SiteStatus): Sample[] {
  let below = 0;
  const buckets = bounds_ms.map((bound, index): Sample => {
    below += counts[index] ?? 0;
    return { value: below, labels: { le: String(bound / 1000) }, suffix: 'bucket' };
  });
  return [
    ...buckets,
    { value: count, labels: { le: '+Inf' }, suffix: 'bucket' },
    { value: sum_ms / 1000, suffix: 'sum' },
    { value: count, suffix: 'count' },
  ];
}

function byKind(counts: SiteStatus['counts'], kinds: Readonly<Record<string, string>>, label: string): Sample[] {
  return Object.entries(kinds).map(([event, kind]) => ({
    value: Object.entries(counts).reduce(
      (sum, [name, n]) => sum + (name === event || name.startsWith(`${event} `) ? n : 0),
      0,
    ),
    labels: { [label]: kind },
  }));
}

/** `held AXL-HELD-ZERO` is an event with a code; a link's failures have codes of their own (`host-not-found`). */
function eventLabels(name: string): { event: string; code: string } {
  const found = /^(.+) (AXL-[A-Z0-9-]+|[a-z]+(?:-[a-z]+)+)$/.exec(name);
  return { event: found?.[1] ?? name, code: found?.[2] ?? '' };
}
