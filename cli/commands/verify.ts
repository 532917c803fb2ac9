import type { Command } from 'commander';
import type { VerifyReport } from '../../common/site/verify-report.js';
import { askDaemon } from '../ask.js';
import { UsageError } from '../exit.js';

const EXAMPLES = `
Exit codes: 0 everything is the same, 1 something differs (and what can be repaired is), 2 it could not be compared

Examples:
  axle verify --config /etc/axle/hub.yaml
  axle verify --config /etc/axle/spoke.yaml --json`;

export function addVerify(program: Command): void {
  program
    .command('verify')
    .description('compares state, live files and peers of a running site now, and says what differs')
    .requiredOption('-c, --config <file>', "the config of this site's daemon")
    .option('--json', 'the whole report as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async ({ config: file, json }: { config: string; json?: true }) => {
      const report = await askDaemon<VerifyReport>(file, 'verify', {}, (message) => new UsageError(message));
      process.stdout.write(json ? `${JSON.stringify(report)}\n` : textOf(report));
      process.exitCode = exitCodeOf(report);
    });
}

export function exitCodeOf({ count, peers }: VerifyReport): 0 | 1 | 2 {
  if (count > 0) return 1;
  return peers.every(({ outcome }) => outcome === 'same' || outcome === 'repaired') ? 0 : 2;
}

const OUTCOMES: Readonly<Record<VerifyReport['peers'][number]['outcome'], string>> = {
  same: 'holds the same',
  repaired: 'held something else, and holds the same now',
  differs: 'holds something else',
  unsure: 'could not be compared: too many changes on their way',
  unanswered: 'could not be compared: it does not answer',
};

export function textOf({ site, documents, ms, differences, count, peers }: VerifyReport): string {
  const lines = differences.map(
    ({ document, where, peer, what, doing }) => `${document}: ${peer ?? where}: ${what} (${doing})`,
  );
  if (count > differences.length) lines.push(`… and ${count - differences.length} more`);
  for (const peer of peers) lines.push(`${peer.site} ${OUTCOMES[peer.outcome]}`);
  lines.push(`${site}: ${documents} documents, ${count} differences, ${ms} ms`);
  return `${lines.join('\n')}\n`;
}
