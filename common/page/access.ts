/** Who may see the page: this machine's own names, or whoever knows the password. */
import { createHash, timingSafeEqual } from 'node:crypto';
import fs from 'node:fs';
import type http from 'node:http';
import { isLoopback } from '../runtime/config-checks.js';

export const USER = 'axle';
const PASSWORD_BYTES_MIN = 12;

export type Access = 'local' | 'remote' | 'refused' | 'unknown name';

/** Rejects everybody else's requests; `local` also sees names of documents. */
export class Doorman {
  readonly #digest: Buffer | undefined;

  /** `host`: where the page listens. Throws where the password's file is of no use. */
  constructor(
    readonly host: string,
    passwordFile: string | undefined,
  ) {
    this.#digest = passwordFile === undefined ? undefined : digestOf(readPassword(passwordFile));
  }

  judge({ headers }: http.IncomingMessage): Access {
    if (this.#digest !== undefined && !this.#knowsPassword(headers.authorization, this.#digest)) return 'refused';
    const isForwarded = ['forwarded', 'x-forwarded-for', 'via'].some((name) => headers[name] !== undefined);
    const isLocal = isLoopback(this.host) && isLoopback(nameIn(headers.host)) && !isForwarded;
    if (isLocal) return 'local';
    // Without a password, a website must not reach this by a name of its own that leads to 127.0.0.1.
    return this.#digest === undefined ? 'unknown name' : 'remote';
  }

  #knowsPassword(authorization: string | undefined, digest: Buffer): boolean {
    const [, scheme = '', given = ''] = /^(Basic|Bearer) +(\S+)$/i.exec(authorization ?? '') ?? [];
    const plain = scheme.toLowerCase() === 'basic' ? Buffer.from(given, 'base64').toString('utf8') : `${USER}:${given}`;
    return plain.startsWith(`${USER}:`) && timingSafeEqual(digestOf(plain.slice(USER.length + 1)), digest);
  }
}

function nameIn(host: string | undefined): string {
  return (host ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function readPassword(file: string): string {
  let password: string;
  try {
    password = fs.readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as Error).message}`);
  }
  if (Buffer.byteLength(password) < PASSWORD_BYTES_MIN)
    throw new Error(`${file} holds no password of at least ${PASSWORD_BYTES_MIN} bytes`);
  return password;
}
