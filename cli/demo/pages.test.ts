import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { demoSites, prepare } from './layout.js';
import { servePages } from './pages.js';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'axle-pages-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('the pages of the demo', () => {
  it('are elsewhere where a port is taken', async () => {
    const other = http.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    const sites = demoSites(dir);
    prepare(sites);
    const pages = await servePages(sites, port);
    try {
      expect([...pages.origins.keys()]).toEqual(['roflfaucet', 'clickforcharity']);
      const [rofl = ''] = pages.origins.values();
      expect(rofl).not.toBe(`http://127.0.0.1:${port}`);
      expect(await (await fetch(rofl)).text()).toContain('<title>roflfaucet</title>');
      expect(await (await fetch(`${rofl}/unified-balance.js`)).text()).toContain('unifiedBalance');
      // The daemon is not there yet.
      expect((await fetch(`${rofl}/axle/readyz`)).status).toBe(502);
      expect((await fetch(`${rofl}/demo/other`, { method: 'POST' })).status).toBe(404);
    } finally {
      await pages.close();
      await new Promise((resolve) => other.close(resolve));
    }
  });

  it('reach a sidecar whose socket has a short name in a folder with a long one', () => {
    const long = join(dir, 'x'.repeat(120));
    for (const { socket } of demoSites(long)) expect(Buffer.byteLength(socket ?? '')).toBeLessThan(104);
    expect(demoSites(dir)[1]?.socket).toBe(join(dir, 'roflfaucet-data/axle/sidecar.sock'));
    expect(demoSites(dir)[0]?.socket).toBeUndefined();
  });

  it('share a secret with the sidecars, which a second start leaves as it is', () => {
    const sites = demoSites(dir);
    prepare(sites);
    const secret = readFileSync(sites[1]?.secret ?? '', 'utf8');
    prepare(sites);
    expect(readFileSync(sites[2]?.secret ?? '', 'utf8')).toBe(secret);
    expect(secret.length).toBeGreaterThan(32);
  });
});
