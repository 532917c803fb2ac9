/**
 * Reads hub.yaml and spoke.yaml. Either everything in the file is understood, or it is refused with all its mistakes at
 * once; nothing unknown is ever ignored, because a misspelt guard is a guard that is off.
 */
import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import { type Document, LineCounter, parseDocument } from 'yaml';
import { placeProblems, ruleProblems } from './config-checks.js';
import { ConfigError, describeError, locate, type Problem } from './config-problems.js';
import { type HubConfig, HubSchema, LINKS, type SpokeConfig, SpokeSchema } from './config-schema.js';

export { ConfigError } from './config-problems.js';
export type {
  FolderLinkConfig,
  HubConfig,
  KindConfig,
  LinkConfig,
  PageConfig,
  PullLinkConfig,
  SpokeConfig,
  SshLinkConfig,
} from './config-schema.js';

export type Role = 'hub' | 'spoke';
export type Config = { role: 'hub'; config: HubConfig } | { role: 'spoke'; config: SpokeConfig };

const ajv = new Ajv({ allErrors: true, useDefaults: true, verbose: true, strict: true, keywords: ['must'] });
const validators: Record<Role, ValidateFunction> = {
  hub: ajv.compile(HubSchema),
  spoke: ajv.compile(SpokeSchema),
};
/** A map: a type called `constructor` must not find one. */
const linkValidators: ReadonlyMap<string, ValidateFunction> = new Map([
  ['ssh', ajv.compile(LINKS.ssh)],
  ['folder', ajv.compile(LINKS.folder)],
  ['pull', ajv.compile(LINKS.pull)],
]);

/** Reads and checks a hub's config, its folders on disk included. Throws ConfigError. */
export function loadHubConfig(file: string): HubConfig {
  return load(file, 'hub') as HubConfig;
}

/** As `loadHubConfig`, for a spoke. */
export function loadSpokeConfig(file: string): SpokeConfig {
  return load(file, 'spoke') as SpokeConfig;
}

/**
 * A config of either role: it is a hub's if it has `spokes`, a spoke's if it has `hub`. Throws ConfigError. `withDisk: false`:
 * without a look at the folders that it names.
 */
export function loadConfig(file: string, { withDisk = true } = {}): Config {
  const text = read(file);
  const root = rootOf(parseDocument(text, { stringKeys: true }), file);
  const hasSpokes = isGroup(root) && 'spokes' in root;
  const hasHub = isGroup(root) && 'hub' in root;
  if (hasSpokes === hasHub) {
    throw new ConfigError(file, [`${file}: must have either spokes (a hub's config) or hub (a spoke's config)`]);
  }
  return hasSpokes
    ? { role: 'hub', config: parse(text, file, 'hub', withDisk) as HubConfig }
    : { role: 'spoke', config: parse(text, file, 'spoke', withDisk) as SpokeConfig };
}

/** As `loadHubConfig`, from text and without a look at the disk. `file` is only a name for messages. */
export function parseHubConfig(text: string, file: string): HubConfig {
  return parse(text, file, 'hub', false) as HubConfig;
}

/** As `parseHubConfig`, for a spoke. */
export function parseSpokeConfig(text: string, file: string): SpokeConfig {
  return parse(text, file, 'spoke', false) as SpokeConfig;
}

/** Aliases are YAML's own way to be wrong: without an anchor, too many, or inside of what they stand for. */
function rootOf(document: Document, file: string): unknown {
  try {
    const root: unknown = document.toJS() ?? {};
    JSON.stringify(root);
    return root;
  } catch (error) {
    throw new ConfigError(file, [`${file}: an alias cannot be resolved: ${(error as Error).message.split('\n')[0]}`]);
  }
}

function load(file: string, role: Role): unknown {
  return parse(read(file), file, role, true);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EACCES' ? 'this account may not read it. Use sudo, or the account axle.' : message;
    throw new ConfigError(file, [`${file}: cannot be read: ${why}`]);
  }
}

function parse(text: string, file: string, role: Role, withDisk: boolean): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, stringKeys: true });
  if (document.errors.length > 0) {
    throw new ConfigError(
      file,
      document.errors.map((error) => `${file}:${error.linePos?.[0].line ?? 1}: ${error.message.split('\n')[0]}`),
    );
  }
  const root = rootOf(document, file);
  // Also for a site without a usable name: that name is the mistake to report, not a missing state.
  if (isGroup(root)) root.state ??= `/var/lib/axle/${String(root.site)}`;
  if (isGroup(root) && isGroup(root.sidecar)) {
    root.sidecar.socket ??= `/run/axle/${String(root.site)}/sidecar.sock`;
    root.sidecar.tokens ??= `${String(root.state)}/tokens.json`;
  }
  const problems = [
    ...schemaProblems(root, role),
    ...(isGroup(root) ? ruleProblems(root) : []),
    ...(isGroup(root) && withDisk ? placeProblems(root) : []),
  ];
  if (problems.length > 0) {
    throw new ConfigError(
      file,
      problems.map((problem) => locate(problem, file, document, lines)),
    );
  }
  return root;
}

/** Also fills in defaults. */
function schemaProblems(root: unknown, role: Role): Problem[] {
  const validate = validators[role];
  validate(root);
  const problems = (validate.errors ?? []).map((error) => describeError(error));
  if (!isGroup(root)) return problems;
  if (role === 'spoke') return [...problems, ...linkProblems(root.hub, ['hub'])];
  const spokes = Array.isArray(root.spokes) ? root.spokes : [];
  return [...problems, ...spokes.flatMap((spoke, index) => linkProblems(spoke, ['spokes', index]))];
}

function linkProblems(peer: unknown, base: readonly (string | number)[]): Problem[] {
  const link = isGroup(peer) ? peer.link : undefined;
  // An unknown type has been reported by the first step.
  const validate = isGroup(link) ? linkValidators.get(String(link.type)) : undefined;
  if (validate === undefined || validate(link)) return [];
  return (validate.errors ?? []).map((error) => describeError(error, [...base, 'link']));
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
