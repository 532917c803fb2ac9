/** A file of a GitHub Gist: written with a token, read with or without one. Knows no schedule: it says when not to ask. */
import { setTimeout as sleep } from 'node:timers/promises';
import { version } from '../../common/runtime/version.js';
import { type FaultCode, faultOf, GistFault, hintOf, type Purpose } from './gist-fault.js';

export const API_URL = 'https://api.github.com';

export interface GistClientOptions {
  /** Of GitHub Enterprise: https://HOST/api/v3. */
  readonly api_url?: string;
  readonly token?: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly timeout_ms?: number;
  readonly conflict_pause_ms?: number;
}

/** What GitHub still allows, until when (milliseconds since 1970). */
export interface Budget {
  readonly remaining: number;
  readonly reset_at: number;
}

export interface GistFile {
  /** Absent: the same as at the tag that was asked with. */
  readonly text?: string;
  /** Opaque: give it back with the next reading. */
  readonly tag?: string | undefined;
  readonly budget?: Budget | undefined;
}

const USER_AGENT = `axle/${version()}`;
/** A megabyte must go up a slow line. */
const TIMEOUT_MS = 30_000;
/** More than the API ever gives of a file, and than a raw address is read of. */
const ANSWER_BYTES_MAX = 12_000_000;
const TRIES_AT_CONFLICT = 3;
const PAUSE_AT_CONFLICT_MS = 400;

export class GistClient {
  readonly #options: GistClientOptions;

  constructor(options: GistClientOptions) {
    this.#options = options;
  }

  /** Replaces the content of one file. Rejects with `GistFault`. */
  async write(id: string, file: string, content: string): Promise<Budget | undefined> {
    const body = JSON.stringify({ files: { [file]: { content } } });
    for (let tries = 1; ; tries += 1) {
      const answer = await this.#ask('write', this.#gist(id), { method: 'PATCH', body });
      if (answer.status === 200) {
        // Its content comes back with it: nobody needs that.
        await answer.body?.cancel();
        return budgetOf(answer.headers);
      }
      const fault = await this.#faultOf('write', answer);
      if (fault.code !== 'conflict' || tries === TRIES_AT_CONFLICT) throw fault;
      await sleep((this.#options.conflict_pause_ms ?? PAUSE_AT_CONFLICT_MS) * tries);
    }
  }

  /** By the API, which counts every answer but 304 against the limit. Rejects with `GistFault`. */
  async read(id: string, file: string, tag?: string): Promise<GistFile> {
    const answer = await this.#ask('read', this.#gist(id), {
      headers: tag === undefined ? {} : { 'if-none-match': tag },
    });
    const budget = budgetOf(answer.headers);
    if (answer.status === 304) return { tag, budget };
    if (answer.status !== 200) throw await this.#faultOf('read', answer);
    const found = fileIn(await bodyOf('read', answer), file);
    if (found === undefined) throw fault('read', 'missing', `the Gist has no file ${file}`);
    const text =
      found.truncated && found.raw_url !== undefined ? (await this.readRaw(found.raw_url)).text : found.content;
    if (text === undefined) throw fault('read', 'answer', 'an answer without the content of the file');
    return { text, tag: answer.headers.get('etag') ?? undefined, budget };
  }

  /** By a raw address, to which the token is never sent. GitHub may answer with what is minutes old. */
  async readRaw(url: string, tag?: string): Promise<GistFile> {
    const answer = await this.#ask(
      'read',
      url,
      { headers: tag === undefined ? {} : { 'if-none-match': tag } },
      { isRaw: true },
    );
    if (answer.status === 304) return { tag };
    if (answer.status !== 200) throw await this.#faultOf('read', answer);
    return { text: await bodyOf('read', answer), tag: answer.headers.get('etag') ?? undefined };
  }

  #gist(id: string): string {
    return `${(this.#options.api_url ?? API_URL).replace(/\/+$/, '')}/gists/${encodeURIComponent(id)}`;
  }

  async #ask(purpose: Purpose, url: string, init: RequestInit, { isRaw = false } = {}): Promise<Response> {
    const { token, timeout_ms = TIMEOUT_MS } = this.#options;
    try {
      return await fetch(url, {
        ...init,
        headers: {
          'user-agent': USER_AGENT,
          ...(isRaw ? {} : { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' }),
          ...(isRaw || token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...init.headers,
        },
        // Not to where somebody else sends us with the token.
        redirect: isRaw ? 'follow' : 'error',
        signal: AbortSignal.timeout(timeout_ms),
      });
    } catch (error) {
      throw unreachable(purpose, error);
    }
  }

  async #faultOf(purpose: Purpose, answer: Response): Promise<GistFault> {
    const { status, headers } = answer;
    const said = await bodyOf(purpose, answer).then(messageIn, () => undefined);
    return faultOf({ purpose, status, headers, said: this.#withoutToken(said), now: this.#options.now() });
  }

  #withoutToken(text: string | undefined): string | undefined {
    const { token } = this.#options;
    return token === undefined ? text : text?.replaceAll(token, '***');
  }
}

function fault(purpose: Purpose, code: FaultCode, message: string, options?: ErrorOptions): GistFault {
  return new GistFault(code, message, hintOf(code, purpose), undefined, options);
}

/** fetch says "fetch failed", and why in the cause. */
function unreachable(purpose: Purpose, error: unknown): GistFault {
  const { name, message, cause } = error as Error;
  const why = name === 'TimeoutError' ? 'no answer in time' : ((cause as Error | undefined)?.message ?? message);
  return fault(purpose, 'unreachable', why, { cause: error });
}

/** Bounded: neither a wrong address nor a wrong server may fill the memory. */
async function bodyOf(purpose: Purpose, answer: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const part of answer.body ?? []) {
      bytes += part.byteLength;
      if (bytes > ANSWER_BYTES_MAX) throw fault(purpose, 'answer', `an answer of more than ${ANSWER_BYTES_MAX} bytes`);
      parts.push(part);
    }
  } catch (error) {
    throw error instanceof GistFault ? error : unreachable(purpose, error);
  }
  return Buffer.concat(parts).toString('utf8');
}

function messageIn(text: string): string | undefined {
  const { message } = objectIn(text) ?? {};
  return typeof message === 'string' ? message : undefined;
}

interface Found {
  readonly content: string | undefined;
  readonly truncated: boolean;
  readonly raw_url: string | undefined;
}

function fileIn(text: string, name: string): Found | undefined {
  const files = objectIn(text)?.files;
  const file = isObject(files) && Object.hasOwn(files, name) ? files[name] : undefined;
  if (!isObject(file)) return undefined;
  const { content, truncated, raw_url } = file;
  return {
    content: typeof content === 'string' ? content : undefined,
    truncated: truncated === true,
    raw_url: typeof raw_url === 'string' ? raw_url : undefined,
  };
}

function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function budgetOf(headers: Headers): Budget | undefined {
  const [remaining, reset] = ['x-ratelimit-remaining', 'x-ratelimit-reset'].map((name) => headers.get(name) ?? '');
  if (!/^\d+$/.test(remaining ?? '') || !/^\d+$/.test(reset ?? '')) return undefined;
  return { remaining: Number(remaining), reset_at: Number(reset) * 1_000 };
}
