/** A load generator that costs little: prebuilt requests on plain sockets, one at a time on each, keep-alive or not. */

import net from 'node:net';
import { performance } from 'node:perf_hooks';

export interface Load {
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  /** The nth request, as it goes over the wire. */
  readonly request: (n: number) => string;
}

export interface Served {
  readonly ok: number;
  /** Answers of another status than 200, by status; 0: the connection ended without one. */
  readonly failed: Record<string, number>;
  readonly seconds: number;
  /** Of each answer of status 200. */
  readonly latencies_ms: number[];
}

/** Asks for `seconds`, then waits for what is under way. A server that closes after each answer is connected to anew. */
export async function putUnderLoad(load: Load): Promise<Served> {
  const served: Served & { ok: number; seconds: number } = { ok: 0, failed: {}, seconds: 0, latencies_ms: [] };
  const started = performance.now();
  const end = started + load.seconds * 1000;
  let next = 0;
  const take = () => (performance.now() < end ? load.request(next++) : undefined);
  await Promise.all(Array.from({ length: load.connections }, () => worker(load.port, take, served)));
  served.seconds = (performance.now() - started) / 1000;
  return served;
}

async function worker(port: number, take: () => string | undefined, served: Served & { ok: number }): Promise<void> {
  for (let request = take(); request !== undefined; ) request = await connection(port, request, take, served);
}

/** Asks on one connection for as long as it lasts; resolves to what is to be asked on the next one. */
function connection(
  port: number,
  first: string,
  take: () => string | undefined,
  served: Served & { ok: number },
): Promise<string | undefined> {
  return new Promise((resolve) => {
    let request: string | undefined = first;
    let asked_at = performance.now();
    let text = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write(first));
    socket.setNoDelay();
    const answered = (status: string): void => {
      if (status === '200') {
        served.ok += 1;
        served.latencies_ms.push(performance.now() - asked_at);
      } else served.failed[status] = (served.failed[status] ?? 0) + 1;
      text = '';
      request = undefined;
    };
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      text += chunk;
      const head = text.indexOf('\r\n\r\n');
      const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head))?.[1];
      if (head < 0 || length === undefined || text.length < head + 4 + Number(length)) return;
      const mustClose = /\r\nconnection: *close/i.test(text.slice(0, head));
      answered(text.slice(9, 12));
      request = mustClose ? undefined : take();
      if (request === undefined) {
        socket.end();
        return;
      }
      asked_at = performance.now();
      socket.write(request);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      // Without a length, the end is the end of the answer.
      if (request !== undefined) answered(text.startsWith('HTTP/1.') ? text.slice(9, 12) : '0');
      resolve(take());
    });
  });
}
