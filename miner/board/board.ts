/** The page of the miners: served beside the API that it speaks to, by the agent and by the cloud's dashboard. */
import fs from 'node:fs';
import { isIPv6 } from 'node:net';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import { PAGE_HEADERS } from '../../common/runtime/page-headers.js';

export interface BoardOptions {
  /** Folder of the built page; default where `npm run build` puts it. */
  readonly assets?: string;
}

/** Serves `/` and what belongs to it. It holds no data, so that it needs no token; the page asks for one where the API does. */
export function registerBoard(app: FastifyInstance, options: BoardOptions = {}): void {
  const folder = options.assets ?? builtFolder();
  for (const [place, file, type] of ASSETS)
    app.get(place, { schema: { hide: true } as object }, (_request, reply) => {
      const text = read(path.join(folder, file));
      void reply.headers(PAGE_HEADERS);
      if (text === undefined)
        return reply.code(503).type('text/plain; charset=utf-8').send('the page is not built: npm run build\n');
      return reply.type(`${type}; charset=utf-8`).send(text);
    });
}

const ASSETS = [
  ['/', 'index.html', 'text/html'],
  ['/board.css', 'board.css', 'text/css'],
  ['/board.js', 'board.js', 'text/javascript'],
  ['/icon.svg', 'icon.svg', 'image/svg+xml'],
] as const;

/** Beside this file in dist; from the sources, what was built last. */
function builtFolder(): string {
  const beside = path.join(import.meta.dirname, 'assets');
  return fs.existsSync(beside) ? beside : path.join(import.meta.dirname, '../../dist/miner/board/assets');
}

/** At every request: a few small files, asked for once a visit, and a new build is seen at once. */
function read(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Where a browser on this machine finds the page, for the log. */
export function pageAt(host: string, port: number): string {
  const name = ['0.0.0.0', '::'].includes(host) ? 'localhost' : host;
  return `http://${isIPv6(name) ? `[${name}]` : name}:${port}/`;
}
