/** `axle held`: what the guards stopped, and what is to become of it. Asks the running daemon. */
import { type Command, InvalidArgumentError } from 'commander';
import type { HeldDecided, HeldList, HeldShown } from '../../common/site/held-routes.js';
import { askDaemon } from '../ask.js';
import { UsageError } from '../exit.js';

type Options = { readonly config: string; readonly json?: true; readonly all?: true };
type Line = HeldList['changes'][number];

const EXAMPLES = `
A held change is in no balance until it is approved; its file was put back.

Examples:
  axle held list --config /etc/axle/spoke.yaml
  axle held show 12 --config /etc/axle/spoke.yaml
  axle held approve 12 13 --config /etc/axle/spoke.yaml   counts the differences, now and once
  axle held reject --all --config /etc/axle/spoke.yaml    takes all off the list`;

export function addHeld(program: Command): void {
  const held = program
    .command('held')
    .description('changes that a guard stopped: list, show, approve, reject')
    .addHelpText('after', EXAMPLES);
  addCommon(held.command('list').description('all held changes of this site, oldest first'))
    .option('--json', 'as JSON, one line each')
    .action(list);
  addCommon(held.command('show').description('one held change, with what the file held and what was written'))
    .argument('<id>', 'as listed', parseId)
    .option('--json', 'as JSON')
    .action(show);
  for (const [name, does] of [
    ['approve', 'counts held changes'],
    ['reject', 'forgets held changes'],
  ] as const)
    addCommon(held.command(name).description(does))
      .argument('[ids...]', 'as listed', parseIds)
      .option('--all', 'every held change')
      .action((ids: number[] | undefined, options: Options) => decide(name, ids ?? [], options));
}

function addCommon(command: Command): Command {
  return command.requiredOption('-c, --config <file>', "the config of this site's daemon");
}

async function list(options: Options): Promise<void> {
  let count = 0;
  let after: number | undefined;
  do {
    const { changes, next } = (await ask(options, 'held/list', { after })) as HeldList;
    for (const change of changes) say(options.json ? JSON.stringify(change) : lineOf(change));
    count += changes.length;
    after = next;
  } while (after !== undefined);
  if (count === 0 && !options.json) say('Nothing is held.');
}

async function show(id: number, options: Options): Promise<void> {
  const change = (await ask(options, 'held/show', { id })) as HeldShown;
  if (options.json) return say(JSON.stringify(change));
  say(lineOf(change));
  say(`\nThe file was agreed to hold:\n${change.view}`);
  say(change.live === null ? '\nThe file was removed.' : `\nWhat was written:\n${change.live}`);
}

async function decide(what: 'approve' | 'reject', ids: readonly number[], options: Options): Promise<void> {
  if ((ids.length === 0) === (options.all === undefined))
    throw new UsageError(`axle held ${what}: name the ids of held changes, or --all`);
  const question = options.all ? { all: true } : { ids };
  const { done, unknown } = (await ask(options, `held/${what}`, question)) as HeldDecided;
  say(`${what === 'approve' ? 'approved' : 'rejected'}: ${done}`);
  if (unknown.length > 0)
    throw new Error(`not held (any more), or not of a kind that can be decided: ${unknown.join(', ')}`);
}

function ask(options: Options, route: string, input: unknown): Promise<unknown> {
  return askDaemon(options.config, route, input);
}

function lineOf({ id, document, reason, at, amount }: Line): string {
  const what = amount ? `  ${amount.path.slice(1)} ${amount.from} → ${amount.to ?? 'nothing'}` : '';
  return `${id}  ${new Date(at).toISOString()}  ${document}  ${reason}${what}`;
}

function parseId(text: string): number {
  const id = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(id) || id === 0)
    throw new InvalidArgumentError('must be the number of a held change.');
  return id;
}

function parseIds(text: string, before: readonly number[] | undefined): number[] {
  return [...(before ?? []), parseId(text)];
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
