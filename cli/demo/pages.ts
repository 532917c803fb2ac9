/** The two spokes' web servers in the demo: a page each, the script, and the way to the site's sidecar. Loopback only. */
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import type { DemoSite } from './layout.js';
import { bothPage, sitePage } from './page.js';

const HOST = '127.0.0.1';
const USER = { id: '1', username: 'andy' };
const SESSION_S = 12 * 3600;
const SIDECAR = '/axle';

export type Pages = {
  /** Site → where its page is. */
  readonly origins: ReadonlyMap<string, string>;
  close(): Promise<void>;
};

type Spoke = DemoSite & { readonly socket: string; readonly secret: string };

/** `port`: of the first, the second has the next; where one is taken, any free one is. 0: any. */
export async function servePages(sites: readonly DemoSite[], port: number): Promise<Pages> {
  const spokes = sites.filter((site): site is Spoke => site.socket !== undefined && site.secret !== undefined);
  const origins = new Map<string, string>();
  const servers: http.Server[] = [];
  const close = async (): Promise<void> => {
    for (const server of servers) server.closeAllConnections();
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  };
  try {
    for (const [index, spoke] of spokes.entries()) {
      const server = http.createServer((request, response) => serve(request, response, spoke, origins));
      await listen(server, port === 0 ? 0 : port + index);
      servers.push(server);
      origins.set(spoke.site, `http://${HOST}:${(server.address() as AddressInfo).port}`);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { origins, close };
}

/** A port that nobody has: this one, else any. */
export async function freePort(port: number): Promise<number> {
  const server = http.createServer();
  await listen(server, port);
  const found = (server.address() as AddressInfo).port;
  await new Promise((resolve) => server.close(resolve));
  return found;
}

async function listen(server: http.Server, port: number): Promise<void> {
  const attempt = (wanted: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(wanted, HOST, () => {
        server.off('error', reject);
        resolve();
      });
    });
  try {
    await attempt(port);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    await attempt(0);
  }
}

function serve(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  spoke: Spoke,
  origins: ReadonlyMap<string, string>,
): void {
  // Another website must not speak to us under a name of its own.
  const isOurs = isNameOf(request.headers.host, origins.get(spoke.site));
  if (isOurs && request.url?.startsWith(`${SIDECAR}/`)) {
    forward(request, response, spoke.socket);
    return;
  }
  const [status, type, text] = isOurs ? answerTo(request, spoke, origins) : FOREIGN;
  response.writeHead(status, { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store' }).end(text);
}

type Reply = readonly [status: number, type: string, text: string];

const FOREIGN: Reply = [403, 'text/plain', 'not here'];
const NOTHING: Reply = [404, 'text/plain', 'there is nothing here'];

function answerTo(
  { url, method }: http.IncomingMessage,
  { site, secret }: Spoke,
  origins: ReadonlyMap<string, string>,
): Reply {
  const all = [...origins].map(([name, origin]) => ({ site: name, origin }));
  const other = all.find((one) => one.site !== site) ?? { site, origin: '' };
  if (method === 'POST') return url === '/demo/sign-in' ? [200, 'application/json', signIn(secret)] : NOTHING;
  if (url === '/') return [200, 'text/html', sitePage(site, other)];
  if (url === '/both') return [200, 'text/html', bothPage(all)];
  if (url === '/unified-balance.js') return [200, 'text/javascript', script()];
  return NOTHING;
}

function isNameOf(host: string | undefined, origin: string | undefined): boolean {
  const port = new URL(origin ?? 'http://x').port;
  return host === `${HOST}:${port}` || host === `localhost:${port}`;
}

/** What a site's web server does with the way to its sidecar. */
function forward(request: http.IncomingMessage, response: http.ServerResponse, socketPath: string): void {
  const { url = '', method, headers } = request;
  const on = http.request({ socketPath, path: url.slice(SIDECAR.length), method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  on.on('error', () => {
    if (!response.headersSent) response.writeHead(502);
    response.end();
  });
  response.on('close', () => on.destroy());
  request.pipe(on);
}

/** As the auth server does it once somebody has given a password. */
function signIn(secretFile: string): string {
  const text = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now_s = Math.floor(Date.now() / 1000);
  const { id, username } = USER;
  const claims = { iss: 'axle-demo', iat: now_s, exp: now_s + SESSION_S, sub: id, username };
  const signed = `${text({ alg: 'HS256', typ: 'JWT' })}.${text(claims)}`;
  const signature = createHmac('sha256', readFileSync(secretFile, 'utf8').trim()).update(signed).digest('base64url');
  const expires = (now_s + SESSION_S) * 1000;
  const session = { user_id: id, username, combined_user_id: `${id}-${username}`, expires, created: now_s * 1000 };
  return JSON.stringify({ jwt: `${signed}.${signature}`, session });
}

/** In the repository, two folders up from the sources and three from dist. */
function script(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    try {
      return readFileSync(join(folder, 'client/unified-balance.js'), 'utf8');
    } catch {
      // Not here: look further up.
    }
  }
  return 'throw new Error("client/unified-balance.js is missing: node client/build.mjs");';
}
