import type { Command } from 'commander';
import type { RebuildReport } from '../../common/site/verifier.js';
import { askDaemon } from '../ask.js';
import { UsageError } from '../exit.js';

const ABOUT = `
A hub that was restored from a backup heals by itself: each spoke tells what it added, and what the hub had added. What
a site had added that is gone itself (its disk is lost, or it left) may stand on other spokes only, and the hub does not
take their word for it, because a spoke in wrong hands could make up amounts. This command says that their word is good.

Exit codes: 0 every spoke has told, 1 some are away (they are asked when they come back), 2 it could not be asked

Example:
  axle rebuild --config /etc/axle/hub.yaml`;

export function addRebuild(program: Command): void {
  program
    .command('rebuild')
    .description('takes into a running hub all that its spokes hold, also of sites that are gone')
    .requiredOption('-c, --config <file>', "the config of the hub's daemon")
    .option('--json', 'the outcome as one JSON object')
    .addHelpText('after', ABOUT)
    .action(async ({ config: file, json }: { config: string; json?: true }) => {
      const report = await askDaemon<RebuildReport>(file, 'rebuild', {}, (message) => new UsageError(message));
      process.stdout.write(json ? `${JSON.stringify(report)}\n` : textOf(report));
      process.exitCode = report.away.length > 0 ? 1 : 0;
    });
}

export function textOf({ told, away, repaired }: RebuildReport): string {
  const lines = [
    ...told.map((site) => `${site} has told all it holds`),
    ...away.map((site) => `${site} is away: it is asked when it comes back`),
    `${repaired} documents changed by it`,
  ];
  return `${lines.join('\n')}\n`;
}
