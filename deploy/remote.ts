/** An authenticated connection to one host, on which fixed scripts run as root. */
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { NodeSSH } from 'node-ssh';
import type { ServerHostKeyAlgorithm } from 'ssh2';
import { DeployError } from './error.js';
import type { SiteEntry } from './inventory.js';
import { addKnownKey, fingerprint, hostPattern, knownKeys, typeOf } from './known-hosts.js';
import { quote } from './quote.js';

export type Answer = { readonly code: number; readonly stdout: string; readonly stderr: string };

export type Trust = {
  /** known_hosts file. */
  readonly file: string;
  /** A host that the file does not name is added to it. */
  readonly acceptNew: boolean;
  readonly say: (text: string) => void;
};

export type ScriptOptions = {
  /** Whole standard input; default none. */
  readonly stdin?: string;
  /** As `stdin`, from a file of this machine. */
  readonly file?: string;
  /** Default one minute. */
  readonly timeout_ms?: number;
  /** Hears of each whole line of standard output as it comes. */
  readonly onLine?: (line: string) => void;
};

const CONNECT_MS_MAX = 20_000;
const SCRIPT_MS_MAX = 60_000;
const ALIVE_MS = 10_000;

export class Remote {
  #lost: string | undefined;

  private constructor(
    readonly entry: SiteEntry,
    readonly ssh: NodeSSH,
  ) {
    // Without a listener, an error of an idle connection would end this process.
    ssh.connection?.on('error', (error: Error) => {
      this.#lost = error.message;
    });
  }

  /** Rejects with a DeployError that says what to do. */
  static async connect(entry: SiteEntry, trust: Trust): Promise<Remote> {
    const ssh = new NodeSSH();
    let refusal: DeployError | undefined;
    const known = await knownKeys(trust.file, entry.host, entry.port);
    const verify = (key: Buffer): boolean => {
      refusal = refusalOf(entry, key, known, trust);
      return refusal === undefined;
    };
    try {
      await ssh.connect({
        host: entry.host,
        port: entry.port,
        username: entry.user,
        ...credentials(entry),
        readyTimeout: CONNECT_MS_MAX,
        keepaliveInterval: ALIVE_MS,
        hostVerifier: verify,
        ...(known.types.length > 0 && { algorithms: { serverHostKey: known.types.flatMap(algorithmsOf) } }),
      });
    } catch (error) {
      ssh.dispose();
      throw refusal ?? connectError(entry, error as Error & { level?: string });
    }
    return new Remote(entry, ssh);
  }

  /** Runs a fixed script with `args` as "$1", "$2", …; as root. Resolves however it ends. */
  async run(script: string, args: readonly string[] = [], options: ScriptOptions = {}): Promise<Answer> {
    const { timeout_ms = SCRIPT_MS_MAX } = options;
    const become = this.entry.become === 'sudo' ? ['sudo', '-n', '--'] : [];
    const input = options.file === undefined ? options.stdin : createReadStream(options.file);
    if (!this.ssh.isConnected()) throw this.#gone();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new DeployError(this.entry.site, `a step took longer than ${timeout_ms / 1000} s`, AGAIN));
        this.ssh.dispose();
      }, timeout_ms);
    });
    try {
      const { code, stdout, stderr } = await Promise.race([
        this.ssh.execCommand(quote([...become, 'sh', '-c', script, 'sh', ...args]), {
          noTrim: true,
          ...(input !== undefined && { stdin: input as string | Readable }),
          ...(options.onLine !== undefined && { onStdout: inLines(options.onLine) }),
        }),
        late,
      ]);
      if (code === null) throw this.#gone();
      if (code === 1 && /^sudo: .*(password|terminal)/m.test(stderr)) throw sudoError(this.entry);
      return { code, stdout, stderr };
    } finally {
      clearTimeout(timer);
    }
  }

  /** As `run`; anything but success is an error that says `what` failed. Resolves to its standard output. */
  async must(what: string, script: string, args: readonly string[] = [], options: ScriptOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(script, args, options);
    if (code === 0) return stdout;
    const words = (stderr.trim() || stdout.trim() || `exit code ${code}`).split('\n').slice(-12).join('\n  ');
    throw new DeployError(this.entry.site, `${what}: ${words}`, AGAIN);
  }

  close(): void {
    this.ssh.dispose();
  }

  #gone(): DeployError {
    const why = this.#lost === undefined ? '' : `: ${this.#lost}`;
    return new DeployError(this.entry.site, `the connection to ${this.entry.host} was lost${why}`, AGAIN);
  }
}

function inLines(onLine: (line: string) => void): (piece: Buffer) => void {
  let rest = '';
  return (piece) => {
    const lines = (rest + piece.toString('utf8')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  };
}

export const AGAIN = 'Correct that and run the same command again: what is done stays done.';
/** To whoever has stopped a deploy. */
export const GO_ON = 'The same command goes on from here: what is done stays done.';

function refusalOf(
  { site, host, port }: SiteEntry,
  key: Buffer,
  known: Awaited<ReturnType<typeof knownKeys>>,
  trust: Trust,
): DeployError | undefined {
  const text = key.toString('base64');
  const shown = `${typeOf(key)} ${fingerprint(key)}`;
  const name = hostPattern(host, port);
  if (known.revoked.has(text)) return new DeployError(site, `the host key of ${name} is revoked: ${shown}`);
  if (known.trusted.has(text)) return undefined;
  if (known.trusted.size > 0) {
    const remedy = `Somebody may be in between. If the host really has a new key: ssh-keygen -R '${name}' -f ${trust.file}, then as for a new host.`;
    return new DeployError(site, `the host key of ${name} is not the known one: ${shown}`, remedy);
  }
  if (trust.acceptNew) {
    trust.say(`${site}: trusting ${name} from now on: ${shown}`);
    addKnownKey(trust.file, host, port, key);
    return undefined;
  }
  const remedy =
    `Compare this fingerprint with the host's own (there: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then\n` +
    `  ssh-keyscan -p ${port} ${host} >> ${trust.file}\nor run this command with --accept-new.`;
  return new DeployError(site, `the host key of ${name} is not in ${trust.file}: ${shown}`, remedy);
}

/** What a key of this type may sign with. */
function algorithmsOf(type: string): ServerHostKeyAlgorithm[] {
  return (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type]) as ServerHostKeyAlgorithm[];
}

function credentials(entry: SiteEntry): { privateKey: string } | { agent: string } {
  if (entry.key !== undefined) return { privateKey: readKey(entry, entry.key) };
  const { SSH_AUTH_SOCK: agent } = process.env;
  if (agent !== undefined && agent !== '') return { agent };
  const found = ['id_ed25519', 'id_ecdsa', 'id_rsa']
    .map((name) => join(homedir(), '.ssh', name))
    .find((path) => existsSync(path));
  if (found !== undefined) return { privateKey: readKey(entry, found) };
  throw new DeployError(
    entry.site,
    'there is no ssh key to log in with',
    'Set key: in the inventory, or use an agent.',
  );
}

function readKey({ site }: SiteEntry, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new DeployError(
      site,
      `the key cannot be read: ${(error as Error).message}`,
      'Correct key: in the inventory.',
    );
  }
}

function connectError({ site, host, port, user }: SiteEntry, error: Error & { level?: string }): DeployError {
  const place = `${user}@${host}:${port}`;
  if (error instanceof DeployError) return error;
  if (error.level === 'client-authentication') {
    return new DeployError(site, `${place} does not accept the key`, `Try it by hand: ssh -p ${port} ${user}@${host}`);
  }
  if (/passphrase|encrypted/i.test(error.message)) {
    const remedy = 'Add it to an agent (ssh-add) and leave key: out.';
    return new DeployError(site, 'the key is protected by a passphrase', remedy);
  }
  return new DeployError(
    site,
    `cannot connect to ${place}: ${error.message}`,
    `Try it by hand: ssh -p ${port} ${user}@${host}`,
  );
}

function sudoError({ site, user, host }: SiteEntry): DeployError {
  const remedy = `On ${host}, let sudo ask no password, at least while deploying: ${user} ALL=(ALL) NOPASSWD: ALL (visudo -f /etc/sudoers.d/${user}).`;
  return new DeployError(site, `sudo asks ${user} for a password`, remedy);
}
