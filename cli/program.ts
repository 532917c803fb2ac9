/** The commands, their help and their exit codes, apart from the process that runs them. */
import { Command, CommanderError, Help, type Option } from 'commander';
import { ConfigError } from '../common/runtime/config.js';
import { version } from '../common/runtime/version.js';
import { addBackup } from './commands/backup.js';
import { addCheckConfig } from './commands/check-config.js';
import { addCompletion } from './commands/completion.js';
import { addDashboard } from './commands/dashboard.js';
import { addDemo } from './commands/demo.js';
import { addDeploy } from './commands/deploy.js';
import { addDoctor } from './commands/doctor.js';
import { addHeld } from './commands/held.js';
import { addHub } from './commands/hub.js';
import { addImport } from './commands/import.js';
import { addInit } from './commands/init.js';
import { addMiner } from './commands/miner.js';
import { addRebuild } from './commands/rebuild.js';
import { addShow } from './commands/show.js';
import { addSpoke } from './commands/spoke.js';
import { addStatus } from './commands/status.js';
import { addTail } from './commands/tail.js';
import { addToken } from './commands/token.js';
import { addVerify } from './commands/verify.js';
import { UsageError } from './exit.js';

const EXAMPLES = `
Examples:
  axle demo                              a hub and two spokes on this machine
  axle init spoke --site roflfaucet --hub directsponsor=auth.directsponsor.org --key
  axle check-config /etc/axle/hub.yaml   all mistakes of a config, without starting anything
  axle hub --config /etc/axle/hub.yaml
  axle spoke --config /etc/axle/spoke.yaml
  axle status --config /etc/axle/hub.yaml         how a site is: peers, backlog, what is held, what is wrong
  axle tail --config /etc/axle/spoke.yaml         changes as they travel
  axle show balances/1-andy --config /etc/axle/hub.yaml   one document: who added what, and why it is what it is
  axle doctor --config /etc/axle/spoke.yaml       everything that can be wrong, each with its remedy
  axle held list --config /etc/axle/spoke.yaml    what the guards stopped
  axle verify --config /etc/axle/spoke.yaml       compares state, files and peers now
  axle rebuild --config /etc/axle/hub.yaml        takes all that the spokes hold, also of sites that are gone
  axle backup rofl.tar.gz --config /etc/axle/spoke.yaml   state and files, while it runs; axle restore puts them back
  axle import /old/userdata --config /etc/axle/spoke.yaml   files of a folder into a running site: shows, then --apply
  axle deploy apply sites.yaml                    hub and sites onto their servers, or to a newer version
  source <(axle completion bash)                  completes commands and options in this shell
  axle token add php --config /etc/axle/spoke.yaml
  axle miner simulate --count 5          miners to try things out with

Exit codes: 0 done, 1 something broke, 2 wrong usage or a config with mistakes; commands that look at something have\ntheir own: axle COMMAND --help, which also has examples`;

export function buildProgram(): Command {
  const program = new Command('axle')
    .description('Keeps per-user balances, profiles and tokens in step across websites that share their users.')
    .version(version(), '-V, --version')
    .addHelpText('after', EXAMPLES)
    .configureHelp({ optionDescription })
    .showHelpAfterError('(axle --help shows the commands)')
    // So that `axle miner` can leave its --config to the commands below it.
    .enablePositionalOptions()
    .exitOverride();
  addInit(program);
  addHub(program);
  addSpoke(program);
  addCheckConfig(program);
  addStatus(program);
  addTail(program);
  addShow(program);
  addDoctor(program);
  addHeld(program);
  addVerify(program);
  addRebuild(program);
  addBackup(program);
  addImport(program);
  addToken(program);
  addDeploy(program);
  addMiner(program);
  addDashboard(program);
  addDemo(program);
  addCompletion(program);
  return program;
}

/** A default that says nothing, such as false or an empty list, is not shown. */
function optionDescription(option: Option): string {
  const { defaultValue } = option;
  const isEmpty = typeof defaultValue === 'object' && defaultValue !== null && Object.keys(defaultValue).length === 0;
  if (defaultValue === false || isEmpty) return option.description;
  return new Help().optionDescription(option);
}

/** Runs one command line to its end; resolves to the exit code. A command may have set `process.exitCode` by itself. */
export async function runProgram(program: Command, argv: readonly string[]): Promise<number> {
  try {
    await program.parseAsync([...argv]);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // commander has already written its own message. Help and version come this way too, with exit code 0; help shown
    // because there was no command is wrong usage.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const isUsage = error instanceof ConfigError || error instanceof UsageError;
    process.stderr.write(`${(error as Error).message}\n`);
    return isUsage ? 2 : 1;
  }
}
