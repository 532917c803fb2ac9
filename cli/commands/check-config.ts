import type { Command } from 'commander';
import { loadConfig } from '../../common/runtime/config.js';

export function addCheckConfig(program: Command): void {
  program
    .command('check-config')
    .description('reads a config file and names every mistake in it')
    .argument('<file>', "a hub's or a spoke's config")
    .action((file: string) => {
      const { role, config } = loadConfig(file);
      process.stdout.write(`${file}: good, for the ${role} ${config.site}\n`);
    });
}
