import { connect, createServer, type Server, type Socket } from 'node:net';

/** A wire that can be cut: while it is, bytes are taken and go nowhere, and nobody is told. That is what a network does. */
export class TcpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  #cut = false;

  private constructor(server: Server, sockets: Set<Socket>, port: number) {
    this.#server = server;
    this.#sockets = sockets;
    this.port = port;
  }

  /** Listens on a free loopback port in front of `targetPort`. */
  static async open(targetPort: number): Promise<TcpProxy> {
    const sockets = new Set<Socket>();
    let proxy: TcpProxy | undefined;
    const join = (from: Socket, to: Socket): void => {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('data', (piece) => {
        if (proxy?.isCut !== true) to.write(piece);
      });
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        if (proxy?.isCut !== true) to.destroy();
      });
    };
    const server = createServer((near) => {
      const far = connect(targetPort, '127.0.0.1');
      join(near, far);
      join(far, near);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    proxy = new TcpProxy(server, sockets, address.port);
    return proxy;
  }

  get isCut(): boolean {
    return this.#cut;
  }

  cut(): void {
    this.#cut = true;
  }

  /** Connections from before the cut have lost bytes: they stay broken, as they would after a router's restart. */
  mend(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#cut = false;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
