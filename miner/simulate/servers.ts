/** The servers of one simulated miner: the cgminer protocol, Whatsminer's API 3 and HTTP, each on its own port. */
import http from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Login, Ports } from '../readers/device.js';
import { brokenJson, type Fault } from './faults.js';
import type { MinerState, SimulatedMiner } from './miner-state.js';
import { rpcAnswers } from './replies/cgminer.js';
import { httpAnswer } from './replies/http.js';
import { whatsminer3Answer } from './replies/whatsminer3.js';

export interface Behaviour {
  readonly fault?: Fault;
  /** Before every answer. */
  readonly delay_ms?: number;
  /** Of those that ask for one; default what they are sold with. */
  readonly login?: Login;
}

export interface Listening {
  stop(): Promise<void>;
}

/** Listens on the ports that its kind has; all or none. */
export async function startServers(
  miner: SimulatedMiner,
  address: string,
  ports: Ports,
  behaviour: Behaviour,
): Promise<Listening> {
  const servers = serversOf(miner, behaviour, ports);
  const started: Closable[] = [];
  try {
    for (const { server, port } of servers) started.push(await listen(server, address, port));
  } catch (error) {
    await Promise.all(started.map((server) => server.close()));
    throw error;
  }
  return {
    stop: async () => {
      await Promise.all(started.map((server) => server.close()));
    },
  };
}

interface Closable {
  close(): Promise<void>;
}

function listen(server: Server, address: string, port: number): Promise<Closable> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    // A client that gives up is nothing that a server must fail of.
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: address }, () => {
      server.off('error', reject);
      resolve({
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            for (const socket of sockets) socket.destroy();
          }),
      });
    });
  });
}

function serversOf(
  miner: SimulatedMiner,
  behaviour: Behaviour,
  ports: Ports,
): readonly { readonly server: Server; readonly port: number }[] {
  const state = miner.state();
  return [
    ...(rpcAnswers(state) === undefined ? [] : [{ server: rpcServer(miner, behaviour), port: ports.rpc }]),
    ...(state.model.kind === 'whatsminer3'
      ? [{ server: whatsminer3Server(miner, behaviour), port: ports.whatsminer }]
      : []),
    ...(hasWeb(state) ? [{ server: httpServer(miner, behaviour), port: ports.http }] : []),
  ];
}

function hasWeb(state: MinerState): boolean {
  return httpAnswer(state, { method: 'GET', path: '/', headers: {}, body: '' }) !== undefined;
}

const HTML = '<!DOCTYPE html><html><body><script>var a = {"SUMMARY":[{"Accepted":1}]}</script>Login</body></html>';

function rpcServer(miner: SimulatedMiner, behaviour: Behaviour): Server {
  return createServer((socket) => {
    let question = '';
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      question += text;
      let asked: { readonly command?: string };
      try {
        asked = JSON.parse(question);
      } catch {
        return;
      }
      const answer = rpcText(miner.state(), String(asked.command ?? ''));
      void respond(socket, Buffer.from(answer), Buffer.from([0]), behaviour);
    });
  });
}

/** One command, or several with + between them, whose answers nest. */
function rpcText(state: MinerState, command: string): string {
  const answers = rpcAnswers(state) ?? {};
  const unknown = { STATUS: [{ STATUS: 'E', When: state.now_s, Code: 14, Msg: 'Invalid command' }], id: 1 };
  if (!command.includes('+')) return JSON.stringify(answers[command] ?? unknown);
  return JSON.stringify(Object.fromEntries(command.split('+').map((each) => [each, [answers[each] ?? unknown]])));
}

function whatsminer3Server(miner: SimulatedMiner, behaviour: Behaviour): Server {
  return createServer((socket) => {
    let received = Buffer.alloc(0);
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      if (received.length < 4 || received.length < 4 + received.readUInt32LE(0)) return;
      const asked = JSON.parse(received.subarray(4).toString('utf8')) as {
        readonly cmd?: string;
        readonly param?: string;
      };
      const body = Buffer.from(
        JSON.stringify(whatsminer3Answer(miner.state(), String(asked.cmd), String(asked.param ?? ''))),
      );
      const head = Buffer.alloc(4);
      head.writeUInt32LE(body.length);
      void respond(socket, Buffer.concat([head, body]), Buffer.alloc(0), behaviour);
    });
  });
}

/** Sends the answer as the fault has it. */
async function respond(socket: Socket, answer: Buffer, end: Buffer, { fault, delay_ms = 0 }: Behaviour): Promise<void> {
  if (delay_ms > 0) await sleep(delay_ms);
  if (socket.destroyed) return;
  switch (fault) {
    case 'hung':
      return;
    case 'slow':
      for (let at = 0; at < answer.length && !socket.destroyed; at += 64) {
        socket.write(answer.subarray(at, at + 64));
        await sleep(20);
      }
      socket.end(end);
      return;
    case 'truncated':
      socket.end(answer.subarray(0, Math.floor(answer.length / 2)));
      return;
    case 'nul-less':
      socket.write(answer);
      return;
    case 'invalid-json':
      socket.end(Buffer.concat([Buffer.from(brokenJson(answer.toString('utf8'))), end]));
      return;
    case 'html':
      socket.end(HTML);
      return;
    case 'reset':
      socket.resetAndDestroy();
      return;
    default:
      socket.end(Buffer.concat([answer, end]));
  }
}

function httpServer(miner: SimulatedMiner, behaviour: Behaviour): Server {
  return http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const asked = {
        method: request.method ?? 'GET',
        path: (request.url ?? '/').replace(/\?.*$/, ''),
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
      };
      void respondHttp(
        response,
        httpAnswer(miner.state(), asked, behaviour.login) ?? { status: 404, body: '' },
        behaviour,
      );
    });
  });
}

async function respondHttp(
  response: http.ServerResponse,
  page: { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body: string },
  { fault, delay_ms = 0 }: Behaviour,
): Promise<void> {
  if (delay_ms > 0) await sleep(delay_ms);
  const socket = response.socket;
  if (fault === 'hung' || socket === null || socket.destroyed) return;
  if (fault === 'reset') {
    socket.resetAndDestroy();
    return;
  }
  const body = fault === 'html' ? HTML : fault === 'invalid-json' ? page.body.replace(/}$/, ',}') : page.body;
  response.writeHead(page.status, { ...page.headers, 'content-length': Buffer.byteLength(body) });
  if (fault === 'truncated') {
    response.write(body.slice(0, Math.floor(body.length / 2)), () => socket.destroy());
    return;
  }
  if (fault === 'slow') {
    for (let at = 0; at < body.length && !socket.destroyed; at += 64) {
      response.write(body.slice(at, at + 64));
      await sleep(20);
    }
    response.end();
    return;
  }
  response.end(body);
}
