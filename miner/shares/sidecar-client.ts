/** The site's sidecar, asked over its socket or its address. Answers are judged here: what is paid, refused, or tried again. */
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { CreditRow } from '../store/credits.js';
import type { SiteCredit } from './taken.js';

export type Sent = Pick<CreditRow, 'miner' | 'worker' | 'user' | 'amount' | 'difficulty' | 'from_s' | 'to_s'>;

export type Outcome =
  /** `balance`: the user's, with it, as decimal text. */
  | { readonly kind: 'paid'; readonly id: string; readonly balance?: string }
  /** It will never be taken as it is. `code` is the site's. */
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string }
  | Later;

export interface Later {
  readonly kind: 'later';
  readonly code: 'AXL-CREDIT-DOWN' | 'AXL-CREDIT-TOKEN';
  readonly reason: string;
  /** No other credit would fare better now. */
  readonly isAll: boolean;
  readonly wait_ms?: number;
}

export interface SidecarOptions {
  readonly socket?: string;
  readonly url?: string;
  readonly token_file?: string;
  /** For the whole of one question. */
  readonly timeout_ms?: number;
}

interface Answer {
  readonly status: number;
  readonly retry_after_s: number | undefined;
  /** Undefined where it is no JSON object. */
  readonly body: Record<string, unknown> | undefined;
}

const TIMEOUT_MS = 15_000;
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;
const PAGES_MAX = 50;
const DAY_S = 86_400;

export class SidecarClient {
  readonly #options: SidecarOptions;
  readonly #agent: http.Agent;
  readonly #isSecure: boolean;

  constructor(options: SidecarOptions) {
    this.#options = options;
    this.#isSecure = options.url?.startsWith('https:') ?? false;
    const settings = { keepAlive: true, maxSockets: 4 };
    this.#agent = this.#isSecure ? new https.Agent(settings) : new http.Agent(settings);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Never rejects: whatever happens is an outcome. The same period is one credit however often it is sent. */
  credit(sent: Sent, signal?: AbortSignal): Promise<Outcome> {
    const { miner, worker, user, amount, difficulty, from_s, to_s } = sent;
    const body = { miner, worker, user, amount, difficulty, from: from_s, to: to_s };
    return this.#try(async () => {
      const answer = await this.#ask('POST', '/v1/miner-credits', body, signal);
      return withBalance(outcomeOf(answer), answer);
    });
  }

  /** What the site has credited of a worker for `since_s` and later, whoever reported it. Never rejects. */
  credited(
    { miner, worker }: Pick<Sent, 'miner' | 'worker'>,
    since_s: number,
    signal?: AbortSignal,
  ): Promise<SiteCredit[] | Later> {
    return this.#try(async () => {
      const found: SiteCredit[] = [];
      let after = '0';
      for (let page = 0; page < PAGES_MAX; page += 1) {
        // By when it was credited: after its end, but for clocks that differ.
        const query = new URLSearchParams({ miner, since: String(Math.max(0, since_s - DAY_S)), after });
        const { status, body } = await this.#ask('GET', `/v1/miner-credits?${query}`, undefined, signal);
        if (status !== 200 || !Array.isArray(body?.credits))
          throw new Error(`asked what it has credited, it answers ${status}`);
        found.push(...body.credits.flatMap((one: unknown) => siteCreditOf(one) ?? []));
        if (typeof body.next !== 'string') return found.filter((one) => one.worker === worker);
        after = body.next;
      }
      throw new Error('its list of credits has no end');
    });
  }

  async #try<T>(ask: () => Promise<T>): Promise<T | Later> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof TokenError)
        return { kind: 'later', code: 'AXL-CREDIT-TOKEN', reason: error.message, isAll: true };
      const reason = error instanceof Error ? error.message : String(error);
      return { kind: 'later', code: 'AXL-CREDIT-DOWN', reason: `the sidecar does not answer: ${reason}`, isAll: true };
    }
  }

  #ask(method: 'GET' | 'POST', path: string, body: unknown, signal: AbortSignal | undefined): Promise<Answer> {
    const { socket, url, timeout_ms = TIMEOUT_MS } = this.#options;
    const text = body === undefined ? undefined : JSON.stringify(body);
    const token = this.#token();
    const headers: Record<string, string | number> = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
    };
    const base = url === undefined ? undefined : new URL(url);
    const where =
      base === undefined
        ? { socketPath: socket, path }
        : {
            host: base.hostname.replace(/^\[|\]$/g, ''),
            ...(base.port !== '' && { port: Number(base.port) }),
            path: base.pathname.replace(/\/$/, '') + path,
          };
    return new Promise((resolve, reject) => {
      const options = { ...where, method, headers, agent: this.#agent, ...(signal !== undefined && { signal }) };
      const outgoing = (this.#isSecure ? https : http).request(options);
      const fail = (error: Error): void => {
        clearTimeout(timer);
        outgoing.destroy();
        reject(error);
      };
      const timer = setTimeout(() => fail(new Error(`no answer within ${timeout_ms} ms`)), timeout_ms);
      outgoing.on('error', fail);
      outgoing.on('response', (response) => {
        const chunks: Buffer[] = [];
        let length = 0;
        response.on('data', (chunk: Buffer) => {
          length += chunk.length;
          if (length > ANSWER_BYTES_MAX) fail(new Error('its answer is too long'));
          else chunks.push(chunk);
        });
        response.on('aborted', () => fail(new Error('its answer was cut off')));
        response.on('error', fail);
        response.on('end', () => {
          clearTimeout(timer);
          const retry = Number(response.headers['retry-after']);
          resolve({
            status: response.statusCode ?? 0,
            retry_after_s: Number.isFinite(retry) && retry >= 0 ? retry : undefined,
            body: objectOf(Buffer.concat(chunks).toString('utf8')),
          });
        });
      });
      outgoing.end(text);
    });
  }

  /** Read each time: it may have been replaced. */
  #token(): string | undefined {
    const { token_file } = this.#options;
    if (token_file === undefined) return undefined;
    try {
      const token = fs.readFileSync(token_file, 'utf8').trim();
      if (/^[\x21-\x7e]+$/.test(token)) return token;
    } catch (error) {
      throw new TokenError(`${token_file} cannot be read (${(error as NodeJS.ErrnoException).code}): ${REMEDY}`);
    }
    throw new TokenError(`${token_file} holds no token: ${REMEDY}`);
  }
}

class TokenError extends Error {}

const REMEDY =
  'put a token in credit.token_file that may do miner-credits: at the site `axle token add NAME --scope miner-credits` makes one, or `axle token rotate NAME` where there is one of that name';

function outcomeOf({ status, retry_after_s, body }: Answer): Outcome {
  const error = (body?.error ?? {}) as { code?: unknown; message?: unknown };
  const code = typeof error.code === 'string' ? error.code : undefined;
  const message = typeof error.message === 'string' ? error.message : `it answers ${status}`;
  if (status === 200 && typeof body?.id === 'string' && typeof body.replayed === 'boolean')
    return { kind: 'paid', id: body.id };
  const later = (reason: string, isAll: boolean): Outcome => ({
    kind: 'later',
    code: 'AXL-CREDIT-DOWN',
    reason,
    isAll,
    ...(retry_after_s !== undefined && { wait_ms: retry_after_s * 1_000 }),
  });
  // What has no code is no sidecar's answer: a proxy's page, or another server.
  if (code === undefined)
    return later(`what answers with ${status} is no sidecar: look at credit.sidecar and at what stands between`, true);
  if (status === 401 || status === 403)
    return { kind: 'later', code: 'AXL-CREDIT-TOKEN', reason: `${message}: ${REMEDY}`, isAll: true };
  if (status === 404) return later(`${message}: look at the path of credit.sidecar.url`, true);
  if (status === 429 || status === 408) return later(message, true);
  if (status === 425) return later(`${message}: is this machine's clock right?`, false);
  if (status >= 400 && status < 500) return { kind: 'refused', code, reason: message };
  // One document that cannot be read, or is being rebuilt, is no reason to keep the others waiting.
  return later(message, status !== 503 && status !== 500);
}

function withBalance(outcome: Outcome, { body }: Answer): Outcome {
  const balance = body?.balance;
  const isAmount = typeof balance === 'string' && /^-?\d{1,30}(?:\.\d{1,8})?$/.test(balance);
  return outcome.kind === 'paid' && isAmount ? { ...outcome, balance } : outcome;
}

/** Undefined where it is none. */
function siteCreditOf(value: unknown): SiteCredit | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, user, worker, amount, difficulty, from, to } = value as Record<string, unknown>;
  const isText = (one: unknown): one is string => typeof one === 'string';
  const isDecimal = (one: unknown): one is string => isText(one) && /^\d{1,30}(?:\.\d{1,8})?$/.test(one);
  const isTime = (one: unknown): one is number => Number.isSafeInteger(one);
  if (!isText(id) || !isText(user) || !isText(worker) || !isDecimal(amount) || !isDecimal(difficulty)) return undefined;
  if (!isTime(from) || !isTime(to) || from >= to) return undefined;
  return { id, user, worker, amount, difficulty, from_s: from, to_s: to };
}

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
