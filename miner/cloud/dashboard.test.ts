import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SILENT } from '../../common/runtime/log.js';
import type { Fleet } from '../fleet/fleet.js';
import type { Env } from '../relay/config.js';
import { hubText } from '../relay/hub-file.js';
import { snapshotOf, snapshotText } from '../relay/snapshot.js';
import { GistServer } from '../relay/testing/gist-server.js';
import { type Dashboard, type DashboardOptions, dashboardSettings, runDashboard } from './dashboard.js';
import type { CloudFleet } from './mirror.js';

const ID = '9e0d60bcc84c808f505f9a4bfea0bc2f';

let server: GistServer;
let folder: string;
let running: Dashboard | undefined;

beforeEach(async () => {
  server = await GistServer.start();
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-dashboard-'));
});

afterEach(async () => {
  await running?.stop();
  running = undefined;
  await server.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

function published(name: string, at = Date.now()): string {
  const reading = { family: 'axeos', hashrate_hps: 1.2e12, pools: [], fans: [], boards: [] } as const;
  const fleet: Fleet = {
    at,
    poll_interval_s: 30,
    miners: [{ id: 1, name, miner_type: 'axeos', model: 'Bitaxe', state: 'online', at, reading }],
  };
  return snapshotText(snapshotOf(fleet, { addresses: false, interval_s: 60 }));
}

async function start(options: DashboardOptions, env: Env = {}): Promise<string> {
  const settings = { ...dashboardSettings(options, env, Date.now), port: 0 };
  running = await runDashboard(settings, SILENT);
  return `http://127.0.0.1:${running.port}`;
}

const json = async (url: string): Promise<CloudFleet> => (await (await fetch(url)).json()) as CloudFleet;

describe('axle dashboard', () => {
  it('shows what is in a Gist, with a token or without', async () => {
    server.add(ID, 'andy', published('rig1'));
    server.accounts.set('ghp_reader', { owner: 'andy', scopes: [] });
    for (const env of [{}, { GIST_TOKEN: 'ghp_reader' }]) {
      const url = await start({ gist: ID }, { ...env, GIST_API_URL: server.url });
      const fleet = await json(`${url}/api/fleet`);
      expect(fleet).toMatchObject({
        source: 'gist',
        stale: false,
        age_s: expect.any(Number),
        miners: [{ name: 'rig1', state: 'online' }],
      });
      expect(await json(`${url}/healthz`)).toMatchObject({ ok: true, stale: false });
      await running?.stop();
    }
    expect(server.asked).toHaveLength(2);
    expect(server.asked.map(({ headers }) => headers.authorization)).toEqual([undefined, 'Bearer ghp_reader']);
  });

  it('shows what is at a raw address', async () => {
    server.add(ID, 'andy', published('rig1'));
    const url = await start({}, { CLOUD_MODE: 'true', GIST_RAW_URL: server.rawUrl(ID), GIST_TOKEN: 'ghp_secret' });
    expect((await json(`${url}/api/fleet`)).miners).toHaveLength(1);
    expect(server.asked[0]?.headers.authorization).toBeUndefined();
  });

  it('spreads what GitHub allows without a token over the hour', async () => {
    server.add(ID, 'andy', published('rig1'));
    server.limit = 60;
    server.reset_s = Math.floor(Date.now() / 1_000) + 3_600;
    const { source } = dashboardSettings({ gist: ID }, { GIST_API_URL: server.url }, Date.now);
    const { not_before = 0 } = await source.look();
    expect((not_before - Date.now()) / 1_000).toBeGreaterThan(55);
    expect((not_before - Date.now()) / 1_000).toBeLessThan(65);
  });

  it('waits an hour at most, however far the end of the limit is said to be', async () => {
    server.add(ID, 'andy', published('rig1'));
    server.reset_s = Math.floor(Date.now() / 1_000) + 10 * 365 * 86_400;
    const { source } = dashboardSettings({ gist: ID }, { GIST_API_URL: server.url }, Date.now);
    expect(((await source.look()).not_before ?? 0) - Date.now()).toBeLessThan(1_000);
    server.limit = server.used + 1;
    expect(((await source.look()).not_before ?? 0) - Date.now()).toBeLessThanOrEqual(3_600_000);
  });

  it('asks with the tag of what it has, and again for what it could not read', async () => {
    server.add(ID, 'andy', '{}');
    const { source } = dashboardSettings({ gist: ID }, { GIST_API_URL: server.url }, Date.now);
    await expect(source.look()).rejects.toThrow('no agent has written to it yet');
    await expect(source.look()).rejects.toThrow('no agent has written to it yet');
    server.add(ID, 'andy', published('rig1'));
    expect((await source.look()).parts).toHaveLength(1);
    expect(await source.look()).not.toHaveProperty('parts');
  });

  it('answers all the same where the Gist cannot be read', async () => {
    const url = await start({ gist: ID }, { GIST_API_URL: server.url });
    const fleet = await json(`${url}/api/fleet`);
    expect(fleet).toMatchObject({ stale: true, miners: [] });
    expect(fleet.message).toContain('HTTP error 404: Not Found: check that GIST_ID');
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it("serves the miners' page", async () => {
    server.add(ID, 'andy', published('rig1'));
    const url = await start({ gist: ID }, { GIST_API_URL: server.url });
    const answer = await fetch(url);
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    // Where nothing has been built yet, it says so.
    expect([200, 503]).toContain(answer.status);
  });

  it('shows what agents publish through the hub, as it changes', async () => {
    fs.mkdirSync(path.join(folder, 'fleet'));
    const write = (name: string, text: string): void => fs.writeFileSync(path.join(folder, 'fleet', name), text);
    write('barn.txt', published('rig1'));
    write('.barn.axle-tmp', 'half');
    write('home.txt', '{"half":');
    fs.symlinkSync('/etc/passwd', path.join(folder, 'fleet/link.txt'));
    const { source } = dashboardSettings({ hubData: folder }, {}, Date.now);
    expect(await source.look()).toMatchObject({
      parts: [{ name: 'barn' }],
      problems: ['home.txt: it is no JSON', expect.stringContaining('link.txt: ELOOP')],
    });
    write('home.txt', hubText(published('rig2')));
    fs.rmSync(path.join(folder, 'fleet/link.txt'));
    const url = await start({ hubData: folder });
    const { miners, agents } = await json(`${url}/api/fleet`);
    expect(miners.map(({ name }) => name)).toEqual(['barn/rig1', 'home/rig2']);
    expect(agents).toHaveLength(2);
  });

  it.each([
    ['is not there', () => {}, /add kinds: \{ fleet: \{\} \} to the configs/],
    ['is empty', () => fs.mkdirSync(path.join(folder, 'fleet')), /is empty: does an agent publish to the hub/],
  ])("says what to do where the hub's folder %s", async (_name, prepare, message) => {
    prepare();
    const url = await start({ hubData: folder });
    expect((await json(`${url}/api/fleet`)).message).toMatch(message);
  });

  it('tells pages of what changes', async () => {
    fs.mkdirSync(path.join(folder, 'fleet'));
    fs.writeFileSync(path.join(folder, 'fleet/home.txt'), published('rig1'));
    const url = await start({ hubData: folder }, { GIST_CACHE_TTL: '1' });
    const heard: string[] = [];
    const abort = new AbortController();
    const stream = await fetch(`${url}/api/fleet/events`, { signal: abort.signal });
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    const reading = (async () => {
      for await (const part of stream.body ?? []) heard.push(Buffer.from(part).toString('utf8'));
    })().catch(() => {});
    await vi.waitFor(() => expect(heard.join('')).toMatch(/event: fleet\ndata: .*rig1.*\n\n/));
    fs.writeFileSync(path.join(folder, 'fleet/home.txt'), published('rig2'));
    await vi.waitFor(() => expect(heard.join('')).toContain('rig2'), { timeout: 5_000 });
    abort.abort();
    await reading;
  });

  it('reads only, and answers to no other name on this machine', async () => {
    server.add(ID, 'andy', published('rig1'));
    const url = await start({ gist: ID }, { GIST_API_URL: server.url });
    expect((await fetch(`${url}/api/fleet`, { method: 'POST' })).status).toBe(404);
    expect((await fetch(`${url}/api/wallets`)).status).toBe(404);
    const status = await new Promise((resolve) => {
      http.get(`${url}/api/fleet`, { headers: { host: 'evil.example' } }, ({ statusCode }) => resolve(statusCode));
    });
    expect(status).toBe(403);
  });
});

describe('what axle dashboard is told', () => {
  const settings = (options: DashboardOptions, env: Env = {}) => dashboardSettings(options, env, Date.now);

  it('comes from the environment in the cloud', () => {
    const env = { CLOUD_MODE: 'true', GIST_ID: ID, GIST_CACHE_TTL: '60', PORT: '10000' };
    expect(settings({}, env)).toMatchObject({ host: '0.0.0.0', port: 10_000, ttl_s: 60, place: ID });
    expect(settings({}, { ...env, GIST_RAW_URL: 'https://gist.example/raw' })).toMatchObject({
      place: 'https://gist.example/raw',
      source: { delay_s: 300 },
    });
    expect(settings({ gist: 'abc', port: 1, host: '::1' }, env)).toMatchObject({ place: 'abc', port: 1, host: '::1' });
  });

  it('stays on this machine elsewhere', () => {
    expect(settings({ gist: ID })).toMatchObject({ host: '127.0.0.1', port: 8_000, ttl_s: 30 });
    expect(settings({ hubData: '/u' })).toMatchObject({ host: '127.0.0.1', source: { name: 'hub' } });
  });

  it.each([
    [{}, {}, /Set\n {2}CLOUD_MODE=true and GIST_ID/],
    [{}, { CLOUD_MODE: 'false', GIST_ID: ID }, /CLOUD_MODE=true/],
    [{}, { CLOUD_MODE: 'true' }, /CLOUD_MODE is set, and not where the data is: set GIST_ID/],
    [{ gist: ID, hubData: '/u' }, {}, /either --gist or --hub-data/],
    [{ gist: 'http://gist.example/raw' }, {}, /begins with https/],
    [{ gist: ID }, { GIST_CACHE_TTL: '0' }, /GIST_CACHE_TTL must be/],
    [{ gist: ID }, { PORT: 'web' }, /PORT must be a port, 1–65535/],
    [{ gist: ID }, { GIST_API_URL: 'ftp://x' }, /GIST_API_URL must begin/],
    [{ gist: ID }, { GIST_TOKEN: 'a b' }, /GIST_TOKEN holds no token/],
  ])('is refused: %j %j', (options, env, message) => {
    expect(() => settings(options, env)).toThrow(message);
  });
});
