import { type Command, InvalidArgumentError } from 'commander';
import { runDemo } from '../demo/demo.js';

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('runs a hub and two spokes on this machine, and shows each change as it travels')
    .option('--dir <folder>', 'where the sites keep their data', './.axle-demo')
    .option('--json', 'events as JSON lines; the first line names the sites', false)
    .option('--seconds <n>', 'stop by itself after so many seconds', parseSeconds)
    .action(async (options: { dir: string; json: boolean; seconds?: number }) => {
      process.exitCode = await runDemo(options);
    });
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!Number.isFinite(seconds) || seconds <= 0) throw new InvalidArgumentError('must be a number above 0.');
  return seconds;
}
