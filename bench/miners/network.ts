/**
 * A network of which most addresses are silent, as a real one is: packets to them are dropped, not refused.
 *
 * In a network namespace of its own a veth pair carries the /22, with ARP off and nobody at its other end: what is sent
 * to an address of the network goes out and is never answered. The addresses of the devices are this machine's own (on
 * lo), so that they are delivered here. No firewall, and nothing outside of the namespace is touched.
 */
import { spawnSync } from 'node:child_process';

/** The commands of `ip -batch` that make it; `network` such as 10.99.0.1/22 with the scanner's own address. */
export function networkCommands(network: string, devices: readonly string[]): string {
  return [
    'link set lo up',
    'link add miners0 type veth peer name nobody0',
    'link set miners0 arp off',
    'link set nobody0 arp off',
    `addr add ${network} dev miners0`,
    'link set miners0 up',
    'link set nobody0 up',
    ...devices.map((address) => `addr add ${address}/32 dev lo`),
    '',
  ].join('\n');
}

/** To be called inside of the namespace. */
export function setUpNetwork(network: string, devices: readonly string[]): void {
  const made = spawnSync('ip', ['-batch', '-'], { input: networkCommands(network, devices), encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`ip -batch failed: ${made.stderr}`);
}

/** Why it cannot be made here; empty: it can. */
export function networkObstacles(): readonly string[] {
  if (process.platform !== 'linux') return ['network namespaces are Linux'];
  const tried = spawnSync(
    'unshare',
    ['-n', 'ip', 'link', 'add', 'miners0', 'type', 'veth', 'peer', 'name', 'nobody0'],
    {
      encoding: 'utf8',
    },
  );
  if (tried.error !== undefined) return [`unshare: ${tried.error.message}`];
  return tried.status === 0 ? [] : [`a network namespace with a veth pair (as root): ${tried.stderr.trim()}`];
}
