/** What can be added by hand: the families, and the names that people have for them. */
import { FAMILIES, type Family } from '../adapters/reading.js';
import { ApiError } from './errors.js';

export interface MinerType {
  readonly miner_type: Family;
  readonly name: string;
  readonly manufacturer: string;
  readonly api: string;
  readonly api_port: number;
  readonly auto_discovery: true;
  /** counted: by the difficulty of every accepted share; estimated: by their number; none: it has no counter. */
  readonly share_tracking: 'counted' | 'estimated' | 'none';
  readonly aliases: readonly string[];
}

type Facts = Omit<MinerType, 'miner_type' | 'auto_discovery'>;

const FACTS: Readonly<Record<Family, Facts>> = {
  cgminer: {
    name: 'Generic cgminer',
    manufacturer: 'various',
    api: 'CGMiner',
    api_port: 4028,
    share_tracking: 'counted',
    aliases: ['generic', 'generic_cgminer', 'bmminer'],
  },
  antminer: {
    name: 'Antminer',
    manufacturer: 'Bitmain',
    api: 'CGMiner, HTTP',
    api_port: 4028,
    share_tracking: 'counted',
    aliases: ['bitmain'],
  },
  avalon: {
    name: 'Avalon Nano, Q, A1x',
    manufacturer: 'Canaan',
    api: 'CGMiner',
    api_port: 4028,
    share_tracking: 'counted',
    aliases: ['avalon_nano', 'avalon_q', 'avalon_nano_3', 'avalon_nano_3s', 'canaan'],
  },
  whatsminer: {
    name: 'Whatsminer',
    manufacturer: 'MicroBT',
    api: 'CGMiner, API 3 on 4433',
    api_port: 4028,
    share_tracking: 'counted',
    aliases: ['microbt'],
  },
  braiins: {
    name: 'Braiins OS',
    manufacturer: 'Braiins',
    api: 'HTTP, CGMiner',
    api_port: 80,
    share_tracking: 'counted',
    aliases: ['braiins_os', 'bosminer', 'boser'],
  },
  axeos: {
    name: 'Bitaxe, NerdQAxe (AxeOS)',
    manufacturer: 'Community',
    api: 'HTTP',
    api_port: 80,
    share_tracking: 'estimated',
    aliases: ['bitaxe', 'nerdqaxe', 'nerdaxe'],
  },
  nerdminer: {
    name: 'NerdMiner',
    manufacturer: 'Community',
    api: 'HTTP',
    api_port: 80,
    share_tracking: 'estimated',
    aliases: ['nerdminer_v2'],
  },
};

export const MINER_TYPES: readonly MinerType[] = FAMILIES.map((miner_type) => ({
  miner_type,
  ...FACTS[miner_type],
  auto_discovery: true,
}));

/** Of a device that nobody has asked yet. */
export const UNIDENTIFIED = 'unknown';

const BY_NAME: ReadonlyMap<string, string> = new Map([
  ['auto', UNIDENTIFIED],
  [UNIDENTIFIED, UNIDENTIFIED],
  ...MINER_TYPES.flatMap(({ miner_type, aliases }) =>
    [miner_type, ...aliases].map((name): [string, string] => [name, miner_type]),
  ),
]);

/** The family that a person means. Throws ApiError. */
export function minerTypeOf(text: string): string {
  const type = BY_NAME.get(
    text
      .trim()
      .toLowerCase()
      .replaceAll(/[\s-]+/g, '_'),
  );
  if (type !== undefined) return type;
  throw new ApiError('bad_request', `miner_type must be one of ${FAMILIES.join(', ')}, or auto`);
}
