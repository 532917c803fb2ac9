import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Log, SILENT } from '../runtime/log.js';
import { siteRegistry } from '../site/metrics.js';
import type { Site } from '../site/site.js';
import { LISTENERS_MAX } from './live.js';
import { type Page, servePage, startPage } from './main.js';
import { Sample } from './testing/sample.js';

const PASSWORD = 'correct-horse-battery';
let folder: string;
let sample: Sample;
let page: Page | undefined;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-page-'));
  fs.writeFileSync(path.join(folder, 'password'), `${PASSWORD}\n`);
  sample = new Sample();
});
afterEach(async () => {
  await page?.close();
  page = undefined;
  fs.rmSync(folder, { recursive: true, force: true });
});

const config = (more: object = {}) => ({ host: '127.0.0.1', port: 0, allow_remote: false, ...more });

async function serve(more: object = {}): Promise<void> {
  const registry = siteRegistry('directsponsor', () => sample.status());
  page = await servePage('directsponsor', sample, config(more), registry, SILENT);
}

type Answer = { readonly status: number; readonly headers: http.IncomingHttpHeaders; readonly text: string };

function ask(place: string, headers: http.OutgoingHttpHeaders = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: page?.port, path: place, method, headers, agent: false };
    const request = http.request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    request.on('error', reject).end();
  });
}

const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });

describe('the page', () => {
  it('is all there, allows nothing from elsewhere and nothing inline, and is in no cache', async () => {
    await serve();
    for (const [place, type] of [
      ['/', 'text/html'],
      ['/base.css', 'text/css'],
      ['/page.css', 'text/css'],
      ['/page.mjs', 'text/javascript'],
      ['/icon.svg', 'image/svg+xml'],
      ['/status.json', 'application/json'],
    ]) {
      const { status, headers } = await ask(place as string);
      expect([place, status, headers['content-type']]).toEqual([place, 200, `${type}; charset=utf-8`]);
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      expect(headers['content-security-policy']).not.toContain('unsafe');
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['cache-control']).toBe('no-store');
    }
    const { text } = await ask('/');
    expect(text).not.toMatch(/https?:|<script>|<style|style=| on\w+=/);
  });

  it('only ever reads', async () => {
    await serve();
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
      expect((await ask('/status.json', {}, method)).status).toBe(405);
    for (const place of ['/x', '/assets/page.css', '/../page.css', '/%2e%2e/package.json', '//', '/status.json/'])
      expect([place, (await ask(place)).status]).toEqual([place, 404]);
    expect((await ask('/', {}, 'HEAD')).status).toBe(200);
  });

  it('gives figures to Prometheus and status to scripts', async () => {
    await serve();
    expect(JSON.parse((await ask('/status.json')).text)).toMatchObject({
      site: 'directsponsor',
      role: 'hub',
      headline: 'All 3 sites are in step',
      sites: [{ site: 'roflfaucet', is: 'in step' }, {}, {}],
      entries: [],
    });
    const { text, headers } = await ask('/metrics');
    expect(headers['content-type']).toContain('text/plain');
    expect(text).toContain('axle_peer_up{peer="roflfaucet",site="directsponsor"} 1');
    expect((await ask('/healthz')).text).toBe('{"ok":true}');
  });
});

describe('who may see it', () => {
  it('without a password: this machine’s own names, no other that leads there, no proxy', async () => {
    await serve();
    for (const host of ['127.0.0.1', 'localhost:9000', '[::1]:8400'])
      expect((await ask('/status.json', { host })).status).toBe(200);
    for (const headers of [
      { host: 'evil.example' },
      { host: '127.0.0.1.evil.example' },
      { 'x-forwarded-for': '1.2.3.4' },
    ])
      for (const place of ['/', '/status.json', '/metrics', '/live']) {
        const { status, text } = await ask(place, headers);
        expect([place, status]).toEqual([place, 403]);
        expect(text).toContain('page.password');
      }
    expect((await ask('/healthz', { host: 'evil.example' })).status).toBe(200);
  });

  it('with one: whoever knows it, as a browser or as Prometheus says it', async () => {
    await serve({ password: path.join(folder, 'password') });
    for (const headers of [
      {},
      basic('axle:wrong'),
      basic(`root:${PASSWORD}`),
      basic(PASSWORD),
      { authorization: 'x' },
    ]) {
      const { status, headers: answer } = await ask('/metrics', headers);
      expect([status, answer['www-authenticate']]).toEqual([401, 'Basic realm="Axle", charset="UTF-8"']);
    }
    expect((await ask('/metrics', basic(`axle:${PASSWORD}`))).status).toBe(200);
    expect((await ask('/metrics', { ...basic(`axle:${PASSWORD}`), host: 'hub.example' })).status).toBe(200);
    expect((await ask('/metrics', { authorization: `Bearer ${PASSWORD}` })).status).toBe(200);
  });

  it('names of documents are for this machine alone', async () => {
    await serve({ password: path.join(folder, 'password') });
    sample.activity.log.info('absorbed', { document: 'balances/1-andy', site: 'directsponsor' });
    sample.heldRows = [{ id: 1, document: 'balances/1-andy', reason: 'zero', at: 0 }];
    const auth = basic(`axle:${PASSWORD}`);
    await expect.poll(async () => (await ask('/status.json', auth)).text).toMatch(/absorbed.*1-andy|1-andy.*absorbed/);
    const { status, text } = await ask('/status.json', { ...auth, host: 'status.example' });
    expect(status).toBe(200);
    expect(text).toContain('absorbed');
    expect(text).not.toContain('andy');
  });
});

describe('a site that cannot say how it is', () => {
  it('is an answer of 500, told once, and the page goes on', async () => {
    const said: string[] = [];
    const registry = siteRegistry('x', () => sample.status());
    const log: Log = { ...SILENT, error: (event) => said.push(event) };
    page = await servePage('directsponsor', sample, config(), registry, log);
    const { status } = sample;
    sample.status = () => {
      throw new Error('database disk image is malformed');
    };
    for (const place of ['/status.json', '/metrics', '/status.json']) expect((await ask(place)).status).toBe(500);
    await expect(ask('/live')).rejects.toThrow();
    expect(said).toEqual(['page failed']);
    sample.status = status;
    expect((await ask('/status.json')).status).toBe(200);
  });
});

describe('the stream', () => {
  it('tells everything, then what is new, and ends with the daemon', async () => {
    await serve();
    sample.activity.log.info('absorbed', { document: 'balances/1-andy', site: 'directsponsor' });
    // biome-ignore lint/suspicious/noExplicitAny: what a message holds is what the test looks at
    const told: any[] = [];
    const ended = new Promise((resolve) => {
      http.get({ host: '127.0.0.1', port: page?.port, path: '/live', agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
          const messages = text.split('\n\n');
          text = messages.pop() ?? '';
          for (const message of messages) told.push(JSON.parse(message.replace(/^data: /, '')));
        });
        response.on('end', resolve);
      });
    });
    await expect.poll(() => told.flatMap(({ entries }) => entries).length).toBe(1);
    sample.activity.log.info('materialised', { document: 'balances/2-bob', from: 'roflfaucet', ms: 20 });
    await expect.poll(() => told.at(-1)?.points.at(-1)).toEqual({ changes: 2, p50_ms: 20 });
    const ids = told.flatMap(({ entries }) => entries.map(({ id }: { id: number }) => id));
    expect(ids).toEqual([1, 2]);
    await page?.close();
    page = undefined;
    await ended;
  });

  it('has an end of listeners', async () => {
    await serve();
    const requests = Array.from({ length: LISTENERS_MAX }, () =>
      http.get({ host: '127.0.0.1', port: page?.port, path: '/live', agent: false }).on('error', () => {}),
    );
    await Promise.all(requests.map((request) => new Promise((resolve) => request.on('response', resolve))));
    expect((await ask('/live')).status).toBe(503);
    requests[0]?.destroy();
    await expect.poll(async () => (await ask('/live', {}, 'HEAD')).status).toBe(200);
    for (const request of requests) request.destroy();
  });
});

describe('a page that cannot be', () => {
  it.each([
    ['a taken port', () => ({ port: page?.port }), 'EADDRINUSE'],
    ['no password there', () => ({ password: '/nowhere' }), '/nowhere cannot be read'],
    ['a short password', () => ({ password: '/dev/null' }), 'no password of at least 12 bytes'],
  ])('keeps no credit from travelling: %s', async (_name, more, reason) => {
    await serve();
    const site = { activity: sample.activity, status: () => sample.status() } as unknown as Site;
    const registry = siteRegistry('x', () => sample.status());
    const said: object[] = [];
    const listening: Log = { ...SILENT, error: (event, fields) => said.push({ event, ...fields }) };
    expect(await startPage(site, config(more()) as never, registry, listening)).toBeUndefined();
    expect(said).toMatchObject([{ event: 'no page', code: 'AXL-PAGE', reason: expect.stringContaining(reason) }]);
  });
});
