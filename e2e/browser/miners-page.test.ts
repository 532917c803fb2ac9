/**
 * The miners' page in a real Chromium: of the real agent with simulated devices, and with everything else that there can be
 * to show. AXLE_MINERS_SCREENSHOT=file keeps the picture for the README.
 */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import type { Browser, Page as Tab } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FakeApi } from '../../miner/board/testing/fake-api.js';
import { SAMPLE_NOW, sampleMember } from '../../miner/board/testing/sample-fleet.js';
import { launch, missingForBrowser } from './browser.js';
import { MinersLab } from './miners-lab.js';

const missing = missingForBrowser();
const SOON_MS = 20_000;
const EVIL = '<img src=x onerror="alert(1)"><script>alert(2)</script>"\'`';

describe.skipIf(missing !== undefined)(
  `the miners' page${missing === undefined ? '' : `: skipped, ${missing}`}`,
  () => {
    let browser: Browser;
    let api: FakeApi | undefined;
    let lab: MinersLab | undefined;
    let problems: string[] = [];

    beforeAll(async () => {
      execFileSync(process.execPath, [path.join(import.meta.dirname, '../../miner/board/build.mjs')]);
      browser = await launch();
    });
    afterAll(() => browser?.close());
    afterEach(async () => {
      for (const context of browser.contexts()) await context.close();
      await api?.close();
      await lab?.close();
      api = undefined;
      lab = undefined;
      expect(problems).toEqual([]);
      problems = [];
    });

    async function open(url: string, options: object = {}): Promise<Tab> {
      const context = await browser.newContext({
        viewport: { width: 1280, height: 940 },
        timezoneId: 'UTC',
        ...options,
      });
      const tab = await context.newPage();
      // A violation of the Content-Security-Policy is among these.
      tab.on('console', (message) => problems.push(`${message.type()}: ${message.text()}`));
      tab.on('pageerror', (error) => problems.push(String(error)));
      tab.on('dialog', (dialog) => problems.push(`dialog ${dialog.message()}`));
      tab.on('request', (request) => {
        if (!request.url().startsWith(new URL(url).origin)) problems.push(`asks ${request.url()}`);
      });
      await tab.goto(url);
      return tab;
    }

    const width = (tab: Tab) => tab.evaluate<number>('document.documentElement.scrollWidth');
    const row = (tab: Tab, text: string) => tab.locator('#devices tbody tr', { hasText: text });
    /** How many of the charts have something drawn in them: they are not as an empty one of their size. */
    const drawn = (tab: Tab) =>
      tab.evaluate<number>(`[...document.querySelectorAll('#main canvas')].filter((canvas) => {
      const empty = document.createElement('canvas');
      Object.assign(empty, { width: canvas.width, height: canvas.height });
      return canvas.width > 0 && canvas.toDataURL() !== empty.toDataURL();
    }).length`);

    it('of a real agent: scans, shows, tells what is stale, links a wallet, changes and removes a device', async () => {
      lab = await MinersLab.start({ count: 3, kinds: ['bitaxe', 'antminer', 'cgminer'] });
      const tab = await open(lab.url);
      await tab.locator('#headline', { hasText: 'No devices yet' }).waitFor({ timeout: SOON_MS });

      // A scan from the page finds them.
      await tab.getByRole('button', { name: 'Scan', exact: true }).click();
      await tab.locator('dialog input[name=network]').fill(lab.network);
      await tab.locator('dialog button[type=submit]').click();
      await tab.locator('#scan', { hasText: '3 miners found' }).waitFor({ timeout: SOON_MS });
      await tab.locator('#headline', { hasText: 'All 3 devices are online' }).waitFor({ timeout: SOON_MS });
      await tab.evaluate('window.sameDocument = true');
      expect(await tab.locator('#devices tbody tr').count()).toBe(3);
      const antminer = row(tab, 'Antminer');
      expect(await antminer.locator('.c-num').first().textContent()).toMatch(/^1\d\d TH\/s$/);
      // An Antminer does not say its power.
      expect(await antminer.locator('.c-power').textContent()).toBe('–');
      expect(await antminer.locator('.c-wallet').textContent()).toBe('unmatched');

      // A wallet is added, and the devices that mine for it are its own.
      await tab.getByRole('link', { name: 'Wallets' }).click();
      await tab.getByRole('button', { name: 'Add a wallet' }).click();
      await tab.locator('dialog input[name=name]').fill('Savings');
      await tab.locator('dialog input[name=address]').fill('no address');
      await tab.locator('dialog select').selectOption('ckpool_btc');
      await tab.locator('dialog button[type=submit]').click();
      await tab.locator('.note.bad', { hasText: 'address' }).waitFor();
      await tab.locator('.note.bad button').click();
      // What Chromium says of an answer of 400.
      expect(problems.filter((problem) => !problem.includes('status of 400'))).toEqual([]);
      problems = [];
      await tab.getByRole('button', { name: 'Add a wallet' }).click();
      await tab.locator('dialog input[name=name]').fill('Savings');
      await tab.locator('dialog input[name=address]').fill(lab.wallet);
      await tab.locator('dialog select').selectOption('ckpool_btc');
      await tab.locator('dialog button[type=submit]').click();
      await tab.locator('#view-wallets td', { hasText: 'Savings' }).waitFor();
      await expect
        .poll(() => tab.locator('#view-wallets td.c-num').first().textContent(), { timeout: SOON_MS })
        .toBe('3');

      // Another one, to which a device is linked by hand.
      await tab.getByRole('button', { name: 'Add a wallet' }).click();
      await tab.locator('dialog input[name=name]').fill('Other');
      await tab.locator('dialog input[name=address]').fill('1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2');
      await tab.locator('dialog select').selectOption('ckpool_btc');
      await tab.locator('dialog button[type=submit]').click();
      await tab.locator('#view-wallets td', { hasText: 'Other' }).waitFor();
      await tab.getByRole('link', { name: 'Devices' }).click();
      await row(tab, 'Antminer').locator('a').click();
      await tab.getByRole('button', { name: 'Change' }).first().click();
      await tab.locator('dialog select').selectOption({ index: 1 });
      await tab.locator('dialog button[type=submit]').click();
      await tab.locator('#view-device td', { hasText: 'linked by hand' }).first().waitFor({ timeout: SOON_MS });

      // Its charts.
      await expect.poll(() => drawn(tab), { timeout: SOON_MS }).toBeGreaterThanOrEqual(2);
      const device = tab.locator('#view-device');
      await device.getByRole('radio', { name: 'Week' }).check();
      await device.locator('.plot', { hasText: 'in this week yet' }).first().waitFor({ timeout: SOON_MS });
      await device.getByRole('radio', { name: 'Hour' }).check();
      await expect.poll(() => drawn(tab), { timeout: SOON_MS }).toBeGreaterThanOrEqual(2);

      // Renamed, disabled, enabled.
      await tab.getByRole('button', { name: 'Rename' }).click();
      await tab.locator('dialog input').fill(`Garage ${EVIL.slice(0, 30)}`);
      await tab.locator('dialog button[type=submit]').click();
      await tab.locator('#view-device h2', { hasText: 'Garage <img' }).waitFor({ timeout: SOON_MS });
      await tab.getByRole('button', { name: 'Disable' }).click();
      await tab.locator('#view-device .pill', { hasText: 'disabled' }).waitFor({ timeout: SOON_MS });
      await tab.getByRole('button', { name: 'Enable' }).click();
      await tab.locator('#view-device .pill.ok', { hasText: 'online' }).waitFor({ timeout: SOON_MS });

      // One goes away: it is stale with its age, then offline without a figure.
      await tab.getByRole('link', { name: '← Devices' }).click();
      const bitaxe = row(tab, 'bitaxe');
      await lab.switchOff('bitaxe');
      await bitaxe.locator('.dot.warn', { hasText: 'stale' }).waitFor({ timeout: SOON_MS });
      expect(await bitaxe.locator('.trouble').textContent()).toMatch(/ s ago/);
      await bitaxe.locator('.dot.bad', { hasText: 'offline' }).waitFor({ timeout: SOON_MS });
      expect(await bitaxe.locator('.c-num').first().textContent()).toBe('–');
      expect(await tab.locator('#state').getAttribute('class')).toBe('state bad');
      await lab.switchOn('bitaxe');
      await bitaxe.locator('.dot.ok').waitFor({ timeout: 60_000 });

      // Removed.
      await row(tab, 'Garage').locator('a').click();
      await tab.getByRole('button', { name: 'Remove' }).click();
      await tab.locator('dialog button[type=submit]').click();
      await tab.locator('#headline', { hasText: 'All 2 devices are online' }).waitFor({ timeout: SOON_MS });
      expect(await tab.evaluate('window.sameDocument')).toBe(true);
      expect(await tab.locator('main img, main script').count()).toBe(0);
    });

    it('says when the agent is gone, and goes on when it is back', async () => {
      api = new FakeApi(() => SAMPLE_NOW);
      const url = await api.start();
      const tab = await open(url);
      await tab.locator('#live.on').waitFor({ timeout: SOON_MS });
      await api.close();
      await tab.locator('#live', { hasText: 'no connection' }).waitFor({ timeout: SOON_MS });
      api = new FakeApi(() => SAMPLE_NOW, 4);
      await api.start(Number(new URL(url).port));
      await tab.locator('#headline', { hasText: 'All 4 devices are online' }).waitFor({ timeout: SOON_MS });
      await tab.locator('#live.on').waitFor();
      // What Chromium says of connections that were refused in between.
      problems = problems.filter((problem) => !problem.includes('net::ERR_'));
    });

    it('asks for a token where the API wants one, and again where it is wrong', async () => {
      api = new FakeApi(() => SAMPLE_NOW);
      api.token = 'axle_right';
      const tab = await open(await api.start());
      await tab.locator('dialog input').fill('axle_wrong');
      await tab.keyboard.press('Enter');
      await tab.locator('dialog', { hasText: 'not known' }).waitFor();
      await tab.keyboard.press('Escape');
      await tab.getByRole('button', { name: 'Enter a token' }).click();
      await tab.locator('dialog input').fill('axle_right');
      await tab.keyboard.press('Enter');
      await tab.locator('#headline', { hasText: 'All 9 devices are online' }).waitFor({ timeout: SOON_MS });
      await tab.reload();
      await tab.locator('#live.on').waitFor({ timeout: SOON_MS });
      expect(await tab.evaluate('localStorage.length + document.cookie.length')).toBe(0);
      problems = problems.filter((problem) => !problem.includes('status of 401'));
    });

    it('is a copy in the cloud: says where from and how old, changes nothing, does without a history', async () => {
      api = new FakeApi(() => SAMPLE_NOW);
      api.hasHistory = false;
      api.more = { source: 'gist', stale: false, age_s: 42 };
      const tab = await open(await api.start());
      await tab.locator('#banner', { hasText: 'A copy by way of a Gist, 42 s old' }).waitFor({ timeout: SOON_MS });
      for (const name of ['Scan', 'Add'])
        expect(await tab.getByRole('button', { name, exact: true }).isVisible()).toBe(false);
      api.more = { source: 'gist', stale: true, age_s: 7_200, message: 'The gist cannot be fetched.' };
      api.tell();
      await tab.locator('#banner.bad', { hasText: 'Stale: the last news from the miners is 2 h old' }).waitFor();
      expect(await tab.locator('#banner').textContent()).toContain('cannot be fetched');
      await tab.locator('#devices a').first().click();
      await tab.locator('#view-device h2').first().waitFor();
      for (const name of ['Rename', 'Disable', 'Remove'])
        expect(await tab.getByRole('button', { name }).isVisible()).toBe(false);
      expect(await tab.locator('#view-device canvas').count()).toBe(0);
      problems = problems.filter((problem) => !problem.includes('status of 404'));
    });

    it('shows markup from a device as the text that it is', async () => {
      api = new FakeApi(() => SAMPLE_NOW, 1);
      api.set(1, {
        ...sampleMember(1, SAMPLE_NOW, 'stale'),
        name: EVIL,
        model: EVIL,
        error: EVIL,
        firmware: EVIL,
        worker: EVIL,
      });
      api.wallets = api.wallets.map((wallet) => ({ ...wallet, name: EVIL }));
      api.more = { credit: { owed: 0, held: 1, unassigned: 0, error: EVIL } };
      const tab = await open(await api.start());
      for (const [hash, part] of [
        ['', '#devices'],
        ['#/device/1', '#view-device'],
        ['#/wallets', '#view-wallets'],
        ['#/credits', '#view-credits'],
      ]) {
        await tab.evaluate(`location.hash = ${JSON.stringify(hash)}`);
        await tab
          .locator(part as string, { hasText: '<img src=x onerror="alert(1)"><script>' })
          .waitFor({ timeout: SOON_MS });
      }
      expect(await tab.locator('main img, main script').count()).toBe(0);
    });

    it('releases and rejects held work, filters credits, and says whose a worker is', async () => {
      api = new FakeApi(() => SAMPLE_NOW);
      api.more = { credit: { owed: 2, oldest_owed_at: SAMPLE_NOW - 120_000, held: 1, unassigned: 0 } };
      const tab = await open(`${await api.start()}/#/credits`);
      await tab
        .locator('#view-credits .state.warn', { hasText: '2 credits on the way, the oldest for 2 min; 1 held' })
        .waitFor({ timeout: SOON_MS });
      await tab.locator('td', { hasText: '1,234.00000001' }).waitFor();
      await tab.locator('#view-credits input').fill('1-andy');
      await tab.locator('td', { hasText: '42-cora' }).first().waitFor({ state: 'detached', timeout: SOON_MS });
      await tab.getByRole('button', { name: 'Reject' }).click();
      await tab.locator('dialog input').fill('it was rented out');
      await tab.keyboard.press('Enter');
      await tab.getByText('Waits for your decision').waitFor({ state: 'detached', timeout: SOON_MS });
      await tab.getByRole('button', { name: 'Whose is a worker?' }).click();
      await tab.locator('dialog input[name=worker]').fill('rig/1');
      await tab.locator('dialog input[name=user]').fill('1-andy');
      await tab.keyboard.press('Enter');
      await tab.locator('.note', { hasText: 'rig/1 works for 1-andy' }).waitFor();
      expect(api.changes).toEqual([
        'POST /api/credits/held/7/reject {"reason":"it was rented out"}',
        'PUT /api/worker-users/rig%2F1 {"user":"1-andy"}',
      ]);
    });

    it('has room for a thousand devices: sorts, filters and tells what changed without a jank', async () => {
      api = new FakeApi(() => SAMPLE_NOW, 1_000);
      const tab = await open(await api.start());
      await tab.locator('#devices tbody tr').nth(999).waitFor({ state: 'attached', timeout: SOON_MS });
      // By name: whoever sorts by what changes wants to see it move.
      await tab.getByRole('button', { name: 'Device', exact: true }).click();
      const before = await tab.evaluateHandle(`document.querySelector('#devices tr[data-id="500"]')`);
      await tab.evaluate(`window.long = []; new PerformanceObserver((list) => window.long.push(...list.getEntries().map(({ duration }) => duration)))
      .observe({ type: 'longtask' })`);
      await tab.evaluate(`window.shifts = 0; new PerformanceObserver((list) => { for (const { value, hadRecentInput } of list.getEntries())
      if (!hadRecentInput) window.shifts += value; }).observe({ type: 'layout-shift' })`);
      for (let round = 1; round <= 5; round += 1) {
        const now = SAMPLE_NOW + round * 30_000;
        api.miners = api.miners.map(({ id }) => sampleMember(id, now, id % 50 === round ? 'stale' : 'online'));
        api.tell();
        await tab.locator('#headline', { hasText: `20 stale` }).waitFor({ timeout: SOON_MS });
        await expect
          .poll(() => tab.locator(`#devices tr[data-id="${round}"] .dot`).textContent(), { timeout: SOON_MS })
          .toBe('stale');
      }
      expect(await tab.evaluate((element) => (element as { isConnected: boolean }).isConnected, before)).toBe(true);
      const long = await tab.evaluate<number[]>('window.long');
      // Two cores are shared with other tests: a round that takes this long would be seen.
      expect(Math.max(0, ...long)).toBeLessThan(1_000);
      expect(await tab.evaluate<number>('window.shifts')).toBeLessThan(0.05);
      await tab.getByRole('button', { name: 'Hashrate' }).click();
      expect(await tab.locator('#devices tbody .name').first().textContent()).toMatch(/^whatsminer3/);
      await tab.locator('#filter').fill('nerdq .1.1 ');
      await expect.poll(() => tab.locator('#devices tbody tr').count()).toBeLessThan(100);
      expect(await tab.locator('#devices tbody tr').count()).toBeGreaterThan(0);
    });

    it.each([
      ['a phone', 360, 780, 'light'],
      ['a phone at night', 390, 844, 'dark'],
      ['a small phone', 320, 640, 'light'],
      ['a tablet', 768, 1024, 'light'],
      ['a desktop at night', 1280, 940, 'dark'],
    ] as const)('fits %s, with the worst that there is to show', async (_name, wide, height, colorScheme) => {
      api = new FakeApi(() => SAMPLE_NOW);
      const long = 'x'.repeat(100);
      api.set(3, {
        ...sampleMember(3, SAMPLE_NOW, 'stale'),
        name: long,
        model: long,
        error: `${long}${long}`,
        firmware: long,
        worker: long,
      });
      api.set(4, { id: 4, name: 'new', miner_type: 'generic', state: 'unknown' });
      api.wallets = [...api.wallets, { id: 3, name: long, address: long, pool: 'ckpool_btc', currency: 'BTC' }];
      api.more = { credit: { owed: 2, held: 1, unassigned: 3, error: long } };
      const tab = await open(await api.start(), { viewport: { width: wide, height }, colorScheme });
      await expect.poll(() => drawn(tab), { timeout: SOON_MS }).toBe(4);
      expect(await width(tab)).toBeLessThanOrEqual(wide);
      for (const hash of ['#/device/3', '#/device/1', '#/wallets', '#/credits']) {
        await tab.evaluate(`location.hash = '${hash}'`);
        await tab.locator('#main > div:not([hidden]) :is(table, .empty)').first().waitFor();
        expect([hash, await width(tab)]).toEqual([hash, expect.toSatisfy((value: number) => value <= wide)]);
      }
      const paper = await tab.evaluate('getComputedStyle(document.body).backgroundColor');
      expect(paper).toBe(colorScheme === 'dark' ? 'rgb(14, 19, 27)' : 'rgb(246, 247, 249)');
    });

    it('can be used with the keyboard alone, and has a name for every control', async () => {
      api = new FakeApi(() => SAMPLE_NOW);
      const tab = await open(await api.start());
      await tab.locator('#live.on').waitFor({ timeout: SOON_MS });
      const nameless = await tab.evaluate<string[]>(`[...document.querySelectorAll('button, input, select, a[href]')]
      .filter((element) => element.offsetParent !== null)
      .filter((element) => !(element.textContent.trim() || element.ariaLabel || element.labels?.[0]?.textContent.trim()))
      .map((element) => element.outerHTML)`);
      expect(nameless).toEqual([]);
      await tab.locator('#devices .name').first().focus();
      await tab.keyboard.press('Enter');
      await tab.locator('#view-device h2').first().waitFor();
      await tab.getByRole('button', { name: 'Remove' }).focus();
      await tab.keyboard.press('Enter');
      await tab.locator('dialog[open]').waitFor();
      // What does harm is not what Enter does at once.
      expect(await tab.evaluate('document.activeElement.textContent')).toBe('Cancel');
      await tab.keyboard.press('Escape');
      await tab.locator('dialog').waitFor({ state: 'detached' });
      expect(api.changes).toEqual([]);
    });

    it('looks as it does in the README', async () => {
      api = new FakeApi(() => SAMPLE_NOW, 11);
      api.set(5, sampleMember(5, SAMPLE_NOW, 'stale'));
      const tab = await open(await api.start());
      await expect.poll(() => drawn(tab), { timeout: SOON_MS }).toBe(4);
      const picture = process.env.AXLE_MINERS_SCREENSHOT;
      if (picture !== undefined) await tab.screenshot({ path: picture, animations: 'disabled' });
    });
  },
);
