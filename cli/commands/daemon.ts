/** What `axle hub`, `axle spoke` and `axle miner` have in common: options, log, life. */
import { type Command, Option } from 'commander';
import { createLog, type Level, LOG_FORMATS, type Log, type LogFormat } from '../../common/runtime/log.js';
import { reloadConfig } from '../../common/runtime/reload.js';
import { parentGone, type Running, serve } from '../../common/runtime/service.js';

export type DaemonOptions = {
  readonly config: string;
  readonly logFormat: LogFormat;
  readonly logLevel?: Level;
  readonly exitWithParent?: true;
};

/** `optional`: for a command that does other things as well. */
export function addDaemonOptions(command: Command, config: 'required' | 'optional' = 'required'): Command {
  const option = new Option('-c, --config <file>', 'config file, see fixtures/*.example.yaml');
  return command
    .addOption(option.makeOptionMandatory(config === 'required'))
    .addOption(new Option('--log-format <format>', 'how to log').choices(LOG_FORMATS).default('auto'))
    .addOption(new Option('--log-level <level>', 'instead of log_level').choices(['error', 'warn', 'info', 'debug']))
    .addOption(new Option('--exit-with-parent', 'stop when stdin closes').hideHelp());
}

/** The end of a daemon's help. */
export function examplesOf(role: string, unit: string): string {
  return `
Runs until SIGTERM or SIGINT; under systemd as ${unit}.service.

Exit codes: 0 stopped, 1 something broke, 2 wrong usage or a config with mistakes

Examples:
  axle ${role} --config /etc/axle/${role}.yaml
  axle ${role} --config /etc/axle/${role}.yaml --log-level debug --log-format json`;
}

type Daemon = Running & {
  /** Some of its config has changed in place. */
  reconfigured(): void;
};

type Logged = { readonly log_level: Level; readonly log_file?: string };

/** Runs a daemon until it is told to stop, and ends the process with its exit code. `live`: what a reload may change. */
export async function runDaemon<C extends Logged & object>(
  options: DaemonOptions,
  load: (file: string) => C,
  run: (config: C, log: Log) => Promise<Daemon>,
  live?: ReadonlySet<string>,
): Promise<void> {
  const config = load(options.config);
  // A reader that went away (the demo, killed) must not end us before we have stopped in good order.
  process.stdout.on('error', () => {});
  const log = createLog({
    format: options.logFormat,
    level: options.logLevel ?? config.log_level,
    file: config.log_file,
  });
  let daemon: Daemon | undefined;
  const reload = (): string | undefined =>
    reloadConfig(
      config,
      () => load(options.config),
      log,
      () => {
        if (options.logLevel === undefined) log.setLevel(config.log_level);
        daemon?.reconfigured();
      },
      live,
    );
  const start = async (): Promise<Daemon> => {
    daemon = await run(config, log);
    return daemon;
  };
  const code = await serve(start, {
    log,
    ...(options.exitWithParent ? { stopOn: parentGone() } : {}),
    // In a terminal, SIGHUP means that the terminal was closed.
    ...(process.stdin.isTTY ? {} : { reload }),
  });
  await log.close();
  // Stopped is stopped: a forgotten timer of a library must not keep a unit "deactivating".
  process.exit(code);
}
