import { type Command, InvalidArgumentError } from 'commander';
import { AddressError } from '../../miner/discovery/addresses.js';
import { RelayError } from '../../miner/relay/config.js';
import { type RelayCommandOptions, relayCommand } from '../../miner/relay/relay-command.js';
import { UsageError } from '../exit.js';
import { untilStopped } from '../stop.js';

const HELP = `
The agent does this by itself where miner.yaml has a section relay; this is to try it out, and to take the place of
sync_to_gist.py. Addresses in the local network are left out unless asked for.

Environment:
  GIST_TOKEN      a token with the gist scope (https://github.com/settings/tokens/new)
  GIST_ID         of the Gist, which belongs to the owner of the token
  SYNC_INTERVAL   seconds, default 60
  GIST_API_URL    optional: of GitHub Enterprise, https://HOST/api/v3

Exit codes: 0 published, or stopped; 1 not published (--once); 2 wrong usage, or a variable is missing

Examples:
  axle miner relay --dry-run                    what would be published, from the agent on this machine
  axle miner relay --once --scan                looks for miners once, without an agent, and publishes them
  export $(cat .env.sync | xargs); axle miner relay
  axle miner relay --once --hub-data /var/home-data/userdata --name home`;

type Options = Omit<RelayCommandOptions, 'scan' | 'ports'> & {
  readonly scan?: true | readonly string[];
  readonly rpcPort: number;
  readonly httpPort: number;
  readonly whatsminerPort: number;
};

/** `withPorts`: adds the options for the devices' ports. */
export function addMinerRelay(miner: Command, withPorts: (command: Command) => Command): void {
  withPorts(miner.command('relay'))
    .description('publishes the fleet to a GitHub Gist, or through the hub')
    .option('--once', 'once, and not at every interval', false)
    .option('--dry-run', 'shows what would be published', false)
    .option('--agent <url>', 'a running agent', 'http://127.0.0.1:8000')
    .option('--scan [networks...]', 'instead of an agent: what is found there, such as 192.168.1.0/24')
    .option('--addresses', "also the miners' addresses in the local network", false)
    .option('--hub-data <folder>', "instead of a Gist: the userdata of this machine's spoke")
    .option('--name <name>', 'of this fleet at the hub', parseName, 'home')
    .addHelpText('after', HELP)
    .action(async ({ scan, rpcPort, httpPort, whatsminerPort, ...options }: Options) => {
      const networks = scan === true ? [] : scan;
      const ports = { rpc: rpcPort, http: httpPort, whatsminer: whatsminerPort };
      const say = (line: string): void => void process.stdout.write(`${line}\n`);
      // Once ends by itself, and Ctrl-C ends it in the middle.
      const signal = options.once || options.dryRun ? new AbortController().signal : untilStopped();
      try {
        process.exitCode = await relayCommand({ ...options, scan: networks, ports }, process.env, say, signal);
      } catch (error) {
        throw error instanceof RelayError || error instanceof AddressError ? new UsageError(error.message) : error;
      }
    });
}

function parseName(text: string): string {
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(text))
    throw new InvalidArgumentError('must be a-z, 0-9 and -, at most 63 characters.');
  return text;
}
