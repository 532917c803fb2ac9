/** What somebody does who has taken over one spoke and holds its key: forged batches, pushed by the real rsync. */

import { createHash, randomBytes } from 'node:crypto';
import { documentLine, encodeBatch } from '../../common/core/batch.js';
import type { DocState } from '../../common/core/state.js';
import { pushArgs } from '../../common/link/rsync-args.js';
import { AXLE_ACCOUNT } from '../lab/accounts.js';
import type { Outcome } from '../lab/exec.js';
import { sshFiles } from '../lab/ssh.js';
import { waitFor } from '../lab/wait.js';
import type { Site } from './site.js';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

export class Intruder {
  readonly #folder = '/var/tmp/forged';

  constructor(
    readonly spoke: Site,
    readonly hub: Site,
  ) {}

  /** The replica id that a site goes by now, as its folder of live files tells everybody on that site. */
  static replicaOf(site: Site): string {
    return site.host.read(`${site.userdata}/.axle/replica`).split(' ')[0] ?? '';
  }

  /** ssh's arguments up to the destination. */
  get ssh(): string[] {
    const { key, knownHosts } = sshFiles(this.spoke.name);
    const options = ['BatchMode=yes', 'ControlPath=none', 'IdentitiesOnly=yes', `UserKnownHostsFile=${knownHosts}`];
    return ['ssh', '-F', 'none', '-i', key, ...options.flatMap((option) => ['-o', option])];
  }

  get destination(): string {
    return `${AXLE_ACCOUNT}@${this.hub.host.address}`;
  }

  /** Runs a program on the spoke as its daemon's account. */
  run(argv: readonly string[], input = ''): Promise<Outcome> {
    return this.spoke.host.run(['runuser', '-u', AXLE_ACCOUNT, '--', ...argv], { timeoutMs: 20_000, input });
  }

  /** rsync with this spoke's key, with any options. */
  rsync(...args: readonly string[]): Promise<Outcome> {
    return this.run(['rsync', `--rsh=${this.ssh.join(' ')}`, ...args]);
  }

  url(path: string): string {
    return `${this.destination}::${path}`;
  }

  /** Puts a file in the folder that is pushed from; returns its path on the spoke. */
  async file(name: string, content: string): Promise<string> {
    const path = `${this.#folder}/${name}`;
    this.spoke.host.write(path, content);
    await this.spoke.host.must(['chown', '-R', `${AXLE_ACCOUNT}:`, this.#folder]);
    return path;
  }

  /** Delivers a batch as the daemon would, and waits until the hub has taken it out of its inbox. */
  async push(document: string, state: DocState, as = Intruder.replicaOf(this.spoke)): Promise<void> {
    const head = 1_000_000;
    const header = {
      replica: as,
      to_site: this.hub.name,
      session: 'f0f0',
      from: 0,
      to: head,
      head,
      sent_at: Date.now(),
    };
    const text = encodeBatch(
      header,
      [documentLine(document, JSON.stringify(state), Date.now(), this.spoke.name)],
      digest,
    );
    const name = `0000000000000001-${as}-${randomBytes(4).toString('hex')}.batch`;
    await this.file(name, text);
    const { key, knownHosts } = sshFiles(this.spoke.name);
    const peer = { host: this.hub.host.address, user: AXLE_ACCOUNT, keyFile: key, knownHostsFile: knownHosts };
    const args = pushArgs({ peer, module: 'inbox', control: 'none' }, this.#folder);
    const { code, stderr } = await this.run(['rsync', ...args], `${name}\0`);
    if (code !== 0) throw new Error(`the forged batch was not delivered: ${stderr}`);
    const inbox = `${this.hub.state}/inbox/${this.spoke.name}/${name}`;
    await waitFor('the hub to read the forged batch', { timeoutMs: 10_000 }, async () => {
      return (await this.hub.host.run(['test', '-e', inbox])).code !== 0;
    });
  }
}
