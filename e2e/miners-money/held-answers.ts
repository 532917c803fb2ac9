/** A proxy before a site's sidecar that keeps a request, or the answer to it, so that who asked can be killed meanwhile. */
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** before: the sidecar never sees the request. after: it has answered, and nobody hears of it. */
export type Stage = 'before' | 'after';

interface Trap {
  readonly stage: Stage;
  readonly caught: () => void;
}

export class HeldAnswers {
  readonly port: number;
  readonly #server: http.Server;
  readonly #held = new Set<Socket>();
  #trap: Trap | undefined;

  static async start(socketPath: string): Promise<HeldAnswers> {
    const server = http.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new HeldAnswers(server, socketPath);
  }

  private constructor(server: http.Server, socketPath: string) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('request', (request, response) => {
      const trap = request.method === 'POST' ? this.#trap : undefined;
      if (trap !== undefined) this.#trap = undefined;
      if (trap?.stage === 'before') {
        request.resume();
        this.#hold(request.socket, trap);
        return;
      }
      const { method, url: path, headers } = request;
      const asked = http.request({ socketPath, method, path, headers }, (answer) => {
        if (trap !== undefined) {
          answer.resume().on('end', () => this.#hold(request.socket, trap));
          return;
        }
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      asked.on('error', () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
      request.pipe(asked);
    });
  }

  #hold(socket: Socket, { caught }: Trap): void {
    this.#held.add(socket);
    caught();
  }

  /** Resolves when the next POST has come so far, and there it stays. */
  catchNext(stage: Stage): Promise<void> {
    return new Promise((caught) => {
      this.#trap = { stage, caught };
    });
  }

  /** Whoever waits for an answer waits in vain. */
  drop(): void {
    for (const socket of this.#held) socket.destroy();
    this.#held.clear();
  }

  async close(): Promise<void> {
    this.drop();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
