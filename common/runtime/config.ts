/** Reads hub.yaml and spoke.yaml. */
import type { ValidateFunction } from 'ajv';
import { placeProblems, ruleProblems } from './config-checks.js';
import { compileSchema, isGroup, parseConfigText, readConfigFile, schemaProblems, topKeys } from './config-file.js';
import { ConfigError, type Problem } from './config-problems.js';
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

const validators: Record<Role, ValidateFunction> = {
  hub: compileSchema(HubSchema),
  spoke: compileSchema(SpokeSchema),
};
/** A map: a type called `constructor` must not find one. */
const linkValidators: ReadonlyMap<string, ValidateFunction> = new Map([
  ['ssh', compileSchema(LINKS.ssh)],
  ['folder', compileSchema(LINKS.folder)],
  ['pull', compileSchema(LINKS.pull)],
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
  const text = readConfigFile(file);
  const keys = topKeys(text, file);
  if (keys.includes('spokes') === keys.includes('hub')) {
    throw new ConfigError(file, [`${file}: must have either spokes (a hub's config) or hub (a spoke's config)`]);
  }
  return keys.includes('spokes')
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

function load(file: string, role: Role): unknown {
  return parse(readConfigFile(file), file, role, true);
}

function parse(text: string, file: string, role: Role, withDisk: boolean): unknown {
  return parseConfigText(text, file, (root) => {
    // Also for a site without a usable name: that name is the mistake to report, not a missing state.
    if (isGroup(root)) root.state ??= `/var/lib/axle/${String(root.site)}`;
    if (isGroup(root) && isGroup(root.sidecar)) {
      root.sidecar.socket ??= `/run/axle/${String(root.site)}/sidecar.sock`;
      root.sidecar.tokens ??= `${String(root.state)}/tokens.json`;
    }
    return [
      ...schemaProblems(validators[role], root),
      ...linksOf(root, role),
      ...(isGroup(root) ? ruleProblems(root) : []),
      ...(isGroup(root) && withDisk ? placeProblems(root) : []),
    ];
  });
}

function linksOf(root: unknown, role: Role): Problem[] {
  if (!isGroup(root)) return [];
  if (role === 'spoke') return linkProblems(root.hub, ['hub']);
  const spokes = Array.isArray(root.spokes) ? root.spokes : [];
  return spokes.flatMap((spoke, index) => linkProblems(spoke, ['spokes', index]));
}

function linkProblems(peer: unknown, base: readonly (string | number)[]): Problem[] {
  const link = isGroup(peer) ? peer.link : undefined;
  // An unknown type has been reported by the first step.
  const validate = isGroup(link) ? linkValidators.get(String(link.type)) : undefined;
  return validate === undefined ? [] : schemaProblems(validate, link, [...base, 'link']);
}
