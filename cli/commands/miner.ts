import { type Command, InvalidArgumentError, Option } from 'commander';
import { tokensFileOf } from '../../miner/api/config.js';
import { MINER_TOKENS, SCOPES } from '../../miner/api/tokens.js';
import { LIVE, loadMinerConfig } from '../../miner/config/config.js';
import { AddressError } from '../../miner/discovery/addresses.js';
import { type ScanCommandOptions, scanCommand } from '../../miner/discovery/scan-command.js';
import { runMiner } from '../../miner/main.js';
import { FAULTS, type Fault } from '../../miner/simulate/faults.js';
import { KINDS, type Kind } from '../../miner/simulate/miner-state.js';
import { type SimulateOptions, simulate } from '../../miner/simulate/simulate.js';
import { UsageError } from '../exit.js';
import { addDaemonOptions, type DaemonOptions, runDaemon } from './daemon.js';
import { addMinerMoney } from './miner-money.js';
import { addMinerRelay } from './miner-relay.js';
import { addTokenCommands } from './token.js';

const EXAMPLES = `
With --config it is the agent: it looks for miners, reads them, and keeps what they say. It runs until SIGTERM or SIGINT; under
systemd as axle-miner.service. Miners that cannot be asked, such as a NerdMiner, are seen through their pool where the config
names them: pool_miners.

Exit codes: 0 stopped, 1 something broke, 2 wrong usage or a config with mistakes

Examples:
  axle miner --config /etc/axle/miner.yaml      the agent; fixtures/miner.example.yaml shows every key
  axle miner statement --config /etc/axle/miner.yaml --day
  axle miner scan                               the networks that this machine is in
  axle miner scan 192.168.1.0/24 --json
  axle miner simulate --count 5                 miners to try things out with`;

const SCAN_HELP = `
For each: address, MAC, model, hashrate, temperature, and as whom it logs in at its pool. Changes nothing, and needs no agent.
Nothing is pinged: connections need no rights, and find devices that answer no ping. A network of 254 addresses takes some
seconds, one of 4,094 half a minute, one of 65,534 six minutes.

Exit codes: 0 looked, also where nothing was found; 2 wrong usage, or no network to look in

Examples:
  axle miner scan                               the networks that this machine is in
  axle miner scan 192.168.1.0/24 192.168.5.17
  axle miner scan 127.20.0.0/28                 what axle miner simulate shows`;

const SIMULATE_HELP = `
Faults, as --fault name=how-many: ${FAULTS.join(', ')}

Examples:
  axle miner simulate --count 5
  axle miner scan 127.20.0.0/28                 in another terminal: finds them
  axle miner simulate --count 40 --fault hung=2 --fault truncated=1 --http-port 8080
  printf '{"command":"summary"}' | nc 127.20.0.1 4028`;

const TOKEN_EXAMPLES = `
Examples:
  axle miner token add phone --scope read --config /etc/axle/miner.yaml     shows it, this once
  axle miner token list --config /etc/axle/miner.yaml
  curl -H "Authorization: Bearer axle_…" http://192.168.1.5:8000/api/miners`;

export function addMiner(program: Command): void {
  const miner = addDaemonOptions(program.command('miner'), 'optional')
    .description('miners in the local network: the agent, and what helps to set it up')
    .addHelpText('after', EXAMPLES)
    // What stands behind the name of a command is for that one: some have a --config of their own.
    .enablePositionalOptions()
    .action(async (options: Partial<DaemonOptions>) => {
      const { config } = options;
      if (config === undefined)
        throw new UsageError('axle miner needs --config FILE, or a command: see axle miner --help');
      await runDaemon({ ...options, config } as DaemonOptions, loadMinerConfig, runMiner, LIVE);
    });
  addMinerMoney(miner);
  withPorts(miner.command('scan'), 'of their web pages')
    .description('looks for miners once, and shows what it finds')
    .argument('[networks...]', 'such as 192.168.1.0/24; default: the networks that this machine is in')
    .option('--json', 'everything that they say, as JSON', false)
    .addHelpText('after', SCAN_HELP)
    .action(async (networks: readonly string[], options: ScanCommandOptions) => {
      await scanCommand(networks, options).catch((error: Error) => {
        throw error instanceof AddressError ? new UsageError(error.message) : error;
      });
    });
  const token = miner
    .command('token')
    .description("tokens of the agent's API, for other machines")
    .addHelpText('after', TOKEN_EXAMPLES);
  addTokenCommands(token, {
    kind: MINER_TOKENS,
    default_scopes: SCOPES,
    about: "the agent's config",
    whom: 'phone, monitoring',
    fileOf: (file) => tokensFileOf(loadMinerConfig(file, { withDisk: false })),
  });
  withPorts(miner.command('simulate'), 'of their web pages; to listen on 80 may need rights')
    .description('miners that are only servers on this machine: to try everything out without hardware')
    .option('--count <n>', 'how many', parsePositive, 11)
    .option('--first <address>', 'of the first one; the next ones follow', parseLoopback, '127.20.0.1')
    .option('--kind <name>', `${KINDS.join(', ')}; again for more, default all in turn`, addKind, [])
    .option('--fault <name=n>', 'what goes wrong, and with how many; again for more', addFault, {})
    .option('--delay <ms>', 'before every answer', parseCount, 0)
    .option('--wallet <address>', 'payout address that they mine for')
    .option('--pool <url>', 'pool that they say they mine at')
    .option('--seconds <n>', 'stop by itself after so many seconds', parsePositive)
    .option('--json', 'one line of JSON for each miner, and one when all listen', false)
    .addOption(new Option('--exit-with-parent', 'stop when stdin closes').hideHelp())
    .addHelpText('after', SIMULATE_HELP)
    .action(async (options: SimulateOptions) => {
      const faults = Object.values(options.fault).reduce((sum, many) => sum + many, 0);
      if (faults > options.count)
        throw new UsageError(`${faults} faults are more than ${options.count} miners: see --count and --fault`);
      await simulate(options);
    });
  addMinerRelay(miner, (command) => withPorts(command, 'of their web pages'));
}

function withPorts(command: Command, pages: string): Command {
  return command
    .option('--rpc-port <n>', 'of the cgminer protocol', parsePort, 4_028)
    .option('--http-port <n>', pages, parsePort, 80)
    .option('--whatsminer-port <n>', "of Whatsminer's API 3", parsePort, 4_433);
}

function parsePositive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65_000)
    throw new InvalidArgumentError('must be a number from 1 to 65,000.');
  return value;
}

function parseCount(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('must be 0 or a number above it.');
  return value;
}

function parsePort(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65_535) throw new InvalidArgumentError('must be 1–65535.');
  return value;
}

/** Only the loopback: a simulated miner on the LAN would be taken for a real one. */
function parseLoopback(text: string): string {
  if (!/^127(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/.test(text))
    throw new InvalidArgumentError('must be an address 127.x.y.z.');
  return text;
}

function addKind(text: string, kinds: readonly Kind[]): readonly Kind[] {
  if (!(KINDS as readonly string[]).includes(text))
    throw new InvalidArgumentError(`must be one of ${KINDS.join(', ')}.`);
  return [...kinds, text as Kind];
}

function addFault(text: string, faults: Partial<Record<Fault, number>>): Partial<Record<Fault, number>> {
  const [name = '', many = '1'] = text.split('=');
  if (!(FAULTS as readonly string[]).includes(name))
    throw new InvalidArgumentError(`must be one of ${FAULTS.join(', ')}.`);
  return { ...faults, [name]: parseCount(many) };
}
