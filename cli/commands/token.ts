/** `axle token`: the service tokens of a site's sidecar. A running sidecar takes note within a second. */
import { randomBytes } from 'node:crypto';
import { type Command, Option } from 'commander';
import { loadConfig } from '../../common/runtime/config.js';
import {
  hashToken,
  readTokens,
  SCOPES,
  type Scope,
  TOKEN_BYTES,
  TOKEN_PREFIX,
  writeTokens,
} from '../../sidecar/access/tokens.js';
import { UsageError } from '../exit.js';

type Options = { readonly config: string; readonly scope?: Scope[] };

const EXAMPLES = `
Examples:
  axle token add php --config /etc/axle/spoke.yaml     shows it, this once; the running daemon knows it within a second
  axle token add miner-agent --scope miner-credits --config /etc/axle/hub.yaml
  axle token list --config /etc/axle/spoke.yaml
  axle token remove php --config /etc/axle/spoke.yaml`;

export function addToken(program: Command): void {
  const token = program
    .command('token')
    .description("service tokens of a site's sidecar, for PHP and the miner agent")
    .addHelpText('after', EXAMPLES);
  const config = () => new Option('-c, --config <file>', "the hub's or spoke's config").makeOptionMandatory();
  const scope = new Option('-s, --scope <scopes...>', 'what it may do')
    .choices(SCOPES)
    .default(['balances:read', 'balances:write', 'profiles']);
  token
    .command('add')
    .description('makes a token and shows it, this once')
    .argument('<name>', 'who it is for: php, miner-agent')
    .addOption(config())
    .addOption(scope)
    .action((name: string, options: Options) => add(name, options));
  token
    .command('list')
    .description('names, scopes and ages; never a token')
    .addOption(config())
    .action((options: Options) => list(options));
  token
    .command('remove')
    .description('from now on the token is worth nothing')
    .argument('<name>')
    .addOption(config())
    .action((name: string, options: Options) => remove(name, options));
}

function add(name: string, { config, scope = [] }: Options): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name))
    throw new UsageError(`${JSON.stringify(name)}: a name has letters, digits, ., _ and -, at most 63`);
  const file = fileOf(config);
  const tokens = readTokens(file);
  if (tokens.some((one) => one.name === name))
    throw new UsageError(
      `there is a token ${name}: remove it first, or take another name and remove the old one later`,
    );
  const token = TOKEN_PREFIX + randomBytes(TOKEN_BYTES).toString('base64url');
  const created = new Date().toISOString();
  writeTokens(file, [...tokens, { name, sha256: hashToken(token), scopes: [...new Set(scope)], created }]);
  process.stdout.write(`${token}\n`);
  process.stderr.write(`written to ${file}; the token itself is nowhere kept\n`);
}

function list({ config }: Options): void {
  for (const { name, scopes, created } of readTokens(fileOf(config)))
    process.stdout.write(`${name.padEnd(20)} ${created.slice(0, 10)}  ${scopes.join(' ')}\n`);
}

function remove(name: string, { config }: Options): void {
  const file = fileOf(config);
  const tokens = readTokens(file);
  const left = tokens.filter((one) => one.name !== name);
  if (left.length === tokens.length) throw new UsageError(`there is no token ${name} in ${file}`);
  writeTokens(file, left);
}

function fileOf(file: string): string {
  const { config } = loadConfig(file);
  if (config.sidecar === undefined) throw new UsageError(`${file}: has no sidecar section`);
  return config.sidecar.tokens;
}
