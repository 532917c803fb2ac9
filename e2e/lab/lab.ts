/**
 * Real hosts on one machine, for tests and measurements: each is a systemd-nspawn container over an overlay of this
 * machine's own `/` (or of a bare Debian), with its own systemd, journald, sshd, name, machine id and address. Three boot in about two seconds.
 *
 *     const lab = await Lab.up({ hosts: ['directsponsor', 'roflfaucet'] });
 *     await lab.host('roflfaucet').sh('ping -c 1 directsponsor');
 *     await lab.down();
 */

import { readdirSync, rmdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { removeCgroups } from './cgroup.js';
import { Host, machineName } from './host.js';
import { isOrphan, LABS, newLabId } from './lab-id.js';
import { labFolder, mountLab, mountRoot, mountsUnder, unmountLab } from './mounts.js';
import { Network } from './network.js';
import { childrenOf, inCgroup, isAlive, kill, withArgument } from './processes.js';
import { REPO_ROOT } from './repo.js';
import { labObstacles } from './requirements.js';
import { prepareRoot } from './root.js';
import { waitFor } from './wait.js';

export interface LabOptions {
  /** Host names; by custom the first is the hub. */
  hosts: readonly string[];
  /** What hosts are an overlay of; default this machine's own `/`. See debian.ts. */
  root?: string;
  /** The most that all hosts together may write, as tmpfs spells it. Default `6G`. */
  size?: string;
  /** The process with whose end the lab becomes a leftover. Default: this one. */
  owner?: number;
}

export class Lab {
  readonly id: string;
  readonly hosts: readonly Host[];
  readonly #network: Network;

  private constructor(id: string, network: Network, hosts: readonly Host[]) {
    this.id = id;
    this.#network = network;
    this.hosts = hosts;
  }

  /** Boots the hosts, all at once, and resolves when every sshd is up. On failure nothing is left behind. */
  static async up(options: LabOptions): Promise<Lab> {
    const obstacles = labObstacles();
    if (obstacles.length > 0) throw new Error(obstacles.join('\n'));
    for (const name of options.hosts) {
      if (!/^[a-z][a-z0-9-]{0,30}$/.test(name)) throw new Error(`not a host name: ${name}`);
    }
    await Lab.sweep();
    const id = newLabId(options.owner);
    try {
      return await Lab.#build(id, options);
    } catch (cause) {
      await removeLab(id);
      throw cause;
    }
  }

  static async #build(id: string, { hosts: names, root: lower = '/', size = '6G' }: LabOptions): Promise<Lab> {
    const folder = await mountLab(id, size);
    const network = new Network(id);
    await network.up();
    const neighbours = new Map<string, string>();
    for (const name of names) neighbours.set(name, await network.attach(name));
    const seen = [REPO_ROOT, dirname(dirname(process.execPath))];
    // A root of its own is to be bare: nothing of this machine shows in it.
    const binds = lower === '/' ? seen.filter(isHiddenFromOverlay) : [];
    const hosts = await Promise.all(
      [...neighbours].map(async ([name, address]) => {
        const root = await mountRoot(folder, name, lower);
        await prepareRoot(root, name, neighbours);
        return new Host({ labId: id, name, address, root, consoleFile: `${folder}/${name}.console`, network, binds });
      }),
    );
    await Promise.all(hosts.map((host) => host.start()));
    return new Lab(id, network, hosts);
  }

  host(name: string): Host {
    const host = this.hosts.find((candidate) => candidate.name === name);
    if (host === undefined) throw new Error(`no host ${name} in this lab`);
    return host;
  }

  /** The network namespace in which a process of this machine would reach the hosts by their addresses. */
  get namespace(): string {
    return this.#network.namespace;
  }

  /** Ends every host and takes away all that the lab made: processes, mounts, namespaces, cgroups, folders. */
  async down(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.stop()));
    await removeLab(this.id);
  }

  /** Removes what labs of dead processes left behind; labs in use, of this or other processes, stay. Returns their ids. */
  static async sweep(): Promise<string[]> {
    const orphans = listLabs().filter(isOrphan);
    for (const id of orphans) await removeLab(id);
    return orphans;
  }
}

/** Labs that have a folder on this machine. It is the first thing a lab makes and the last that it removes. */
function listLabs(): string[] {
  try {
    return readdirSync(LABS);
  } catch {
    return [];
  }
}

/** Removes a lab by its id alone, so that it works for one that was half built or whose process died. */
async function removeLab(id: string): Promise<void> {
  const hosts = [...new Set(mountsUnder(labFolder(id)).map((mount) => mount.split('/')[4]))].filter(
    (name): name is string => name !== undefined,
  );
  for (const host of hosts) await endMachine(machineName(id, host));
  // A host whose nspawn was killed runs on without it; its cgroup still tells whose it is.
  for (const pid of inCgroup(id)) kill(pid);
  await new Network(id).down();
  await unmountLab(id);
  removeCgroups(id);
}

async function endMachine(machine: string): Promise<void> {
  const supervisors = withArgument(`--machine=${machine}`);
  for (const pid of supervisors) for (const child of childrenOf(pid)) kill(child);
  const ended = () => !supervisors.some(isAlive);
  await waitFor(`${machine} to end`, { timeoutMs: 5_000, everyMs: 20 }, ended).catch(() => undefined);
  for (const pid of supervisors) kill(pid);
  try {
    rmdirSync(`/run/systemd/nspawn/propagate/${machine}`);
  } catch {
    // Not made by this version of nspawn, or removed by it.
  }
}

/** True for a path that a host, whose disk is an overlay of `/` alone, would not see at the same place. */
function isHiddenFromOverlay(path: string): boolean {
  const coveredInHost = /^\/(tmp|run|dev)\//.test(path);
  return coveredInHost || statSync(path).dev !== statSync('/').dev;
}
