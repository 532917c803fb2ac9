/**
 * Which addresses the API takes for those of miners. It makes the agent connect to whatever is named, so that only networks
 * for private use may be, and what the configuration names itself (simulated miners are on the loopback).
 */
import { isIPv4 } from 'node:net';
import { addressToNumber, numberToAddress, PRIVATE_NETWORKS } from '../discovery/addresses.js';
import { ApiError } from './errors.js';

type Range = { readonly first: number; readonly last: number };

const PRIVATE = PRIVATE_NETWORKS.map(rangeOf);

function rangeOf(network: string): Range {
  const [address = '', prefix = '32'] = network.trim().split('/');
  const size = 2 ** (32 - Number(prefix));
  const first = Math.floor(addressToNumber(address) / size) * size;
  return { first, last: first + size - 1 };
}

const NETWORK = /^(\d{1,3}(?:\.\d{1,3}){3})(?:\/(\d{1,2}))?$/;
const NETWORKS_MAX = 16;
/** As a scan takes them; a larger one is refused by the scan itself, with its own words. */
const PREFIX_MAX = 32;

/** Of one device, in its plain form. `configured`: the networks of the configuration. Throws ApiError. */
export function deviceAddress(text: string, configured: readonly string[]): string {
  const address = text.trim();
  if (!isIPv4(address)) throw new ApiError('bad_request', 'ip_address must be an IPv4 address, such as 192.168.1.100');
  check(rangeOf(address), address, configured);
  return address;
}

/** `192.168.1.0/24,10.0.0.0/24` as a list; undefined: the LAN's own. Throws ApiError. */
export function scanNetworks(text: string | undefined, configured: readonly string[]): string[] | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const networks = text.split(',').map((each) => each.trim());
  if (networks.length > NETWORKS_MAX) throw new ApiError('bad_request', `at most ${NETWORKS_MAX} networks at once`);
  return networks.map((network) => {
    const [, address = '', prefix = '32'] = NETWORK.exec(network) ?? [];
    if (!isIPv4(address) || Number(prefix) > PREFIX_MAX)
      throw new ApiError('bad_request', 'network must be an IPv4 network, such as 192.168.1.0/24');
    const range = rangeOf(`${address}/${prefix}`);
    check(range, network, configured);
    return `${numberToAddress(range.first)}/${prefix}`;
  });
}

function check(wanted: Range, text: string, configured: readonly string[]): void {
  const allowed = [...PRIVATE, ...configured.map(rangeOf)];
  if (allowed.some(({ first, last }) => first <= wanted.first && wanted.last <= last)) return;
  throw new ApiError(
    'bad_request',
    `${text} is in no private network: add its network to networks in miner.yaml if miners are there`,
  );
}
