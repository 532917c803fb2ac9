/**
 * The control channel: how a command (`axle held`) talks to the running daemon of the same machine. HTTP on a unix
 * socket that only the daemon's own account and root may open; one POST a question, JSON in and out.
 */
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { makeFolders } from './folders.js';

/** Where the daemon with this state folder listens. */
export function controlSocket(state: string): string {
  return path.join(state, 'run', 'control.sock');
}

/** Answers one question. What it throws is told to whoever asked: `message`, and `code` and `hint` where it has them. */
export type ControlRoute = (input: unknown) => Promise<unknown>;

/** Largest question, and largest answer that a command waits for. */
const QUESTION_BYTES_MAX = 1_048_576;
const ANSWER_BYTES_MAX = 64 * 1_048_576;
/** A daemon in the middle of a large merge may take a while; a command does not wait for ever. */
const ANSWER_MS_MAX = 120_000;
/** No question takes longer to arrive. */
const QUESTION_MS_MAX = 10_000;
/** Longest path of a unix socket (108 bytes with its end mark). */
const PATH_BYTES_MAX = 107;

export class ControlError extends Error {
  override readonly name = 'ControlError';

  constructor(
    readonly code: string,
    message: string,
    readonly hint?: string,
  ) {
    super(message);
  }
}

export class ControlServer {
  readonly #server: http.Server;

  /** `routes`: name → what answers it. A name is letters, digits, `-` and `/`. */
  constructor(
    readonly socketPath: string,
    readonly routes: Readonly<Record<string, ControlRoute>>,
  ) {
    this.#server = http.createServer({ requestTimeout: QUESTION_MS_MAX }, (request, response) => {
      void this.#answer(request, response);
    });
  }

  /** Listens. What a killed daemon left in the socket's place is removed; rejects where another daemon listens there. */
  async start(): Promise<void> {
    checkPath(this.socketPath);
    makeFolders(path.dirname(this.socketPath), 0o750);
    if (await isListening(this.socketPath))
      throw new ControlError(
        'AXL-RUNNING',
        `another daemon is running: it listens on ${this.socketPath}`,
        'two daemons must never share a state folder: stop the other one first',
      );
    fs.rmSync(this.socketPath, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      // Made with no right for others from the first instant on, not only after a chmod.
      const before = process.umask(0o177);
      try {
        this.#server.listen(this.socketPath, () => {
          this.#server.off('error', reject);
          resolve();
        });
      } finally {
        process.umask(before);
      }
    });
    fs.chmodSync(this.socketPath, 0o600);
  }

  /** Answers what is being asked, then goes, and the socket's file with it. Harmless where it never started. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeIdleConnections();
    });
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const send = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
      response.end(JSON.stringify(body ?? null));
    };
    const name = (request.url ?? '').slice(1);
    const route = Object.hasOwn(this.routes, name) ? this.routes[name] : undefined;
    if (route === undefined || request.method !== 'POST')
      return send(404, { code: 'AXL-NO-ROUTE', message: `this daemon does not know ${JSON.stringify(name)}` });
    let input: unknown;
    try {
      const text = await read(request, QUESTION_BYTES_MAX);
      input = text === '' ? undefined : JSON.parse(text);
    } catch (error) {
      return send(400, { code: 'AXL-BAD-INPUT', message: (error as Error).message });
    }
    try {
      send(200, await route(input));
    } catch (error) {
      const { code, message, hint } = error as { code?: unknown; message?: unknown; hint?: unknown };
      send(500, {
        code: typeof code === 'string' ? code : 'AXL-FAULT',
        message: String(message ?? error),
        ...(typeof hint === 'string' && { hint }),
      });
    }
  }
}

/**
 * Asks the daemon that listens on `socketPath`; resolves to the route's answer. Rejects with a ControlError: code
 * AXL-NOT-RUNNING where nobody listens, AXL-PERMISSION where we may not ask, else the code that the route threw. `signal`
 * gives the question up.
 */
export async function callControl(
  socketPath: string,
  route: string,
  input: unknown,
  signal?: AbortSignal,
): Promise<unknown> {
  checkPath(socketPath);
  const { status, text } = await post(socketPath, route, JSON.stringify(input) ?? '', signal);
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new ControlError('AXL-BAD-ANSWER', `what listens on ${socketPath} is no daemon of Axle`);
  }
  if (status === 200) return answer;
  const { code, message, hint } = (answer ?? {}) as { code?: string; message?: string; hint?: string };
  throw new ControlError(code ?? 'AXL-FAULT', message ?? `the daemon answered ${status}`, hint);
}

function post(
  socketPath: string,
  route: string,
  body: string,
  signal: AbortSignal | undefined,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        socketPath,
        path: `/${route}`,
        method: 'POST',
        timeout: ANSWER_MS_MAX,
        agent: false,
        ...(signal && { signal }),
      },
      (response) => {
        read(response, ANSWER_BYTES_MAX).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
      },
    );
    request.on('timeout', () => request.destroy(new ControlError('AXL-TIMEOUT', 'the daemon did not answer in time')));
    request.on('error', (error) => reject(callError(socketPath, error)));
    request.end(body);
  });
}

function callError(socketPath: string, error: NodeJS.ErrnoException): Error {
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED')
    return new ControlError('AXL-NOT-RUNNING', `no daemon is running: nobody listens on ${socketPath}`);
  if (error.code === 'EACCES')
    return new ControlError(
      'AXL-PERMISSION',
      `${socketPath} may not be opened by this account`,
      'use sudo, or the account axle',
    );
  return error;
}

async function read(stream: http.IncomingMessage, bytesMax: number): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > bytesMax) throw new Error(`more than ${bytesMax} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function isListening(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(socketPath);
    const done = (isOpen: boolean): void => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.on('connect', () => done(true));
    socket.on('error', () => done(false));
  });
}

function checkPath(socketPath: string): void {
  if (Buffer.byteLength(socketPath) > PATH_BYTES_MAX)
    throw new ControlError(
      'AXL-SOCKET-PATH',
      `${socketPath} is longer than the ${PATH_BYTES_MAX} bytes that a socket's path may have`,
      'choose a shorter state: folder',
    );
}
