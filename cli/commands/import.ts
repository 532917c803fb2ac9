/** `axle import`: brings files of a folder into the userdata of a running site. Shows what it would do; does it with --apply. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { DEFAULT_POLICIES, type KindPolicy, mergePolicies, PathPolicies } from '../../common/core/policy.js';
import { LiveFiles } from '../../common/replica/live-files.js';
import { type Config, loadConfig } from '../../common/runtime/config.js';
import { createdFiles } from '../../common/site/compose.js';
import type { SiteStatus } from '../../common/site/status.js';
import { askDaemon } from '../ask.js';
import { UsageError } from '../exit.js';
import { judge, sourcesOf, type Verdict } from '../import/plan.js';
import { putInPlace } from '../import/write.js';
import { count, printable } from '../paint.js';

type Options = {
  readonly config: string;
  readonly kind?: string;
  readonly apply?: true;
  readonly take?: true;
  readonly json?: true;
};

const EXAMPLES = `
Without --apply nothing is written. A file that is new here is put in its place: its balance counts as added by this site. One
that is the same is left alone. One that differs is shown, and left alone unless --take: then the difference counts, as if
somebody had edited the file (and guards may hold it). Torn files and conflict copies are refused. Every file is written under the
lock that all writers share; one that changes meanwhile is left alone.

Exit codes: 0 everything is (or would be) in place, 1 some files differ or are refused, 2 it cannot be done

Examples:
  axle import /old/userdata --config /etc/axle/spoke.yaml            what would be done
  axle import /old/userdata --apply --config /etc/axle/spoke.yaml    does it
  axle import old/1-andy.txt --kind balances --take --apply --config /etc/axle/spoke.yaml`;

export function addImport(program: Command): void {
  program
    .command('import')
    .description('brings files of a folder into a running site, never over a differing one unless told to')
    .argument('<what...>', 'a userdata folder, a folder of one kind, or single files')
    .requiredOption('-c, --config <file>', "the config of this site's daemon")
    .option('--kind <kind>', 'what the files are, where their folder does not say: balances, profiles')
    .option('--apply', 'do it; without this, nothing is written')
    .option('--take', 'also where a file here differs: the difference counts')
    .option('--json', 'one JSON line for each file that is not the same, and the sum last')
    .addHelpText('after', EXAMPLES)
    .action(importFiles);
}

type Sum = { new: number; same: number; different: number; taken: number; refused: number };

/** Lines about files; the rest is counted. */
const SHOWN_MAX = 100;
const PROGRESS_MS = 250;
/** Files between two looks at how far the daemon is; it is waited for where more than this wait for it. */
const PACE = 2_000;

async function importFiles(named: readonly string[], options: Options): Promise<void> {
  const { config } = loadConfig(options.config);
  const before = await statusOf(options);
  if (!before.isReady) throw new UsageError(`${config.site} is not ready yet: try again when it is`);
  const policies = policiesOf(config);
  const files = new LiveFiles({ root: config.userdata, maxFileBytes: config.limits.max_file_bytes });
  const created = (await createdFiles(config.files)) ?? {};
  const sum: Sum = { new: 0, same: 0, different: 0, taken: 0, refused: 0 };
  const progress = new Progress();
  let shown = 0;
  let seen = 0;
  const tell = (name: string, is: string, what: string): void => {
    if (options.json) process.stdout.write(`${JSON.stringify({ name, is, what })}\n`);
    else if (++shown <= SHOWN_MAX) progress.line(`${is.padEnd(9)}  ${printable(name)}: ${printable(what)}`);
  };
  for (const source of sourcesOf(named, [...policies.keys()], options.kind)) {
    if (++seen % PACE === 0 && options.apply) await caughtUp(options, PACE);
    progress.at(seen, sum);
    if ('refused' in source) {
      sum.refused++;
      tell(source.file, 'refused', source.refused);
      continue;
    }
    const { document, file } = source;
    const kind = policies.get(document.slice(0, document.lastIndexOf('/'))) as PathPolicies;
    const verdict = judge(files, document, file, kind);
    const is = await act(verdict, options, (text, print) => putInPlace(files, document, text, print, created));
    sum[is]++;
    if (is === 'refused') tell(file, is, verdict.is === 'refused' ? verdict.why : 'it changed here meanwhile');
    if (verdict.is === 'different') tell(document, is, verdict.what);
    if (is === 'new' && options.json) tell(document, is, file);
  }
  progress.end();
  if (options.apply) await caughtUp(options, 0);
  const held = (await statusOf(options)).held - before.held;
  process.stdout.write(options.json ? `${JSON.stringify({ ...sum, held })}\n` : summary(sum, held, shown, options));
  process.exitCode = sum.different + sum.refused > 0 ? 1 : 0;
}

async function act(
  verdict: Verdict,
  { apply, take }: Options,
  put: (text: string, print: string | undefined) => Promise<boolean>,
): Promise<keyof Sum> {
  if (verdict.is === 'same' || verdict.is === 'refused') return verdict.is;
  if (verdict.is === 'different' && !take) return 'different';
  const is = verdict.is === 'new' ? 'new' : 'taken';
  if (!apply) return is;
  return (await put(verdict.text, verdict.is === 'different' ? verdict.print : undefined)) ? is : 'refused';
}

function summary(sum: Sum, held: number, shown: number, { apply, take, config }: Options): string {
  const done = apply ? '' : 'would be ';
  const lines = [
    ...(shown > SHOWN_MAX ? [`… and ${count(shown - SHOWN_MAX)} more (all with --json)`] : []),
    `${count(sum.new)} ${done}brought in, ${count(sum.same)} the same, ${count(sum.taken)} ${done}taken over what was here`,
    `${count(sum.different)} differ and ${apply ? 'were' : 'would be'} left alone, ${count(sum.refused)} refused`,
  ];
  if (sum.different > 0 && !take) lines.push('to take what differs: --take');
  if (held > 0) lines.push(`${count(held)} changes were held by guards: axle held list --config ${config}`);
  if (!apply) lines.push('nothing was written: add --apply');
  return `${lines.join('\n')}\n`;
}

function policiesOf(config: Config['config']): Map<string, PathPolicies> {
  const all = mergePolicies(DEFAULT_POLICIES, config.kinds as Record<string, Partial<KindPolicy>>);
  return new Map(Object.entries(all).map(([kind, policy]) => [kind, new PathPolicies(policy)]));
}

function statusOf({ config }: Options): Promise<SiteStatus> {
  return askDaemon<SiteStatus>(config, 'status', {}, (message) => new UsageError(message));
}

const LOOK_MS = 200;
const CATCH_UP_MS = 120_000;

/** Waits until no more than `left` files wait to be looked at, for a bounded time. */
async function caughtUp(options: Options, left: number): Promise<void> {
  for (let waited = 0; waited < CATCH_UP_MS; waited += LOOK_MS) {
    await sleep(LOOK_MS);
    if ((await statusOf(options)).backlog.looks <= left) return;
  }
}

/** One line on a terminal that changes in its place. */
class Progress {
  readonly #isTerminal = process.stderr.isTTY === true;
  #at = 0;

  at(seen: number, sum: Sum): void {
    if (!this.#isTerminal || performance.now() - this.#at < PROGRESS_MS) return;
    this.#at = performance.now();
    process.stderr.write(`\r\u001b[K${count(seen)} files, ${count(sum.new + sum.taken)} new`);
  }

  line(text: string): void {
    this.end();
    process.stdout.write(`${text}\n`);
  }

  end(): void {
    if (this.#isTerminal) process.stderr.write('\r\u001b[K');
  }
}
