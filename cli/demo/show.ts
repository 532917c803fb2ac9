/** The demo's words: pure, 80 columns (but for the one line to type), colours where asked. */
import { join } from 'node:path';
import { count, type Paint, printable } from '../paint.js';
import type { Group } from './bursts.js';
import type { DemoEvent } from './event.js';
import { type DemoSite, typed } from './layout.js';
import { type DemoMiners, PERIOD_S } from './miners.js';

/** Where there is something to see. */
export type Shown = {
  /** Spoke → its visitors' page. */
  readonly sites: ReadonlyMap<string, string>;
  /** The hub's, for its operator. */
  readonly status?: string;
  readonly miners?: DemoMiners | undefined;
};

export function welcome(sites: readonly DemoSite[], pages: Shown, paint: Paint, cwd?: string): string {
  const rows = sites.map(
    ({ site, role, userdata }) => `  ${paint.bold(site.padEnd(15))}  ${role.padEnd(5)}  ${typed(userdata, cwd)}`,
  );
  const spoke = sites.find(({ role }) => role === 'spoke') ?? sites[0];
  const file = typed(join(spoke?.userdata ?? '', 'balances/test-999.txt'), cwd);
  const content = '{"user_id": "999-test", "balance": 5000}';
  return [
    `${paint.bold('Axle demo')}: a hub and two spokes, each a process of its own`,
    '',
    ...rows,
    '',
    ...browserLines(pages, paint),
    ...minerLines(pages.miners, paint, cwd),
    'Try it, in another terminal in this folder:',
    '',
    `  ${paint.good(`echo '${content}' > ${file}`)}`,
    '',
    'Each change shows below as it travels. Ctrl-C stops the demo.',
    '',
  ].join('\n');
}

function browserLines({ sites, status }: Shown, paint: Paint): string[] {
  const [first] = sites.values();
  if (first === undefined) return [];
  return [
    'Open this in a browser, earn on one site, and see it on the other:',
    '',
    `  ${paint.good(`${first}/both`)}`,
    ...[...sites].map(([site, origin]) => `  ${origin}/  ${paint.dim(site)}`),
    ...(status === undefined ? [] : [`  ${status}/  ${paint.dim('how the hub is, for its operator')}`]),
    '',
  ];
}

function minerLines(miners: DemoMiners | undefined, paint: Paint, cwd?: string): string[] {
  if (miners === undefined) return [];
  return [
    `Simulated miners earn as well; their agent credits a user of ${miners.site}, every ${PERIOD_S} seconds:`,
    '',
    `  http://127.0.0.1:${miners.port}/  ${paint.dim('the miners')}`,
    `  ${paint.good(`cat ${typed(miners.balance, cwd)}`)}`,
    '',
  ];
}

/** One line for a group of events; undefined for what a spectator need not see. */
export function describeGroup(group: Group, paint: Paint): string | undefined {
  const [{ time, event }] = group;
  const text = isTrouble(event) ? trouble(event, group.length, paint) : journey(group, paint);
  return text === undefined ? undefined : `${paint.dim(clock(time))}  ${text}`;
}

function journey(group: Group, paint: Paint): string | undefined {
  const [{ event }] = group;
  const what = subject(group).padEnd(24);
  if (event.event === 'absorbed') return `${what}  ${paint.bold(event.site)} changed it`;
  if (event.event !== 'materialised' && event.event !== 'removed') return undefined;
  if (event.event === 'removed' && event.from === undefined) return `${what}  ${paint.bold(event.site)} removed it`;
  const way = event.from === undefined ? event.site : `${event.from} → ${paint.bold(event.site)}`;
  const latency = latencyOf(group);
  return `${what}  ${way}${latency === undefined ? '' : `  ${paint.good(latency)}`}${event.event === 'removed' ? '  removed' : ''}`;
}

function subject(group: Group): string {
  const [{ event }] = group;
  return group.length > 1 ? `${count(group.length)} documents` : printable(event.document ?? 'a document');
}

function latencyOf(group: Group): string | undefined {
  const all = group.flatMap(({ event }) => (event.ms === undefined ? [] : [event.ms])).sort((a, b) => a - b);
  const slowest = all.at(-1);
  if (slowest === undefined) return undefined;
  return all.length === 1 ? `${count(slowest)} ms` : `≤ ${count(slowest)} ms`;
}

function isTrouble(event: DemoEvent): boolean {
  return event.level === 'warn' || event.level === 'error';
}

function trouble(event: DemoEvent, times: number, paint: Paint): string {
  const document = event.document === undefined || times > 1 ? '' : `${printable(event.document)} `;
  const reason = typeof event.raw.reason === 'string' ? `: ${event.raw.reason}` : '';
  const repeated = times > 1 ? ` (${count(times)} times)` : '';
  const code = event.code === undefined ? '' : ` ${event.code}`;
  const said = `${event.site}: ${document}${printable(event.event + reason)}${repeated}${code}`;
  const hint = event.hint === undefined ? '' : `${INDENT}${wrap(printable(event.hint))}`;
  return paint.warn(wrap(said)) + hint;
}

const INDENT = '\n          ';
const WIDTH = 70;

/** Breaks between words, into the column of the events. */
function wrap(text: string): string {
  let column = -1;
  return text.split(' ').reduce((out, word) => {
    const isBreak = column >= 0 && column + 1 + word.length > WIDTH;
    const gap = column < 0 ? '' : isBreak ? INDENT : ' ';
    column = gap === ' ' ? column + 1 + word.length : word.length;
    return out + gap + word;
  }, '');
}

/** The demo's own words, in the same column as the events. */
export function remark(text: string, time: Date, paint: Paint): string {
  return `${paint.dim(clock(time))}  ${paint.warn(text)}`;
}

function clock(time: Date): string {
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}
