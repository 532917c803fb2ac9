/** The scale benchmark's report: how time and memory grow, as a Markdown table, with the goals beside the largest size. */

import type { Machine } from './machine.js';
import type { Memory } from './scale-daemon.js';
import type { Both, Scale } from './scale-measure.js';

export interface ScaleResults {
  taken_at: string;
  machine: Machine;
  idle_s: number;
  sizes: Scale[];
}

/** What the project asks of 1,000,000 balances on one spoke. */
export const GOALS = { ready_s: 15, memory_mb: 300, idle_percent: 1, change_p50_ms: 100 } as const;

type Line = readonly [what: string, cell: (scale: Scale) => string];

const LINES: readonly Line[] = [
  ['files made, s', ({ create_s }) => fixed(create_s, 1)],
  ['first join: spoke ready, s', ({ join_ready_s }) => fixed(join_ready_s, 1)],
  ['first join: hub has all files, s', ({ join_all_s }) => fixed(join_all_s, 1)],
  ['first join, documents/s', ({ join_documents_per_s }) => fixed(join_documents_per_s, 0)],
  ['first join: most memory, spoke / hub, MB', ({ join_memory }) => pair(join_memory, peak, 0)],
  ['**start to ready, everything known, spoke** / hub, s', ({ ready_s }) => pair(ready_s, (s) => s, 2)],
  ['**resident memory, spoke** / hub, MB', ({ memory }) => pair(memory, (one) => one.now_mb, 0)],
  ['most memory since that start, spoke / hub, MB', ({ memory_end }) => pair(memory_end, peak, 0)],
  ['**idle, spoke** / hub, % of a core', ({ idle_percent }) => pair(idle_percent, (percent) => percent, 2)],
  ['**one change, p50**, ms', ({ change }) => fixed(change.p50_ms, 1)],
  ['one change, p99, ms', ({ change }) => fixed(change.p99_ms, 1)],
  ['stop, spoke / hub, s', ({ stop_s }) => pair(stop_s, (s) => s, 2)],
];

export function scaleMarkdown({ machine, sizes, taken_at, idle_s }: ScaleResults): string {
  const rows = [
    ['', ...sizes.map(({ documents }) => `${documents.toLocaleString('en')} balances`)],
    ['---', ...sizes.map(() => '--:')],
    ...LINES.map(([what, cell]) => [what, ...sizes.map(cell)]),
  ];
  const writes = sizes[0]?.change.writes ?? 0;
  return [
    `A hub and one spoke, a process each, with the folder link on one machine: ${machine.cpu}, ${machine.cores} cores, ` +
      `${machine.memory_gib} GiB, ${machine.os}, Linux ${machine.kernel}, Node ${machine.node}; files on ${machine.storage}, ` +
      `inodes in cache. ${taken_at.slice(0, 10)}. Idle over ${idle_s} s, the background scan included; ${writes} changes of ` +
      'random users, from the write on the spoke to the content in the hub’s live file. MB = 10⁶ bytes.',
    '',
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
    '',
    ...sizes.slice(-1).map(verdict),
    '',
  ].join('\n');
}

/** Each goal with the number reached at this size. */
function verdict({ documents, ready_s, memory_end, memory, idle_percent, change }: Scale): string {
  const settled = Math.max(memory.spoke.now_mb, memory_end.spoke.now_mb);
  const goals: [string, number, number, string][] = [
    ['start to ready', ready_s.spoke, GOALS.ready_s, 's'],
    ['resident memory', settled, GOALS.memory_mb, 'MB'],
    ['idle', idle_percent.spoke, GOALS.idle_percent, '%'],
    ['one change p50', change.p50_ms, GOALS.change_p50_ms, 'ms'],
  ];
  const said = goals.map(([what, reached, goal, unit]) => {
    const outcome = reached <= goal ? 'met' : `missed by ${fixed(reached - goal, 2)} ${unit}`;
    return `${what} ${fixed(reached, 2)} ${unit} of ${goal} (${outcome})`;
  });
  return `Goals (set for 1,000,000 balances), spoke with ${documents.toLocaleString('en')}: ${said.join('; ')}.`;
}

function pair<T>({ spoke, hub }: Both<T>, value: (one: T) => number, digits: number): string {
  return `${fixed(value(spoke), digits)} / ${fixed(value(hub), digits)}`;
}

function peak({ peak_mb }: Memory): number {
  return peak_mb;
}

function fixed(value: number, digits: number): string {
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
