import type { Command } from 'commander';
import { loadConfig } from '../../common/runtime/config.js';
import { isMinerConfig, loadMinerConfig } from '../../miner/config/config.js';

const EXAMPLES = `
Exit codes: 0 good, 2 a config with mistakes

Examples:
  axle check-config /etc/axle/hub.yaml
  axle check-config /etc/axle/miner.yaml`;

export function addCheckConfig(program: Command): void {
  program
    .command('check-config')
    .description('reads a config file and names every mistake in it')
    .argument('<file>', "a hub's, a spoke's or a miner agent's config")
    .addHelpText('after', EXAMPLES)
    .action((file: string) => {
      if (isMinerConfig(file)) {
        loadMinerConfig(file);
        process.stdout.write(`${file}: good, for the miner agent\n`);
        return;
      }
      const { role, config } = loadConfig(file);
      process.stdout.write(`${file}: good, for the ${role} ${config.site}\n`);
    });
}
