/**
 * The wires of a lab: one network namespace per host, joined by a bridge in a namespace of the lab's own. No interface
 * of the machine itself is touched, so every lab can use the same addresses.
 */

import { readdirSync } from 'node:fs';
import { exec, must } from './exec.js';

const SUBNET = '10.77.0';

export class Network {
  readonly #id: string;
  readonly #ports = new Map<string, string>();

  constructor(labId: string) {
    this.#id = labId;
  }

  /** The namespace that holds the bridge; its own address is `.1`, for a test that wants to reach hosts by network. */
  get namespace(): string {
    return `${this.#id}.bridge`;
  }

  namespaceOf(host: string): string {
    return `${this.#id}.${host}`;
  }

  async up(): Promise<void> {
    const ns = this.namespace;
    await must(['ip', 'netns', 'add', ns]);
    await must(['ip', '-n', ns, 'link', 'add', 'br0', 'type', 'bridge']);
    await must(['ip', '-n', ns, 'addr', 'add', `${SUBNET}.1/24`, 'dev', 'br0']);
    await must(['ip', '-n', ns, 'link', 'set', 'br0', 'up']);
    await must(['ip', '-n', ns, 'link', 'set', 'lo', 'up']);
  }

  /** Gives a host its namespace, its interface `host0` and its address, which is returned. */
  async attach(host: string): Promise<string> {
    const ns = this.namespaceOf(host);
    const port = `port${this.#ports.size + 1}`;
    const address = `${SUBNET}.${11 + this.#ports.size}`;
    this.#ports.set(host, port);
    await must(['ip', 'netns', 'add', ns]);
    await must(['ip', '-n', this.namespace, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'host0', 'netns', ns]);
    await must(['ip', '-n', this.namespace, 'link', 'set', port, 'master', 'br0', 'up']);
    await must(['ip', '-n', ns, 'addr', 'add', `${address}/24`, 'dev', 'host0']);
    await must(['ip', '-n', ns, 'link', 'set', 'host0', 'up']);
    await must(['ip', '-n', ns, 'link', 'set', 'lo', 'up']);
    return address;
  }

  /** Pulls or plugs a host's cable. Packets vanish without a word, as they do when a real cable is pulled. */
  async setLink(host: string, state: 'up' | 'down'): Promise<void> {
    const port = this.#ports.get(host);
    if (port === undefined) throw new Error(`no host ${host} in this lab`);
    await must(['ip', '-n', this.namespace, 'link', 'set', port, state]);
  }

  /** Removes every namespace that carries the lab's id, also those of a lab that another process left behind. */
  async down(): Promise<void> {
    for (const ns of namespacesOf(this.#id)) await exec(['ip', 'netns', 'delete', ns]);
  }
}

/** The network namespaces on this machine that carry a lab's id. */
export function namespacesOf(labId: string): string[] {
  try {
    return readdirSync('/run/netns').filter((name) => name.startsWith(`${labId}.`));
  } catch {
    return [];
  }
}
