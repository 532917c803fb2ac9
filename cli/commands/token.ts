/**
 * `axle token`: the service tokens of a site's sidecar. A running sidecar takes note within a second. Answers are kept by the
 * name of the token that asked: a new secret gets the same name, or what was not answered would be made again.
 */
import { randomBytes } from 'node:crypto';
import { type Command, Option } from 'commander';
import { loadConfig } from '../../common/runtime/config.js';
import {
  hashToken,
  readTokens,
  TOKEN_BYTES,
  TOKEN_PREFIX,
  type Token,
  type TokenKind,
  writeTokens,
} from '../../common/runtime/tokens.js';
import { SIDECAR_TOKENS } from '../../sidecar/access/tokens.js';
import { UsageError } from '../exit.js';

type Options = { readonly config: string; readonly scope?: string[] };

/** The tokens that a group of commands is about. */
type TokenFiles = {
  readonly kind: TokenKind<string>;
  readonly default_scopes: readonly string[];
  /** Of `--config`. */
  readonly about: string;
  /** Of the name of a new token. */
  readonly whom: string;
  /** Where the config says that they are. Throws UsageError. */
  readonly fileOf: (config: string) => string;
};

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
  addTokenCommands(token, {
    kind: SIDECAR_TOKENS,
    default_scopes: ['balances:read', 'balances:write', 'profiles'],
    about: "the hub's or spoke's config",
    whom: 'php, miner-agent',
    fileOf,
  });
}

/** add, rotate, revoke, list and remove, for the tokens of any file. */
export function addTokenCommands(token: Command, files: TokenFiles): void {
  const config = () => new Option('-c, --config <file>', files.about).makeOptionMandatory();
  const scope = new Option('-s, --scope <scopes...>', 'what it may do')
    .choices(files.kind.scopes)
    .default([...files.default_scopes]);
  token
    .command('add')
    .description('makes a token and shows it, this once')
    .argument('<name>', `who it is for: ${files.whom}`)
    .addOption(config())
    .addOption(scope)
    .action((name: string, options: Options) => add(files, name, options));
  token
    .command('rotate')
    .description('makes another secret for a token and shows it, this once; the former one counts until revoke')
    .argument('<name>')
    .addOption(config())
    .action((name: string, options: Options) => rotate(files, name, options));
  token
    .command('revoke')
    .description('ends the former secret of a token that was rotated')
    .argument('<name>')
    .addOption(config())
    .action((name: string, options: Options) => revoke(files, name, options));
  token
    .command('list')
    .description('names, scopes and ages; never a token')
    .addOption(config())
    .action((options: Options) => list(files, options));
  token
    .command('remove')
    .description('from now on the token is worth nothing, under none of its secrets')
    .argument('<name>')
    .addOption(config())
    .action((name: string, options: Options) => remove(files, name, options));
}

function add(files: TokenFiles, name: string, { config, scope = [] }: Options): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name))
    throw new UsageError(`${JSON.stringify(name)}: a name has letters, digits, ., _ and -, at most 63`);
  const file = files.fileOf(config);
  const tokens = readTokens(file, files.kind);
  if (tokens.some((one) => one.name === name))
    throw new UsageError(`there is a token ${name}: ${files.kind.command} rotate ${name} gives it another secret`);
  make(file, tokens, name, [...new Set(scope)]);
}

function rotate(files: TokenFiles, name: string, { config }: Options): void {
  const file = files.fileOf(config);
  const tokens = readTokens(file, files.kind);
  const [one, other] = namedIn(file, tokens, name);
  if (other !== undefined)
    throw new UsageError(`${name} has two secrets already: ${files.kind.command} revoke ${name} ends the older one`);
  make(file, tokens, name, one.scopes);
  process.stderr.write(`the former secret counts as well, until: ${files.kind.command} revoke ${name}\n`);
}

function revoke(files: TokenFiles, name: string, { config }: Options): void {
  const file = files.fileOf(config);
  const tokens = readTokens(file, files.kind);
  const [older, newer] = namedIn(file, tokens, name);
  if (newer === undefined)
    throw new UsageError(`${name} has one secret only: ${files.kind.command} remove ${name} ends it`);
  writeTokens(
    file,
    tokens.filter((one) => one !== older),
  );
}

/** Secrets of one name stand in the file in the order in which they were made. */
function make(file: string, tokens: readonly Token[], name: string, scopes: readonly string[]): void {
  const token = TOKEN_PREFIX + randomBytes(TOKEN_BYTES).toString('base64url');
  writeTokens(file, [...tokens, { name, sha256: hashToken(token), scopes, created: new Date().toISOString() }]);
  process.stdout.write(`${token}\n`);
  process.stderr.write(`written to ${file}; the token itself is nowhere kept\n`);
}

function list(files: TokenFiles, { config }: Options): void {
  const tokens = readTokens(files.fileOf(config), files.kind);
  for (const token of tokens) {
    const { name, scopes, created } = token;
    const isOlder = tokens.findLast((one) => one.name === name) !== token;
    const note = isOlder ? `  (older: ${files.kind.command} revoke ${name} ends it)` : '';
    process.stdout.write(`${name.padEnd(20)} ${created.slice(0, 10)}  ${scopes.join(' ')}${note}\n`);
  }
}

function remove(files: TokenFiles, name: string, { config }: Options): void {
  const file = files.fileOf(config);
  const tokens = readTokens(file, files.kind);
  namedIn(file, tokens, name);
  writeTokens(
    file,
    tokens.filter((one) => one.name !== name),
  );
}

/** The secrets of a name, the oldest first. Throws UsageError where there is none. */
function namedIn(file: string, tokens: readonly Token[], name: string): [Token, ...Token[]] {
  const [first, ...rest] = tokens.filter((one) => one.name === name);
  if (first === undefined) throw new UsageError(`there is no token ${name} in ${file}`);
  return [first, ...rest];
}

function fileOf(file: string): string {
  const { config } = loadConfig(file);
  if (config.sidecar === undefined) throw new UsageError(`${file}: has no sidecar section`);
  return config.sidecar.tokens;
}
