/** Which addresses to look at: those of given networks, or of the LAN that this machine is in. IPv4 only, as miners are. */
import { isIPv4 } from 'node:net';

/** Networks for private use, 100.64/10 of providers and VPNs among them. */
export const PRIVATE_NETWORKS: readonly string[] = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'];

/** A network that cannot be scanned; the message is for the person who wrote it. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
}

/** 65,534 addresses: more is a mistake, or not one LAN. */
const PREFIX_MIN = 16;

/** All hosts of the networks ("192.168.1.0/24", or one address), each once, in their order. Throws `AddressError`. */
export function* addressesOf(networks: readonly string[]): Generator<string> {
  const seen = new Set<number>();
  for (const { first, last } of networks.map(rangeOf)) {
    for (let value = first; value <= last; value += 1) {
      if (seen.has(value)) continue;
      seen.add(value);
      yield numberToAddress(value);
    }
  }
}

function rangeOf(network: string): { readonly first: number; readonly last: number } {
  const [address = '', prefix = '32', rest] = network.trim().split('/');
  if (!isIPv4(address) || !/^\d{1,2}$/.test(prefix) || rest !== undefined) {
    throw new AddressError(`${network} is no IPv4 network such as 192.168.1.0/24`);
  }
  const bits = Number(prefix);
  if (bits < PREFIX_MIN || bits > 32) throw new AddressError(`the prefix of ${network} must be ${PREFIX_MIN}–32`);
  const size = 2 ** (32 - bits);
  const base = Math.floor(addressToNumber(address) / size) * size;
  // Without the network's own and the broadcast address, which a /31 and a /32 do not have.
  return bits >= 31 ? { first: base, last: base + size - 1 } : { first: base + 1, last: base + size - 2 };
}

export function addressToNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function numberToAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** As `os.networkInterfaces()` gives it. */
export type Interfaces = Readonly<
  Record<
    string,
    | readonly {
        readonly address: string;
        readonly cidr: string | null;
        readonly family: string;
        readonly internal: boolean;
      }[]
    | undefined
  >
>;

/** Made by container engines, virtual machines and tunnels: what is behind them is not the LAN. A plain `br0` may be. */
const NOT_A_LAN =
  /^(lo|docker|br-[0-9a-f]{12}$|veth|cni|cali|flannel|weave|virbr|vnet|lxc|lxd|podman|kube|tailscale|zt|wg|tun|tap|utun|ppp|ifb|dummy|vmnet|vboxnet|hassio)/;

/** Where miners are: addresses for private use. */
const PRIVATE = /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/;

/** A larger one is looked at around this machine only: somebody gave it more addresses than it has devices. */
const LAN_PREFIX_MIN = 20;

/** Those that were given, or the LAN's own. Throws `AddressError` where there is none. */
export function networksToScan(given: readonly string[] | undefined, interfaces: () => Interfaces): readonly string[] {
  const networks = given === undefined || given.length === 0 ? lanNetworks(interfaces()) : given;
  if (networks.length > 0) return networks;
  throw new AddressError('this machine is in no private network: name the one to scan, such as 192.168.1.0/24');
}

/** The networks that this machine's own cards are in. */
export function lanNetworks(interfaces: Interfaces): readonly string[] {
  const networks = Object.entries(interfaces).flatMap(([name, addresses = []]) =>
    NOT_A_LAN.test(name)
      ? []
      : addresses.flatMap(({ address, cidr, family, internal }) => {
          if (family !== 'IPv4' || internal || cidr === null || !PRIVATE.test(address)) return [];
          const prefix = Number(cidr.split('/')[1]);
          const bits = prefix < LAN_PREFIX_MIN ? 24 : prefix;
          const size = 2 ** (32 - bits);
          return [`${numberToAddress(Math.floor(addressToNumber(address) / size) * size)}/${bits}`];
        }),
  );
  return [...new Set(networks)];
}
