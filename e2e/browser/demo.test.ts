/** What a newcomer sees after `npm start`, from the build that it runs. AXLE_SCREENSHOT=file keeps a picture for the README. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, missingForBrowser } from './browser.js';

const missing = missingForBrowser();
const MAIN = path.join(import.meta.dirname, '../../dist/cli/main.js');
const START_MS_MAX = 30_000;

describe.skipIf(missing !== undefined)(`the demo${missing === undefined ? '' : `: skipped, ${missing}`}`, () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-demo-'));
  let browser: Browser;
  let demo: ChildProcess;
  let pages: { rofl: string; click: string; hub: string; miners?: { page: string; balance: string } };

  beforeAll(async () => {
    browser = await launch();
    demo = spawn(process.execPath, [MAIN, 'demo', '--dir', folder, '--json', '--port', '0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    pages = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the demo did not start')), START_MS_MAX);
      demo.once('exit', () => reject(new Error('the demo ended: is it built?')));
      createInterface({ input: demo.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        const { ready, sites, miners } = JSON.parse(line);
        if (ready !== true || sites === undefined) return;
        clearTimeout(timer);
        resolve({
          rofl: sites.roflfaucet.page,
          click: sites.clickforcharity.page,
          hub: sites.directsponsor.page,
          miners,
        });
      });
    });
  });

  afterAll(async () => {
    await browser?.close();
    const ended = new Promise((resolve) => demo.once('exit', resolve));
    demo.kill('SIGTERM');
    await ended;
    fs.rmSync(folder, { recursive: true, force: true });
  });

  it('shows on one site what was earned on the other, without reloading', async () => {
    const page = await browser.newPage({ viewport: { width: 1200, height: 560 }, deviceScaleFactor: 1 });
    await page.goto(`${pages.rofl}both`);
    const rofl = page.frameLocator('iframe').first();
    const click = page.frameLocator('iframe').last();
    const shows = async (site: typeof rofl, text: string): Promise<void> =>
      site.locator('.balance', { hasText: new RegExp(`^${text}$`) }).waitFor({ timeout: 10_000 });
    // A guest earns on one site, signs in there, and takes it along.
    await rofl.locator('#earn').click();
    await shows(rofl, '20');
    expect(await rofl.locator('.currency').textContent()).toBe('tokens');
    await rofl.locator('#sign').click();
    await shows(rofl, '20');
    await rofl.locator('.currency', { hasText: 'coins' }).waitFor();
    await click.locator('#sign').click();
    await shows(click, '20');
    await click.locator('#earn').click();
    await shows(rofl, '40');
    await rofl.locator('#earn').click();
    await shows(click, '60');
    await click.locator('#spend').click();
    await shows(rofl, '50');
    await click.locator('#shares tr', { hasText: 'roflfaucetearned 40spent 0' }).waitFor();
    await rofl.locator('#shares tr', { hasText: 'clickforcharityearned 20spent 10' }).waitFor();
    const file = path.join(folder, 'clickforcharity-data/userdata/balances/1-andy.txt');
    await expect.poll(() => JSON.parse(fs.readFileSync(file, 'utf8')).balance).toBe(50);
    const picture = process.env.AXLE_SCREENSHOT;
    if (picture !== undefined) {
      await page.waitForTimeout(1_000);
      await page.screenshot({ path: picture });
    }
    await page.close();
  });

  it('shows how the hub is', async () => {
    const page = await browser.newPage();
    await page.goto(pages.hub);
    await page.locator('#headline', { hasText: 'All 2 sites are in step' }).waitFor({ timeout: 10_000 });
    await page.locator('#entries', { hasText: 'balances/1-andy' }).waitFor();
    await page.close();
  });

  it('has miners that earn for a user of a site', async () => {
    const file = pages.miners?.balance as string;
    const earned = () => (fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')).balance : 0);
    await expect.poll(earned, { timeout: 120_000, interval: 500 }).toBeGreaterThan(0);
    const { miners } = (await (await fetch(`${pages.miners?.page}api/fleet`)).json()) as {
      miners: { state: string }[];
    };
    expect(miners.map(({ state }) => state)).toEqual(['online', 'online', 'online', 'online']);
  });

  it('is for this machine’s own names alone', async () => {
    const answer = await fetch(`${pages.rofl}demo/sign-in`, { method: 'POST' });
    expect(answer.status).toBe(200);
    expect((await fetch(`${pages.rofl}../etc/passwd`)).status).toBe(404);
    const { port } = new URL(pages.rofl);
    const status = await new Promise((resolve, reject) => {
      http
        .get({ host: '127.0.0.1', port, headers: { host: 'evil.example' } }, (response) =>
          resolve(response.resume().statusCode),
        )
        .on('error', reject);
    });
    expect(status).toBe(403);
  });
});
