/** `axle tail`: what a running site does, as it happens, in the words of its journal. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { renderJson, renderTerminal } from '../../common/runtime/log-line.js';
import type { ActivityEntry, EventsAnswer } from '../../common/site/activity.js';
import { askDaemon } from '../ask.js';
import { UsageError } from '../exit.js';
import { wantsColour } from '../paint.js';
import { untilStopped } from '../stop.js';

type Options = { readonly config: string; readonly json?: true; readonly since?: number; readonly follow: boolean };

const EXAMPLES = `
Each line is one thing that happened here, as in the journal: absorbed (written here), sent, received, materialised (written
into a live file, with the milliseconds since it was made), held, peer down. A daemon keeps its latest 1,000; it is waited
for while it restarts. Entries are numbered from 1 with each start of the daemon; --json shows the numbers.

Exit codes: 0 stopped by Ctrl-C, 2 no daemon is running, or it cannot be asked

Examples:
  axle tail --config /etc/axle/spoke.yaml                   the last 10, and what comes
  axle tail --since 0 --no-follow --config /etc/axle/hub.yaml   all that are kept, and the end
  axle tail --json --config /etc/axle/hub.yaml | grep AXL-`;

export function addTail(program: Command): void {
  program
    .command('tail')
    .description('changes as they travel: one line for each thing that a running site does')
    .requiredOption('-c, --config <file>', "the config of this site's daemon")
    .option('--json', 'as JSON lines, with numbers')
    .option('--since <number>', 'what came after the entry of this number (0: all that are kept)', parseNumber)
    .option('--no-follow', 'end after what there is')
    .addHelpText('after', EXAMPLES)
    .action(tail);
}

/** Of a daemon that does not say where to begin. */
const LAST = 10;
const WAIT_MS = 20_000;
/** A daemon that restarts is looked for again after this. */
const AWAY_MS = 500;

async function tail(options: Options): Promise<void> {
  const stop = untilStopped();
  const question: { after: number; wait_ms: number; session?: string } = {
    after: options.since ?? Number.MAX_SAFE_INTEGER,
    wait_ms: 0,
  };
  const first = await ask(options, question, stop);
  question.session = first.session;
  if (options.since === undefined) question.after = Math.max(0, first.last - LAST);
  let isAway = false;
  while (!stop.aborted) {
    let answer: EventsAnswer;
    try {
      answer = await ask(options, question, stop);
    } catch (error) {
      if (stop.aborted) return;
      if (!(error instanceof UsageError) || !options.follow) throw error;
      if (!isAway) note('the daemon is away; waiting for it');
      isAway = true;
      await sleep(AWAY_MS, undefined, { signal: stop }).catch(() => {});
      continue;
    }
    isAway = false;
    if (answer.session !== question.session) {
      note('the daemon has started anew');
      question.session = answer.session;
      question.after = 0;
    }
    const { after } = question;
    const [oldest] = answer.entries;
    if (oldest !== undefined && oldest.id > after + 1 && after > 0)
      note(`${oldest.id - after - 1} entries were missed`);
    for (const entry of answer.entries) process.stdout.write(`${lineOf(entry, options)}\n`);
    if (!options.follow) return;
    question.after = answer.entries.at(-1)?.id ?? after;
    // Only what there is already was not waited for.
    question.wait_ms = WAIT_MS;
  }
}

function ask({ config }: Options, question: object, stop: AbortSignal): Promise<EventsAnswer> {
  return askDaemon<EventsAnswer>(config, 'events', question, (message) => new UsageError(message), stop);
}

function lineOf({ id, at, level, event, fields }: ActivityEntry, { json }: Options): string {
  const entry = { time: new Date(at), level, event, fields };
  return json
    ? renderJson({ ...entry, fields: { id, ...fields } })
    : renderTerminal(entry, wantsColour(process.stdout));
}

/** Beside what programs read. */
function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

function parseNumber(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number)) throw new InvalidArgumentError('must be a number, from 0.');
  return number;
}
