/** The sites' pages in a real browser, over PHP and over the sidecar alone. */
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sleep } from '../../common/testing/sites.js';
import { missingForPhp } from '../../php-bridge/testing/php.js';
import { launch, missingForBrowser } from './browser.js';
import { Sites, type Way } from './sites.js';

const missing = missingForBrowser() ?? missingForPhp();
const WAYS: readonly Way[] = ['php', 'sidecar'];

describe.skipIf(missing !== undefined)(`pages${missing === undefined ? '' : `: skipped, ${missing}`}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  describe.each(WAYS)('by way of %s', (way) => {
    let sites: Sites;
    let desk: BrowserContext;
    beforeEach(async () => {
      sites = await Sites.start(browser, way);
      desk = await sites.context();
    });
    afterEach(async () => {
      await desk?.close();
      await sites?.close();
    });

    it('a guest earns, signs in, and is credited once', async () => {
      const { rofl, click } = sites;
      const view = await sites.open(desk, rofl);
      await view.shows(0);
      expect(await view.run('getTerminology().currency')).toBe('tokens');
      expect(await view.spend(1)).toEqual({ success: false, error: 'Insufficient balance' });
      expect(await view.add(20)).toEqual({ success: true, balance: 20 });
      await view.add(20.5);
      expect(await view.spend(5.5)).toEqual({ success: true, balance: 35 });
      await view.shows(35);
      expect(rofl.front.seen).toEqual([]);
      // The first answer is lost on its way.
      let claims = 0;
      rofl.front.mishap = ({ url }) => (url.includes('claim') && claims++ === 0 ? 'lost' : undefined);
      await sites.signIn(view, rofl);
      await view.shows(135);
      expect(await view.run('getTerminology().currency')).toBe('coins');
      expect(await view.stored('guest_transactions')).toBeNull();
      await view.page.waitForFunction(`localStorage.getItem('axle_claim:1-andy') === null`);
      expect(claims).toBe(2);
      await sites.expectBalance(135);
      await view.page.reload();
      await view.shows(135);
      // Signing out and in again brings nothing anew, nor does the other site.
      await view.run(`localStorage.clear()`);
      await sites.signIn(view, rofl);
      await view.shows(135);
      const there = await sites.member(desk, click);
      await there.shows(135);
      await sites.expectBalance(135);
    });

    it('a guest who has long played brings what is left of it at once; what is over the cap is kept', async () => {
      const { rofl } = sites;
      await desk.addInitScript(
        `window.told = []; addEventListener('axle:refused', ({ detail }) => told.push(detail));`,
      );
      const view = await sites.open(desk, rofl);
      await view.run(`{
        const entry = (id, amount, days, type = 'earn') => ({ id, type, amount, source: 'slots',
          timestamp: new Date(Date.now() - days * 86400000).toISOString() });
        localStorage.setItem('guest_transactions', JSON.stringify([
          entry('old', 60, 29), entry('bet', 50, 1, 'spend'),
          ...Array.from({ length: 300 }, (_, n) => entry('win' + n, 1, 0)), entry('last', 300, 0)]));
      }`);
      await sites.signIn(view, rofl);
      await view.shows(400);
      await view.page.waitForFunction(`JSON.parse(localStorage.getItem('axle_claim:1-andy')).length === 1`);
      expect(JSON.parse((await view.stored('axle_claim:1-andy')) ?? '')).toMatchObject([{ id: 'last', amount: '300' }]);
      expect(await view.run('told')).toEqual([{ amount: '10', source: 'slots', reason: 'out_of_time' }]);
      await sites.expectBalance(400);
      await view.page.reload();
      await view.shows(400);
      expect(await view.stored('axle_claim:1-andy')).not.toBeNull();
    });

    it('what is earned on roflfaucet shows on clickforcharity without reloading', async () => {
      const { rofl, click } = sites;
      const here = await sites.member(desk, rofl);
      const there = await sites.member(desk, click);
      await Promise.all([here.shows(100), there.shows(100)]);
      await there.run('window.isSamePage = true');
      for (let round = 1; round <= 5; round += 1) {
        const began = performance.now();
        expect(await here.add(20)).toEqual({ success: true, balance: 100 + 20 * round });
        await there.shows(100 + 20 * round);
        expect(performance.now() - began).toBeLessThan(5_000);
      }
      await there.spend(50, 'level_upgrade');
      await here.shows(150);
      expect(await there.run('isSamePage')).toBe(true);
      await sites.expectBalance(150);
      const ever = await there.run<string[]>('shownEver');
      expect(ever.slice(ever.indexOf('100'))).toEqual(['100', '120', '140', '160', '180', '200', '150']);
    });

    it('hazard 1: both sites earn at once, and both credits count', async () => {
      const here = await sites.member(desk, sites.rofl);
      const there = await sites.member(desk, sites.click);
      await Promise.all([here.shows(100), there.shows(100)]);
      const earn = async (view: typeof here): Promise<void> => {
        for (let round = 0; round < 10; round += 1) await view.add(3);
      };
      await Promise.all([earn(here), earn(there)]);
      await Promise.all([here.shows(160), there.shows(160)]);
      await sites.expectBalance(160);
    });

    it('hazard 8: two tabs send each amount once, one tab at a time', async () => {
      const { rofl } = sites;
      const one = await sites.member(desk, rofl);
      const two = await sites.open(desk, rofl);
      await Promise.all([one.shows(100), two.shows(100)]);
      rofl.front.delay_ms = 20;
      const earn = (view: typeof one): Promise<unknown> =>
        view.run(`Promise.all(Array.from({ length: 10 }, () => addBalance(5, 'faucet')))`);
      await Promise.all([earn(one), earn(two)]);
      await Promise.all([one.shows(200), two.shows(200)]);
      await Promise.all([one.settled(), two.settled()]);
      expect(rofl.front.keys).toHaveLength(20);
      expect(rofl.front.changesAtOnce).toBe(1);
      await sites.expectBalance(200);
      await one.page.close();
      expect(await two.spend(30)).toMatchObject({ success: true, balance: 170 });
      await sites.expectBalance(170);
    });

    it('hazard 8: offline and back, nothing is lost and nothing is paid twice', async () => {
      const { rofl } = sites;
      const view = await sites.member(desk, rofl);
      await view.shows(100);
      await desk.setOffline(true);
      expect(await view.add(20)).toEqual({ success: true, balance: 120 });
      expect(await view.spend(30)).toMatchObject({ success: true, balance: 90 });
      expect(await view.spend(91)).toMatchObject({ success: false, error: 'Insufficient balance' });
      await view.shows(90);
      await sleep(1_500);
      await sites.expectBalance(100);
      await desk.setOffline(false);
      await view.settled();
      await view.shows(90);
      await sites.expectBalance(90);
      expect(rofl.front.keys).toHaveLength(2);
    });

    it('hazard 8: what was pending when the page was closed is sent when another is opened', async () => {
      const { rofl } = sites;
      const view = await sites.member(desk, rofl);
      await view.shows(100);
      rofl.front.mishap = ({ url }) => (url.includes('axle/v1/events') ? undefined : 'cut');
      await view.add(20);
      await view.add(7);
      await view.page.close();
      await sleep(500);
      await sites.expectBalance(100);
      rofl.front.mishap = () => undefined;
      const next = await sites.open(desk, rofl);
      await next.shows(127);
      await next.settled();
      await sites.expectBalance(127);
    });

    it('hazard 8: closing the page in the middle of sending loses nothing and pays once', async () => {
      const { rofl } = sites;
      rofl.front.delay_ms = 200;
      const view = await sites.member(desk, rofl);
      await view.shows(100);
      // Left by a link: everything that is pending goes at once, beside the one that is on its way.
      await view.run(
        `{ for (let n = 0; n < 10; n += 1) addBalance(5, 'faucet'); setTimeout(() => { location.href = '/elsewhere'; }, 50); }`,
      );
      await view.page.waitForURL('**/elsewhere');
      await sites.expectBalance(150);
      expect(rofl.front.keys).toHaveLength(10);
      // Killed: nothing of the page runs any more.
      const killed = await sites.open(desk, rofl);
      await killed.shows(150);
      await killed.run(`{ for (let n = 0; n < 4; n += 1) addBalance(5, 'faucet'); }`);
      await killed.page.close();
      const last = await sites.open(desk, rofl);
      await last.shows(170);
      await last.settled();
      await sites.expectBalance(170);
      expect(rofl.front.keys).toHaveLength(14);
    });

    it('hazard 8: a timeout after the commit pays once', async () => {
      const { rofl } = sites;
      const view = await sites.member(desk, rofl);
      await view.shows(100);
      const mishaps = ['lost', 'hangs', 'lost'] as const;
      let tries = 0;
      rofl.front.mishap = ({ url }) => (/write_balance|changes/.test(url) ? mishaps[tries++] : undefined);
      await view.add(20);
      await sites.expectBalance(120);
      await view.page.waitForFunction('unifiedBalance.netChange === 0', undefined, { timeout: 30_000 });
      expect(rofl.front.changes.length).toBe(4);
      expect(rofl.front.keys).toHaveLength(1);
      await view.shows(120);
      await sites.expectBalance(120);
    });

    it('hazard 13: a balance that cannot be read is never shown as 0', async () => {
      const { rofl } = sites;
      rofl.front.mishap = ({ method, url }) => (method === 'GET' || url.includes('claim') ? '500' : undefined);
      const view = await sites.open(desk, rofl);
      await sites.signIn(view, rofl);
      await view.shows('…');
      expect(await view.run(`getBalance().then((balance) => balance, (error) => error.message)`)).toMatch(
        /could not be read/,
      );
      expect(await view.spend(5)).toEqual({ success: false, error: 'Balance not available' });
      expect(await view.run('unifiedBalance.fileBalance')).toBeNaN();
      // The server's word on a change is as good as a read.
      await view.add(20);
      await view.shows(120);
      await view.page.reload();
      // Read from what this browser has seen, while the server still fails.
      await view.shows(120);
      rofl.front.mishap = () => undefined;
      await view.run('unifiedBalance.syncNow()');
      await view.shows(120);
      expect(await view.run<string[]>('shownEver.slice(1)')).not.toContain('0');
      await sites.expectBalance(120);
    });

    it('spends what is there, once, whichever site is asked', async () => {
      const { rofl, click } = sites;
      const here = await sites.member(desk, rofl);
      const there = await sites.member(desk, click);
      await Promise.all([here.shows(100), there.shows(100)]);
      expect(await here.spend(80)).toMatchObject({ success: true, balance: 20 });
      await there.shows(20);
      expect(await there.spend(80)).toMatchObject({ success: false, error: 'Insufficient balance', balance: 20 });
      // A page that has not heard of it is told by the server.
      click.front.mishap = ({ method }) => (method === 'GET' ? '500' : undefined);
      await there.run(`localStorage.setItem('axle_balance:1-andy', '100')`);
      await there.page.reload();
      await there.shows(100);
      expect(await there.spend(80)).toMatchObject({ success: false, error: 'Insufficient balance', balance: 20 });
      await there.shows(20);
      await sites.expectBalance(20);
    });

    it('hazard 2: a page of somebody who has nothing yet makes no file of zeros', async () => {
      const { rofl, lab } = sites;
      const view = await sites.member(desk, rofl, '30-new');
      await view.shows(0);
      await view.run('updateBalanceDisplays()');
      await view.run('unifiedBalance.syncNow()');
      await lab.settled();
      for (const site of lab.sites) expect(site.value('balances/30-new')).toBeUndefined();
      expect(rofl.front.changes).toEqual([]);
      await view.add(20);
      await view.shows(20);
      await sites.expectBalance(20, '30-new');
    });

    it('hazard 3: while a file is empty, its page shows what was there', async () => {
      const { rofl, lab } = sites;
      const view = await sites.member(desk, rofl);
      await view.shows(100);
      for (const torn of ['', '{"balance": 1']) {
        lab.site('roflfaucet').write('balances/1-andy', torn);
        expect(await view.run('getBalance()')).toBe(100);
        await view.page.reload();
        await view.shows(100);
        expect(await view.run<string[]>('shownEver.slice(1)')).not.toContain('0');
      }
      await view.add(20);
      await view.shows(120);
    });

    it('hazards 5, 10: a rewrite of every file at night costs a page nothing', async () => {
      const { rofl, lab } = sites;
      const view = await sites.member(desk, rofl);
      await view.shows(100);
      for (let n = 2; n < 200; n += 1) lab.site('roflfaucet').write(`balances/${n}-user`, { balance: n });
      await lab.settled();
      await sleep(300);
      rofl.front.seen.length = 0;
      const shown = await view.run<string[]>('shownEver');
      for (const at of [1_770_000_000, 1_770_000_001]) {
        for (const site of lab.sites) site.write('balances/1-andy', { balance: 100, last_updated: at });
        for (let n = 2; n < 200; n += 1)
          lab.site('roflfaucet').write(`balances/${n}-user`, { balance: n, last_updated: at });
        await lab.settled();
      }
      await sleep(500);
      expect(rofl.front.seen).toEqual([]);
      expect(await view.run('shownEver')).toEqual(shown);
      await view.add(20);
      await view.shows(120);
    });
  });
});
