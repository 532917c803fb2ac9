/** `axle show`: one document: what each site added, where the money came from, and why its file is what it is. */
import type { Command } from 'commander';
import type { DocumentReport, ShownChange, ShownCounter, ShownEntry } from '../../common/site/show.js';
import { ago } from '../../common/site/status.js';
import { askDaemon } from '../ask.js';
import { UsageError } from '../exit.js';
import { columns, type Paint, painter, printable, wantsColour } from '../paint.js';

type Options = { readonly config: string; readonly json?: true };

const EXAMPLES = `
What each site has added and taken is complete. Changes are named one by one where they were made by program at this site, and
as far as the document's own lists go.

Exit codes: 0 shown, 2 nothing is known of it here, or no daemon could be asked

Examples:
  axle show balances/1-andy --config /etc/axle/hub.yaml
  axle show profiles/1-andy --json --config /etc/axle/spoke.yaml`;

export function addShow(program: Command): void {
  program
    .command('show')
    .description("one document: each site's contributions, where the money came from, why the file is what it is")
    .argument('<document>', 'folder and file: balances/1-andy')
    .requiredOption('-c, --config <file>', "the config of this site's daemon")
    .option('--json', 'everything as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (document: string, { config, json }: Options) => {
      const name = document.replace(/\.txt$/, '');
      const report = await askDaemon<DocumentReport>(
        config,
        'show',
        { document: name },
        (message) => new UsageError(message),
      );
      const text = json ? `${JSON.stringify(report)}\n` : textOf(report, config, painter(wantsColour(process.stdout)));
      process.stdout.write(text);
    });
}

export function textOf(report: DocumentReport, config: string, paint: Paint): string {
  const { document, site, counters, changes, entries } = report;
  const lines = [
    `${paint.bold(document)} at ${site}`,
    ...counters.flatMap((counter) => counterLines(counter, paint)),
    ...section('Latest changes by program here', changes.map(changeRow), paint),
    ...section('Latest entries of its lists', entries.map(entryRow), paint),
    '',
    ...whyLines(report, config, paint),
    '',
    ...(report.view === null ? [] : [report.view.trimEnd()]),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

function counterLines({ path, value, genesis, contributions, rights }: ShownCounter, paint: Paint): string[] {
  const rows = contributions.map(({ site, added, taken, replicas }) => [
    `  ${site}`,
    plus(added),
    minus(taken),
    replicas.length > 1 ? paint.dim(`under ${replicas.length} incarnations`) : '',
  ]);
  const start = genesis === undefined ? [] : [['  when it became known', plus(genesis)]];
  const held = rights.map(({ site, rights: own }) => `${site} ${own}`).join(', ');
  return [
    '',
    `${paint.bold(path.slice(1).replaceAll('/', '.'))} ${paint.good(value)}`,
    ...columns([...start, ...rows]),
    ...(held === '' ? [] : [`  may be spent now by: ${held}`]),
  ];
}

function changeRow({ at, amount, balance, source, description, asker }: ShownChange): string[] {
  return [time(at), signed(amount), `→ ${balance}`, printable(source), printable(description), asker && `by ${asker}`];
}

function entryRow({ at, amount, sites, text }: ShownEntry): string[] {
  return [at === undefined ? '' : time(at), amount === undefined ? '' : signed(amount), sites.join(', '), short(text)];
}

function section(title: string, rows: string[][], paint: Paint): string[] {
  return rows.length === 0 ? [] : ['', paint.bold(title), ...columns(rows.map((row) => ['', ...row]))];
}

const FILE = {
  same: 'The live file shows this',
  different: 'The live file shows something else',
  missing: 'There is no live file',
  torn: 'The live file cannot be read as a document',
} as const;

function whyLines(report: DocumentReport, config: string, paint: Paint): string[] {
  const { file, view, changed, now, held, unconfirmed, isOverdrawn, isOutOfUse } = report;
  const lines: string[] = [];
  if (isOutOfUse) lines.push(paint.bad('Its stored state was damaged, and is being rebuilt from the peers.'));
  if (file.is === 'same') lines.push(view === null ? 'It was removed, and there is no live file.' : `${FILE.same}.`);
  else lines.push(paint.warn(`${FILE[file.is]}: ${printable(file.why)}.`));
  lines.push(`Changed last by ${changed.by}, ${time(changed.at)} (${ago(now - changed.at)}).`);
  lines.push(
    unconfirmed.length === 0
      ? 'Every peer that is owed it has confirmed it.'
      : paint.warn(`Not confirmed yet by ${unconfirmed.join(', ')}.`),
  );
  if (isOverdrawn) lines.push(paint.warn('More was spent than there was; later credits fill it.'));
  for (const { id, reason, at, amount } of held) {
    const what = amount ? `, ${amount.path.slice(1)} ${amount.from} → ${amount.to ?? 'nothing'}` : '';
    const how = `axle held show ${id} --config ${config}`;
    lines.push(paint.warn(`Held and not counted: ${reason}${what}, ${time(at)}: ${how}`));
  }
  return lines;
}

function time(at: number): string {
  return new Date(at).toISOString().slice(0, 19).replace('T', ' ');
}

function plus(amount: string): string {
  return amount === '0' ? '' : signed(amount);
}

function minus(amount: string): string {
  return amount === '0' ? '' : `−${amount}`;
}

function signed(amount: string): string {
  return amount.startsWith('-') ? `−${amount.slice(1)}` : `+${amount}`;
}

const TEXT_MAX = 100;

function short(text: string): string {
  const line = printable(text);
  return line.length > TEXT_MAX ? `${line.slice(0, TEXT_MAX - 1)}…` : line;
}
