/** The sidecar in the process of a spoke or of the hub: on a port of this machine, and on a unix socket. */
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { makeFolders } from '../common/runtime/folders.js';
import type { Log } from '../common/runtime/log.js';
import { Tokens } from '../common/runtime/tokens.js';
import { userVerifier } from './access/jwt.js';
import { SIDECAR_TOKENS } from './access/tokens.js';
import { buildApp } from './app.js';
import type { Books } from './books.js';
import type { SidecarConfig } from './config.js';

export type Sidecar = {
  readonly app: FastifyInstance;
  /** Where it listens; the port is the real one where the config says 0. */
  readonly port: number;
  readonly socket: string;
  /** Lets requests in hand finish, ends event streams, and listens no more. */
  close(): Promise<void>;
};

/** Listens, also while the site is not ready: until then it answers 503. Throws where a file or a place cannot be used. */
export async function startSidecar(
  site: string,
  config: SidecarConfig,
  books: Books,
  log: Log,
  registry: Registry,
): Promise<Sidecar> {
  const tokens = new Tokens(
    config.tokens,
    SIDECAR_TOKENS,
    () => performance.now(),
    (error) =>
      log.error('tokens not usable', {
        code: 'AXL-TOKENS',
        reason: error.message,
        hint: 'the tokens read before count on',
      }),
  );
  const isIdentityOff = config.identity === 'off';
  if (isIdentityOff)
    log.warn('the sidecar runs WITHOUT identity: anybody who reaches it reads every balance and spends from it', {
      code: 'AXL-NO-IDENTITY',
      hint: 'set sidecar.identity: required as soon as the pages send who they are',
    });
  else if (tokens.size === 0 && config.jwt_secret === undefined)
    log.warn('nobody can use the sidecar yet', { code: 'AXL-TOKENS', hint: 'make a token: axle token add' });
  const secret = config.jwt_secret === undefined ? undefined : readSecret(config.jwt_secret);
  const userOf = secret === undefined ? undefined : userVerifier(secret, config.jwt_issuer);
  const app = await buildApp({
    site,
    books,
    config,
    credentials: { tokens, userOf, isIdentityOff },
    log,
    registry,
    now: Date.now,
  });
  const bySocket = http.createServer((request, response) => app.routing(request, response));
  try {
    await app.listen({ port: config.port, host: config.host });
    await listenOn(bySocket, config.socket);
  } catch (error) {
    await app.close();
    throw new SidecarError('AXL-SIDECAR', `the sidecar cannot listen: ${(error as Error).message}`, HINT_LISTEN);
  }
  const { port } = app.server.address() as net.AddressInfo;
  log.info('sidecar', { site, host: config.host, port, socket: config.socket });
  return {
    app,
    port,
    socket: config.socket,
    close: async () => {
      const ended = new Promise((resolve) => bySocket.close(resolve));
      await app.close();
      bySocket.closeIdleConnections();
      await ended;
    },
  };
}

/** The daemon does not start with a sidecar that cannot: whoever configured it relies on it. */
class SidecarError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

const HINT_LISTEN = 'is another daemon of this site running? stop one of them; else set sidecar.port, host or socket';
const HINT_SECRET = 'sidecar.jwt_secret must name the file with the secret of the auth server';
const SECRET_BYTES_MIN = 16;

function readSecret(file: string): string {
  let secret: string;
  try {
    secret = fs.readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new SidecarError('AXL-JWT', `${file} cannot be read: ${(error as Error).message}`, HINT_SECRET);
  }
  if (Buffer.byteLength(secret) < SECRET_BYTES_MIN)
    throw new SidecarError('AXL-JWT', `${file} holds no secret of at least ${SECRET_BYTES_MIN} bytes`, HINT_SECRET);
  return secret;
}

/** PHP of any account may connect: what it may do is the token's matter. */
const SOCKET_MODE = 0o666;
const FOLDER_MODE = 0o755;

async function listenOn(server: http.Server, socket: string): Promise<void> {
  const folder = path.dirname(socket);
  // By chmod, because a umask would keep PHP out; not where the folder is somebody else's.
  if (makeFolders(folder)) fs.chmodSync(folder, FOLDER_MODE);
  if (fs.existsSync(socket)) {
    if (await answers(socket)) throw new Error(`${socket} is in use by another process`);
    fs.rmSync(socket);
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, resolve);
  });
  fs.chmodSync(socket, SOCKET_MODE);
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = net.connect(socket, () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', () => resolve(false));
  });
}
