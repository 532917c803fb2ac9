/**
 * The sidecar's contract as far as the bridge uses it, in memory, and on demand as bad as a network and a dying process
 * can be. Idempotent: a key is carried out once, however often it comes. `contract.test.ts` holds it to the sidecar itself.
 */
import fs from 'node:fs';
import http from 'node:http';
import type { Socket } from 'node:net';

/** What happens to one request. `after`: once it has been carried out. */
export type Mishap =
  | 'dies after'
  | 'hangs after'
  | 'garbage after'
  | '500 after'
  | 'hangs'
  | '429'
  | '503'
  | '401'
  | 'truncates after';

type Answer = { readonly status: number; readonly body: unknown; readonly headers?: Record<string, string> };

export type Seen = {
  readonly method: string;
  readonly url: string;
  readonly key: string | undefined;
  readonly body: string;
};

export class ContractServer {
  /** In hundred-millionths would be exact; tests use whole numbers and halves, which floats hold exactly. */
  readonly balances = new Map<string, number>();
  readonly profiles = new Map<string, Record<string, unknown>>();
  readonly seen: Seen[] = [];
  /** `user id` of what guests have been credited. */
  readonly claimed = new Set<string>();
  readonly #answers = new Map<string, { readonly request: string; readonly answer: Answer }>();
  #mishaps: Mishap[] = [];
  #server: http.Server | undefined;
  readonly #sockets = new Set<Socket>();
  #changes = 0;

  constructor(readonly socketPath: string) {}

  async start(): Promise<void> {
    fs.rmSync(this.socketPath, { force: true });
    const server = http.createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () => this.#handle(request, response, body));
    });
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(this.socketPath, resolve));
    this.#server = server;
  }

  /** As a process that is killed: connections end, and nobody is at the address any more. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }

  /** What happens to the next requests, one each. */
  next(...mishaps: Mishap[]): void {
    this.#mishaps = mishaps;
  }

  #handle(request: http.IncomingMessage, response: http.ServerResponse, body: string): void {
    const { method = '', url = '' } = request;
    const key = request.headers['idempotency-key'] as string | undefined;
    this.seen.push({ method, url, key, body });
    const mishap = this.#mishaps.shift();
    if (mishap === 'hangs') return;
    if (mishap === '429' || mishap === '503' || mishap === '401') {
      send(response, refusals[mishap]);
      return;
    }
    const answer = this.#answer(method, url, key, body);
    if (mishap === 'dies after') request.socket.destroy();
    else if (mishap === 'hangs after') return;
    else if (mishap === 'garbage after') response.end('<html>Bad gateway</html>');
    else if (mishap === 'truncates after') {
      response.writeHead(200, { 'content-length': 500 });
      response.write('{"id":"x","amount":"5","balance":');
      setTimeout(() => request.socket.destroy(), 20);
    } else if (mishap === '500 after') send(response, error(500, 'internal', 'internal error'));
    else send(response, answer);
  }

  #answer(method: string, url: string, key: string | undefined, body: string): Answer {
    const [, version, kind, name, verb] = url.split('/');
    const user = decodeURIComponent(name ?? '');
    if (version !== 'v1') return error(404, 'not_found', 'no such route');
    if (name !== undefined && !USER.test(user)) return error(400, 'bad_request', 'this can be no user');
    if (kind === 'balances' && method === 'GET') return this.#read(user);
    if (kind === 'balances' && method === 'POST' && verb === 'changes') return this.#once(user, key, body);
    if (kind === 'profiles') return this.#profile(method, user, body);
    if (kind === 'guests' && method === 'POST' && verb === 'claim') return this.#claim(user, body);
    return error(404, 'not_found', 'no such route');
  }

  #read(user: string): Answer {
    const balance = this.balances.get(user);
    const known = balance !== undefined;
    return ok({ user, balance: String(balance ?? 0), known, last_updated: known ? 1_770_000_000_123 : null });
  }

  #once(user: string, key: string | undefined, body: string): Answer {
    if (key === undefined || !/^[\x21-\x7e]{1,200}$/.test(key)) return error(400, 'bad_request', 'Idempotency-Key');
    const known = this.#answers.get(key);
    const request = `${user} ${body}`;
    if (known !== undefined && known.request !== request)
      return error(422, 'idempotency_key_reused', 'another request');
    // A refusal is an answer too, and stays one.
    if (known?.answer.status === 409) return known.answer;
    if (known !== undefined) return ok({ ...(known.answer.body as object), replayed: true });
    const change = JSON.parse(body) as Change;
    if (!isChange(change)) return error(400, 'bad_request', 'no change');
    const answer = this.#change(user, change);
    this.#answers.set(key, { request, answer });
    return answer;
  }

  #change(user: string, { amount, clamp }: Change): Answer {
    const previous = this.balances.get(user) ?? 0;
    const wanted = Number(amount);
    if (previous + wanted < 0 && clamp !== true)
      return error(409, 'insufficient_funds', 'not enough', { balance: String(previous) });
    const change = clamp === true ? Math.max(wanted, 0 - previous) : wanted;
    const balance = previous + change;
    this.balances.set(user, balance);
    return ok({
      id: String(++this.#changes),
      user,
      amount: String(change),
      balance: String(balance),
      previous_balance: String(previous),
      at: 1_770_000_000_123,
      replayed: false,
    });
  }

  #claim(user: string, body: string): Answer {
    const { transactions } = JSON.parse(body) as { transactions: readonly (Change & { id: string; type: string })[] };
    const isGood =
      transactions.length > 0 && transactions.every((one) => one.type === 'earn' && Number(one.amount) > 0);
    if (!isGood) return error(400, 'bad_request', 'no claim');
    const isNew = ({ id }: { id: string }): boolean => !this.claimed.has(`${user} ${id}`);
    const [claimed, known] = [transactions.filter(isNew), transactions.filter((one) => !isNew(one))];
    let balance = this.balances.get(user) ?? 0;
    for (const { id, amount } of claimed) {
      this.claimed.add(`${user} ${id}`);
      balance += Number(amount);
    }
    if (claimed.length > 0) this.balances.set(user, balance);
    const skipped = known.map(({ id }) => ({ id, reason: 'already_claimed' }));
    return ok({ claimed: claimed.map(({ id }) => id), skipped, balance: String(balance) });
  }

  #profile(method: string, user: string, body: string): Answer {
    const profile = this.profiles.get(user);
    if (profile === undefined && method === 'GET') return error(404, 'not_found', 'no such user');
    if (method === 'PATCH') {
      const patch: unknown = JSON.parse(body);
      if (!isObject(patch)) return error(400, 'bad_request', 'the patch must be a JSON object');
      this.profiles.set(user, merged(profile, patch));
    }
    return ok({ user, profile: this.profiles.get(user) });
  }
}

type Change = {
  readonly amount: string;
  readonly source: string;
  readonly description?: string;
  readonly clamp?: boolean;
};

const USER = /^(?!.*(?:\.backup|[._]sync-conflict-))[A-Za-z0-9][A-Za-z0-9._-]{0,120}$/;
const AMOUNT = /^-?(?!0+(?:\.0+)?$)(?:0|[1-9]\d*)(?:\.\d{1,8})?$/;
const SOURCE = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/;
const MEMBERS = ['amount', 'source', 'description', 'clamp'];

function isChange(body: unknown): body is Change {
  if (!isObject(body) || !Object.keys(body).every((key) => MEMBERS.includes(key))) return false;
  const { amount, source, description = '', clamp = false } = body as Record<string, unknown>;
  return (
    AMOUNT.test(String(amount)) &&
    SOURCE.test(String(source)) &&
    String(description).length <= 200 &&
    !(clamp && Number(amount) > 0)
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A JSON merge patch. */
function merged(target: unknown, patch: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const result = { ...(isObject(target) ? target : {}) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = isObject(value) ? merged(result[key], value) : value;
  }
  return result;
}

const refusals: Readonly<Record<'429' | '503' | '401', Answer>> = {
  '429': { ...error(429, 'rate_limited', 'slow down'), headers: { 'retry-after': '1' } },
  '503': {
    ...error(503, 'rights_elsewhere', 'ask clickforcharity', { site: 'clickforcharity' }),
    headers: { 'retry-after': '2' },
  },
  '401': error(401, 'unauthorized', 'no such token'),
};

function ok(body: unknown): Answer {
  return { status: 200, body };
}

function error(status: number, code: string, message: string, more: object = {}): Answer {
  return { status, body: { error: { code, message, ...more } } };
}

function send(response: http.ServerResponse, { status, body, headers }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
