/** Reads miner.yaml. */
import path from 'node:path';
import {
  compileSchema,
  isGroup,
  parseConfigText,
  readConfigFile,
  schemaProblems,
  topKeys,
} from '../../common/runtime/config-file.js';
import type { Problem } from '../../common/runtime/config-problems.js';
import { apiProblems } from '../api/config.js';
import { addressesOf } from '../discovery/addresses.js';
import { relayProblems } from '../relay/config.js';
import { creditProblems } from '../shares/config-checks.js';
import { type MinerConfig, MinerSchema } from './schema.js';

export { LIVE, type MinerConfig } from './schema.js';

const validate = compileSchema(MinerSchema);

/** Throws ConfigError with all mistakes. `withDisk: false`: without a look at the files that it names. */
export function loadMinerConfig(file: string, { withDisk = true } = {}): MinerConfig {
  return parse(readConfigFile(file), file, withDisk);
}

/** As `loadMinerConfig`, from text and without a look at the disk; `file` is only a name for messages. */
export function parseMinerConfig(text: string, file: string): MinerConfig {
  return parse(text, file, false);
}

function parse(text: string, file: string, withDisk: boolean): MinerConfig {
  return parseConfigText(text, file, (root) => [
    ...schemaProblems(validate, root),
    ...(isGroup(root)
      ? [
          ...networkProblems(root),
          ...timeProblems(root),
          ...creditProblems(root),
          ...relayProblems(root),
          ...(withDisk ? apiProblems(root) : []),
        ]
      : []),
  ]) as MinerConfig;
}

/**
 * Whether a config file is a miner agent's: it has something that a site's has not, or nothing at all (which is enough) under a
 * name such as miner.yaml. Throws ConfigError.
 */
export function isMinerConfig(file: string): boolean {
  const keys = topKeys(readConfigFile(file), file);
  if (keys.length === 0) return path.basename(file).includes('miner');
  if (keys.some((key) => ['site', 'hub', 'spokes', 'userdata'].includes(key))) return false;
  return keys.some((key) => key in MinerSchema.properties);
}

/** Of a mean's age, and of states. */
export function limitsOf(config: MinerConfig): { readonly stale_after_ms: number; readonly offline_after_ms: number } {
  const stale_after_s = config.stale_after_s ?? 3 * config.poll_interval_s;
  const offline_after_s = config.offline_after_s ?? Math.max(300, 10 * config.poll_interval_s, stale_after_s);
  return { stale_after_ms: stale_after_s * 1_000, offline_after_ms: offline_after_s * 1_000 };
}

function networkProblems({ networks }: Readonly<Record<string, unknown>>): Problem[] {
  if (!Array.isArray(networks)) return [];
  return networks.flatMap((network: unknown, place): Problem[] => {
    // Of another form: the schema says so.
    if (typeof network !== 'string' || !/^[\d./]+$/.test(network)) return [];
    try {
      addressesOf([network]).next();
      return [];
    } catch (error) {
      return [{ address: ['networks', place], message: (error as Error).message }];
    }
  });
}

function timeProblems(root: Readonly<Record<string, unknown>>): Problem[] {
  const { poll_interval_s, stale_after_s, offline_after_s } = root;
  const problems: Problem[] = [];
  if (isLess(stale_after_s, poll_interval_s))
    problems.push({
      address: ['stale_after_s'],
      message: `must not be less than poll_interval_s, ${poll_interval_s} (got ${stale_after_s})`,
    });
  if (isLess(offline_after_s, stale_after_s ?? poll_interval_s))
    problems.push({
      address: ['offline_after_s'],
      message: `must not be less than ${stale_after_s === undefined ? 'poll_interval_s' : 'stale_after_s'} (got ${offline_after_s})`,
    });
  const { pool_miners } = root;
  if (isGroup(pool_miners) && isLess(pool_miners.offline_after_s, pool_miners.stale_after_s))
    problems.push({
      address: ['pool_miners', 'offline_after_s'],
      message: `must not be less than stale_after_s, ${pool_miners.stale_after_s} (got ${pool_miners.offline_after_s})`,
    });
  return problems;
}

function isLess(one: unknown, other: unknown): boolean {
  return typeof one === 'number' && typeof other === 'number' && one < other;
}
