/**
 * Tokens of programs: who they are for, what they may do, and their SHA-256, in a file that only its owner may write and only
 * its group may read. A token itself is shown once, when it is made: 32 random bytes need no slow hash.
 */
import { hash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Type } from '@sinclair/typebox';
import { Ajv } from 'ajv';

/** Whose tokens a file holds. */
export type TokenKind<Scope extends string> = {
  /** All that such a token may be allowed to do. */
  readonly scopes: readonly Scope[];
  /** That makes them, for messages: `axle token`. */
  readonly command: string;
};

export type Token<Scope extends string = string> = {
  readonly name: string;
  readonly sha256: string;
  readonly scopes: readonly Scope[];
  /** An ISO time. */
  readonly created: string;
};

export const TOKEN_PREFIX = 'axle_';
export const TOKEN_BYTES = 32;
const MODE_MAX = 0o640;

const schemaOf = (scopes: readonly string[]) =>
  Type.Object(
    {
      tokens: Type.Array(
        Type.Object(
          {
            name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$' }),
            sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
            scopes: Type.Array(Type.Unsafe<string>({ type: 'string', enum: [...scopes] }), { minItems: 1 }),
            created: Type.String(),
          },
          { additionalProperties: false },
        ),
      ),
    },
    { additionalProperties: false },
  );

export class TokenFileError extends Error {
  readonly code = 'AXL-TOKENS';
  readonly hint: string;

  constructor(message: string, command: string) {
    super(message);
    this.hint = `the file of tokens is made by ${command} add, and must be closed to others (mode 0640)`;
  }
}

const ajv = new Ajv();
/** A schema is compiled once for each kind. */
const checks = new WeakMap<readonly string[], (value: unknown) => boolean>();

function isTokenFile<S extends string>(value: unknown, scopes: readonly S[]): value is { readonly tokens: Token<S>[] } {
  const check = checks.get(scopes) ?? ajv.compile(schemaOf(scopes));
  checks.set(scopes, check);
  return check(value);
}

/** The file's tokens; none where there is no file. Throws TokenFileError where it is damaged or open to others. */
export function readTokens<S extends string>(file: string, { scopes, command }: TokenKind<S>): Token<S>[] {
  let fd: number;
  try {
    fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new TokenFileError(`${file} cannot be read: ${(error as Error).message}`, command);
  }
  try {
    const mode = fs.fstatSync(fd).mode & 0o777;
    if ((mode & ~MODE_MAX) !== 0)
      throw new TokenFileError(`${file} has mode ${mode.toString(8).padStart(4, '0')}: chmod 0640 ${file}`, command);
    const value: unknown = parse(fs.readFileSync(fd, 'utf8'));
    if (!isTokenFile(value, scopes))
      throw new TokenFileError(`${file} is no file of tokens: make it with ${command} add`, command);
    return value.tokens;
  } finally {
    fs.closeSync(fd);
  }
}

/** Replaces the file as a whole; owner and group of an existing one stay. Where root makes the first: those of its folder. */
export function writeTokens(file: string, tokens: readonly Token[]): void {
  const temp = `${file}.new`;
  fs.rmSync(temp, { force: true });
  fs.writeFileSync(temp, `${JSON.stringify({ tokens }, null, 2)}\n`, { mode: MODE_MAX, flag: 'wx' });
  fs.chmodSync(temp, MODE_MAX);
  const { uid, gid } = fs.lstatSync(file, { throwIfNoEntry: false }) ?? fs.statSync(path.dirname(file));
  if (process.getuid?.() === 0) fs.chownSync(temp, uid, gid);
  fs.renameSync(temp, file);
}

export function hashToken(token: string): string {
  return hash('sha256', token, 'hex');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const LOOK_MS = 1_000;

/** The tokens of a file that may change at any time: looked at once a second at most, when one is asked for. */
export class Tokens<S extends string = string> {
  #byHash = new Map<string, Token<S>>();
  #print = '';
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** Throws TokenFileError. `onBad`: the file has become unusable; what was read before counts on. */
  constructor(
    readonly file: string,
    readonly kind: TokenKind<S>,
    readonly clock: () => number,
    readonly onBad: (error: Error) => void,
  ) {
    this.#print = this.#fingerprint();
    this.#read();
    this.#lookedAt = clock();
  }

  get size(): number {
    return this.#byHash.size;
  }

  find(token: string): Token<S> | undefined {
    this.#look();
    // What is compared is a hash of what was sent: the time it takes tells nothing of a token.
    return this.#byHash.get(hashToken(token));
  }

  #look(): void {
    const now = this.clock();
    if (now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    const print = this.#fingerprint();
    if (print === this.#print) return;
    this.#print = print;
    try {
      this.#read();
    } catch (error) {
      this.onBad(error as Error);
    }
  }

  #read(): void {
    this.#byHash = new Map(readTokens(this.file, this.kind).map((token) => [token.sha256, token]));
  }

  #fingerprint(): string {
    const stat = fs.lstatSync(this.file, { throwIfNoEntry: false });
    return stat === undefined ? '' : `${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`;
  }
}
