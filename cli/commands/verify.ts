import type { Command } from 'commander';
import { loadConfig } from '../../common/runtime/config.js';
import { type ControlError, callControl, controlSocket } from '../../common/runtime/control.js';
import type { VerifyReport } from '../../common/site/verify-report.js';
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
      const report = await ask(file);
      process.stdout.write(json ? `${JSON.stringify(report)}\n` : textOf(report));
      process.exitCode = exitCodeOf(report);
    });
}

async function ask(file: string): Promise<VerifyReport> {
  try {
    return (await callControl(controlSocket(loadConfig(file).config.state), 'verify', {})) as VerifyReport;
  } catch (error) {
    const { code, message, hint } = error as ControlError;
    if (code === undefined) throw error;
    throw new UsageError(`${code}: ${message}${hint === undefined ? '' : `; ${hint}`}`);
  }
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
