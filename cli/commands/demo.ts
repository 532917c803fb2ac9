import { type Command, InvalidArgumentError } from 'commander';
import { runDemo } from '../demo/demo.js';

const EXAMPLES = `
Examples:
  axle demo                      until Ctrl-C; its data stays in ./.axle-demo
  axle demo --json --seconds 60  for programs`;

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('runs a hub and two spokes with their pages on this machine, and shows each change as it travels')
    .addHelpText('after', EXAMPLES)
    .option('--dir <folder>', 'where the sites keep their data', './.axle-demo')
    .option('--json', 'events as JSON lines; the first line names the sites', false)
    .option('--seconds <n>', 'stop by itself after so many seconds', parseSeconds)
    .option(
      '--port <n>',
      "where the first site's page is; the second has the next port, the miners' the one after it, the hub's status the one before",
      parsePort,
      8401,
    )
    .action(async (options: { dir: string; json: boolean; seconds?: number; port: number }) => {
      process.exitCode = await runDemo(options);
    });
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!Number.isFinite(seconds) || seconds <= 0) throw new InvalidArgumentError('must be a number above 0.');
  return seconds;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_534) throw new InvalidArgumentError('must be a port, or 0.');
  return port;
}
