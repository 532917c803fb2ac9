import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerBoard } from './board.js';

let folder: string;

beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-board-'));
  execFileSync(process.execPath, [path.join(import.meta.dirname, 'build.mjs'), path.join(folder, 'assets')]);
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

describe('the page of the miners', () => {
  it('is all there, allows nothing from elsewhere and nothing inline, and is in no cache', async () => {
    const app = Fastify();
    registerBoard(app, { assets: path.join(folder, 'assets') });
    for (const [url, type] of [
      ['/', 'text/html'],
      ['/board.css', 'text/css'],
      ['/board.js', 'text/javascript'],
      ['/icon.svg', 'image/svg+xml'],
    ] as const) {
      const { statusCode, headers, body } = await app.inject(url);
      expect([url, statusCode, headers['content-type']]).toEqual([url, 200, `${type}; charset=utf-8`]);
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      expect(headers['content-security-policy']).not.toContain('unsafe');
      expect(headers['cache-control']).toBe('no-store');
      expect(body.length).toBeLessThan(150_000);
    }
    expect((await app.inject('/')).body).not.toMatch(/https?:|<script>|<style|style=| on\w+=/);
    // The licence of what is bundled goes with it.
    expect((await app.inject('/board.js')).body).toMatch(/uPlot.*MIT.*Leon Sorokin/);
    await app.close();
  });

  it('says what to do where it was not built', async () => {
    const app = Fastify();
    registerBoard(app, { assets: path.join(folder, 'elsewhere') });
    const { statusCode, body } = await app.inject('/');
    expect([statusCode, body]).toEqual([503, 'the page is not built: npm run build\n']);
    await app.close();
  });
});
