import { Agent, createServer as createWeb } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ask } from './ask.js';
import { DeviceSilentError } from './errors.js';
import { NetworkDevice } from './network-device.js';

const servers: Server[] = [];
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => new Promise((closed) => server.close(closed))));
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => {}));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return (server.address() as AddressInfo).port;
}

/** Answers every question with these pieces, some milliseconds apart. */
function answering(pieces: readonly (string | Buffer)[], end = true, spacing_ms = 1) {
  return createServer((socket) => {
    socket.once('data', async () => {
      for (const piece of pieces) {
        socket.write(piece);
        await new Promise((resolve) => setTimeout(resolve, spacing_ms));
      }
      if (end) socket.end();
    });
  });
}

describe('the cgminer protocol', () => {
  async function rpc(server: Server, options = {}) {
    const port = await listening(server);
    return new NetworkDevice('127.0.0.1', { ports: { rpc: port }, answer_ms: 500, ...options }).rpc('summary');
  }

  const long = JSON.stringify({
    SUMMARY: Array.from({ length: 3_000 }, (_, place) => ({ place, text: 'x'.repeat(20) })),
  });

  it('a reply of 100 kB in many pieces is one reply', async () => {
    const pieces = [...(long.match(/.{1,1400}/g) ?? []), '\0'];
    expect(await rpc(answering(pieces))).toBe(long);
  });

  it.each([
    ['NUL, and the connection stays open', ['{"a":1}\0'], false],
    ['a newline, and the connection stays open', ['{"a":1}', '\n'], false],
    ['nothing, and the connection stays open', ['{"a"', ':1}'], false],
    ['the connection', ['{"a":1}'], true],
    ['NUL in the next packet', ['{"a":1', '}', '\0'], true],
  ])('ends with %s', async (_name, pieces, end) => {
    expect((await rpc(answering(pieces, end))).trim()).toBe('{"a":1}');
  });

  it('what came until the time was up is the reply', async () => {
    expect(await rpc(answering(['{"a":1,"b"'], false))).toBe('{"a":1,"b"');
  });

  it('one that never ends is ended', async () => {
    const pieces = Array.from({ length: 1_000 }, () => 'x'.repeat(10_000));
    await expect(rpc(answering(pieces), { bytes_max: 50_000 })).rejects.toThrow('sends more than 50000 bytes');
  });

  it('sends the question as one JSON object', async () => {
    let asked = '';
    const port = await listening(
      createServer((socket) => {
        socket.once('data', (question) => {
          asked = String(question);
          socket.end('{}\0');
        });
      }),
    );
    await new NetworkDevice('127.0.0.1', { ports: { rpc: port } }).rpc('ascset', '0,led,1-1');
    expect(JSON.parse(asked)).toEqual({ command: 'ascset', parameter: '0,led,1-1' });
  });

  it('all questions together have a time', async () => {
    const port = await listening(createServer(() => {}));
    const device = new NetworkDevice('127.0.0.1', { ports: { rpc: port }, answer_ms: 200, total_ms: 300 });
    const started = performance.now();
    const questions = Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((name) => [name, () => device.rpc(name)]));
    await expect(ask(questions)).rejects.toThrow(DeviceSilentError);
    expect(performance.now() - started).toBeLessThan(900);
  });
});

describe("Whatsminer's API 3", () => {
  async function answer(pieces: readonly Buffer[]) {
    const port = await listening(answering(pieces, false));
    return new NetworkDevice('127.0.0.1', { ports: { whatsminer: port }, answer_ms: 5_000 }).whatsminer(
      'get.device.info',
    );
  }

  it('has its length in front, in whatever pieces it comes', async () => {
    const body = Buffer.from('{"code":0}');
    const head = Buffer.from([body.length, 0, 0, 0]);
    const whole = Buffer.concat([head, body]);
    expect(await answer([...whole].map((byte) => Buffer.from([byte])))).toBe('{"code":0}');
    expect(await answer([Buffer.concat([whole, Buffer.from('more')])])).toBe('{"code":0}');
  });

  it('a length that nobody has is refused at once', async () => {
    const started = performance.now();
    await expect(answer([Buffer.from([0xff, 0xff, 0xff, 0x7f, 0x7d])])).rejects.toThrow('announces 2147483647 bytes');
    expect(performance.now() - started).toBeLessThan(2_500);
  });
});

describe('HTTP', () => {
  it('with an agent that keeps it, one connection serves many readings', async () => {
    let connections = 0;
    const web = createWeb((_request, response) => response.end('{}'));
    web.on('connection', () => {
      connections += 1;
    });
    const port = await listening(web);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let reading = 0; reading < 3; reading += 1) {
      await new NetworkDevice('127.0.0.1', { ports: { http: port }, agent }).http({ path: '/' });
    }
    expect(connections).toBe(1);
    agent.destroy();
    for (let reading = 0; reading < 3; reading += 1) {
      await new NetworkDevice('127.0.0.1', { ports: { http: port } }).http({ path: '/' });
    }
    expect(connections).toBe(4);
  });

  it('a redirect is not followed, and an error is one', async () => {
    const web = createWeb((request, response) => {
      if (request.url === '/away') response.writeHead(302, { location: 'http://192.0.2.1/' }).end('moved');
      else response.writeHead(503).end('{"a":1}');
    });
    const port = await listening(web);
    const device = new NetworkDevice('127.0.0.1', { ports: { http: port } });
    expect(await device.http({ path: '/away' })).toBe('moved');
    await expect(device.http({ path: '/' })).rejects.toThrow('answers 503');
  });

  it('a page without end is ended', async () => {
    const web = createWeb((_request, response) => {
      const timer = setInterval(() => response.write('x'.repeat(10_000)), 1);
      response.on('close', () => clearInterval(timer));
    });
    const port = await listening(web);
    const device = new NetworkDevice('127.0.0.1', { ports: { http: port }, bytes_max: 50_000 });
    await expect(device.http({ path: '/' })).rejects.toThrow('sends more than 50000 bytes');
  });
});
