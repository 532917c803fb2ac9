import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { type Command, InvalidArgumentError } from 'commander';
import type { Tree } from '../../deploy/release/tree.js';
import type { Session } from '../../deploy/session.js';
import { UsageError } from '../exit.js';
import { untilStopped } from '../stop.js';

const EXAMPLES = `
The inventory: fixtures/inventory.example.yaml shows every key.

Examples:
  axle deploy plan sites.yaml        what would change, on each host
  axle deploy apply sites.yaml       shows that, asks, and does it; again whenever something changes, or went wrong
  axle deploy status sites.yaml      version, unit and daemon of each host
  axle deploy rollback sites.yaml    back to the version before
  axle deploy uninstall sites.yaml   takes Axle away and leaves the sites' files

Exit codes: 0 done, 1 something broke or a host is not as it should be, 2 wrong usage or an inventory with mistakes`;

type Options = {
  readonly acceptNew?: true;
  readonly yes?: true;
  readonly breakLock?: true;
  readonly readyTimeout?: number;
  readonly to?: string;
  readonly purgeState?: true;
  readonly json?: true;
};

export function addDeploy(program: Command): void {
  const deploy = program
    .command('deploy')
    .description('puts Axle on a hub and its spokes over ssh')
    .addHelpText('after', EXAMPLES);
  const subcommand = (name: string, description: string): Command =>
    deploy
      .command(name)
      .description(description)
      .argument('<inventory>', 'YAML file with the hub and its spokes')
      .option('--accept-new', 'trust host keys that known_hosts does not have, and add them');
  const changing = (name: string, description: string): Command =>
    subcommand(name, description)
      .option('-y, --yes', 'do not ask')
      .option('--break-lock', 'whoever was deploying has gone')
      .option('--ready-timeout <seconds>', 'how long each site may take to be ready', seconds, 600);

  subcommand('plan', 'says what would change, and changes nothing').action(runPlan);
  changing('apply', 'makes every host as the inventory says').action(runApply);
  subcommand('status', 'how each host is').option('--json', 'as one JSON list').action(runStatus);
  changing('rollback', 'back to the version before, in seconds')
    .option('--to <version>', 'to this one, which still lies there')
    .action(runRollback);
  changing('uninstall', "takes Axle away and leaves the sites' files")
    .option('--purge-state', 'the state, the configs and the account, too: nobody knows afterwards who earned what')
    .action(runUninstall);
}

/** The modules of deploy/, loaded only here: no daemon has to carry what deploying takes. */
async function openSession(file: string, { acceptNew }: Options, partly = false): Promise<Session> {
  const [{ loadInventory }, { Session }] = await Promise.all([
    import('../../deploy/inventory.js'),
    import('../../deploy/session.js'),
  ]);
  return Session.open({ inventory: loadInventory(file, homedir()), acceptNew: acceptNew === true, say }, partly);
}

async function runPlan(file: string, options: Options): Promise<void> {
  const { makePlan } = await import('../../deploy/plan.js');
  const { planText } = await import('../../deploy/show.js');
  const session = await openSession(file, options);
  try {
    const tree = await releaseHere();
    const facts = await session.facts();
    const plan = makePlan(session.inventory, tree, facts);
    process.stdout.write(planText(plan, tree.manifest, facts));
    if (plan.some(({ problems }) => problems.length > 0)) process.exitCode = 1;
  } finally {
    session.close();
  }
}

async function runApply(file: string, options: Options): Promise<void> {
  const { apply } = await import('../../deploy/apply.js');
  const { packTree } = await import('../../deploy/release/pack.js');
  const { planText } = await import('../../deploy/show.js');
  const session = await openSession(file, options);
  const changing = changingOptions(session, options);
  const folder = mkdtempSync(join(tmpdir(), 'axle-deploy-'));
  let packed: Promise<{ file: string; sha256: string }> | undefined;
  try {
    const tree = await releaseHere();
    const outcome = await apply({
      ...changing,
      tree,
      packed: () => {
        const release = join(folder, 'release.tar.gz');
        packed ??= packTree(tree, release).then((sha256) => ({ file: release, sha256 }));
        return packed;
      },
      agrees: (plan, facts) => shownAndAgreed(planText(plan, tree.manifest, facts), options, changing.signal),
    });
    tell(outcome);
  } finally {
    session.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runStatus(file: string, options: Options): Promise<void> {
  const { statusOf, statusText } = await import('../../deploy/status.js');
  const session = await openSession(file, options, true);
  try {
    const hosts = await statusOf(session);
    process.stdout.write(options.json ? `${JSON.stringify(hosts)}\n` : statusText(hosts));
    if (!hosts.every(({ isGood }) => isGood)) process.exitCode = 1;
  } finally {
    session.close();
  }
}

async function runRollback(file: string, options: Options): Promise<void> {
  const { rollback } = await import('../../deploy/rollback.js');
  const session = await openSession(file, options);
  const changing = changingOptions(session, options);
  try {
    const outcome = await rollback({
      ...changing,
      ...(options.to !== undefined && { to: options.to }),
      agrees: ({ version, hosts }) =>
        shownAndAgreed(
          `${hosts.map(({ site }) => `${site}: back to ${version}, and restart`).join('\n')}\n`,
          options,
          changing.signal,
        ),
    });
    tell(outcome);
  } finally {
    session.close();
  }
}

async function runUninstall(file: string, options: Options): Promise<void> {
  const { uninstall, uninstallText } = await import('../../deploy/uninstall.js');
  const session = await openSession(file, options);
  const changing = changingOptions(session, options);
  const purgeState = options.purgeState === true;
  try {
    const outcome = await uninstall({
      ...changing,
      purgeState,
      agrees: () => shownAndAgreed(uninstallText(session, purgeState), options, changing.signal),
    });
    tell(outcome);
  } finally {
    session.close();
  }
}

function changingOptions(session: Session, { breakLock, readyTimeout = 600 }: Options) {
  return { session, breakLock: breakLock === true, ready_ms_max: readyTimeout * 1000, signal: interrupted(), say };
}

/** Aborted by Ctrl-C and the like, which let the step in hand come to its end; a second one ends this process. */
function interrupted(): AbortSignal {
  const signal = untilStopped();
  signal.addEventListener('abort', () => say('stopping after this step'), { once: true });
  return signal;
}

/** What this program itself is a part of. */
async function releaseHere(): Promise<Tree> {
  const { releaseTree } = await import('../../deploy/release/tree.js');
  return releaseTree(rootAbove(import.meta.dirname));
}

function tell(outcome: string): void {
  say(outcome);
  if (outcome === 'declined') process.exitCode = 1;
}

function shownAndAgreed(text: string, { yes }: Options, signal: AbortSignal): Promise<boolean> {
  process.stdout.write(`${text}\n`);
  return yes ? Promise.resolve(true) : agreed('Do this?', signal);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function agreed(question: string, signal: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError('there is nobody to ask: --yes says that the plan is known');
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  // Ctrl-C and Ctrl-D at the question close it, and leave it without an answer: that is a no.
  const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
  const asked = lines.question(`${question} [y/N] `, { signal }).catch(() => '');
  try {
    return /^y(?:es)?$/i.test((await Promise.race([asked, closed])).trim());
  } finally {
    lines.close();
  }
}

function seconds(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 86_400) throw new InvalidArgumentError('must be 1–86400');
  return value;
}

function rootAbove(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : rootAbove(dirname(folder));
}
