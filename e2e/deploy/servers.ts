/** Bare servers, and the operator's machine from which they are deployed to. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { bareDebian } from '../lab/debian.js';
import { type Act, BARE_ENV, type ExecOptions, exec, must, type Outcome } from '../lab/exec.js';
import type { Host } from '../lab/host.js';
import { Lab } from '../lab/lab.js';
import { REPO_ROOT } from '../lab/repo.js';
import { makeKey } from '../lab/root.js';
import { hostKeyLine } from '../lab/ssh.js';
import type { Site } from '../sites/site.js';
import type { Operator } from '../steps/operator.js';

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
    for (const host of lab.hosts) await servers.#admit(host, servers.#userOf(host));
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
      const user = this.#userOf(host);
      return { site, host: host.address, user, key: this.key, ...more[site] };
    };
    const file = join(this.folder, `${name}.yaml`);
    writeFileSync(file, stringify({ known_hosts: this.knownHosts, hub: entry(hub), spokes: spokes.map(entry) }));
    return file;
  }

  /** Runs a program on the operator's machine, which is on the same network. */
  here(argv: readonly string[], { timeoutMs = DEPLOY_MS_MAX, ...more }: ExecOptions = {}): Promise<Outcome> {
    const env = { ...BARE_ENV, HOME: this.folder };
    return exec(['ip', 'netns', 'exec', this.lab.namespace, ...argv], { timeoutMs, env, ...more });
  }

  /** Runs `axle deploy …` of a release as the operator would. */
  deploy(root: string, args: readonly string[], options?: ExecOptions): Promise<Outcome> {
    return this.here([process.execPath, `${root}/dist/cli/main.js`, 'deploy', ...args], options);
  }

  /** As `deploy`, and acts on it once, as soon as it has said `at`. */
  deployUntil(root: string, args: readonly string[], at: RegExp, action: (act: Act) => void): Promise<Outcome> {
    return this.deploy(root, args, { onOutput: once(at, action) });
  }

  /** As `deployUntil`, at a terminal. */
  deployAtTerminal(root: string, args: readonly string[], at: RegExp, action: (act: Act) => void): Promise<Outcome> {
    const command = [process.execPath, `${root}/dist/cli/main.js`, 'deploy', ...args].join(' ');
    return this.here(['script', '-qec', command, '/dev/null'], { onOutput: once(at, action) });
  }

  #userOf(host: Host): string {
    return host === this.lab.hosts[0] ? 'root' : 'andy';
  }

  /** The operator at a keyboard: comes in by ssh, as root on the first host, elsewhere as somebody who has sudo. */
  get operator(): Operator {
    const ssh = [
      'ssh',
      '-F',
      'none',
      '-i',
      this.key,
      '-o',
      `UserKnownHostsFile=${this.knownHosts}`,
      '-o',
      'BatchMode=yes',
    ];
    const goal = ({ host }: Site): string => `${this.#userOf(host)}@${host.address}`;
    return {
      sh: (site, command) => this.here([...ssh, goal(site), command], { timeoutMs: 60_000 }),
      follow: async (site, command, seconds) =>
        (await this.here([...ssh, '-tt', goal(site), command], { timeoutMs: seconds * 1000 })).stdout,
      account: ({ host }) => {
        const user = this.#userOf(host);
        return { user, home: user === 'root' ? '/root' : `/home/${user}` };
      },
    };
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

function once(at: RegExp, action: (act: Act) => void): (soFar: string, act: Act) => void {
  let isDone = false;
  return (soFar, act) => {
    if (isDone || !at.test(soFar)) return;
    isDone = true;
    action(act);
  };
}
