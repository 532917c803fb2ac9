/**
 * The operator's page in a real Chromium, of a real hub with real spokes, and with names that nobody should have.
 * AXLE_STATUS_SCREENSHOT=file keeps the picture for the README.
 */

import type { Browser, Page as Tab } from 'playwright-core';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PageSource } from '../../common/page/live.js';
import { type Page, servePage } from '../../common/page/main.js';
import { Sample } from '../../common/page/testing/sample.js';
import { SILENT } from '../../common/runtime/log.js';
import { Lab } from '../../common/testing/sites.js';
import { launch, missingForBrowser } from './browser.js';

const missing = missingForBrowser();
const SOON_MS = 10_000;

describe.skipIf(missing !== undefined)(`the status page${missing === undefined ? '' : `: skipped, ${missing}`}`, () => {
  let browser: Browser;
  let page: Page | undefined;
  let lab: Lab | undefined;
  let problems: string[] = [];

  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    await page?.close();
    await lab?.close();
    page = undefined;
    lab = undefined;
    expect(problems).toEqual([]);
    problems = [];
  });

  async function open(source: PageSource, site = 'directsponsor', options: object = {}): Promise<Tab> {
    const config = { host: '127.0.0.1', port: page?.port ?? 0, allow_remote: false };
    page ??= await servePage(site, source, config, new Registry(), SILENT);
    const context = await browser.newContext({ viewport: { width: 1160, height: 900 }, timezoneId: 'UTC', ...options });
    const tab = await context.newPage();
    tab.on('console', (message) => problems.push(`${message.type()}: ${message.text()}`));
    tab.on('pageerror', (error) => problems.push(String(error)));
    tab.on('dialog', (dialog) => problems.push(`dialog ${dialog.message()}`));
    await tab.goto(`http://127.0.0.1:${page.port}/`);
    await tab.locator('#live.on').waitFor({ timeout: SOON_MS });
    return tab;
  }

  const sourceOf = (name: string): PageSource => {
    const { site } = (lab as Lab).site(name);
    return {
      status: () => site.status(),
      activity: site.activity,
      held: (limit) => site.replica.world.store.heldHeads(limit),
    };
  };

  it('shows a change, a held change and a site that goes away, without reloading', async () => {
    lab = await Lab.started();
    const rofl = lab.site('roflfaucet');
    rofl.write('balances/1-andy', { balance: 12_345 });
    await lab.expectBalance('balances/1-andy', 12_345);
    const tab = await open(sourceOf('directsponsor'));
    await tab.evaluate('window.sameDocument = true');
    await tab.locator('#headline', { hasText: 'All 2 sites are in step' }).waitFor({ timeout: SOON_MS });
    await tab.locator('#entries li', { hasText: 'balances/1-andyfrom roflfaucet' }).waitFor();

    rofl.write('profiles/2-bob', { username: 'bob' });
    await tab.locator('#entries li.new', { hasText: 'profiles/2-bobfrom roflfaucet' }).waitFor({ timeout: SOON_MS });
    expect(await tab.locator('#documents').textContent()).toBe('2');

    lab.hub.write('balances/1-andy', { balance: 0 });
    await tab.locator('#needs li', { hasText: 'balances/1-andywent to zero' }).waitFor({ timeout: SOON_MS });
    expect(await tab.locator('#headline').textContent()).toBe('1 change waits for your decision');

    const click = tab.locator('[data-site=clickforcharity]');
    await click.locator('.pill.ok').waitFor();
    lab.site('clickforcharity').isCut = true;
    rofl.write('profiles/3-cora', { username: 'cora' });
    await click.locator('.pill.bad', { hasText: 'away' }).waitFor({ timeout: SOON_MS });
    expect(await tab.locator('#headline').textContent()).toBe('clickforcharity is away');
    expect(await tab.locator('#state').getAttribute('class')).toBe('state bad');
    lab.site('clickforcharity').isCut = false;
    await click.locator('.pill.ok', { hasText: 'in step' }).waitFor({ timeout: 40_000 });

    expect(await tab.evaluate('window.sameDocument')).toBe(true);
    expect(await tab.locator('body').innerText()).not.toMatch(/12.?345/);
  });

  it('is a spoke’s as well, says when the daemon is gone, and goes on when it is back', async () => {
    lab = await Lab.started();
    const source = sourceOf('roflfaucet');
    const tab = await open(source, 'roflfaucet');
    await tab.locator('#headline', { hasText: 'In step with directsponsor' }).waitFor({ timeout: SOON_MS });
    expect(await tab.locator('#about').textContent()).toBe('a spoke');
    const { port } = page as Page;
    await page?.close();
    await tab.locator('#live', { hasText: 'no connection' }).waitFor({ timeout: 20_000 });
    page = await servePage(
      'roflfaucet',
      source,
      { host: '127.0.0.1', port, allow_remote: false },
      new Registry(),
      SILENT,
    );
    await tab.locator('#live.on').waitFor({ timeout: 20_000 });
    // What Chromium says of the connection that was refused in between.
    expect(problems.filter((problem) => !problem.includes('net::ERR_'))).toEqual([]);
    problems = [];
  });

  it('shows markup in a name, a reason or a code as the text that it is', async () => {
    const evil = '<img src=x onerror="alert(1)"><script>alert(2)</script>"\'`';
    const sample = new Sample(['roflfaucet']);
    sample.heldRows = [{ id: 1, document: `balances/${evil}`, reason: evil, at: sample.now }];
    sample.peers = [
      { site: evil, isUp: false, behind: 1, heard_ms_ago: 1, failure: { code: evil, message: evil, hint: evil } },
    ];
    sample.more = { site: evil, version: evil, troubles: [{ step: evil, code: evil, reason: evil, hint: evil }] };
    const tab = await open(sample);
    sample.activity.log.warn(evil, { document: evil, code: evil, hint: evil, peer: evil, from: evil, step: evil });
    sample.activity.log.error('failed', { step: evil, reason: evil });
    sample.activity.log.info('materialised', { document: evil, from: evil, ms: 3 });
    await tab.locator('#entries li').nth(2).waitFor({ timeout: SOON_MS });
    for (const place of ['#name', '#entries', '#needs', '#sites', '#headline', '#version'])
      expect(await tab.locator(place).textContent(), place).toContain('<img src=x onerror="alert(1)"><script>');
    expect(await tab.locator('main img, main script').count()).toBe(0);
    expect(await tab.title()).toContain('<img');
  });

  it.each([
    ['a phone', 390, 844, 'light'],
    ['a phone at night', 390, 844, 'dark'],
    ['a small phone', 320, 640, 'light'],
    ['a tablet', 768, 1024, 'light'],
    ['a desktop at night', 1160, 900, 'dark'],
  ] as const)('fits %s, with the worst that there is to show', async (_name, width, height, colorScheme) => {
    const sample = new Sample(['roflfaucet', 'a'.repeat(63), 'homeserver']).quarterOfAnHour();
    const long = `balances/${'1234567890'.repeat(24)}`;
    sample.heldRows = [{ id: 41, document: long, reason: 'zero', at: sample.now }];
    const failure = { code: 'connection-refused', message: `x${'y'.repeat(300)}`, hint: 'Check sshd.' };
    sample.peers[1] = { site: 'a'.repeat(63), isUp: false, behind: 10_000, heard_ms_ago: 9e8, failure };
    sample.activity.log.warn('not readable', { document: long, code: 'AXL-TORN', hint: 'repair it' });
    sample.more = { troubles: [{ step: 'scan', code: 'AXL-DISK-FULL', reason: '', hint: 'z'.repeat(300) }] };
    const tab = await open(sample, 'directsponsor', { viewport: { width, height }, colorScheme });
    await tab.locator('#entries li').first().waitFor();
    expect(await tab.evaluate('document.documentElement.scrollWidth')).toBe(width);
    const paper = await tab.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(paper).toBe(colorScheme === 'dark' ? 'rgb(14, 19, 27)' : 'rgb(246, 247, 249)');
    // A chart with all its pieces, and nothing wider than its card.
    expect(await tab.locator('#rate-chart rect').count()).toBeGreaterThan(60);
  });

  it('looks as it does in the README', async () => {
    const tab = await open(new Sample().quarterOfAnHour());
    await tab.locator('#headline', { hasText: 'All 3 sites are in step' }).waitFor();
    await tab.locator('#entries li').nth(20).waitFor();
    const picture = process.env.AXLE_STATUS_SCREENSHOT;
    if (picture !== undefined) await tab.screenshot({ path: picture, animations: 'disabled' });
  });
});
