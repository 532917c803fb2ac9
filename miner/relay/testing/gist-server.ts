/** A server that behaves as the documentation of GitHub's API says of Gists: owners, scopes, tags, limits, truncation. */
import { createHash } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

interface Account {
  readonly owner: string;
  readonly scopes: readonly string[];
}

interface StoredGist {
  readonly owner: string;
  readonly files: Map<string, string>;
}

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
}

/** What the next request meets, instead of an answer to it. */
export type Trouble =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  | 'hang'
  | 'cut';

/** The API gives no more of a file; the real one a megabyte. */
const CONTENT_MAX = 1_000_000;

export class GistServer {
  readonly accounts = new Map<string, Account>();
  readonly gists = new Map<string, StoredGist>();
  readonly asked: Asked[] = [];
  readonly troubles: Trouble[] = [];
  /** Requests an hour; those that are answered 304 to somebody known do not count. */
  limit = 5_000;
  used = 0;
  reset_s = 2_000_000_000;
  readonly #server = http.createServer((request, response) => this.#answer(request, response));

  static async start(): Promise<GistServer> {
    const server = new GistServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  rawUrl(id: string, file = 'miner_data.json'): string {
    return `${this.url}/raw/andy/${id}/raw/${file}`;
  }

  /** A Gist of somebody, with one file. */
  add(id: string, owner: string, content = '{}', file = 'miner_data.json'): void {
    this.gists.set(id, { owner, files: new Map([[file, content]]) });
  }

  textOf(id: string, file = 'miner_data.json'): string {
    return this.gists.get(id)?.files.get(file) ?? '';
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await ended;
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    this.asked.push({ method, url, headers });
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const trouble = this.troubles.shift();
    if (trouble === 'hang') return;
    if (trouble === 'cut') return void response.destroy();
    if (trouble !== undefined) {
      response.writeHead(trouble.status, trouble.headers).end(trouble.body ?? '');
      return;
    }
    if (url.startsWith('/raw/')) return this.#raw(url, headers, response);
    this.#api(method, url, headers, Buffer.concat(parts).toString('utf8'), response);
  }

  #raw(url: string, headers: http.IncomingHttpHeaders, response: http.ServerResponse): void {
    const [, , , id = '', , file = ''] = url.split('/');
    const text = this.gists.get(id)?.files.get(file);
    if (text === undefined) return void response.writeHead(404, { 'content-type': 'text/plain' }).end('404: Not Found');
    const etag = tagOf(text);
    if (headers['if-none-match'] === etag) return void response.writeHead(304, { etag }).end();
    response
      .writeHead(200, { etag, 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'max-age=300' })
      .end(text);
  }

  #api(
    method: string,
    url: string,
    headers: http.IncomingHttpHeaders,
    body: string,
    response: http.ServerResponse,
  ): http.ServerResponse {
    const say = (status: number, value: object | undefined, more: Record<string, string> = {}): http.ServerResponse =>
      response
        .writeHead(status, {
          'content-type': 'application/json; charset=utf-8',
          'x-ratelimit-limit': String(this.limit),
          'x-ratelimit-remaining': String(Math.max(0, this.limit - this.used)),
          'x-ratelimit-reset': String(this.reset_s),
          ...more,
        })
        .end(value === undefined ? undefined : JSON.stringify(value));
    const refuse = (status: number, message: string) =>
      say(status, { message, documentation_url: 'https://docs.github.com/rest' });
    if ((headers['user-agent'] ?? '') === '') return refuse(403, 'Request forbidden by administrative rules.');
    const [, given] = /^(?:Bearer|token) (.+)$/.exec(headers.authorization ?? '') ?? [];
    const account = given === undefined ? undefined : this.accounts.get(given);
    if (given !== undefined && account === undefined) return refuse(401, 'Bad credentials');
    if (this.used >= this.limit) return refuse(403, 'API rate limit exceeded for 192.0.2.1.');
    this.used += 1;
    const id = decodeURIComponent(/^\/gists\/([^/]+)$/.exec(url)?.[1] ?? '');
    const gist = this.gists.get(id);
    if (method === 'PATCH' && account === undefined) return refuse(401, 'Requires authentication');
    const mayWrite = gist !== undefined && gist.owner === account?.owner && account.scopes.includes('gist');
    if (gist === undefined || (method === 'PATCH' && !mayWrite)) return refuse(404, 'Not Found');
    if (method === 'PATCH') {
      const files = filesIn(body);
      if (files === undefined) return refuse(422, 'Validation Failed');
      for (const [name, content] of files) gist.files.set(name, content);
    }
    const etag = `W/${tagOf([...gist.files].join())}`;
    if (method === 'GET' && headers['if-none-match'] === etag) {
      if (account !== undefined) this.used -= 1;
      return say(304, undefined, { etag });
    }
    return say(
      200,
      { id, files: Object.fromEntries([...gist.files].map((file) => this.#shown(id, ...file))) },
      { etag },
    );
  }

  #shown(id: string, filename: string, content: string): [string, object] {
    const truncated = content.length > CONTENT_MAX;
    const raw_url = this.rawUrl(id, filename);
    return [filename, { filename, size: content.length, raw_url, truncated, content: content.slice(0, CONTENT_MAX) }];
  }
}

function tagOf(text: string): string {
  return `"${createHash('sha256').update(text).digest('hex').slice(0, 16)}"`;
}

function filesIn(body: string): [string, string][] | undefined {
  try {
    const { files } = JSON.parse(body) as { files: Record<string, { content: string }> };
    const all = Object.entries(files).map(([name, { content }]): [string, string] => [name, content]);
    return all.every(([, content]) => typeof content === 'string' && content !== '') ? all : undefined;
  } catch {
    return undefined;
  }
}
