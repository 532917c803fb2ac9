import type { Command } from 'commander';
import { loadHubConfig } from '../../common/runtime/config.js';
import { runHub } from '../../hub/main.js';
import { addDaemonOptions, type DaemonOptions, examplesOf, runDaemon } from './daemon.js';

export function addHub(program: Command): void {
  const command = program
    .command('hub')
    .description("the hub's daemon: receives from every spoke, forwards to the others");
  addDaemonOptions(command)
    .addHelpText('after', examplesOf('hub', 'hub-distribute'))
    .action((options: DaemonOptions) => runDaemon(options, loadHubConfig, runHub));
}
