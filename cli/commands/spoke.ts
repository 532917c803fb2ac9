import type { Command } from 'commander';
import { loadSpokeConfig } from '../../common/runtime/config.js';
import { runSpoke } from '../../spoke/main.js';
import { addDaemonOptions, type DaemonOptions, examplesOf, runDaemon } from './daemon.js';

export function addSpoke(program: Command): void {
  const command = program.command('spoke').description("a spoke's daemon: keeps one site's files in step with the hub");
  addDaemonOptions(command)
    .addHelpText('after', examplesOf('spoke', 'sync-to-hub'))
    .action((options: DaemonOptions) => runDaemon(options, loadSpokeConfig, runSpoke));
}
