import type { Command } from 'commander';
import { loadConfig } from '../../common/runtime/config.js';

const EXAMPLES = `
Exit codes: 0 good, 2 a config with mistakes

Example:
  axle check-config /etc/axle/hub.yaml`;

export function addCheckConfig(program: Command): void {
  program
    .command('check-config')
    .description('reads a config file and names every mistake in it')
    .argument('<file>', "a hub's or a spoke's config")
    .addHelpText('after', EXAMPLES)
    .action((file: string) => {
      const { role, config } = loadConfig(file);
      process.stdout.write(`${file}: good, for the ${role} ${config.site}\n`);
    });
}
