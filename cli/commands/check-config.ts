import type { Command } from 'commander';
import { loadConfig } from '../../common/runtime/config.js';
import { siteDropIn } from '../../common/runtime/units.js';

const EXAMPLES = `
Exit codes: 0 good, 2 a config with mistakes

Examples:
  axle check-config /etc/axle/hub.yaml
  axle check-config --drop-in /etc/axle/spoke.yaml > /etc/systemd/system/sync-to-hub.service.d/site.conf`;

export function addCheckConfig(program: Command): void {
  program
    .command('check-config')
    .description('reads a config file and names every mistake in it')
    .argument('<file>', "a hub's or a spoke's config")
    .option('--drop-in', 'shows what the unit of the site must be told of it: its folders and rights')
    .addHelpText('after', EXAMPLES)
    .action((file: string, { dropIn }: { readonly dropIn?: true }) => {
      const checked = loadConfig(file);
      const { role, config } = checked;
      process.stdout.write(dropIn ? siteDropIn(checked) : `${file}: good, for the ${role} ${config.site}\n`);
    });
}
