import { accessSync, constants } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { loadConfig } from '../../common/runtime/config.js';
import { minerDropIn, siteDropIn } from '../../common/runtime/units.js';
import { isMinerConfig, loadMinerConfig } from '../../miner/config/config.js';
import { gistSettings, type RelayConfig, RelayError } from '../../miner/relay/config.js';
import { KIND } from '../../miner/relay/hub-file.js';

const EXAMPLES = `
Exit codes: 0 good, 2 a config with mistakes

Examples:
  axle check-config /etc/axle/hub.yaml
  axle check-config /etc/axle/miner.yaml
  axle check-config --drop-in /etc/axle/spoke.yaml > /etc/systemd/system/sync-to-hub.service.d/site.conf
  axle check-config --drop-in /etc/axle/miner.yaml > /etc/systemd/system/axle-miner.service.d/site.conf`;

export function addCheckConfig(program: Command): void {
  program
    .command('check-config')
    .description('reads a config file and names every mistake in it')
    .argument('<file>', "a hub's, a spoke's or a miner agent's config")
    .option('--drop-in', 'shows what the unit must be told of it: its folders and rights')
    .addHelpText('after', EXAMPLES)
    .action((file: string, { dropIn }: { readonly dropIn?: true }) => {
      if (isMinerConfig(file)) {
        const { state, log_file, relay, credit } = loadMinerConfig(file);
        if (dropIn) {
          const folders = [state, log_file && dirname(log_file), relay?.hub && join(relay.hub.userdata, KIND)];
          process.stdout.write(minerDropIn(folders.filter((folder) => folder !== undefined)));
          return;
        }
        const { token_file } = credit ?? {};
        process.stdout.write(`${file}: good, for the miner agent\n`);
        if (token_file !== undefined && !isReadable(token_file)) process.stdout.write(tokenNote(token_file));
        const note = gistNote(relay?.gist);
        if (note !== undefined) process.stdout.write(note);
        return;
      }
      const checked = loadConfig(file);
      const { role, config } = checked;
      process.stdout.write(dropIn ? siteDropIn(checked) : `${file}: good, for the ${role} ${config.site}\n`);
    });
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** Undefined where nothing is missing. The agent's own environment may have it. */
function gistNote(gist: RelayConfig['gist']): string | undefined {
  if (gist === undefined) return undefined;
  try {
    gistSettings(gist, process.env);
    return undefined;
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    return `Nothing goes to the Gist, unless the agent's environment has what this one has not: ${error.message}\n`;
  }
}

/** No mistake of the config: credits wait until it is there. */
function tokenNote(file: string): string {
  return `Credits wait: ${file} cannot be read by this account. At the site: axle token add miner-agent --scope miner-credits --config SPOKE.yaml (or rotate, where it is there already)\n`;
}
