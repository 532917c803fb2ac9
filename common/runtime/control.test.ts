import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ControlError, type ControlRoute, ControlServer, callControl } from './control.js';

let dir = '';
let socket = '';
const servers: ControlServer[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'axle-control-'));
  socket = join(dir, 'run', 'control.sock');
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  rmSync(dir, { recursive: true, force: true });
});

async function listen(routes: Record<string, ControlRoute>): Promise<ControlServer> {
  const server = new ControlServer(socket, routes);
  await server.start();
  servers.push(server);
  return server;
}

/** Asks with a body of our choice. */
function raw(method: string, path: string, body: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath: socket, path, method, agent: false }, (response) => {
      let text = '';
      response.on('data', (piece) => {
        text += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

describe('the control channel', () => {
  it('carries a question and its answer', async () => {
    await listen({ 'held/list': async (input) => ({ got: input }) });
    expect(await callControl(socket, 'held/list', { ids: [1, 'zwei'] })).toEqual({ got: { ids: [1, 'zwei'] } });
    expect(await callControl(socket, 'held/list', undefined)).toEqual({});
  });

  it('is open to its own account alone', async () => {
    await listen({});
    expect(statSync(socket).mode & 0o777).toBe(0o600);
  });

  it('tells why a route refused, with code and hint', async () => {
    await listen({
      refuse: async () => {
        throw Object.assign(new Error('no such change'), { code: 'AXL-HELD-UNKNOWN', hint: 'axle held list' });
      },
    });
    await expect(callControl(socket, 'refuse', {})).rejects.toMatchObject({
      code: 'AXL-HELD-UNKNOWN',
      message: 'no such change',
      hint: 'axle held list',
    });
  });

  it.each(['nothing', 'constructor', '__proto__', ''])('refuses a route that it does not have: %j', async (name) => {
    await listen({ known: async () => 1 });
    await expect(callControl(socket, name, {})).rejects.toMatchObject({ code: 'AXL-NO-ROUTE' });
  });

  it('answers what is no JSON, or too much of it, without calling a route', async () => {
    let calls = 0;
    await listen({
      count: async () => {
        calls += 1;
      },
    });
    expect((await raw('POST', '/count', '{"torn":')).status).toBe(400);
    expect((await raw('GET', '/count', '')).status).toBe(404);
    await raw('POST', '/count', `"${'x'.repeat(2_000_000)}"`).catch(() => {});
    expect(calls).toBe(0);
    await callControl(socket, 'count', {});
    expect(calls).toBe(1);
  });

  it('says that nobody listens', async () => {
    await expect(callControl(socket, 'held/list', {})).rejects.toMatchObject({ code: 'AXL-NOT-RUNNING' });
    const server = await listen({});
    await server.close();
    await expect(callControl(socket, 'held/list', {})).rejects.toMatchObject({ code: 'AXL-NOT-RUNNING' });
  });

  it('takes the place of what a killed daemon left, but not of a living one', async () => {
    await listen({ who: async () => 'first' });
    const second = new ControlServer(socket, { who: async () => 'second' });
    await expect(second.start()).rejects.toMatchObject({ code: 'AXL-RUNNING' });
    await second.close();
    expect(await callControl(socket, 'who', {})).toBe('first');
    await servers.pop()?.close();
    writeFileSync(socket, '');
    await listen({ who: async () => 'third' });
    expect(await callControl(socket, 'who', {})).toBe('third');
  });

  it('finishes what is being asked before it goes', async () => {
    let finish: (value: string) => void = () => {};
    let asked: () => void = () => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const server = await listen({
      slow: () => {
        asked();
        return new Promise((resolve) => {
          finish = resolve;
        });
      },
    });
    const answer = callControl(socket, 'slow', {});
    await isAsked;
    const closed = server.close();
    finish('done');
    expect(await answer).toBe('done');
    await closed;
  });

  it('refuses a path that no socket can have', async () => {
    await expect(callControl(`/${'x'.repeat(200)}`, 'a', {})).rejects.toThrow(ControlError);
  });
});
