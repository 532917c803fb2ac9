/** The operator's page in the process of a hub or spoke: how the site is, for a browser, for Prometheus and for scripts. */
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { Registry } from 'prom-client';
import type { PageConfig } from '../runtime/config.js';
import type { Log } from '../runtime/log.js';
import { PAGE_HEADERS } from '../runtime/page-headers.js';
import type { Site } from '../site/site.js';
import { type Access, Doorman } from './access.js';
import { Live, type PageSource } from './live.js';

export type Page = {
  /** The real one where the config says 0. */
  readonly port: number;
  close(): Promise<void>;
};

/** Listens, also while the site is not ready. Undefined where it cannot: credits go on travelling without a page. */
export async function startPage(
  site: Site,
  config: PageConfig,
  registry: Registry,
  log: Log,
): Promise<Page | undefined> {
  const source: PageSource = {
    status: () => site.status(),
    activity: site.activity,
    held: (limit) => site.replica.world.store.heldHeads(limit),
  };
  try {
    return await servePage(site.activity.site, source, config, registry, log);
  } catch (error) {
    log.error('no page', {
      code: 'AXL-PAGE',
      reason: (error as Error).message,
      hint: 'everything else goes on without it; correct page.port, page.host or page.password and restart',
    });
    return undefined;
  }
}

/** Throws where it cannot listen, or the password's file is of no use. */
export async function servePage(
  site: string,
  source: PageSource,
  { host, port, password }: PageConfig,
  registry: Registry,
  log: Log,
): Promise<Page> {
  const doorman = new Doorman(host, password);
  const assets = readAssets();
  let toldAt = Number.NEGATIVE_INFINITY;
  const failed = (error: unknown): void => {
    if (performance.now() - toldAt < TOLD_MS) return;
    toldAt = performance.now();
    log.error('page failed', { site, code: 'AXL-PAGE', reason: String(error), hint: 'nothing else is touched by it' });
  };
  const live = new Live(site, source, failed);
  const server = http.createServer({ requestTimeout: REQUEST_MS_MAX }, (request, response) => {
    answer(request, response).catch((error: unknown) => {
      failed(error);
      if (!response.headersSent) send(response, 500, TEXT, 'it failed: see the log\n');
      else response.destroy();
    });
  });
  server.maxConnections = CONNECTIONS_MAX;

  async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const [place = '/'] = (request.url ?? '/').split('?');
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, TEXT, 'read only\n');
    if (place === '/healthz') return send(response, 200, JSON_TYPE, '{"ok":true}');
    const access = doorman.judge(request);
    if (access !== 'local' && access !== 'remote') return refuse(response, access);
    const isLocal = access === 'local';
    const asset = assets.get(place);
    if (asset !== undefined) return send(response, 200, asset.type, asset.text);
    if (place === '/status.json') return send(response, 200, JSON_TYPE, JSON.stringify(live.told(isLocal)));
    if (place === '/metrics') return send(response, 200, registry.contentType, await registry.metrics());
    if (place !== '/live') return send(response, 404, TEXT, 'there is nothing here\n');
    if (live.isFull) return send(response, 503, TEXT, 'too many pages are open\n');
    response.writeHead(200, {
      ...PAGE_HEADERS,
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no',
    });
    if (request.method === 'HEAD') response.end();
    else live.add(response, isLocal);
  }

  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    await live.close();
    throw error;
  }
  const real = (server.address() as AddressInfo).port;
  log.info('page', { site, host, port: real });
  return {
    port: real,
    close: async () => {
      await live.close();
      const ended = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await ended;
    },
  };
}

const REQUEST_MS_MAX = 10_000;
/** The same complaint once in this time. */
const TOLD_MS = 60_000;
const CONNECTIONS_MAX = 200;
const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json; charset=utf-8';

function send(response: http.ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, { ...PAGE_HEADERS, 'content-type': type }).end(text);
}

function refuse(response: http.ServerResponse, why: Access): void {
  if (why === 'refused') response.setHeader('www-authenticate', 'Basic realm="Axle", charset="UTF-8"');
  const text =
    why === 'refused'
      ? 'this page asks for its password (user axle)\n'
      : 'without page.password this page answers to 127.0.0.1 and localhost alone\n';
  send(response, why === 'refused' ? 401 : 403, TEXT, text);
}

/** Of the page itself: beside this file, in the sources as in dist. */
const ASSETS = [
  ['/', 'index.html', 'text/html'],
  ['/base.css', 'base.css', 'text/css'],
  ['/page.css', 'page.css', 'text/css'],
  ['/page.mjs', 'page.mjs', 'text/javascript'],
  ['/icon.svg', 'icon.svg', 'image/svg+xml'],
] as const;

function readAssets(): ReadonlyMap<string, { readonly type: string; readonly text: string }> {
  return new Map(
    ASSETS.map(([place, file, type]) => {
      const text = fs.readFileSync(path.join(import.meta.dirname, 'assets', file), 'utf8');
      return [place, { type: `${type}; charset=utf-8`, text }];
    }),
  );
}
