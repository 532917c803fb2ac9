/**
 * The web server of one site on this machine: its pages, the script, and a way to PHP and to the sidecar on which answers
 * can be lost, as they are on real networks.
 */
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { REPO_ROOT } from '../lab/repo.js';
import { pageText } from './page.js';

/** What becomes of a request: `lost` and `hangs` are carried out and never answered; `cut` and `500` never arrive. */
export type Mishap = 'lost' | 'hangs' | 'cut' | '500';

export type Seen = {
  readonly method: string;
  readonly url: string;
  readonly body: string;
  readonly key: string;
  readonly lastEvent: string;
};

const SCRIPT = `${REPO_ROOT}/client/unified-balance.js`;

export class Front {
  readonly seen: Seen[] = [];
  /** The mishap of a request; undefined: none. */
  mishap: (seen: Seen) => Mishap | undefined = () => undefined;
  /** Before a request goes on. */
  delay_ms = 0;
  /** Before the answer to a change goes back. */
  answerDelay_ms = 0;
  /** How many changes were on their way at once, at most. */
  changesAtOnce = 0;
  #changes = 0;
  #server: http.Server | undefined;
  readonly #open = new Set<http.ServerResponse>();

  /** Where requests go whose path begins so. */
  constructor(readonly upstreams: Readonly<Record<string, () => http.RequestOptions>>) {}

  async start(): Promise<void> {
    this.#server = http.createServer((request, response) => void this.#serve(request, response));
    await new Promise<void>((resolve) => this.#server?.listen(0, '127.0.0.1', resolve));
  }

  get origin(): string {
    const address = this.#server?.address() as AddressInfo | null | undefined;
    return `http://127.0.0.1:${address?.port}`;
  }

  /** The changes that were asked for, without the claims. */
  get changes(): Seen[] {
    return this.seen.filter(({ url }) => isChange(url));
  }

  get keys(): string[] {
    return [...new Set(this.changes.map(({ key }) => key))];
  }

  async close(): Promise<void> {
    for (const response of this.#open) response.destroy();
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { url = '/', method = 'GET' } = request;
    const [prefix, upstream] = Object.entries(this.upstreams).find(([start]) => url.startsWith(start)) ?? [];
    if (prefix === undefined || upstream === undefined) return page(url, response);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const seen = {
      method,
      url,
      body,
      key: keyOf(request, body),
      lastEvent: String(request.headers['last-event-id'] ?? ''),
    };
    this.seen.push(seen);
    const mishap = this.mishap(seen);
    if (mishap === 'cut') return void request.socket.destroy();
    if (mishap === '500') return void response.writeHead(500).end('something broke');
    if (isChange(url)) this.changesAtOnce = Math.max(this.changesAtOnce, ++this.#changes);
    if (this.delay_ms > 0) await new Promise((resolve) => setTimeout(resolve, this.delay_ms));
    this.#open.add(response);
    response.on('close', () => this.#open.delete(response));
    const over = (): void => {
      if (isChange(url)) this.#changes -= 1;
    };
    const on = http.request(
      { ...upstream(), method, path: url.slice(prefix.length), headers: request.headers },
      (answer) => {
        answer.on('end', over);
        if (mishap === undefined) {
          const reply = (): void => {
            response.writeHead(answer.statusCode ?? 502, answer.headers);
            answer.pipe(response);
          };
          if (isChange(url) && this.answerDelay_ms > 0) setTimeout(reply, this.answerDelay_ms);
          else reply();
          return;
        }
        answer.resume().on('end', () => {
          if (mishap === 'lost') request.socket.destroy();
        });
      },
    );
    // A reader who leaves must not stop what was asked for; a stream of events has nobody to go to.
    response.on('close', () => {
      if (url.includes('/v1/events')) on.destroy();
    });
    on.on('error', () => {
      over();
      if (!response.headersSent) response.writeHead(502);
      response.end();
    });
    on.end(body);
  }
}

function isChange(url: string): boolean {
  return url.includes('/changes') || url.includes('write_balance.php');
}

function keyOf({ headers }: http.IncomingMessage, body: string): string {
  const header = headers['idempotency-key'];
  if (header !== undefined) return String(header);
  return /"idempotency_key":"([^"]+)"/.exec(body)?.[1] ?? '';
}

function page(url: string, response: http.ServerResponse): void {
  if (url === '/unified-balance.js')
    return void response.writeHead(200, { 'content-type': 'text/javascript' }).end(fs.readFileSync(SCRIPT));
  if (url === '/favicon.ico') return void response.writeHead(204).end();
  // An older page of the site, without the script: what a visitor may come from and go to.
  if (url === '/elsewhere')
    return void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>elsewhere</p>');
  const attributes = new URLSearchParams(url.split('?')[1] ?? '').get('tag') ?? '';
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(pageText(attributes));
}
