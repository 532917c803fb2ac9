/** One site of the tests: its host, its daemon, and its live files as the site's own PHP sees and writes them. */

import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { sitePaths, unitOf, WWW_DATA } from '../lab/axle.js';
import type { Host } from '../lab/host.js';
import type { Lab } from '../lab/lab.js';
import { waitFor } from '../lab/wait.js';

const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 25_000;

export class Site {
  readonly name: string;
  readonly unit: string;
  readonly userdata: string;
  readonly state: string;
  readonly logFile: string;

  constructor(
    lab: Lab,
    readonly host: Host,
    /** Whom the site's files belong to, as a uid. */
    readonly owner = WWW_DATA,
  ) {
    const { userdata, state, logs } = sitePaths(host.name);
    this.name = host.name;
    this.unit = unitOf(lab, host.name);
    this.userdata = userdata;
    this.state = state;
    this.logFile = `${logs}/sync-daemon.log`;
  }

  /** Where a document's live file is, seen from this machine. */
  fileOf(document: string): string {
    return this.host.path(`${this.userdata}/${document}.txt`);
  }

  read(document: string): string | undefined {
    return existsSync(this.fileOf(document)) ? readFileSync(this.fileOf(document), 'utf8') : undefined;
  }

  /** As PHP's file_put_contents does it: the file is truncated, then filled, and belongs to PHP's account. */
  write(document: string, text: string | Buffer, mode?: number): void {
    const options = mode === undefined ? {} : { mode };
    this.host.write(`${this.userdata}/${document}.txt`, text, { ...options, owner: this.owner });
  }

  /** The balance in any of its shapes; undefined while the file is missing or being written. */
  balance(document: string): number | undefined {
    try {
      const { balance } = JSON.parse(this.read(document) ?? '') as { balance: unknown };
      const inside = typeof balance === 'object' && balance !== null ? (balance as { coins: unknown }).coins : balance;
      return Number(inside);
    } catch {
      return undefined;
    }
  }

  ownerOf(document: string): { uid: number; gid: number; mode: string } {
    const { uid, gid, mode } = statSync(this.fileOf(document));
    return { uid, gid, mode: (mode & 0o7777).toString(8) };
  }

  /** What the daemon has logged to its file. */
  log(): string {
    const path = this.host.path(this.logFile);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  /** A property of the unit, as `systemctl show` says it. */
  async prop(name: string): Promise<string> {
    return (await this.host.must(['systemctl', 'show', '--value', `--property=${name}`, this.unit])).trim();
  }

  /** Waits for a line of the log that was written after the first `from` characters. */
  async logged(what: string | RegExp, { from = 0, timeoutMs = 10_000 } = {}): Promise<void> {
    const found = (text: string) => (typeof what === 'string' ? text.includes(what) : what.test(text));
    await waitFor(`${what} in the log of ${this.name}`, { timeoutMs }, () => found(this.log().slice(from)));
  }

  /** Does something that makes the daemon start, and waits until the start has come to its end. */
  async ready(begin: () => Promise<unknown>, timeoutMs = START_LIMIT_MS): Promise<void> {
    const from = this.log().length;
    await begin();
    await this.logged(/ ready site=/, { from, timeoutMs });
  }

  start(timeoutMs?: number): Promise<void> {
    return this.ready(() => this.host.must(['systemctl', 'start', '--no-block', this.unit]), timeoutMs);
  }

  /** SIGTERM, and waits for the end. */
  async stop(): Promise<void> {
    await this.host.must(['systemctl', 'stop', this.unit], { timeoutMs: STOP_LIMIT_MS });
  }

  /** `kill -9`. systemd starts the daemon again after a moment. */
  async kill(): Promise<void> {
    await this.host.must(['systemctl', 'kill', '--signal=KILL', this.unit]);
  }

  /** Removes the replica's state, which a stopped daemon then lacks. */
  dropState(): void {
    for (const suffix of ['', '-wal', '-shm'])
      rmSync(this.host.path(`${this.state}/state.db${suffix}`), { force: true });
  }

  /**
   * Runs a program with the account of the site's PHP: what that may not write, it cannot. It may read everything, because
   * Node and this project may lie in somebody's closed home folder.
   */
  asPhp(argv: readonly string[], timeoutMs = 60_000): Promise<string> {
    const account = ['--reuid=www-data', '--regid=www-data', '--init-groups'];
    const capabilities = ['--inh-caps=-all,+dac_read_search', '--ambient-caps=-all,+dac_read_search'];
    return this.host.must(['setpriv', ...account, ...capabilities, '--', ...argv], { timeoutMs });
  }

  journal(lines = 120): Promise<string> {
    return this.host.journal(this.unit, lines);
  }
}
