/** Host keys that the operator trusts, looked up by OpenSSH's own program, which knows every form of the file. */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { run } from '../common/runtime/spawn.js';

export type KnownKeys = {
  /** Base64, as in the file. */
  readonly trusted: ReadonlySet<string>;
  readonly revoked: ReadonlySet<string>;
  /** `ssh-ed25519` and the like, of those that are trusted. */
  readonly types: readonly string[];
};

const LOOK_MS_MAX = 10_000;

/** How a known_hosts file names a host. */
export function hostPattern(host: string, port: number): string {
  return port === 22 ? host : `[${host}]:${port}`;
}

export async function knownKeys(file: string, host: string, port: number): Promise<KnownKeys> {
  if (!existsSync(file)) return { trusted: new Set(), revoked: new Set(), types: [] };
  const args = ['-F', hostPattern(host, port), '-f', file];
  const { code, stdout, failedToStart } = await run('ssh-keygen', args, { timeout_ms: LOOK_MS_MAX });
  if (failedToStart !== undefined) throw new Error('ssh-keygen is missing: apt-get install openssh-client');
  return code === 0 ? parseFound(stdout) : parseFound('');
}

/** The lines that `ssh-keygen -F` found. */
export function parseFound(text: string): KnownKeys {
  const trusted = new Set<string>();
  const revoked = new Set<string>();
  const types: string[] = [];
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const words = line.trim().split(/\s+/);
    const marker = words[0]?.startsWith('@') ? words.shift() : undefined;
    const [, type, key] = words;
    if (type === undefined || key === undefined) continue;
    if (marker === '@revoked') revoked.add(key);
    // A certificate authority vouches for hosts' certificates, which are not asked for here.
    else if (marker === undefined) {
      trusted.add(key);
      types.push(type);
    }
  }
  return { trusted, revoked, types };
}

/** As `ssh` shows it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** The name at the beginning of a public key's bytes. */
export function typeOf(key: Buffer): string {
  return key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1');
}

export function addKnownKey(file: string, host: string, port: number, key: Buffer): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  appendFileSync(file, `${hostPattern(host, port)} ${typeOf(key)} ${key.toString('base64')}\n`, { mode: 0o600 });
}
