/** `axle status`: how a running site is, in one screen. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { ago, BEHIND_MAX, isSilent, type PeerStatus, SILENT_HINT, type SiteStatus } from '../../common/site/status.js';
import { askDaemon } from '../ask.js';
import { UsageError } from '../exit.js';
import { columns, count, type Paint, painter, printable, wantsColour } from '../paint.js';
import { untilStopped } from '../stop.js';

type Options = {
  readonly config: string;
  readonly json?: true;
  readonly watch?: true;
  readonly interval: number;
};

const EXAMPLES = `
Exit codes: 0 healthy, 1 something needs attention, 2 no daemon is running, or it cannot be asked

Examples:
  axle status --config /etc/axle/hub.yaml
  axle status --watch --config /etc/axle/spoke.yaml
  axle status --json --config /etc/axle/spoke.yaml | jq .peers`;

export function addStatus(program: Command): void {
  program
    .command('status')
    .description('how a running site is: peers, backlog, held changes, troubles and their remedies')
    .requiredOption('-c, --config <file>', "the config of this site's daemon")
    .option('--json', 'everything as one JSON object')
    .option('-w, --watch', 'again and again in the same place, until Ctrl-C')
    .option('--interval <seconds>', 'between two looks of --watch', parseInterval, 2)
    .addHelpText('after', EXAMPLES)
    .action((options: Options) => (options.watch ? watch(options) : once(options)));
}

async function once(options: Options): Promise<void> {
  const status = await ask(options);
  process.stdout.write(render(options, status));
  process.exitCode = exitCodeOf(status);
}

function ask({ config }: Options): Promise<SiteStatus> {
  return askDaemon<SiteStatus>(config, 'status', {}, (message) => new UsageError(message));
}

function render(options: Options, status: SiteStatus): string {
  if (options.json) return `${JSON.stringify(status)}\n`;
  return textOf(status, options.config, painter(wantsColour(process.stdout)));
}

/** A daemon that is away is shown as such; the exit code is that of the last look. */
async function watch(options: Options): Promise<void> {
  const isScreen = process.stdout.isTTY === true && !options.json;
  const stop = untilStopped();
  let isFirst = true;
  while (!stop.aborted) {
    let text: string;
    try {
      const status = await ask(options);
      text = render(options, status);
      process.exitCode = exitCodeOf(status);
    } catch (error) {
      // A config that is wrong stays wrong; a daemon that is away may come back.
      if (!(error instanceof UsageError)) throw error;
      text = options.json ? `${JSON.stringify({ error: error.message })}\n` : `${error.message}\n`;
      process.exitCode = 2;
    }
    const home = isScreen ? '\u001b[H\u001b[J' : isFirst || options.json ? '' : '\n';
    process.stdout.write(home + text);
    isFirst = false;
    await sleep(options.interval * 1000, undefined, { signal: stop }).catch(() => {});
  }
}

export function exitCodeOf({ isReady, peers, held, overdrawn, troubles }: SiteStatus): 0 | 1 {
  const isWell =
    isReady &&
    held === 0 &&
    overdrawn === 0 &&
    troubles.length === 0 &&
    peers.every((peer) => peer.isUp && !isSilent(peer));
  return isWell ? 0 : 1;
}

/** `file`: the config, for the commands that it names. */
export function textOf(status: SiteStatus, file: string, paint: Paint): string {
  const { site, role, version, replica, isReady, phase, started_at, now, documents, changed_at } = status;
  const state = isReady ? paint.good('ready') : paint.warn(phase === 'ready' ? 'starting' : phase);
  const since = `started ${new Date(started_at).toISOString().slice(0, 19)}Z, ${ago(now - started_at)}`;
  const changed = changed_at === undefined ? 'no change since the start' : `last change ${ago(now - changed_at)}`;
  const { looks, files } = status.backlog;
  const { p50_ms, p99_ms, count: arrived } = status.arrivals;
  const arrivals =
    p50_ms === undefined ? 'none since the start' : `p50 ${ms(p50_ms)}, p99 ${ms(p99_ms)}, ${count(arrived)} in all`;
  const facts = columns([
    [paint.bold(site), `${role}, ${state}, ${since}, version ${version}`],
    ['replica', replica],
    ['documents', `${count(documents)}, ${changed}`],
    ['backlog', `${count(looks)} files to look at, ${count(files)} to write`],
    ['held', attention(status.held, `see axle held list --config ${file}`, paint)],
    ['overdrawn', attention(status.overdrawn, 'more was spent than there was; later credits fill it', paint)],
    ['arrivals', arrivals],
  ]);
  return `${[...facts, '', ...peerLines(status.peers, paint), ...troubleLines(status, paint)].join('\n')}\n`;
}

function ms(value: number | undefined): string {
  return `${count(value ?? 0)} ms`;
}

function attention(number: number, what: string, paint: Paint): string {
  return number === 0 ? '0' : paint.warn(`${count(number)}, ${what}`);
}

function peerLines(peers: readonly PeerStatus[], paint: Paint): string[] {
  if (peers.length === 0) return ['no peers yet'];
  const rows = peers.map((peer) => [
    peer.site,
    !peer.isUp ? paint.bad('away') : isSilent(peer) ? paint.bad('does not answer') : paint.good('up'),
    peer.behind >= BEHIND_MAX ? `${count(BEHIND_MAX)} or more` : count(peer.behind),
    peer.heard_ms_ago === undefined ? 'not since the start' : ago(peer.heard_ms_ago),
  ]);
  const table = columns([['peer', '', 'behind', 'heard'].map((word) => paint.dim(word)), ...rows]);
  const why = peers.flatMap(({ site, isUp, failure }) =>
    isUp || failure === undefined ? [] : trouble(failure.code, `${site}: ${failure.message}`, failure.hint, paint),
  );
  const silent = peers
    .filter(isSilent)
    .map(({ site }) => ['', `${paint.bad(site)} takes batches and does not answer`, `  → ${SILENT_HINT}`]);
  return [...table, ...why, ...silent.flat()];
}

function troubleLines({ troubles }: SiteStatus, paint: Paint): string[] {
  return troubles.flatMap(({ step, code, reason, hint }) => trouble(code, `at ${step}: ${reason}`, hint, paint));
}

function trouble(code: string, what: string, hint: string, paint: Paint): string[] {
  return ['', paint.bad(`${code} ${printable(what)}`), `  → ${printable(hint)}`];
}

function parseInterval(text: string): number {
  const seconds = Number(text);
  if (!Number.isFinite(seconds) || seconds < 0.1 || seconds > 86_400)
    throw new InvalidArgumentError('must be seconds, 0.1 to 86400.');
  return seconds;
}
