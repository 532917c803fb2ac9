import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { type Command, InvalidArgumentError } from 'commander';
import type { Plan } from '../../deploy/plan.js';
import { UsageError } from '../exit.js';

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
}

async function runPlan(file: string, options: Options): Promise<void> {
  const { loadInventory, Session, makePlan, planText, tree } = await parts();
  const session = await Session.open({
    inventory: loadInventory(file, homedir()),
    acceptNew: !!options.acceptNew,
    say,
  });
  try {
    const facts = await session.facts();
    const plan = makePlan(session.inventory, tree, facts);
    process.stdout.write(planText(plan, tree.manifest, facts));
    if (plan.some(({ problems }) => problems.length > 0)) process.exitCode = 1;
  } finally {
    session.close();
  }
}

async function runApply(file: string, options: Options): Promise<void> {
  const { loadInventory, Session, apply, planText, tree, packTree } = await parts();
  const session = await Session.open({
    inventory: loadInventory(file, homedir()),
    acceptNew: !!options.acceptNew,
    say,
  });
  const folder = mkdtempSync(join(tmpdir(), 'axle-deploy-'));
  let packed: Promise<{ file: string; sha256: string }> | undefined;
  try {
    const facts = await session.facts();
    const outcome = await apply({
      session,
      tree,
      packed: () => {
        const release = join(folder, 'release.tar.gz');
        packed ??= packTree(tree, release).then((sha256) => ({ file: release, sha256 }));
        return packed;
      },
      breakLock: !!options.breakLock,
      ready_ms_max: (options.readyTimeout ?? 600) * 1000,
      agrees: (plan: Plan) => {
        process.stdout.write(`${planText(plan, tree.manifest, facts)}\n`);
        return options.yes ? Promise.resolve(true) : agreed('Do this?');
      },
      say,
    });
    say(outcome);
    if (outcome === 'declined') process.exitCode = 1;
  } finally {
    session.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Loaded only here: no daemon has to carry what deploying takes. */
async function parts() {
  const [inventory, session, plan, show, applying, release, pack] = await Promise.all([
    import('../../deploy/inventory.js'),
    import('../../deploy/session.js'),
    import('../../deploy/plan.js'),
    import('../../deploy/show.js'),
    import('../../deploy/apply.js'),
    import('../../deploy/release/tree.js'),
    import('../../deploy/release/pack.js'),
  ]);
  const tree = release.releaseTree(rootAbove(import.meta.dirname));
  return { ...inventory, ...session, ...plan, ...show, ...applying, ...pack, tree };
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function agreed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError('there is nobody to ask: --yes says that the plan is known');
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(?:es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
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
