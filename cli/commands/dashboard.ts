import { type Command, InvalidArgumentError, Option } from 'commander';
import { createLog, type Level, LOG_FORMATS, type LogFormat } from '../../common/runtime/log.js';
import { serve } from '../../common/runtime/service.js';
import {
  type DashboardOptions,
  type DashboardSettings,
  dashboardSettings,
  runDashboard,
} from '../../miner/cloud/dashboard.js';
import { RelayError } from '../../miner/relay/config.js';
import { UsageError } from '../exit.js';

const HELP = `
Shows what an agent publishes (miner.yaml, section relay), from a Gist or from the documents of a hub; old data is shown
as old, with its age. Answers / (the page), /api/fleet, /api/fleet/events and /healthz.

Environment, as a PaaS sets it:
  CLOUD_MODE=true    listen on 0.0.0.0:$PORT, and take the rest from here
  GIST_ID            of the Gist, read through GitHub's API
  GIST_RAW_URL       or the raw address of its miner_data.json (GitHub hands out copies up to 5 minutes old)
  GIST_TOKEN         optional: with it GitHub allows 5,000 requests an hour instead of 60
  GIST_API_URL       optional: of GitHub Enterprise, https://HOST/api/v3
  GIST_CACHE_TTL     seconds, default 30
  PORT               default 8000

Examples:
  axle dashboard --gist 9e0d60bcc84c808f505f9a4bfea0bc2f --port 8080
  axle dashboard --hub-data /var/directsponsor-data/userdata
  CLOUD_MODE=true GIST_ID=9e0d60bcc84c808f505f9a4bfea0bc2f axle dashboard
  curl http://localhost:8000/api/fleet`;

type Options = DashboardOptions & { readonly logFormat: LogFormat; readonly logLevel: Level };

export function addDashboard(program: Command): void {
  program
    .command('dashboard')
    .description('the cloud side of the miners: shows the fleet that an agent publishes')
    .option('--gist <id>', 'id of the Gist, or the raw address of its file')
    .option('--hub-data <folder>', "a site's userdata with the documents fleet/NAME.txt")
    .option('--port <n>', 'default PORT, or 8000', parsePort)
    .option('--host <address>', 'where to listen; default this machine only, with CLOUD_MODE everywhere')
    .addOption(new Option('--log-format <format>', 'how to log').choices(LOG_FORMATS).default('auto'))
    .addOption(
      new Option('--log-level <level>', 'how much').choices(['error', 'warn', 'info', 'debug']).default('info'),
    )
    .addHelpText('after', HELP)
    .action(async ({ logFormat, logLevel, ...options }: Options) => {
      const settings = settingsOf(options);
      const log = createLog({ format: logFormat, level: logLevel });
      process.exitCode = await serve(() => runDashboard(settings, log), { log });
      await log.close();
    });
}

function settingsOf(options: DashboardOptions): DashboardSettings {
  try {
    return dashboardSettings(options, process.env, Date.now);
  } catch (error) {
    throw error instanceof RelayError ? new UsageError(error.message) : error;
  }
}

function parsePort(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65_535) throw new InvalidArgumentError('must be 1–65535.');
  return value;
}
