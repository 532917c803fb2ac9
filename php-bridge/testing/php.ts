/** PHP for tests: programs that are missing, processes, and PHP's own web server on the package's endpoints. */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export const BRIDGE = path.join(import.meta.dirname, '..');
/** Where syncing to disk costs nothing: these tests write thousands of files. */
const TEMP = fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir();
const START_MS_MAX = 10_000;

/** Why tests with PHP cannot run here; undefined where they can. With CI=true a missing part is an error. */
export function missingForPhp(): string | undefined {
  const reason = obstacle();
  if (reason !== undefined && process.env.CI === 'true')
    throw new Error(`${reason}, and CI=true: these tests must run there`);
  return reason;
}

function obstacle(): string | undefined {
  const php = spawnSync('php', ['-m'], { encoding: 'utf8' });
  if (php.error !== undefined) return 'php is missing: apt-get install php-cli';
  const modules = php.stdout.split('\n');
  const missing = ['curl', 'json', 'pcntl', 'posix', 'dom'].filter((name) => !modules.includes(name));
  if (missing.length > 0) return `PHP lacks ${missing.join(', ')}: apt-get install php-cli php-curl php-xml`;
  const phpunit = spawnSync('phpunit', ['--version'], { encoding: 'utf8' });
  return phpunit.error === undefined ? undefined : 'phpunit is missing: apt-get install phpunit';
}

export type Ended = { readonly code: number | null; readonly output: string };

/** Runs a program to its end; stdout and stderr together. */
export function run(program: 'php' | 'phpunit', args: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TMPDIR: TEMP } });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

/** A site's userdata and the bridge's configuration for it. */
export class PhpSite {
  readonly folder = fs.mkdtempSync(path.join(TEMP, 'axle-bridge-'));
  readonly userdata = path.join(this.folder, 'userdata');
  readonly configFile = path.join(this.folder, 'config.php');
  readonly socket = path.join(this.folder, 'sidecar.sock');
  #stop: (() => Promise<void>) | undefined;
  log = '';

  constructor() {
    for (const kind of ['balances', 'profiles', '.axle/locks'])
      fs.mkdirSync(path.join(this.userdata, kind), { recursive: true });
    this.configure({});
  }

  /** Read anew at each request. */
  configure(over: Readonly<Record<string, string | number>>): void {
    const config = {
      site: 'roflfaucet',
      userdata: this.userdata,
      sidecar: `unix:${this.socket}`,
      identity: 'none',
      connect_ms: 300,
      answer_ms: 300,
      total_ms: 1_500,
      ...over,
    };
    const entries = Object.entries(config).map(([key, value]) => `${JSON.stringify(key)} => ${JSON.stringify(value)}`);
    // Beside it and renamed, because PHP must never read half of it.
    fs.writeFileSync(`${this.configFile}.new`, `<?php return [${entries.join(', ')}];\n`);
    fs.renameSync(`${this.configFile}.new`, this.configFile);
  }

  fileOf(document: string): string {
    return path.join(this.userdata, `${document}.txt`);
  }

  /** Starts PHP's web server on the endpoints, for root perhaps under another account; resolves with its address. */
  async serve(account?: number): Promise<string> {
    // As careless as a host may be: the endpoints must keep their words to the log by themselves.
    const careless = ['-d', 'display_errors=1', '-d', 'html_errors=1'];
    const child = spawn('php', [...careless, '-S', '127.0.0.1:0', '-t', path.join(BRIDGE, 'public')], {
      env: {
        ...process.env,
        AXLE_BRIDGE_CONFIG: this.configFile,
        PHP_CLI_SERVER_WORKERS: '4',
      },
      stdio: ['ignore', 'ignore', 'pipe'],
      ...(account !== undefined && { uid: account, gid: account }),
      // Its workers are processes of their own, which a signal to it alone would leave behind.
      detached: true,
    });
    const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()));
    this.#stop = async () => {
      if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      await ended;
    };
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`php -S did not start: ${this.log}`)), START_MS_MAX);
      child.on('exit', () => reject(new Error(`php -S ended: ${this.log}`)));
      child.stderr.on('data', (chunk) => {
        this.log += chunk;
        const address = /\((http:\/\/127\.0\.0\.1:\d+)\) started/.exec(this.log)?.[1];
        if (address === undefined) return;
        clearTimeout(timer);
        resolve(address);
      });
    });
  }

  async stop(): Promise<void> {
    await this.#stop?.();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Every PHP file of the package. */
export function phpFiles(): string[] {
  return fs
    .readdirSync(BRIDGE, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.php'))
    .map((file) => path.join(BRIDGE, file));
}
