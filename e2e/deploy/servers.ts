/** Bare servers, and the operator's machine from which they are deployed to. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { bareDebian } from '../lab/debian.js';
import { BARE_ENV, exec, must, type Outcome } from '../lab/exec.js';
import type { Host } from '../lab/host.js';
import { Lab } from '../lab/lab.js';
import { REPO_ROOT } from '../lab/repo.js';
import { makeKey } from '../lab/root.js';
import { hostKeyLine } from '../lab/ssh.js';

const DEPLOY_MS_MAX = 400_000;

export class Servers {
  /** The operator's own folder: key, known_hosts, inventories. */
  readonly folder: string;

  private constructor(
    readonly lab: Lab,
    folder: string,
  ) {
    this.folder = folder;
  }

  /** Boots bare hosts that know nothing of Axle, but let the operator in: as root on the first, elsewhere by sudo. */
  static async up(names: readonly string[]): Promise<Servers> {
    const lab = await Lab.up({ hosts: names, root: await bareDebian() });
    const servers = new Servers(lab, mkdtempSync(join(tmpdir(), 'axle-operator-')));
    await makeKey(servers.key, 'operator');
    for (const [index, host] of lab.hosts.entries()) await servers.#admit(host, index === 0 ? 'root' : 'andy');
    writeFileSync(servers.knownHosts, lab.hosts.map((host) => `${hostKeyLine(host)}\n`).join(''));
    return servers;
  }

  get key(): string {
    return join(this.folder, 'id_ed25519');
  }

  get knownHosts(): string {
    return join(this.folder, 'known_hosts');
  }

  async #admit(host: Host, user: string): Promise<void> {
    const home = user === 'root' ? '/root' : `/home/${user}`;
    if (user !== 'root') {
      await host.must(['useradd', '--create-home', '--shell', '/bin/bash', user]);
      await host.must(['usermod', '--password', '*', user]);
      host.write(`/etc/sudoers.d/${user}`, `${user} ALL=(ALL) NOPASSWD: ALL\n`, { mode: 0o440 });
    }
    mkdirSync(host.path(`${home}/.ssh`), { recursive: true, mode: 0o700 });
    host.write(`${home}/.ssh/authorized_keys`, readFileSync(`${this.key}.pub`, 'utf8'), { mode: 0o600 });
    await host.must(['chown', '-R', `${user}:`, home]);
  }

  /** Writes an inventory; what is left out is as on these hosts. */
  inventory(name: string, hub: string, spokes: readonly string[], more: Record<string, object> = {}): string {
    const entry = (site: string) => {
      const host = this.lab.host(site);
      const user = host === this.lab.hosts[0] ? 'root' : 'andy';
      return { site, host: host.address, user, key: this.key, ...more[site] };
    };
    const file = join(this.folder, `${name}.yaml`);
    writeFileSync(file, stringify({ known_hosts: this.knownHosts, hub: entry(hub), spokes: spokes.map(entry) }));
    return file;
  }

  /** Runs `axle deploy …` of a release as the operator would, from a machine on the same network. */
  deploy(root: string, args: readonly string[], { timeoutMs = DEPLOY_MS_MAX } = {}): Promise<Outcome> {
    const argv = ['ip', 'netns', 'exec', this.lab.namespace, process.execPath, `${root}/dist/cli/main.js`, 'deploy'];
    return exec([...argv, ...args], { timeoutMs, env: { ...BARE_ENV, HOME: this.folder } });
  }

  /** As `deploy`, and it must do what it was told. */
  async deployWell(root: string, args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.deploy(root, args);
    if (code !== 0) throw new Error(`axle deploy ${args.join(' ')}: exit ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  /** A release of this code under another version, ready to deploy from. */
  async release(version: string): Promise<string> {
    const out = join(this.folder, version);
    const pack = `${REPO_ROOT}/dist/deploy/release/main.js`;
    await must([process.execPath, pack, '--version', version, '--out', this.folder], { timeoutMs: DEPLOY_MS_MAX });
    mkdirSync(out);
    const file = join(this.folder, `axle-${version}-${process.platform}-${process.arch}.tar.gz`);
    await must(['tar', '-C', out, '-xzf', file]);
    return out;
  }

  async down(): Promise<void> {
    await this.lab.down();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
