/** Real daemons as children of a test, on this machine's own disk: hub and spoke over folder links, each with limits of its own. */

import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { KINDS, MAIN } from '../lab/axle.js';
import { missingPrograms } from '../lab/requirements.js';
import { waitFor } from '../lab/wait.js';

export const HUB = 'directsponsor';
export const SPOKE = 'roflfaucet';
export const NOBODY = 65_534;

const START_MS = 20_000;
const TOLD_MS = 20_000;
const PROGRAMS = { prlimit: 'util-linux', unshare: 'util-linux', nsenter: 'util-linux', setpriv: 'util-linux' };

/** As `needsLab`, for daemons that are given limits. */
export function needsLimits(what: string): boolean {
  const obstacles = missingPrograms(PROGRAMS);
  if (process.getuid?.() !== 0) obstacles.push('limits of other processes need root');
  if (!existsSync(MAIN)) obstacles.push(`${MAIN} is missing: npm run build`);
  if (obstacles.length === 0) return false;
  const reason = `${what} cannot run here:\n  ${obstacles.join('\n  ')}`;
  if (process.env.CI === 'true') throw new Error(reason);
  console.warn(`skipped: ${reason}`);
  return true;
}

/** A folder with a hub and a spoke, of which either, both or none runs. */
export class Pair {
  readonly root = mkdtempSync('/tmp/axle-limits-');
  readonly hub = new Child(this.root, HUB, SPOKE);
  readonly spoke = new Child(this.root, SPOKE, HUB);

  constructor() {
    // Both accounts of a test come to its folders.
    chmodSync(this.root, 0o755);
  }

  async close(): Promise<void> {
    await Promise.all([this.hub.end(), this.spoke.end()]);
    rmSync(this.root, { recursive: true, force: true });
  }
}

export class Child {
  readonly userdata: string;
  readonly state: string;
  readonly #config: string;
  readonly #home: string;
  #process: ChildProcess | undefined;
  #ended: Promise<number> = Promise.resolve(0);
  log = '';

  constructor(root: string, site: string, peer: string) {
    this.#home = join(root, site);
    this.userdata = join(this.#home, 'userdata');
    this.state = join(this.#home, 'state');
    this.#config = join(this.#home, 'axle.yaml');
    for (const kind of KINDS) mkdirSync(join(this.userdata, kind), { recursive: true });
    mkdirSync(join(this.state, 'inbox', peer), { recursive: true });
    const link = { type: 'folder', inbox: join(root, peer, 'state', 'inbox', site) };
    const common = { site, userdata: this.userdata, state: this.state };
    const config =
      site === HUB ? { ...common, spokes: [{ site: peer, link }] } : { ...common, hub: { site: peer, link } };
    writeFileSync(this.#config, stringify(config));
  }

  /** All that it has belongs to an account that is not root, under which it then runs. */
  giveToNobody(peer: string): string[] {
    for (const path of [
      this.#home,
      ...readdirSync(this.#home, { recursive: true, encoding: 'utf8' }).map((one) => join(this.#home, one)),
    ])
      chownSync(path, NOBODY, NOBODY);
    // What the other daemon (root) puts there is this one's group's to read.
    chmodSync(join(this.state, 'inbox', peer), 0o2770);
    const account = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
    // Node and this project may lie in somebody's closed home folder: it may read all, and write what is its own.
    return ['setpriv', ...account, '--inh-caps=-all,+dac_read_search', '--ambient-caps=-all,+dac_read_search'];
  }

  /** `before` is put before the command: a program that sets limits and becomes the daemon. */
  start(before: readonly string[] = []): void {
    const role = this.userdata.includes(`/${HUB}/`) ? 'hub' : 'spoke';
    const argv = [...before, process.execPath, MAIN, role, '--config', this.#config, '--log-format', 'journal'];
    const child = spawn(argv[0] as string, argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.log += text;
      });
    this.#ended = new Promise((resolve) => child.on('close', (code) => resolve(code ?? 137)));
  }

  async ready(before?: readonly string[]): Promise<void> {
    this.start(before);
    await this.told(/ready site=/, START_MS);
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Resolves to the exit code. */
  ended(): Promise<number> {
    return this.#ended;
  }

  async end(): Promise<void> {
    this.#process?.kill('SIGTERM');
    await this.#ended;
  }

  /** Waits for a line of the log. */
  async told(what: RegExp, timeoutMs = TOLD_MS): Promise<void> {
    await waitFor(`${what} in the log`, { timeoutMs }, () => what.test(this.log)).catch((cause) => {
      throw new Error(this.log.slice(-6_000), { cause });
    });
  }

  write(document: string, value: object): void {
    writeFileSync(join(this.userdata, `${document}.txt`), JSON.stringify(value));
  }

  async shows(document: string, value: object): Promise<void> {
    const file = join(this.userdata, `${document}.txt`);
    const wanted = JSON.stringify(value);
    await waitFor(`${document} to be ${wanted}`, { timeoutMs: TOLD_MS }, () => {
      return existsSync(file) && JSON.stringify(JSON.parse(readFileSync(file, 'utf8'))) === wanted;
    }).catch((cause) => {
      throw new Error(this.log.slice(-6_000), { cause });
    });
  }
}
